//! A firehose of frames that were recorded, without a socket.

use crate::corpus::{Random, key, secret};
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
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

const ACCOUNTS: usize = 20;

pub(crate) type Hose =
    Firehose<Recorded, Still, CachedDirectory<OneKey, NoDns, Still>, MemoryAccounts, MemoryCursor>;

/// A firehose of these frames.
pub(crate) fn follow(frames: VecDeque<Bytes>) -> Hose {
    let recorded = Recorded(Mutex::new(Some(Frames(frames))));
    let repos = SubscribeRepos::new("https://relay.example.com").unwrap();
    let stream = Subscription::with_store(repos, recorded, Still, MemoryCursor::default(), 1);
    let directory = CachedDirectory::new(Directory::new(OneKey, NoDns, Still));
    Firehose::new(stream, directory, MemoryAccounts::default(), Still)
}

/// Takes events, of which each is a commit.
pub(crate) async fn take(hose: &mut Hose, count: usize) {
    for _ in 0..count {
        let Ok(FirehoseEvent::Report(report)) = hose.next().await else { panic!("no report") };
        let Verdict::Commit(commit) = &report.verdict else { panic!("{:?}", report.verdict) };
        assert!(!commit.ops.is_empty());
        hose.handled(&report).await.unwrap();
    }
}

/// Commits of 200 records, five by each account, and then so many of one record, by the accounts in turn.
pub(crate) fn frames(count: usize) -> (Vec<Bytes>, Vec<Bytes>) {
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
pub(crate) struct Recorded(Mutex<Option<Frames>>);

pub(crate) struct Frames(VecDeque<Bytes>);

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
pub(crate) struct Still;

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
pub(crate) struct OneKey;

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
