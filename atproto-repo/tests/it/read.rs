use crate::model::{Repository, did, key, paths};
use atproto_lexicon::data::Cid;
use atproto_repo::car::Car;
use atproto_repo::mst::{Step, Walk};
use atproto_repo::repo::{Error, Invalid, Missing, Repo};
use atproto_repo::store::{Blocks, MemoryBlocks};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

fn memory(repository: &Repository) -> MemoryBlocks {
    let mut blocks = MemoryBlocks::default();
    for (_, block) in &repository.blocks.0 {
        blocks.insert(block.clone());
    }
    blocks
}

#[test]
fn records_come_in_the_order_of_their_paths() {
    let names =
        ["com.example.a/1", "com.example.b/1", "com.example.b/2", "com.example.bb/1", "com.example.c/1"];
    let names = names.map(str::to_owned);
    let repository = Repository::of(&names);
    let bytes = repository.car();
    let car = Car::parse(&bytes).unwrap();
    let repo = Repo::verify(&car, &did(), &key()).unwrap();
    let list = |mut walk: atproto_repo::repo::RecordWalk<'_, _>| {
        let mut found = Vec::new();
        while let Some(entry) = walk.next().unwrap() {
            assert_eq!(entry.cid, repository.records[entry.path]);
            assert_eq!(
                entry.record.to_object().unwrap().get("$type").unwrap().as_str(),
                entry.path.split('/').next()
            );
            found.push(entry.path.to_owned());
        }
        found
    };
    assert_eq!(list(repo.walk()), names);
    assert_eq!(list(repo.walk_prefix("com.example.b/")), names[1..3]);
    assert_eq!(list(repo.walk_prefix("com.example.b")), names[1..4]);
    assert_eq!(list(repo.walk_prefix("com.example.d/")), [""; 0]);
    assert_eq!(list(repo.walk_range(Some("com.example.b/2"), Some("com.example.c/1"))), names[2..4]);
    assert_eq!(list(repo.walk_range(None, Some("com.example.b/"))), names[..1]);
    let owned: Vec<String> = repo.records().map(|entry| entry.unwrap().path).collect();
    assert_eq!(owned, names);
}

#[derive(serde::Deserialize)]
struct Note<'a> {
    text: &'a str,
}

#[test]
fn records_are_found_and_read() {
    let repository = Repository::of(&paths(300));
    let bytes = repository.car();
    let car = Car::parse(&bytes).unwrap();
    let repo = Repo::verify(&car, &did(), &key()).unwrap();
    for (path, cid) in &repository.records {
        assert_eq!(repo.get(path).unwrap().unwrap().cid, *cid);
        assert!(repo.get(&format!("{path}x")).unwrap().is_none());
    }
    assert!(repo.get("aaa.example.note/a").unwrap().is_none());
    assert!(repo.get("zzz.example.note/a").unwrap().is_none());
    assert!(matches!(repo.get("no path"), Err(Error::Invalid(Invalid::Path { .. }))));
    let mut walk = repo.walk();
    let entry = walk.next().unwrap().unwrap();
    assert_eq!(entry.record.decode::<Note<'_>>().unwrap().text, format!("the record at {}", entry.path));
}

#[test]
fn every_block_dropped_is_incomplete() {
    let repository = Repository::of(&paths(60));
    for dropped in 0..repository.blocks.0.len() {
        let mut repository = repository.clone();
        let (cid, _) = repository.blocks.0.remove(dropped);
        let bytes = repository.car();
        let car = Car::parse(&bytes).unwrap();
        let repo = match Repo::verify(&car, &did(), &key()) {
            Err(error) => {
                assert_eq!(error, Error::Incomplete(Missing::Commit(cid)));
                continue;
            }
            Ok(repo) => repo,
        };
        match repo.check() {
            Err(Error::Incomplete(Missing::Node(missing) | Missing::Record { cid: missing, .. })) => {
                assert_eq!(missing, cid)
            }
            other => panic!("{other:?}"),
        }
        // What is still found is right; what is not found is never said to be absent.
        for (path, expected) in &repository.records {
            match repo.get(path) {
                Ok(Some(entry)) => assert_eq!(entry.cid, *expected),
                Ok(None) => panic!("{path} is said to be absent"),
                Err(Error::Incomplete(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        // A walk goes on behind what is missing.
        let found = repo.records().filter(Result::is_ok).count();
        assert!(found < 60 || repository.records.values().all(|record| *record != cid));
    }
}

#[test]
fn something_invalid_is_said_before_something_missing() {
    // A record of the first leaf is missing, and a later node is wrong.
    let mut repository = Repository::changed(&paths(60), |mut model| {
        model.entries.last_mut().unwrap().right = Some(Box::default());
        model
    });
    let first = *repository.records.values().next().unwrap();
    repository.blocks.0.retain(|(cid, _)| *cid != first);
    let bytes = repository.car();
    let car = Car::parse(&bytes).unwrap();
    let repo = Repo::verify(&car, &did(), &key()).unwrap();
    assert!(matches!(repo.check(), Err(Error::Invalid(Invalid::Tree(_)))));
    assert!(repo.records().any(|entry| matches!(entry, Err(Error::Invalid(_)))));
}

/// Blocks that were not compared with their CIDs, one of them forged.
struct Forged<'a> {
    blocks: &'a MemoryBlocks,
    cid: Cid,
    block: &'a [u8],
}

impl Blocks for Forged<'_> {
    type Error = Infallible;

    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Infallible> {
        if *cid == self.cid { Ok(Some(self.block)) } else { self.blocks.get(cid, buf) }
    }
}

#[test]
fn a_forged_block_under_a_genuine_commit_is_found() {
    let repository = Repository::of(&paths(60));
    let blocks = memory(&repository);
    // Everywhere the block of another repository, which is good in itself.
    let other = Repository::of(&paths(61));
    for (cid, _) in &repository.blocks.0 {
        for (_, block) in other.blocks.0.iter().rev().take(3) {
            let forged = Forged { blocks: &blocks, cid: *cid, block };
            let verdict = atproto_repo::repo::UnsignedRepo::open_at(&forged, repository.commit)
                .and_then(|repo| repo.verify(&did(), &key()))
                .and_then(|repo| repo.check());
            if cid.matches(block) {
                assert!(verdict.is_ok());
            } else {
                assert!(matches!(verdict, Err(Error::Invalid(_))), "{verdict:?}");
            }
        }
    }
}

#[test]
fn a_record_that_breaks_the_data_model_is_its_own_fault() {
    let mut repository = Repository::of(&paths(3));
    let float = [0xa1, 0x61, b'x', 0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0];
    let bad = repository.blocks.add(float.to_vec());
    let repository = {
        let path = "com.example.note/zzz".to_owned();
        let mut pairs: Vec<_> =
            repository.records.iter().map(|(path, cid)| (path.clone().into_bytes(), *cid)).collect();
        pairs.push((path.clone().into_bytes(), bad));
        let root = crate::model::Model::of(&pairs).write(&mut repository.blocks);
        let commit = repository.blocks.add(crate::model::commit(root));
        Repository { commit, records: BTreeMap::from([(path, bad)]), ..repository }
    };
    let bytes = repository.car();
    let car = Car::parse(&bytes).unwrap();
    let repo = Repo::verify(&car, &did(), &key()).unwrap();
    assert_eq!(repo.check().unwrap().records, 4);
    let mut faults = Vec::new();
    let summary = repo.check_records(|path, error| faults.push((path, error.to_string()))).unwrap();
    assert_eq!(summary.records, 4);
    assert_eq!(faults, [("com.example.note/zzz".to_owned(), "float not allowed at byte 3".to_owned())]);
    // Its bytes are kept.
    assert_eq!(repo.get("com.example.note/zzz").unwrap().unwrap().bytes, float);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The tree holds what the map holds, for any keys and any range, and a range asks for no node that it does not need.
    #[test]
    fn walks_agree_with_a_map(
        keys in proptest::collection::btree_set(proptest::collection::vec(any::<u8>(), 1..6), 0..120),
        start in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..4)),
        end in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..4)),
    ) {
        let pairs: Vec<_> = keys.iter().map(|key| (key.clone(), Cid::of_dag_cbor(key))).collect();
        let mut blocks = crate::model::Blocks::default();
        let root = crate::model::Model::of(&pairs).write(&mut blocks);
        let blocks: BTreeMap<Cid, Vec<u8>> = blocks.0.into_iter().collect();
        let mut walk = Walk::range(root, start.as_deref(), end.as_deref());
        let (mut found, mut asked) = (Vec::new(), BTreeSet::new());
        loop {
            match walk.step() {
                Step::Need(cid) => {
                    prop_assert!(asked.insert(cid));
                    walk.supply(&blocks[&cid]).unwrap();
                }
                Step::Entry => found.push(walk.entry().map(|entry| (entry.key.to_vec(), *entry.value)).unwrap()),
                Step::Done => break,
            }
        }
        prop_assert_eq!(walk.nodes(), asked.len() as u64);
        let inside = |key: &[u8]| start.as_deref().is_none_or(|start| key >= start) && end.as_deref().is_none_or(|end| key < end);
        let expected: Vec<_> = pairs.into_iter().filter(|(key, _)| inside(key)).collect();
        if start.is_none() && end.is_none() {
            prop_assert_eq!(asked.len(), blocks.len());
        }
        prop_assert_eq!(found, expected);
    }
}
