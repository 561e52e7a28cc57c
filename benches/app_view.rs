//! The first index of a network of 40 accounts with 5,000 records each: `cargo bench -p benches --bench app_view [-- ACCOUNTS]`, after
//! `cargo build --release -p systems --bin app-view`. The app view is a process of its own; this one serves the repositories.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a benchmark may panic"
)]

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod corpus;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod hose;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod programs;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

use atproto_lexicon::http::Bytes;
use atproto_lexicon::typed::AnyError;
use atproto_xrpc::api::com::atproto::sync::get_repo::{GetRepo, GetRepoError};
use atproto_xrpc::api::com::atproto::sync::list_repos::{ListRepos, ListReposOutput, Repo};
use atproto_xrpc::api::com::atproto::sync::subscribe_repos::{SubscribeRepos, SubscribeReposError};
use atproto_xrpc::server::{Asked, Download, Events, LogLimits, MemoryLog, ServeError, XrpcRouter};
use corpus::Corpus;
use programs::{Program, directory, listen};
use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RECORDS: usize = 5000;
/// Records a second.
const BUDGET: f64 = 50_000.0;

fn main() {
    let accounts = timing::sizes(&[40])[0];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(accounts));
    runtime.shutdown_background();
}

/// The repositories of a host, and its events, of which there are none.
struct Host {
    repos: HashMap<String, Bytes>,
    log: Arc<MemoryLog>,
}

async fn run(accounts: usize) {
    let corpus = Corpus::of(RECORDS);
    let dids = (0..accounts).map(hose::did_of);
    let repos = dids.map(|did| (did.to_string(), corpus.pre_order_of(&did).into())).collect();
    let host = Arc::new(Host { repos, log: Arc::new(MemoryLog::new(0, LogLimits::default())) });
    let router = XrpcRouter::new(host).serve(list).download(repo).subscription(subscribe);
    let url = listen(router.into_router()).await;
    let folder = std::env::temp_dir().join(format!("app-view-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("index.sqlite");
    let directory = directory(std::slice::from_ref(&url)).await;
    let start = Instant::now();
    let (_view, port) =
        Program::start("app-view", &directory, &["--host", &url, "--data", file.to_str().unwrap()]);
    let wanted = format!("\"indexed\":{accounts}}}");
    while !live(port).contains(&wanted) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(start.elapsed() < Duration::from_secs(600), "{}", live(port));
    }
    let taken = start.elapsed().as_secs_f64();
    let records = accounts * corpus.records.len();
    let shown = live(port);
    assert!(
        shown.contains(&format!("\"records\":{records},")) && shown.contains("\"refused\":[]"),
        "{shown}"
    );
    let rate = records as f64 / taken;
    println!("{records} records of {accounts} accounts: {rate:.0} a second, with the start of the program");
    timing::report("the first index of an app view: 50,000 / its records a second", BUDGET / rate, 1.0);
    std::fs::remove_dir_all(folder).unwrap();
}

/// What the program says of itself.
fn live(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET /live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn list(host: Arc<Host>, _: Asked<ListRepos>) -> Result<ListReposOutput, ServeError<AnyError>> {
    let repos = host.repos.keys().map(|did| {
        let head = "bafyreihyrpejgzq6vnvfvocm6ehbjffpvwk6pjkx5ikh4ipghvj5vi2dfq".parse()?;
        Ok(Repo::new(did.parse()?, head, "3jzfcijpj2z2a".parse()?))
    });
    Ok(ListReposOutput::new(repos.collect::<Result<_, ServeError<_>>>()?))
}

async fn repo(host: Arc<Host>, asked: Asked<GetRepo>) -> Result<Download<Bytes>, ServeError<GetRepoError>> {
    match host.repos.get(asked.params.did.as_str()) {
        Some(repo) => Ok(Download::car(repo.clone())),
        None => Err(ServeError::named(GetRepoError::RepoNotFound, "there is no such repository")),
    }
}

async fn subscribe(
    host: Arc<Host>,
    asked: Asked<SubscribeRepos>,
) -> Result<Events<MemoryLog>, ServeError<SubscribeReposError>> {
    Ok(Events::new(Arc::clone(&host.log), asked.params.cursor)?)
}
