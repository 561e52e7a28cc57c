//! Programs of `examples/systems` that are measured, each a process of its own, and a network on loopback for them.

use crate::{corpus, hose};
use atproto_identity::DidDocument;
use atproto_lexicon::syntax::Did;
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpListener;

/// A program, which ends with this.
pub(crate) struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Program {
    /// Starts one, that was built before; at which port it listens.
    pub(crate) fn start(name: &str, directory: &str, arguments: &[&str]) -> (Self, u16) {
        let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join(name);
        let port = directory.rsplit(':').next().unwrap();
        let child = Command::new(&program)
            .args(["--port", "0", "--plc", directory, "--development", port])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = Self(child.unwrap_or_else(|error| panic!("{}: {error}", program.display())));
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().rsplit(' ').next().unwrap().parse().unwrap();
        (child, port)
    }

    pub(crate) fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }

    /// Its resident memory in MiB.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

/// A directory where the account of each number is at the host of that number, and so on from the first host again.
pub(crate) async fn directory(hosts: &[String]) -> String {
    let hosts = Arc::new(hosts.to_vec());
    let document = async move |Path(did): Path<Did>| {
        let number = (0..).find(|number| hose::did_of(*number) == did).unwrap();
        let document = DidDocument::new(did).with_key("atproto", &corpus::key());
        let host = &hosts[number % hosts.len()];
        document.with_service("atproto_pds", "AtprotoPersonalDataServer", host).to_json().to_string()
    };
    listen(Router::new().route("/{did}", get(document))).await
}

/// Serves at a port of this machine; the URL.
pub(crate) async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    format!("http://localhost:{port}")
}
