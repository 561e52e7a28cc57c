use super::{Open, Stop, client};
use crate::output::Failure;
use atproto_xrpc::adapters::{ReqwestClient, TokioClock};
use atproto_xrpc::api::com::atproto::server::GetSession;
use atproto_xrpc::auth::{FileStore, Login, PasswordSession, SessionData, SessionStore};
use atproto_xrpc::{Client, Error, ServiceUrl};
use clap::Args;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

pub(crate) type LoggedIn =
    Client<ReqwestClient, TokioClock, PasswordSession<ReqwestClient, TokioClock, Store>>;

#[derive(Args)]
pub(crate) struct SessionArguments {
    /// Where the session is kept; $ATP_SESSION, or else ~/.local/state/atp/session.json.
    #[arg(long, value_name = "FILE")]
    session: Option<PathBuf>,
    /// Allow this machine, by http.
    #[arg(long)]
    pub(crate) development: bool,
}

impl SessionArguments {
    /// The file, whose folder is there.
    pub(crate) fn file(&self) -> Result<SessionFile, Failure> {
        let path = match &self.session {
            Some(path) => path.clone(),
            None => default_path()
                .ok_or_else(|| Failure::Usage("no home: name a file with --session".to_owned()))?,
        };
        SessionFile::new(path, self.development)
    }

    /// The client of whoever has logged in.
    pub(crate) fn open(&self, runtime: &Runtime) -> Result<LoggedIn, Stop> {
        let none = || Stop::usage("nobody has logged in: `atp account login`");
        self.file()?.open(runtime)?.ok_or_else(none)
    }
}

/// A file with a session.
pub(crate) struct SessionFile {
    path: PathBuf,
    development: bool,
}

impl SessionFile {
    /// The file at a path, whose folder is made.
    pub(crate) fn new(path: PathBuf, development: bool) -> Result<Self, Failure> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Failure::file(folder.display()))?;
        }
        Ok(Self { path, development })
    }

    /// The folder that it is in.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// The client of whoever has logged in.
    pub(crate) fn open(&self, runtime: &Runtime) -> Result<Option<LoggedIn>, Stop> {
        let _guard = runtime.enter();
        // The session says which service it is of.
        let nowhere = super::service("localhost")?;
        let open: Open = client(nowhere, self.development)?;
        let resumed = runtime.block_on(open.resume(Store(FileStore::new(&self.path)))).map_err(failed)?;
        Ok(resumed.ok())
    }

    /// Logs in, in the place of who had before.
    pub(crate) fn log_in(
        &self,
        login: &Login,
        host: ServiceUrl,
        runtime: &Runtime,
    ) -> Result<LoggedIn, Stop> {
        let guard = runtime.enter();
        let open = client(host.clone(), self.development)?;
        drop(guard);
        let client = runtime.block_on(open.login(login))?.with_service(host.clone());
        let mut data = client.auth().data();
        // Where an account is not active, it may be on its way there: its document names the host before, which has not given this session.
        if data.host() != &host && runtime.block_on(client.send(&GetSession))?.output.active == Some(false) {
            data = client.auth().data();
            data.pds = None;
        }
        self.keep(&data, runtime)?;
        self.open(runtime)?.ok_or_else(|| Stop::usage("the session was removed while it was made"))
    }

    /// Puts a session in the place of the one before.
    pub(crate) fn keep(&self, data: &SessionData, runtime: &Runtime) -> Result<(), Failure> {
        let kept = runtime.block_on(FileStore::new(&self.path).save(data));
        kept.map_err(Failure::file(self.path.display()))
    }

    /// Forgets the session.
    pub(crate) fn clear(&self, runtime: &Runtime) -> Result<(), Failure> {
        let cleared = runtime.block_on(FileStore::new(&self.path).clear());
        cleared.map_err(Failure::file(self.path.display()))
    }
}

fn failed(error: atproto_xrpc::auth::AuthError) -> Stop {
    Stop::from(Error::<String>::Auth(error))
}

/// Keeps a session in a file. Where its calls go was settled when it was made, whatever the host says later: one that an account moves to
/// names the host before.
pub(crate) struct Store(FileStore);

impl SessionStore for Store {
    type Error = io::Error;

    async fn load(&self) -> io::Result<Option<SessionData>> {
        self.0.load().await
    }

    async fn save(&self, session: &SessionData) -> io::Result<()> {
        let mut session = session.clone();
        if let Some(before) = self.0.load().await?
            && (&before.did, &before.service) == (&session.did, &session.service)
        {
            session.pds = before.pds;
        }
        self.0.save(&session).await
    }

    async fn clear(&self) -> io::Result<()> {
        self.0.clear().await
    }
}

fn default_path() -> Option<PathBuf> {
    if let Some(path) = env::var_os("ATP_SESSION") {
        return Some(path.into());
    }
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(env::home_dir()?.join(".local/state")))?;
    Some(state.join("atp/session.json"))
}
