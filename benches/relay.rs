//! A relay between 50 hosts and 20 consumers, beside one that stalls: `cargo bench -p benches --bench relay [-- EVENTS]`, after
//! `cargo build --release -p systems --bin relay`. The relay is a process of its own; this one sends and consumes. 40,000 events by
//! default.
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
mod timing;

use atproto_identity::DidDocument;
use atproto_identity::fetch_policy::{DevelopmentPolicy, FetchPolicy};
use atproto_lexicon::syntax::Did;
use atproto_xrpc::api::com::atproto::sync::subscribe_repos::{SubscribeRepos, SubscribeReposError};
use atproto_xrpc::server::{Asked, Event, Events, LogLimits, MemoryLog, ServeError, XrpcRouter};
use atproto_xrpc::stream::{Connect as _, Message, Socket, WebSockets};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use hose::Producer;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

const HOSTS: usize = 50;
const CONSUMERS: usize = 20;
/// The most bytes of a message.
const MAX_MESSAGE: usize = 8 << 20;
/// Events a second.
const BUDGET: f64 = 4000.0;
/// The growth of the relay's memory from the first half of the events to all of them.
const GROWTH: f64 = 1.2;

/// The relay, which ends with this.
struct Relay(Child);

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Relay {
    /// Its resident memory in MiB.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

fn main() {
    let events = timing::sizes(&[40_000])[0].max(HOSTS * 20);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(run(events));
    runtime.shutdown_background();
}

async fn run(events: usize) {
    let logs: Vec<_> = (0..HOSTS).map(|_| Arc::new(MemoryLog::new(0, LogLimits::default()))).collect();
    let mut producer = (1..).zip(Producer::new(HOSTS));
    let mut make = |count: usize| {
        for (seq, frame) in producer.by_ref().take(count) {
            logs[(seq as usize - 1) % HOSTS].append_event(Event { seq, frame }).unwrap();
        }
    };
    let first = HOSTS * 5;
    make(first);
    let mut hosts = Vec::new();
    for log in &logs {
        let router = XrpcRouter::new(Arc::clone(log)).subscription(repos);
        hosts.push(listen(router.into_router()).await);
    }
    let folder = std::env::temp_dir().join(format!("relay-{}", std::process::id()));
    let (relay, url) = start(&hosts, &directory(&hosts).await, folder.to_str().unwrap());

    let sockets = || WebSockets::new(FetchPolicy::from(DevelopmentPolicy::default()));
    // One that takes nothing costs the others nothing.
    let _stalled = sockets().connect(&url, MAX_MESSAGE).await.unwrap();
    let (told, mut seen) = tokio::sync::mpsc::channel(CONSUMERS);
    for _ in 0..CONSUMERS {
        let mut socket = sockets().connect(&url, MAX_MESSAGE).await.unwrap();
        let told = told.clone();
        tokio::spawn(async move {
            for part in [first, events / 2, events - events / 2] {
                let mut left = part;
                while left > 0 {
                    if let Message::Binary(_) = Socket::recv(&mut socket).await.unwrap().unwrap() {
                        left -= 1;
                    }
                }
                told.send(()).await.unwrap();
            }
        });
    }
    let mut all = async || {
        for _ in 0..CONSUMERS {
            tokio::time::timeout(Duration::from_secs(3600), seen.recv()).await.unwrap().unwrap();
        }
    };
    all().await;
    // Nobody waits for what is not made yet: both are timed.
    let (mut taken, mut memory) = (0.0, Vec::new());
    for part in [events / 2, events - events / 2] {
        let start = Instant::now();
        make(part);
        all().await;
        taken += start.elapsed().as_secs_f64();
        memory.push(relay.memory());
    }
    let rate = events as f64 / taken;
    println!(
        "{events} events of {HOSTS} hosts to {CONSUMERS} consumers: {rate:.0} a second, beside who makes them"
    );
    timing::report("a relay: 4,000 / its events a second", BUDGET / rate, 1.0);
    timing::report("memory of a relay after all events, × after half of them", memory[1] / memory[0], GROWTH);
    drop(relay);
    std::fs::remove_dir_all(folder).unwrap();
}

/// Starts the relay; where its stream is, from the first event on.
fn start(hosts: &[String], directory: &str, folder: &str) -> (Relay, String) {
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("relay");
    let port = directory.rsplit(':').next().unwrap();
    let child = Command::new(&program)
        .args(["--port", "0", "--plc", directory, "--development", port, "--data", folder])
        .args(hosts)
        .stdout(Stdio::piped())
        .spawn();
    let mut relay = Relay(child.unwrap_or_else(|error| panic!("{}: {error}", program.display())));
    let mut line = String::new();
    BufReader::new(relay.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().rsplit(' ').next().unwrap();
    (relay, format!("ws://localhost:{port}/xrpc/com.atproto.sync.subscribeRepos?cursor=0"))
}

/// A directory where each account is at the host of its number.
async fn directory(hosts: &[String]) -> String {
    let hosts = Arc::new(hosts.to_vec());
    let document = async move |Path(did): Path<Did>| {
        let host = hosts.iter().enumerate().find(|(number, _)| hose::did_of(*number) == did).unwrap().1;
        let document = DidDocument::new(did.clone()).with_key("atproto", &corpus::key());
        document.with_service("atproto_pds", "AtprotoPersonalDataServer", host).to_json().to_string()
    };
    listen(Router::new().route("/{did}", get(document))).await
}

async fn repos(
    log: Arc<MemoryLog>,
    asked: Asked<SubscribeRepos>,
) -> Result<Events<MemoryLog>, ServeError<SubscribeReposError>> {
    Ok(Events::new(log, asked.params.cursor)?)
}

async fn listen(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    format!("http://localhost:{port}")
}
