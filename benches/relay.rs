//! A relay between 50 hosts and 20 consumers, beside one that stalls: `cargo bench -p benches --bench relay [-- EVENTS]`, after
//! `cargo build --release -p systems --bin relay`. The relay is a process of its own; this one sends and consumes. 40,000 events by
//! default. With `-- --soak SECONDS` it sends 2,000 a second for that long, and looks at the relay's memory.
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

use atproto_identity::fetch_policy::{DevelopmentPolicy, FetchPolicy};
use atproto_lexicon::http::Bytes;
use atproto_xrpc::api::com::atproto::sync::subscribe_repos::{SubscribeRepos, SubscribeReposError};
use atproto_xrpc::server::{Asked, Event, Events, LogLimits, MemoryLog, ServeError, XrpcRouter};
use atproto_xrpc::stream::{Connect as _, Message, Socket, WebSockets};
use hose::Producer;
use programs::{Program, directory, listen};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::Receiver;

const HOSTS: usize = 50;
/// How many of the events are the first of their accounts, and have many records each.
const FIRST: usize = HOSTS * 5;
/// Events a second, where it is to go on for long.
const PACE: usize = 2000;
const CONSUMERS: usize = 20;
/// The most bytes of a message.
const MAX_MESSAGE: usize = 8 << 20;
/// Events a second.
const BUDGET: f64 = 4000.0;
/// The growth of the relay's memory from the first half of the events to all of them.
const GROWTH: f64 = 1.2;

fn main() {
    let events = timing::sizes(&[40_000])[0].max(HOSTS * 20);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let seconds = std::env::args().skip_while(|argument| argument != "--soak").nth(1);
    match seconds {
        Some(seconds) => runtime.block_on(soak(seconds.parse().unwrap())),
        None => runtime.block_on(speed(events)),
    }
    runtime.shutdown_background();
}

/// As fast as it goes: half of the events, and the other half.
async fn speed(events: usize) {
    let parts = [FIRST, events / 2, events - events / 2];
    // Made before the time counts, which is the relay's.
    let made = Producer::new(HOSTS).take(parts.iter().sum()).collect::<Vec<_>>().into_iter();
    let mut network = Network::start(made, &parts, &[]).await;
    network.send(FIRST).await;
    let (mut taken, mut memory) = (0.0, Vec::new());
    for part in &parts[1..] {
        let start = Instant::now();
        network.send(*part).await;
        taken += start.elapsed().as_secs_f64();
        memory.push(network.relay.memory());
    }
    let rate = events as f64 / taken;
    println!("{events} events of {HOSTS} hosts to {CONSUMERS} consumers: {rate:.0} a second");
    timing::report("a relay: 4,000 / its events a second", BUDGET / rate, 1.0);
    timing::report("memory of a relay after all events, × after half of them", memory[1] / memory[0], GROWTH);
}

/// For so many seconds, with a window that is full before half of them.
async fn soak(seconds: usize) {
    let parts: Vec<_> = std::iter::once(FIRST).chain(std::iter::repeat_n(PACE, seconds)).collect();
    let mut network = Network::start(Producer::new(HOSTS), &parts, &["--window", "10000"]).await;
    network.send(FIRST).await;
    let (mut memory, start) = (Vec::new(), tokio::time::Instant::now());
    for second in 0..seconds {
        tokio::time::sleep_until(start + Duration::from_secs(second as u64)).await;
        network.send(PACE).await;
        memory.push(network.relay.memory());
    }
    let most = |memory: &[f64]| memory.iter().copied().fold(0.0, f64::max);
    let (before, after) = memory.split_at(seconds / 2);
    let (before, after) = (most(before), most(after));
    println!(
        "{} events in {:.0} s: {before:.0} MiB, then {after:.0} MiB",
        PACE * seconds,
        start.elapsed().as_secs_f64()
    );
    timing::report(
        "memory of a relay in the second half of its time, × in the first",
        after / before,
        GROWTH,
    );
}

/// Hosts, a relay that follows them, and its consumers.
struct Network<E> {
    events: std::iter::Zip<std::ops::RangeFrom<u64>, E>,
    logs: Vec<Arc<MemoryLog>>,
    relay: Program,
    seen: Receiver<()>,
    _stalled: Box<dyn std::any::Any>,
    folder: PathBuf,
}

impl<E: Iterator<Item = Bytes>> Network<E> {
    async fn start(events: E, parts: &[usize], arguments: &[&str]) -> Self {
        let logs: Vec<_> = (0..HOSTS).map(|_| Arc::new(MemoryLog::new(0, LogLimits::default()))).collect();
        let mut hosts = Vec::new();
        for log in &logs {
            let router = XrpcRouter::new(Arc::clone(log)).subscription(repos);
            hosts.push(listen(router.into_router()).await);
        }
        let folder = std::env::temp_dir().join(format!("relay-{}", std::process::id()));
        let directory = directory(&hosts).await;
        let data = ["--data", folder.to_str().unwrap()];
        let arguments: Vec<_> =
            data.iter().chain(arguments).copied().chain(hosts.iter().map(String::as_str)).collect();
        let (relay, port) = Program::start("relay", &directory, &arguments);
        let url = format!("ws://localhost:{port}/xrpc/com.atproto.sync.subscribeRepos?cursor=0");

        let sockets = || WebSockets::new(FetchPolicy::from(DevelopmentPolicy::default()));
        // One that takes nothing costs the others nothing.
        let stalled = sockets().connect(&url, MAX_MESSAGE).await.unwrap();
        let (told, seen) = tokio::sync::mpsc::channel(CONSUMERS);
        for _ in 0..CONSUMERS {
            let mut socket = sockets().connect(&url, MAX_MESSAGE).await.unwrap();
            let (told, parts) = (told.clone(), parts.to_vec());
            tokio::spawn(async move {
                for part in parts {
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
        Self { events: (1..).zip(events), logs, relay, seen, _stalled: Box::new(stalled), folder }
    }

    /// Sends the next events, until all consumers have them.
    async fn send(&mut self, count: usize) {
        for (seq, frame) in self.events.by_ref().take(count) {
            self.logs[(seq as usize - 1) % HOSTS].append_event(Event { seq, frame }).unwrap();
        }
        for _ in 0..CONSUMERS {
            tokio::time::timeout(Duration::from_secs(600), self.seen.recv()).await.unwrap().unwrap();
        }
    }
}

impl<E> Drop for Network<E> {
    fn drop(&mut self) {
        self.relay.kill();
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

async fn repos(
    log: Arc<MemoryLog>,
    asked: Asked<SubscribeRepos>,
) -> Result<Events<MemoryLog>, ServeError<SubscribeReposError>> {
    Ok(Events::new(log, asked.params.cursor)?)
}
