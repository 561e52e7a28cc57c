//! Accounts that write, a directory that knows them, and what a host sends of them.

use super::net::{Act, Answer};
use super::net::{Net, binary, secs};
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_identity::cache::CachedDirectory;
use atproto_identity::clock::Clock as _;
use atproto_identity::dns::NoDns;
use atproto_identity::{DidDocument, Directory};
use atproto_lexicon::data::frame::to_frame;
use atproto_lexicon::data::{Object, cbor};
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, Request, Response};
use atproto_lexicon::syntax::{Did, Tid};
use atproto_repo::repo::{SignedCommit, UnsignedCommit, UnsignedRepo, Write};
use atproto_repo::store::{MemoryStore, Store as _};
use atproto_repo::sync::Head;
use atproto_xrpc::stream::firehose::{Config, Firehose, FirehoseEvent, SubscribeRepos};
use atproto_xrpc::stream::firehose::{MemoryAccounts, Report, Verdict};
use atproto_xrpc::stream::{CursorStore, Subscription};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const TIME: &str = "2026-01-01T00:00:00.000Z";
pub(crate) const PDS: &str = "https://pds.example.com";

/// An account that writes to a repository of its own.
pub(crate) struct Account {
    pub(crate) did: Did,
    pub(crate) secret: SecretKey,
    store: MemoryStore,
    paths: BTreeSet<String>,
    writes: u64,
}

pub(crate) fn did_of(number: u8) -> Did {
    format!("did:plc:{}", char::from(b'a' + number).to_string().repeat(24)).parse().unwrap()
}

impl Account {
    pub(crate) fn new(number: u8) -> Self {
        let secret = SecretKey::from_bytes(Curve::K256, &[number + 1; 32]).unwrap();
        let (store, paths) = (MemoryStore::default(), BTreeSet::new());
        Self { did: did_of(number), secret, store, paths, writes: 0 }
    }

    /// The next commit, with changes of these records: each is created, or deleted where it is there.
    pub(crate) fn commit(&mut self, records: impl IntoIterator<Item = u16>) -> SignedCommit {
        self.writes += 1;
        let rev = Tid::from_parts(1_750_000_000_000_000 + self.writes, 1).unwrap();
        let records: BTreeSet<String> =
            records.into_iter().map(|n| format!("com.example.note/{n}")).collect();
        let text =
            Object::from([("$type".into(), "com.example.note".into()), ("n".into(), rev.to_string().into())]);
        let text = cbor::to_vec(&text).unwrap();
        let writes: Vec<Write<'_>> = records
            .iter()
            .map(|path| match self.paths.contains(path) {
                true => Write::Delete { path, swap: None },
                false => Write::Create { path, record: &text },
            })
            .collect();
        let unsigned = match UnsignedRepo::open(&self.store) {
            Ok(repo) => repo.write(&writes, None, rev).unwrap(),
            Err(_) => UnsignedCommit::create(&self.did, &writes, rev).unwrap(),
        };
        let commit = unsigned.sign(&self.secret);
        self.store.commit(&commit.write_set()).unwrap();
        for path in records {
            if !self.paths.remove(&path) {
                self.paths.insert(path);
            }
        }
        commit
    }

    /// The same as a frame.
    pub(crate) fn frame(&mut self, seq: u64, records: impl IntoIterator<Item = u16>) -> Act {
        binary(commit_frame(&self.commit(records), seq))
    }

    pub(crate) fn head(&self) -> Head {
        let repo = UnsignedRepo::open(&self.store).unwrap();
        Head { rev: repo.commit().rev, data: repo.commit().data }
    }
}

pub(crate) fn commit_frame(commit: &SignedCommit, seq: u64) -> Vec<u8> {
    to_frame("#commit", &commit.commit_event(seq, TIME).unwrap())
}

pub(crate) fn frame_of(
    kind: &str,
    seq: u64,
    did: &Did,
    more: impl IntoIterator<Item = (&'static str, atproto_lexicon::data::Value)>,
) -> Act {
    let mut body = Object::from([
        ("did".into(), did.as_str().into()),
        ("seq".into(), atproto_lexicon::data::Value::Integer(seq as i64)),
        ("time".into(), TIME.into()),
    ]);
    body.extend(more.into_iter().map(|(name, value)| (name.to_owned(), value)));
    binary(to_frame(kind, &cbor::to_vec(&body).unwrap()))
}

/// What a directory of did:plc says of a DID.
#[derive(Clone)]
pub(crate) enum Says {
    Document(PublicKey, &'static str),
    Status(u16),
    After(Duration, Box<Says>),
}

/// A document that takes a second: what was asked for at the same moment is as new as can be.
pub(crate) fn later(key: PublicKey, pds: &'static str) -> Says {
    Says::After(secs(1), Box::new(Says::Document(key, pds)))
}

/// A directory: what it says of a DID the first time, the second, and so on; the last goes on.
#[derive(Clone)]
pub(crate) struct Plc {
    net: Net,
    says: Arc<Mutex<HashMap<String, Vec<Says>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Plc {
    pub(crate) fn new(net: &Net) -> Self {
        Self { net: net.clone(), says: Arc::default(), asked: Arc::default() }
    }

    pub(crate) fn with(self, did: &Did, says: impl IntoIterator<Item = Says>) -> Self {
        let says = says.into_iter().collect();
        self.says.lock().unwrap().insert(format!("https://plc.directory/{did}"), says);
        self
    }

    pub(crate) fn knowing<'a>(self, accounts: impl IntoIterator<Item = &'a Account>) -> Self {
        accounts.into_iter().fold(self, |plc, account| {
            plc.with(&account.did, [Says::Document(account.secret.public_key(), PDS)])
        })
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn directory(&self) -> Directory_ {
        CachedDirectory::new(Directory::new(self.clone(), NoDns, self.net.clone()))
    }
}

pub(crate) type Directory_ = CachedDirectory<Plc, NoDns, Net>;
pub(crate) type Hose<S, A = MemoryAccounts> = Firehose<Net, Net, Directory_, A, S>;

impl HttpClient for Plc {
    type Body = Bytes;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let url = request.uri().to_string();
        self.asked.lock().unwrap().push(url.clone());
        let mut says = {
            let mut all = self.says.lock().unwrap();
            match all.get_mut(&url) {
                None => Says::Status(404),
                Some(says) if says.len() > 1 => says.remove(0),
                Some(says) => says[0].clone(),
            }
        };
        loop {
            let response = Response::builder();
            return Ok(match says {
                Says::Status(status) => response.status(status).body(Bytes::new()).unwrap(),
                Says::Document(key, pds) => {
                    let did = url.rsplit('/').next().unwrap().parse().unwrap();
                    let document = DidDocument::new(did).with_key("atproto", &key);
                    let document = document.with_service("atproto_pds", "AtprotoPersonalDataServer", pds);
                    response.body(document.to_json().to_string().into()).unwrap()
                }
                Says::After(time, then) => {
                    self.net.sleep(time).await;
                    says = *then;
                    continue;
                }
            });
        }
    }
}

/// A host that sends this.
pub(crate) fn host(script: Vec<Act>) -> Net {
    Net::new([Answer::Open(script)]).at_unix_time(secs(4_000_000_000))
}

pub(crate) fn follow<S: CursorStore>(net: &Net, plc: &Plc, store: S, accounts: &MemoryAccounts) -> Hose<S> {
    follow_with(net, plc, store, accounts, Config::default())
}

pub(crate) fn follow_with<S: CursorStore>(
    net: &Net,
    plc: &Plc,
    store: S,
    accounts: &MemoryAccounts,
    config: Config,
) -> Hose<S> {
    let stream =
        Subscription::with_store(SubscribeRepos::new(PDS).unwrap(), net.clone(), net.clone(), store, 3);
    Firehose::with_config(stream, plc.directory(), accounts.clone(), net.clone(), config)
}

/// The next report, handled.
pub(crate) fn report<S: CursorStore>(net: &Net, hose: &mut Hose<S>) -> Box<Report> {
    let report = unhandled(net, hose);
    net.run(hose.handled(&report)).unwrap();
    report
}

/// The next report.
pub(crate) fn unhandled<S: CursorStore>(net: &Net, hose: &mut Hose<S>) -> Box<Report> {
    match net.run(hose.next()) {
        Ok(FirehoseEvent::Report(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// A report in short.
pub(crate) fn show(report: &Report) -> String {
    let seq = report.seq.map(|seq| seq.to_string()).unwrap_or_default();
    let account = &report.did.as_str()[8..9];
    let verdict = match &report.verdict {
        Verdict::Commit(commit) => format!("commit {}", commit.ops.len()),
        Verdict::Ignored(why) => format!("ignored: {why}"),
        Verdict::Invalid(why) => format!("invalid: {why}"),
        Verdict::Desynchronized(why) => match why {
            Some(why) => format!("desynchronized: {why}"),
            None => "desynchronized".into(),
        },
        Verdict::Incomplete(why) => format!("incomplete: {why}"),
        Verdict::Account { is_active, .. } => format!("account {is_active}"),
        Verdict::Identity { .. } => "identity".into(),
        Verdict::Resynchronized(_) => "resynchronized".into(),
        Verdict::Queued => "queued".into(),
        Verdict::Unchanged => "unchanged".into(),
        other => format!("{other:?}"),
    };
    format!("{account} {seq} {verdict}")
}
