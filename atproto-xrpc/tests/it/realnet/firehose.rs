//! The firehoses of two hosts, followed while there is much writing, by programs that end in the middle of it.

use super::{LoggedIn, account, directory, policy, post, run, signing_key};
use atproto_identity::cache::CachedDirectory;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{AtIdentifier, Did, Nsid, RecordKey, Tid};
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_xrpc::adapters::{TokioClock, client_with};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::com::atproto::server::{ActivateAccount, DeactivateAccount};
use atproto_xrpc::api::com::atproto::sync::GetRepo;
use atproto_xrpc::records::{Batch, Before};
use atproto_xrpc::stream::firehose::{
    Commit, Config, Firehose, FirehoseEvent, Ignored, MemoryAccounts, SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{self, FileCursor, Subscription, WebSockets};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use testdata::realnet::RealNet;

const ACCOUNTS: usize = 3;
/// At each host.
const WRITES: usize = 550;
const KILLS: u64 = 10;

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % end
    }
}

/// What a consumer has made of what it saw, which is there when it is begun again.
#[derive(Default)]
struct Seen {
    commits: BTreeMap<(Did, Tid), Commit>,
    /// How often an account was said to be active, or not.
    accounts: HashMap<(Did, bool), usize>,
    /// The last event of each account that was said to be handled.
    handled: HashMap<Did, u64>,
    /// Events that were told although it was said before that they are handled.
    stale: usize,
}

struct Host<'a> {
    net: &'a RealNet,
    number: usize,
    accounts: MemoryAccounts,
    cursor: FileCursor,
    seen: RefCell<Seen>,
    /// The revisions that writers were told, once they are done.
    written: RefCell<HashSet<(Did, Tid)>>,
    is_written: Cell<bool>,
}

impl Host<'_> {
    fn is_all_seen(&self) -> bool {
        let seen = self.seen.borrow();
        let key = |(did, rev): &(Did, Tid)| (did.clone(), *rev);
        self.is_written.get() && self.written.borrow().iter().all(|rev| seen.commits.contains_key(&key(rev)))
    }

    /// Follows the host until so many events are handled, and then ends as a program that is killed: nothing is saved, nor said to
    /// be handled.
    async fn follow(&self, events: usize, seed: u64) {
        let mut times = stream::Config::default();
        times.save_events = 7;
        let sockets = WebSockets::new(policy(self.net, self.number));
        let repos = SubscribeRepos::new(&self.net.pds(self.number)).unwrap();
        let clock = TokioClock::new();
        let stream =
            Subscription::with_store(repos, sockets, clock, self.cursor.clone(), seed).with_config(times);
        let identities = CachedDirectory::new(directory(self.net, self.number));
        let mut config = Config::default();
        config.is_pds = true;
        let mut hose = Firehose::with_config(stream, identities, self.accounts.clone(), clock, config);
        for _ in 0..events {
            let event = loop {
                if self.is_all_seen() {
                    return;
                }
                // Asking again and again loses nothing.
                if let Ok(event) = tokio::time::timeout(Duration::from_millis(100), hose.next()).await {
                    break event.unwrap();
                }
            };
            let FirehoseEvent::Report(report) = event else { panic!("{event:?}") };
            {
                let mut seen = self.seen.borrow_mut();
                match &report.verdict {
                    Verdict::Commit(commit) => {
                        assert!(commit.is_proven);
                        let key = (report.did.clone(), commit.head.rev);
                        let known = seen.commits.insert(key, commit.clone());
                        assert!(known.is_none_or(|known| known == *commit));
                    }
                    Verdict::Account { is_active, .. } => {
                        *seen.accounts.entry((report.did.clone(), *is_active)).or_default() += 1;
                    }
                    Verdict::Ignored(Ignored::Stale) => seen.stale += 1,
                    // So is what comes again of an account that was deactivated later.
                    Verdict::Ignored(Ignored::Inactive)
                        if seen.handled.get(&report.did) >= report.seq.as_ref() =>
                    {
                        seen.stale += 1;
                    }
                    Verdict::Unchanged | Verdict::Identity { .. } => {}
                    verdict => panic!("{verdict:?}"),
                }
            }
            hose.handled(&report).await.unwrap();
            if let Some(seq) = report.seq {
                let mut seen = self.seen.borrow_mut();
                let last = seen.handled.entry(report.did).or_default();
                *last = seq.max(*last);
            }
        }
        // One more that is told, and not handled.
        hose.next().await.unwrap();
    }

    async fn consume(&self) {
        let mut random = Random(self.number as u64);
        for kill in 0..KILLS {
            let events = 10 + random.below(60);
            self.follow(events, kill).await;
        }
        self.follow(usize::MAX, KILLS).await;
    }

    /// Writes at random, and gives each account's records.
    async fn write(&self, accounts: &[LoggedIn]) {
        let mut random = Random(7 + self.number as u64);
        let mut keys: Vec<Vec<RecordKey>> = vec![Vec::new(); accounts.len()];
        let posts: Nsid = "app.bsky.feed.post".parse().unwrap();
        for number in 0..WRITES {
            let at = random.below(accounts.len());
            let (client, keys) = (&accounts[at], &mut keys[at]);
            let repo: AtIdentifier = client.auth().did().into();
            let record = post(&format!("post {number}"));
            let chosen = (!keys.is_empty()).then(|| random.below(keys.len()));
            let commit = match (random.below(20), chosen) {
                (0..4, Some(chosen)) => {
                    let put = client.put_record(&repo, &keys[chosen], &record, Before::Any).await.unwrap();
                    put.output.commit
                }
                (4..8, Some(chosen)) => {
                    let key = keys.swap_remove(chosen);
                    client.delete_record::<Post>(&repo, &key, None).await.unwrap().output.commit
                }
                (8..11, Some(chosen)) => {
                    let mut batch = Batch::new().update(&keys[chosen], &record).unwrap();
                    // No record is written twice.
                    let gone = random.below(keys.len());
                    if gone != chosen {
                        batch = batch.delete(&posts, &keys.swap_remove(gone));
                    }
                    for part in 0..random.below(12) {
                        let time = 1_700_000_000_000_000 + (number * 100 + part) as u64;
                        let key: RecordKey = Tid::from_parts(time, 1).unwrap().to_string().parse().unwrap();
                        batch = batch.create(Some(&key), &record).unwrap();
                        keys.push(key);
                    }
                    client.apply_writes(&repo, batch, None).await.unwrap().output.commit
                }
                (11, _) => {
                    client.send(&DeactivateAccount::default()).await.unwrap();
                    client.send(&ActivateAccount).await.unwrap();
                    None
                }
                _ => {
                    let created = client.create_record(&repo, None, &record).await.unwrap().output;
                    keys.push(created.uri.record_key().unwrap());
                    created.commit
                }
            };
            let rev = commit.map(|commit| (client.auth().did(), commit.rev));
            self.written.borrow_mut().extend(rev);
        }
        self.is_written.set(true);
    }

    /// What was seen, one after the other, makes the repositories that are there. Gives how many commits that were.
    async fn compare(&self, accounts: &[LoggedIn]) -> usize {
        let seen = self.seen.take();
        for client in accounts {
            let did = client.auth().did();
            let commits = seen.commits.iter().filter(|((of, _), _)| *of == did);
            let (mut records, mut before) = (BTreeMap::new(), None::<&Commit>);
            for ((_, _), commit) in commits {
                if let Some(before) = before {
                    assert_eq!(commit.since.as_ref(), Some(&before.head.rev));
                }
                for op in &commit.ops {
                    let known: Option<Cid> = match op.cid {
                        Some(cid) => records.insert(op.path.clone(), cid),
                        None => records.remove(&op.path),
                    };
                    assert_eq!(known, op.prev);
                }
                before = Some(commit);
            }
            let car = client.download(&GetRepo::new(did.clone())).await.unwrap().output;
            let car = car.read_all(100_000_000).await.unwrap();
            let car = Car::parse(&car).unwrap();
            let key = signing_key(client).await;
            let repo = Repo::verify(&car, &did, &key).unwrap();
            assert_eq!(Some(&repo.commit().rev), before.map(|commit| &commit.head.rev));
            let there: BTreeMap<_, _> =
                repo.records().map(Result::unwrap).map(|record| (record.path, record.cid)).collect();
            assert_eq!(there, records);
            for is_active in [false, true] {
                assert!(seen.accounts.contains_key(&(did.clone(), is_active)));
            }
        }
        // The cursor is behind what was handled, so that some come again.
        assert!(seen.stale > 0);
        seen.commits.len()
    }
}

#[test]
#[ignore = "needs the reference servers"]
fn no_event_is_lost() {
    run(&["--pds", "2"], async |net, _| {
        let folder = tempfile::tempdir().unwrap();
        let follow = async |number: usize| {
            let path = folder.path().join(format!("cursor-{number}"));
            // From the first event on.
            std::fs::write(&path, "0\n").unwrap();
            let host = Host {
                net,
                number,
                accounts: MemoryAccounts::default(),
                cursor: FileCursor::new(path),
                seen: RefCell::default(),
                written: RefCell::default(),
                is_written: Cell::default(),
            };
            let mut accounts = Vec::new();
            for letter in 0..ACCOUNTS {
                let client = client_with(policy(net, number), net.pds(number).parse().unwrap()).unwrap();
                accounts.push(account(client, &format!("account{number}-{letter}")).await);
            }
            futures_util::future::join(host.write(&accounts), host.consume()).await;
            host.compare(&accounts).await
        };
        let both = futures_util::future::join(follow(0), follow(1));
        let (first, second) = tokio::time::timeout(Duration::from_secs(300), both).await.unwrap();
        assert!(first + second >= 1000, "{first} and {second} commits");
    });
}
