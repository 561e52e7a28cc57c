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
use atproto_xrpc::stream::firehose::{
    AccountStore, Firehose, FirehoseEvent, Identities, MemoryAccounts, SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{Connect, CursorStore, MemoryCursor, Message, Socket, SocketError, Subscription};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

const ACCOUNTS: usize = 20;
/// The commits of 200 records.
pub(crate) const FIRST: usize = ACCOUNTS * 5;

pub(crate) type Hose<C> =
    Firehose<C, Still, CachedDirectory<OneKey, NoDns, Still>, MemoryAccounts, MemoryCursor>;

/// A firehose of these frames.
pub(crate) fn follow(frames: VecDeque<Bytes>) -> Hose<Recorded> {
    connect("https://relay.example.com", Recorded(Mutex::new(Some(Frames(frames)))), None)
}

/// A firehose after a cursor.
pub(crate) fn connect<C: Connect>(host: &str, sockets: C, cursor: Option<u64>) -> Hose<C> {
    let repos = SubscribeRepos::new(host).unwrap();
    let stream = Subscription::with_store(repos, sockets, Still, MemoryCursor::new(cursor), 1);
    let directory = CachedDirectory::new(Directory::new(OneKey, NoDns, Still));
    Firehose::new(stream, directory, MemoryAccounts::default(), Still)
}

/// Takes events, of which each is a commit.
pub(crate) async fn take<C, K, I, A, S>(hose: &mut Firehose<C, K, I, A, S>, count: usize)
where
    C: Connect,
    K: Clock + Send + Sync + 'static,
    I: Identities,
    A: AccountStore,
    S: CursorStore,
{
    for _ in 0..count {
        let Ok(FirehoseEvent::Report(report)) = hose.next().await else { panic!("no report") };
        let Verdict::Commit(commit) = &report.verdict else { panic!("{:?}", report.verdict) };
        assert!(!commit.ops.is_empty());
        hose.handled(&report).await.unwrap();
    }
}

/// The first commits of [`Producer`], and so many more.
pub(crate) fn frames(count: usize) -> (Vec<Bytes>, Vec<Bytes>) {
    let mut producer = Producer::default();
    (producer.by_ref().take(FIRST).collect(), producer.take(count).collect())
}

/// Commits of 200 records, five by each account, and then of one record, by the accounts in turn, for ever.
pub(crate) struct Producer {
    random: Random,
    stores: Vec<MemoryStore>,
    number: usize,
}

impl Default for Producer {
    fn default() -> Self {
        Self::new(ACCOUNTS)
    }
}

impl Producer {
    /// Of so many accounts.
    pub(crate) fn new(accounts: usize) -> Self {
        let stores = (0..accounts).map(|_| MemoryStore::default()).collect();
        Self { random: Random(5), stores, number: 0 }
    }
}

impl Iterator for Producer {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let number = self.number;
        self.number += 1;
        let account = number % self.stores.len();
        let first = self.stores.len() * 5;
        let store = &mut self.stores[account];
        let (writes, at) = if number < first { (200, number * 200) } else { (1, first * 199 + number) };
        let mut records: Vec<_> = (at..at + writes).map(|at| self.random.record(at)).collect();
        records.sort();
        records.dedup_by(|a, b| a.0 == b.0);
        let writes: Vec<_> = records.iter().map(|(path, record)| Write::Create { path, record }).collect();
        let rev = Tid::from_parts(1_750_000_000_000_000 + number as u64, 1).unwrap();
        let unsigned = match UnsignedRepo::open(store) {
            Ok(repo) => repo.write(&writes, None, rev).unwrap(),
            Err(_) => UnsignedCommit::create(&did_of(account), &writes, rev).unwrap(),
        };
        let commit = unsigned.sign(&secret());
        let body = commit.commit_event(number as u64 + 1, "2026-01-01T00:00:00.000Z").unwrap();
        store.commit(&commit.write_set()).unwrap();
        Some(to_frame("#commit", &body).into())
    }
}

/// The DID of an account by its number.
pub(crate) fn did_of(number: usize) -> Did {
    let letter = |number: usize| char::from(b'a' + (number % 26) as u8);
    format!("did:plc:{}{}", letter(number / 26), letter(number).to_string().repeat(23)).parse().unwrap()
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
