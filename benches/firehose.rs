//! Frames to verified operations, without a socket, beside a bare verification of one signature, and the memory of it:
//! `cargo bench -p benches --bench firehose`.
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
mod timing;

use atproto_identity::cache::CachedDirectory;
use atproto_identity::clock::Clock;
use atproto_identity::dns::NoDns;
use atproto_identity::{DidDocument, Directory};
use atproto_lexicon::data::frame::to_frame;
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, Request, Response};
use atproto_lexicon::syntax::{Did, Tid};
use atproto_repo::repo::{UnsignedCommit, UnsignedRepo, Write};
use atproto_repo::store::{MemoryStore, Store as _};
use atproto_xrpc::stream::firehose::{Firehose, FirehoseEvent, MemoryAccounts, SubscribeRepos, Verdict};
use atproto_xrpc::stream::{Connect, MemoryCursor, Message, Socket, SocketError, Subscription};
use corpus::{Random, key, secret};
use futures_executor::block_on;
use peak_alloc::PeakAlloc;
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Signatures or events in a measured piece.
const PIECE: usize = 200;
const ROUNDS: usize = 31;
const ACCOUNTS: usize = 20;
/// Events while memory is watched.
const MANY: usize = 50_000;

fn main() {
    let (did_key, message) = (key(), [7; 200]);
    let signature = secret().sign(&message);
    let bare = || {
        for _ in 0..PIECE {
            did_key.verify(std::hint::black_box(&message), signature.as_bytes()).unwrap();
        }
    };
    let (first, frames) = frames(PIECE * (ROUNDS + 1) + MANY);
    let size = frames.iter().map(Bytes::len).sum::<usize>() / frames.len();
    let count = first.len();
    // Frames that were freed on the way would hide what grows.
    let kept = frames.clone();
    let mut hose = follow(first.into_iter().chain(frames).collect());
    // Identities are known from here on.
    block_on(take(&mut hose, count + PIECE));
    let events = || block_on(take(&mut hose, PIECE));
    let (bare_time, time, ratio) = timing::paired(ROUNDS, bare, events);
    let each = |time: Duration| time.as_secs_f64() / PIECE as f64 * 1e6;
    println!(
        "frames of {size} bytes: {:.1} µs bare signature, {:.1} µs an event",
        each(bare_time),
        each(time)
    );
    timing::report("the firehose, frames to verified operations, × bare k256", ratio, 1.4);

    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    block_on(take(&mut hose, MANY));
    let grown = MEMORY.current_usage().saturating_sub(before) as f64 / 1024.0;
    let peak = MEMORY.peak_usage().saturating_sub(before) as f64 / 1024.0;
    timing::report(&format!("memory after {MANY} events: KiB more"), grown, 16.0);
    timing::report(&format!("memory during {MANY} events: KiB more at most"), peak, 256.0);
    assert_eq!(kept.len(), PIECE * (ROUNDS + 1) + MANY);
}

type Hose = Firehose<Recorded, Still, CachedDirectory<OneKey, NoDns, Still>, MemoryAccounts, MemoryCursor>;

/// A firehose of these frames.
fn follow(frames: VecDeque<Bytes>) -> Hose {
    let recorded = Recorded(Mutex::new(Some(Frames(frames))));
    let repos = SubscribeRepos::new("https://relay.example.com").unwrap();
    let stream = Subscription::with_store(repos, recorded, Still, MemoryCursor::default(), 1);
    let directory = CachedDirectory::new(Directory::new(OneKey, NoDns, Still));
    Firehose::new(stream, directory, MemoryAccounts::default(), Still)
}

/// Takes events, of which each is a commit.
async fn take(hose: &mut Hose, count: usize) {
    for _ in 0..count {
        let Ok(FirehoseEvent::Report(report)) = hose.next().await else { panic!("no report") };
        let Verdict::Commit(commit) = &report.verdict else { panic!("{:?}", report.verdict) };
        assert!(!commit.ops.is_empty());
        hose.handled(&report).await.unwrap();
    }
}

/// Commits of 200 records, five by each account, and then so many of one record, by the accounts in turn.
fn frames(count: usize) -> (Vec<Bytes>, Vec<Bytes>) {
    let mut random = Random(5);
    let mut stores: Vec<_> = (0..ACCOUNTS).map(|_| MemoryStore::default()).collect();
    let first = ACCOUNTS * 5;
    let all = (0..first + count).map(|number| {
        let store = &mut stores[number % ACCOUNTS];
        let writes = if number < first { 200 } else { 1 };
        let mut records: Vec<_> = (0..writes).map(|at| random.record(number * 200 + at)).collect();
        records.sort();
        records.dedup_by(|a, b| a.0 == b.0);
        let writes: Vec<_> = records.iter().map(|(path, record)| Write::Create { path, record }).collect();
        let rev = Tid::from_parts(1_750_000_000_000_000 + number as u64, 1).unwrap();
        let unsigned = match UnsignedRepo::open(store) {
            Ok(repo) => repo.write(&writes, None, rev).unwrap(),
            Err(_) => UnsignedCommit::create(&did_of(number % ACCOUNTS), &writes, rev).unwrap(),
        };
        let commit = unsigned.sign(&secret());
        let body = commit.commit_event(number as u64 + 1, "2026-01-01T00:00:00.000Z").unwrap();
        store.commit(&commit.write_set()).unwrap();
        Bytes::from(to_frame("#commit", &body))
    });
    let mut first_frames: Vec<Bytes> = all.collect();
    let rest = first_frames.split_off(first);
    (first_frames, rest)
}

fn did_of(number: usize) -> Did {
    let letter = char::from(b'a' + number as u8);
    format!("did:plc:{}", letter.to_string().repeat(24)).parse().unwrap()
}

/// One connection that sends what was recorded.
struct Recorded(Mutex<Option<Frames>>);

struct Frames(VecDeque<Bytes>);

impl Connect for Recorded {
    type Socket = Frames;

    async fn connect(&self, _: &str, _: usize) -> Result<Frames, SocketError> {
        self.0.lock().unwrap().take().ok_or(SocketError::TimedOut)
    }
}

impl Socket for Frames {
    async fn recv(&mut self) -> Result<Option<Message>, SocketError> {
        Ok(self.0.pop_front().map(Message::Binary))
    }
}

/// A clock that stands still, long after all that happens here.
#[derive(Clone)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn unix_time(&self) -> Duration {
        Duration::from_secs(4_000_000_000)
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// A directory in which all accounts have the same key.
struct OneKey;

impl HttpClient for OneKey {
    type Body = Bytes;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let did: Did = request.uri().path().trim_start_matches('/').parse().unwrap();
        let document = DidDocument::new(did).with_key("atproto", &key());
        let document =
            document.with_service("atproto_pds", "AtprotoPersonalDataServer", "https://pds.example.com");
        Ok(Response::new(document.to_json().to_string().into()))
    }
}
