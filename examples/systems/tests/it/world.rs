//! A network to run programs in: the embedded one, or the reference's.

use atproto_identity::FetchPolicy;
use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_lexicon::syntax::AtIdentifier;
use atproto_xrpc::adapters::client_with;
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::com::atproto::server::CreateAccount;
use atproto_xrpc::auth::{Login, PasswordSession};
use atproto_xrpc::{Client, ServiceUrl};
use network::{Network, Storage};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use testdata::realnet::RealNet;
use tokio::runtime::Runtime;

pub type LoggedIn = Client<ReqwestClient, TokioClock, PasswordSession<ReqwestClient, TokioClock>>;

pub const PASSWORD: &str = "correct horse";

enum Net {
    Embedded(Network),
    Reference(RealNet),
}

/// A network, and a folder for what programs keep.
pub struct World {
    pub runtime: Runtime,
    net: Net,
    folder: TempDir,
}

/// How a program ended.
pub struct Ended {
    pub is_good: bool,
    pub out: String,
    pub err: String,
}

impl World {
    /// With two hosts, as the other.
    pub fn embedded() -> Self {
        let runtime = runtime();
        let network = runtime.block_on(async {
            let mut network = Network::start(Storage::memory().unwrap()).await.unwrap();
            network.add_host(Storage::memory().unwrap()).await.unwrap();
            network
        });
        Self::new(runtime, Net::Embedded(network))
    }

    pub fn reference() -> Self {
        Self::new(runtime(), Net::Reference(RealNet::start(&["--pds", "2"]).unwrap()))
    }

    fn new(runtime: Runtime, net: Net) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        Self { runtime, net, folder }
    }

    pub fn host(&self) -> String {
        self.host_at(0)
    }

    pub fn host_at(&self, number: usize) -> String {
        match &self.net {
            Net::Embedded(network) => network.host(number).url().to_owned(),
            Net::Reference(net) => net.pds(number),
        }
    }

    /// The last token that an account of the first host was sent.
    pub fn mail(&self, client: &LoggedIn) -> String {
        match &self.net {
            Net::Embedded(network) => network.host(0).mail(&client.auth().did()).unwrap(),
            Net::Reference(net) => {
                let name = client.auth().handle().as_str().trim_end_matches(".test").to_owned();
                net.mail(&format!("{name}@mail.test")).unwrap()
            }
        }
    }

    pub fn plc(&self) -> String {
        match &self.net {
            Net::Embedded(network) => network.directory_url(),
            Net::Reference(net) => net.text("/plc"),
        }
    }

    /// Where handles are served.
    pub fn port(&self) -> u16 {
        let url = match &self.net {
            Net::Embedded(network) => network.directory_url(),
            Net::Reference(net) => net.text("/control"),
        };
        url.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A client of a host on this machine.
    pub fn client_of(&self, host: &str) -> Client<ReqwestClient, TokioClock> {
        let policy = DevelopmentPolicy { port: Some(self.port()), ..DevelopmentPolicy::default() };
        client_with(FetchPolicy::from(policy), ServiceUrl::parse(host).unwrap()).unwrap()
    }

    /// A new account whose handle is below `.test`, logged in.
    pub fn account(&self, name: &str) -> LoggedIn {
        self.account_at(0, name)
    }

    /// One at another host.
    pub fn account_at(&self, host: usize, name: &str) -> LoggedIn {
        let handle = format!("{name}.test");
        let mut create = CreateAccount::new(handle.parse().unwrap());
        create.password = Some(PASSWORD.to_owned());
        create.email = Some(format!("{name}@mail.test"));
        self.runtime.block_on(async {
            let client = self.client_of(&self.host_at(host));
            client.send(&create).await.unwrap();
            client.login(&Login::new(handle, PASSWORD)).await.unwrap()
        })
    }

    /// A program that works in this folder.
    pub fn command_here(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// One that is told where the network is.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.command_here(program, arguments);
        command.args(["--plc", &self.plc(), "--development", &self.port().to_string()]);
        command
    }

    /// Runs a program to its end.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Ended {
        let output = self.command(program, arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { is_good: output.status.success(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Runs a program to an end that is good; what it printed.
    pub fn done(&self, program: &str, arguments: &[&str]) -> String {
        let ended = self.run(program, arguments);
        assert!(ended.is_good, "{}{}", ended.out, ended.err);
        ended.out
    }

    /// Starts a program that goes on.
    pub fn start(&self, program: &str, arguments: &[&str]) -> Running {
        Running::start(self.command(program, arguments))
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A program that is killed when this is dropped.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    /// Tells it a line.
    pub fn say(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Where it says that it listens.
    pub fn address(&mut self) -> String {
        let line = self.line();
        format!("http://127.0.0.1:{}", line.rsplit(' ').next().unwrap().trim_end())
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.out.read_line(&mut line).unwrap(), 0, "it has ended");
        line
    }
}

impl Running {
    /// Kills it.
    pub fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn repo_of(client: &LoggedIn) -> AtIdentifier {
    client.auth().did().into()
}

pub fn post(text: &str) -> Post {
    Post::new(text.to_owned(), "2026-01-02T03:04:05Z".parse().unwrap())
}

/// Asks until it is so.
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "it does not come to be");
        std::thread::sleep(Duration::from_millis(50));
    }
}
