use crate::model::{Repository, did, key, paths};
use atproto_lexicon::data::Cid;
use atproto_repo::car::Car;
use atproto_repo::mst::{Limits, Node, Step, Tree, TreeReason, Walk, layer_of};
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

/// The nodes whose keys may lie in a range, seen from the nodes above them.
fn needed(blocks: &BTreeMap<Cid, Vec<u8>>, root: Cid, start: &[u8], end: Option<&[u8]>) -> BTreeSet<Cid> {
    let mut needed = BTreeSet::new();
    // Each with the keys between which it lies.
    let mut todo = vec![(root, None::<Vec<u8>>, None::<Vec<u8>>)];
    while let Some((cid, lower, upper)) = todo.pop() {
        let is_before = upper.as_deref().is_some_and(|upper| upper <= start);
        let is_after =
            end.is_some_and(|end| end <= start || lower.as_deref().is_some_and(|lower| lower >= end));
        if is_before || is_after {
            continue;
        }
        needed.insert(cid);
        let node = Node::decode(&blocks[&cid], 8192).unwrap();
        let keys: Vec<_> = node.entries().iter().map(|entry| node.key(entry).to_vec()).collect();
        let children =
            [node.left().copied()].into_iter().chain(node.entries().iter().map(|entry| entry.right));
        for (index, child) in children.enumerate() {
            let below = index.checked_sub(1).map(|at| keys[at].clone()).or(lower.clone());
            let above = keys.get(index).cloned().or(upper.clone());
            todo.extend(child.map(|child| (child, below, above)));
        }
    }
    needed
}

#[test]
fn prefixes_end_where_they_end() {
    let keys = [&b"a"[..], b"a\xfe", b"a\xff", b"a\xff\x01", b"a\xff\xff", b"b", b"\xff", b"\xff\xff"];
    let pairs: Vec<_> = keys.iter().map(|key| (key.to_vec(), Cid::of_dag_cbor(key))).collect();
    let mut blocks = crate::model::Blocks::default();
    let root = crate::model::Model::of(&pairs).write(&mut blocks);
    let mut memory = MemoryBlocks::default();
    for (_, block) in blocks.0 {
        memory.insert(block);
    }
    for prefix in [&b""[..], b"a", b"a\xff", b"a\xff\xff", b"\xff", b"\xff\xff", b"\xff\xff\xff", b"c"] {
        let mut walk = Tree::new(&memory, root).prefix(prefix);
        let mut found = Vec::new();
        while let Some(entry) = walk.next().unwrap() {
            found.push(entry.key.to_vec());
        }
        let expected: Vec<_> =
            keys.iter().filter(|key| key.starts_with(prefix)).map(|key| key.to_vec()).collect();
        assert_eq!(found, expected, "{prefix:?}");
    }
}

#[test]
fn the_limits_of_a_tree() {
    let key = |layer: u32| {
        (0_u32..).map(|n| format!("{n}").into_bytes()).find(|key| layer_of(key) == layer).unwrap()
    };
    let mut blocks = crate::model::Blocks::default();
    let root = crate::model::Model::of(&[(key(2), Cid::of_dag_cbor(b""))]).write(&mut blocks);
    let block = &blocks.0.last().unwrap().1;
    let supply =
        |limits: Limits| Walk::new(root).with_limits(limits).supply(block).map_err(|fault| fault.reason);
    // A key of layer 2 makes three layers.
    assert_eq!(supply(Limits { depth: 3, ..Limits::default() }), Ok(()));
    assert_eq!(supply(Limits { depth: 2, ..Limits::default() }), Err(TreeReason::TooDeep));
    assert_eq!(supply(Limits { bytes: block.len(), ..Limits::default() }), Ok(()));
    assert_eq!(supply(Limits { bytes: block.len() - 1, ..Limits::default() }), Err(TreeReason::TooLong));
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
        let (mut found, mut asked, mut ahead) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        loop {
            match walk.step() {
                Step::Need(cid) => {
                    prop_assert!(asked.insert(cid) && (cid == root || ahead.contains(&cid)));
                    walk.supply(&blocks[&cid]).unwrap();
                    ahead.extend(walk.ahead());
                }
                Step::Entry => found.push(walk.entry().map(|entry| (entry.key.to_vec(), *entry.value)).unwrap()),
                Step::Done => break,
            }
        }
        prop_assert_eq!(walk.nodes(), asked.len() as u64);
        prop_assert!(ahead.is_subset(&asked), "what was said to come came");
        let inside = |key: &[u8]| start.as_deref().is_none_or(|start| key >= start) && end.as_deref().is_none_or(|end| key < end);
        let expected: Vec<_> = pairs.into_iter().filter(|(key, _)| inside(key)).collect();
        let (start, end) = (start.as_deref().unwrap_or_default(), end.as_deref());
        prop_assert_eq!(asked, needed(&blocks, root, start, end));
        prop_assert_eq!(found, expected);
    }
}
