//! A firehose over a real socket: `cargo bench -p benches --bench soak [-- EVENTS]`, 50,000 events by default and a million for a
//! soak. A process of its own makes the commits and serves them; this one verifies them all and watches its memory.
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

use atproto_identity::FetchPolicy;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_xrpc::api::com::atproto::sync::subscribe_repos::{SubscribeRepos, SubscribeReposError};
use atproto_xrpc::server::{Asked, Event, Events, LogLimits, MemoryLog, ServeError, XrpcRouter};
use atproto_xrpc::stream::WebSockets;
use hose::Producer;
use peak_alloc::PeakAlloc;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;
use tokio::runtime::Builder;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Events after which the producer is told how far they were handled, and how many of these pieces it may be ahead.
const PIECE: usize = 1_000;
const AHEAD: usize = 10;
/// The argument that makes a process the producer.
const SERVE: &str = "--serve";

fn main() {
    let events = timing::sizes(&[50_000])[0].max(2 * PIECE);
    if std::env::args().any(|argument| argument == SERVE) {
        return serve(events);
    }
    let mut producer = Command::new(std::env::current_exe().unwrap())
        .args([SERVE, &events.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(producer.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let mut told = producer.stdin.take().unwrap();

    let policy = FetchPolicy::from(DevelopmentPolicy::default());
    let mut hose = hose::connect(address.trim(), WebSockets::new(policy), Some(0));
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let mut take = |count| {
        runtime.block_on(hose::take(&mut hose, count));
        // It may have made all that there is to make.
        drop(told.write_all(b"\n"));
    };
    // Identities are known, and buffers have grown, after some of them.
    take(hose::FIRST);
    take(PIECE);
    MEMORY.reset_peak_usage();
    let (before, start) = (MEMORY.current_usage(), Instant::now());
    for _ in 0..events / PIECE {
        take(PIECE);
    }
    let verified = events / PIECE * PIECE;
    let rate = verified as f64 / start.elapsed().as_secs_f64();
    let grown = MEMORY.current_usage().saturating_sub(before) as f64 / 1024.0;
    let peak = MEMORY.peak_usage().saturating_sub(before) as f64 / 1024.0;
    println!("{verified} events over a socket, {rate:.0} a second verified beside their producer");
    timing::report(&format!("a firehose over a socket after {verified} events: KiB more"), grown, 64.0);
    timing::report(
        &format!("a firehose over a socket during {verified} events: KiB more at most"),
        peak,
        1024.0,
    );
    // It ends with its input.
    drop(told);
    assert!(producer.wait().unwrap().success());
}

async fn repos(
    log: Arc<MemoryLog>,
    asked: Asked<SubscribeRepos>,
) -> Result<Events<MemoryLog>, ServeError<SubscribeReposError>> {
    Ok(Events::new(log, asked.params.cursor)?)
}

/// Makes commits and serves them, never more ahead than the log keeps, until there is nobody who takes them.
fn serve(events: usize) {
    let log = Arc::new(MemoryLog::new(0, LogLimits { events: (AHEAD + 2) * PIECE, ..LogLimits::default() }));
    let router = XrpcRouter::new(log.clone()).subscription(repos).into_router();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || runtime.block_on(async { axum::serve(listener, router).await.unwrap() }));
    let mut producer = (1..).zip(Producer::default());
    let mut make = |count| {
        for (seq, frame) in producer.by_ref().take(count) {
            log.append_event(Event { seq, frame }).unwrap();
        }
    };
    make(hose::FIRST + PIECE * AHEAD);
    let mut left = (events / PIECE + 1).saturating_sub(AHEAD);
    // A line for each piece that was handled.
    for _ in std::io::stdin().lock().lines() {
        if left > 0 {
            left -= 1;
            make(PIECE);
        }
    }
}
