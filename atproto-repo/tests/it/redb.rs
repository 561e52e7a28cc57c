//! Repositories in a database file: the same as in memory, and whole whenever the process that writes is killed.

use crate::history::{Step, steps};
use crate::oracle::{Map, Oracle};
use crate::write::{Records, as_writes, did, map_of, next, record, rev, secret, writes};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::repo::{Error, Repo, UnsignedCommit, UnsignedRepo, Write};
use atproto_repo::store::{
    Archive as _, Blocks, CommitError, ImportError, MemoryBlocks, MemoryStore, RedbRepo, RedbStore,
    Store as _, StoreError,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn other() -> Did {
    "did:web:example.com".parse().unwrap()
}

fn links(repo: &RedbRepo) -> BTreeMap<Cid, u64> {
    repo.links().unwrap().map(Result::unwrap).collect()
}

/// What the store of a repository has to hold: each block with its number of links.
fn expected(commit: Cid, map: &Map) -> BTreeMap<Cid, u64> {
    let mut links = BTreeMap::from([(commit, 1)]);
    for cid in Oracle::build(map).nodes.keys().chain(map.values()) {
        *links.entry(*cid).or_default() += 1;
    }
    links
}

/// Verifies all of a repository, and that its store holds nothing else; its records.
fn check(repo: &RedbRepo) -> Map {
    let verified = Repo::verify(repo, &did(), &secret().public_key()).unwrap();
    let summary = verified.check().unwrap();
    let map: Map =
        verified.records().map(|entry| entry.unwrap()).map(|entry| (entry.path.into(), entry.cid)).collect();
    assert_eq!(summary.records as usize, map.len());
    assert_eq!(verified.commit().data, Oracle::build(&map).root);
    assert_eq!(links(repo), expected(repo.roots()[0], &map), "blocks and links");
    map
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_file_holds_what_memory_holds(history in steps()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let (mut memory, mut records) = (MemoryStore::default(), Records::new());
        for (number, step) in history.iter().enumerate() {
            let store = RedbStore::open(&path).unwrap();
            let mut repo = store.repo(&did()).unwrap();
            prop_assert_eq!(repo.roots(), memory.roots());
            let list = writes(step, &mut records);
            let commit = next(&memory, &as_writes(&list), number as u64);
            let same = next(&repo, &as_writes(&list), number as u64);
            prop_assert_eq!(same.cid(), commit.cid());
            memory.commit(&commit.write_set()).unwrap();
            repo.commit(&commit.write_set()).unwrap();
            prop_assert!(matches!(repo.commit(&commit.write_set()), Err(CommitError::Conflict)));
            drop((repo, store));

            let store = RedbStore::open_checked(&path).unwrap();
            let repo = store.repo(&did()).unwrap();
            prop_assert_eq!(repo.roots(), memory.roots());
            prop_assert_eq!(check(&repo), map_of(&records));
            prop_assert_eq!(links(&repo).len(), memory.len());
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for cid in links(&repo).keys() {
                prop_assert_eq!(repo.get(cid, &mut a).unwrap(), memory.get(cid, &mut b).unwrap());
            }

            // A repository that is taken as a whole has the same links.
            let file = Repo::verify(&repo, &did(), &secret().public_key()).unwrap().export(Vec::new()).unwrap();
            let car = Car::parse(&file).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let second = RedbStore::open(folder.path().join("second")).unwrap();
            second.import(&Repo::verify(&car, &did(), &secret().public_key()).unwrap(), None).unwrap();
            prop_assert_eq!(links(&second.repo(&did()).unwrap()), links(&repo));
        }
    }
}

/// A store in a folder with a repository of 40 records, some of which are the same.
fn forty(folder: &Path) -> (RedbStore, RedbRepo, Records) {
    let store = RedbStore::open(folder.join("store")).unwrap();
    let (mut repo, mut records) = (store.repo(&did()).unwrap(), Records::new());
    let step: Step = (0..40).map(|number| (number, Some(number as u8 % 30))).collect();
    let commit = next(&repo, &as_writes(&writes(&step, &mut records)), 0);
    repo.commit(&commit.write_set()).unwrap();
    (store, repo, records)
}

#[test]
fn a_handle_reads_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut first, mut records) = forty(folder.path());
    let mut second = store.repo(&did()).unwrap();
    let before = map_of(&records);
    let list = writes(&vec![(1, None), (2, Some(200)), (50, Some(3))], &mut records);
    let commit = next(&first, &as_writes(&list), 1);
    first.commit(&commit.write_set()).unwrap();

    assert_eq!((check(&first), check(&second)), (map_of(&records), before.clone()));
    assert_eq!(second.get(commit.cid(), &mut Vec::new()).unwrap(), None, "no block of a later commit");
    // The other one's next commit would build on what is no longer there.
    let late = next(&second, &as_writes(&list), 2).write_set();
    assert!(matches!(second.commit(&late), Err(CommitError::Conflict)));
    assert_eq!(check(&second), before, "nothing was written");
    second.refresh().unwrap();
    assert_eq!((second.roots(), check(&second)), (first.roots(), map_of(&records)));
    let again = next(&second, &[], 3).write_set();
    second.commit(&again).unwrap();
    assert_eq!(second.roots(), [*again.commit()]);
    assert!(matches!(RedbStore::open(folder.path().join("store")), Err(StoreError::InUse)));
}

#[test]
fn one_file_holds_several_repositories() {
    let folder = tempfile::tempdir().unwrap();
    let (store, first, records) = forty(folder.path());
    let mut second = store.repo(&other()).unwrap();
    assert_eq!(second.roots(), []);
    let (path, note) = (records.keys().next().unwrap(), record(0));
    let create = [Write::Create { path, record: &note }];
    let commit = UnsignedCommit::create(&other(), &create, rev(0)).unwrap().sign(&secret());
    second.commit(&commit.write_set()).unwrap();
    assert_eq!(store.dids().unwrap(), [did(), other()]);
    assert_eq!(links(&second).len(), 3);

    assert!(store.remove(&did()).unwrap());
    assert!(!store.remove(&did()).unwrap());
    assert_eq!(store.dids().unwrap(), [other()]);
    assert_eq!(store.repo(&did()).unwrap().roots(), []);
    assert_eq!(links(&store.repo(&did()).unwrap()).len(), 0);
    assert_eq!(check(&first), map_of(&records), "a snapshot stays");
    second.refresh().unwrap();
    assert_eq!(second.roots(), [*commit.cid()]);
    assert!(Repo::verify(&second, &other(), &secret().public_key()).unwrap().check().is_ok());
}

#[test]
fn a_transaction_holds_other_tables_too() {
    const EVENTS: ::redb::TableDefinition<'_, u64, u64> = ::redb::TableDefinition::new("events");
    let folder = tempfile::tempdir().unwrap();
    let database = std::sync::Arc::new(::redb::Database::create(folder.path().join("store")).unwrap());
    let store = RedbStore::with_database(database);
    let count = || {
        let transaction = ::redb::ReadableDatabase::begin_read(&**store.database()).unwrap();
        let events = transaction.open_table(EVENTS);
        events.map_or(0, |events| ::redb::ReadableTableMetadata::len(&events).unwrap())
    };
    let first = UnsignedCommit::create(&did(), &[], rev(1)).unwrap().sign(&secret());
    // Given up, and then done.
    for (is_done, events) in [(false, 0), (true, 1)] {
        let transaction = store.begin().unwrap();
        RedbStore::commit_in(&transaction, &did(), &first.write_set()).unwrap();
        transaction.open_table(EVENTS).unwrap().insert(1, 1).unwrap();
        if is_done {
            transaction.commit().unwrap();
        } else {
            transaction.abort().unwrap();
        }
        let repo = store.repo(&did()).unwrap();
        assert_eq!((repo.roots().first(), count()), (is_done.then_some(first.cid()), events));
    }
    check(&store.repo(&did()).unwrap());
    // What counts is what the transaction sees, also of itself.
    let transaction = store.begin().unwrap();
    let again = RedbStore::commit_in(&transaction, &did(), &first.write_set());
    assert!(matches!(again, Err(CommitError::Conflict)));
    assert!(RedbStore::remove_in(&transaction, &did()).unwrap());
    RedbStore::commit_in(&transaction, &did(), &first.write_set()).unwrap();
    transaction.commit().unwrap();
    check(&store.repo(&did()).unwrap());
}

#[test]
fn an_import_is_whole_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut repo, mut records) = forty(folder.path());
    let key = secret().public_key();
    let mut blocks = MemoryBlocks::default();
    let list = writes(&vec![(1, None), (2, Some(200))], &mut records);
    let after = next(&repo, &as_writes(&list), 1);
    let before = repo.roots()[0];
    for cid in links(&repo).keys() {
        blocks.insert(repo.get(cid, &mut Vec::new()).unwrap().unwrap().to_vec());
    }
    for (_, block) in after.write_set().put() {
        blocks.insert(block.to_vec());
    }
    let source = UnsignedRepo::open_at(&blocks, *after.cid()).unwrap().verify(&did(), &key).unwrap();
    for since in [None, Some(after.cid())] {
        assert!(matches!(store.import(&source, since), Err(ImportError::Conflict)));
    }
    // Half of it was written when a block turns out to be missing.
    let mut holes = blocks.clone();
    let last = source.records().map(|entry| entry.unwrap().cid).last().unwrap();
    holes.remove(&last).unwrap();
    let missing = UnsignedRepo::open_at(&holes, *after.cid()).unwrap().verify(&did(), &key).unwrap();
    let refused = store.import(&missing, Some(&before));
    assert!(matches!(refused, Err(ImportError::Repo(Error::Incomplete(_)))));
    repo.refresh().unwrap();
    assert_eq!(repo.roots(), [before]);
    check(&repo);

    store.import(&source, Some(&before)).unwrap();
    repo.refresh().unwrap();
    assert_eq!((repo.roots(), check(&repo)), (&[*after.cid()][..], map_of(&records)));
}

const FILE: &str = "ATPROTO_REDB_FILE";
const KILLS: usize = 240;

/// Commits until it is killed, and says before and after each commit which one it is.
#[test]
fn writes_until_it_is_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let mut repo = RedbStore::open(file).unwrap().repo(&did()).unwrap();
    let (mut records, mut number) = (Records::new(), 0_u64);
    // What is in the records is what the commit before this process left.
    if let Ok(open) = UnsignedRepo::open(&repo) {
        number = open.commit().rev.micros() - rev(0).micros();
        let values: BTreeMap<Cid, u8> =
            (0..4).map(|value| (Cid::of_dag_cbor(&record(value)), value)).collect();
        records = open
            .records()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.path, values[&entry.cid]))
            .collect();
    }
    loop {
        number += 1;
        let change = |index: u64| {
            let hash = number.wrapping_mul(31).wrapping_add(index).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
            ((hash % 60) as u16, (hash % 5 > 1).then_some((hash % 4) as u8))
        };
        let list = writes(&(0..1 + number % 6).map(change).collect(), &mut records);
        let commit = next(&repo, &as_writes(&list), number);
        say("begin", commit.cid());
        repo.commit(&commit.write_set()).unwrap();
        say("done", commit.cid());
    }
}

fn say(what: &str, cid: &Cid) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{what} {cid}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn writer(file: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["redb::writes_until_it_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What a writer said: the commits that it began and was done with last, and how many those were.
#[derive(Default)]
struct Said {
    began: Option<Cid>,
    done: Option<Cid>,
    commits: usize,
}

impl Said {
    /// Whether the line, which may be cut off, says something.
    fn take(&mut self, line: &str) -> bool {
        let Some((what, Ok(cid))) = line.trim().split_once(' ').map(|(what, cid)| (what, cid.parse())) else {
            return false;
        };
        match what {
            "begin" => self.began = Some(cid),
            "done" => (self.done, self.commits) = (Some(cid), self.commits + 1),
            _ => return false,
        }
        true
    }
}

#[test]
fn whoever_writes_may_be_killed_at_any_time() {
    let folder = tempfile::tempdir().unwrap();
    let (mut inside, mut next_one, mut commits) = (0, 0, 0);
    let mut file = folder.path().join("0");
    let mut last: Option<Cid> = None;
    let start = Instant::now();
    let mut seed = 7_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for kill in 0..KILLS {
        if kill % 12 == 0 {
            // A new file, which may not be one yet when the writer is killed.
            (file, last) = (folder.path().join(kill.to_string()), None);
        }
        let mut child = writer(&file);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (mut said, mut line) = (Said::default(), String::new());
        // One in four is killed while it opens the file, the others some lines later.
        let mut lines = if random(4) == 0 { 0 } else { 1 + random(8) };
        while lines > 0 && out.read_line(&mut line).unwrap() > 0 {
            lines -= u64::from(said.take(&line));
            line.clear();
        }
        let wait = if said.began.is_none() { random(12_000) } else { random(6_000) };
        std::thread::sleep(Duration::from_micros(wait));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(!status.success() && status.code().is_none(), "it ended before it was killed: {status}");
        for line in out.lines() {
            said.take(&line.unwrap());
        }
        let Said { began, done, .. } = said;
        let is_inside = began.is_some() && began != done;
        let acknowledged = done.or(last);
        let store = if kill % 2 == 0 { RedbStore::open(&file) } else { RedbStore::open_checked(&file) };
        let repo = store.unwrap_or_else(|error| panic!("{kill}: {error}")).repo(&did()).unwrap();
        let root = repo.roots().first().copied();
        if root != acknowledged {
            assert!(root.is_some() && root == began, "neither the last commit nor the next one");
            next_one += 1;
        }
        inside += usize::from(is_inside);
        commits += said.commits;
        if root.is_some() {
            check(&repo);
        }
        last = root;
    }
    println!(
        "{KILLS} kills among {commits} commits, {inside} inside of one, of which {next_one} was there after all, {:?}",
        start.elapsed()
    );
    assert!(KILLS >= 200 && inside >= KILLS / 4, "{inside} inside of a commit");
}
