//! Histories of a repository that is written, stored, exported and proven, beside the oracle.

use crate::history::{Step, steps};
use crate::oracle::{self, Map};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::{Cid, Object, cbor};
use atproto_lexicon::syntax::{Did, Tid};
use atproto_repo::car::{Car, Decoder};
use atproto_repo::mst::Proof;
use atproto_repo::repo::stream::{RepoStream, Slice};
use atproto_repo::repo::{
    Error, MAX_WRITES, ProofError, Repo, SignedCommit, UnsignedCommit, UnsignedRepo, Write, WriteError,
    verify_proof,
};
use atproto_repo::store::{Archive, Blocks as _, CommitError, MemoryStore, Store as _};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn did() -> Did {
    "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap()
}

pub(crate) fn secret() -> SecretKey {
    SecretKey::from_hex(Curve::K256, &"2b".repeat(32)).unwrap()
}

pub(crate) fn rev(number: u64) -> Tid {
    Tid::from_parts(1_750_000_000_000_000 + number, 1).unwrap()
}

pub(crate) fn record(number: u8) -> Vec<u8> {
    cbor::to_vec(&Object::from([
        ("$type".to_owned(), "com.example.note".into()),
        ("text".into(), number.to_string().into()),
    ]))
    .unwrap()
}

pub(crate) fn path(number: u16) -> String {
    String::from_utf8(crate::history::key(number)).unwrap()
}

/// The records of a repository, by their paths.
pub(crate) type Records = BTreeMap<String, u8>;

/// The writes that a step makes of a repository with these records, which it changes, and each path once.
pub(crate) fn writes(step: &Step, records: &mut Records) -> Vec<(String, Option<Vec<u8>>, bool)> {
    let mut seen = BTreeSet::new();
    let mut writes = Vec::new();
    for (number, change) in step {
        let path = path(*number);
        if !seen.insert(path.clone()) {
            continue;
        }
        let was = match change {
            Some(number) => records.insert(path.clone(), *number),
            None => records.remove(&path),
        };
        if was.is_some() || change.is_some() {
            writes.push((path, change.map(record), was.is_some()));
        }
    }
    writes
}

pub(crate) fn as_writes(writes: &[(String, Option<Vec<u8>>, bool)]) -> Vec<Write<'_>> {
    writes
        .iter()
        .map(|(path, record, was)| match (record, was) {
            (None, _) => Write::Delete { path, swap: None },
            (Some(record), true) => Write::Update { path, record, swap: None },
            (Some(record), false) => Write::Create { path, record },
        })
        .collect()
}

pub(crate) fn map_of(records: &Records) -> Map {
    records.iter().map(|(path, number)| (path.clone().into(), Cid::of_dag_cbor(&record(*number)))).collect()
}

/// The next commit of the repository in a store, before it is signed.
pub(crate) fn unsigned<S: Archive<Error: std::fmt::Debug>>(
    store: &S,
    writes: &[Write<'_>],
    number: u64,
) -> UnsignedCommit {
    match UnsignedRepo::open(store) {
        Ok(repo) => repo.write(writes, None, rev(number)).unwrap(),
        Err(_) => UnsignedCommit::create(&did(), writes, rev(number)).unwrap(),
    }
}

/// The next commit of the repository in a store.
pub(crate) fn next<S: Archive<Error: std::fmt::Debug>>(
    store: &S,
    writes: &[Write<'_>],
    number: u64,
) -> SignedCommit {
    unsigned(store, writes, number).sign(&secret())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn a_repository_is_what_was_written(history in steps()) {
        let (did, key) = (did(), secret().public_key());
        let mut store = MemoryStore::default();
        let mut records = Records::new();
        for (number, step) in history.iter().enumerate() {
            let before = map_of(&records);
            let list = writes(step, &mut records);
            let map = map_of(&records);
            let commit = next(&store, &as_writes(&list), number as u64);
            store.commit(&commit.write_set()).unwrap();
            prop_assert_eq!(store.commit(&commit.write_set()), Err(CommitError::Conflict));

            let tree = oracle::Oracle::build(&map);
            prop_assert_eq!(commit.data(), &tree.root);
            let values: BTreeSet<_> = map.values().collect();
            prop_assert_eq!(store.len(), 1 + tree.nodes.len() + values.len(), "no block too many");
            let covering: BTreeSet<Cid> = commit.covering().iter().map(|(cid, _)| *cid).collect();
            // The root always goes along.
            let nodes = list.iter().flat_map(|(path, ..)| oracle::neighbour_nodes(&map, path.as_bytes()));
            let expected: BTreeSet<Cid> = nodes.chain([tree.root]).collect();
            prop_assert_eq!(&covering, &expected);
            let ops = oracle::diff(&before, &map).ops;
            prop_assert!(covering.is_superset(&oracle::covering_nodes(&before, &map, &ops)));

            let repo = Repo::verify(&store, &did, &key).unwrap();
            prop_assert_eq!(repo.check().unwrap().records as usize, map.len());
            let file = repo.export(Vec::new()).unwrap();
            let streamed = RepoStream::unsigned(Slice::new(&file)).check().unwrap();
            prop_assert_eq!(streamed.records as usize, map.len());
            let car = Car::parse(&file).unwrap();
            let listed: Map = UnsignedRepo::open(&car).unwrap().records()
                .map(|entry| entry.unwrap()).map(|entry| (entry.path.into_bytes(), entry.cid)).collect();
            prop_assert_eq!(&listed, &map);

            for at in (0..60).step_by(7) {
                let path = path(at);
                let expected = map.get(path.as_bytes()).copied();
                let proof = repo.prove(&path).unwrap();
                let car = Car::parse(&proof).unwrap();
                let found = UnsignedRepo::open(&car).unwrap().get(&path).unwrap().map(|entry| entry.cid);
                prop_assert_eq!(found, expected);
                // One of them whole: signatures take longer than all else.
                if usize::from(at / 7) == number % 9 {
                    let found = verify_proof(&proof, &did, &key, &path).unwrap().map(|entry| entry.cid);
                    prop_assert_eq!(found, expected);
                }
                let nodes = |proof: Proof| -> Vec<Cid> {
                    let nodes = proof.nodes(&store, &tree.root, &[path.as_bytes()]).unwrap();
                    nodes.into_iter().map(|(cid, _)| cid).collect()
                };
                prop_assert_eq!(nodes(Proof::Search), oracle::search_nodes(&map, path.as_bytes()));
                prop_assert_eq!(nodes(Proof::Minimal), oracle::inclusion_nodes(&map, path.as_bytes()));
            }

            let (start, end) = ("com.example.like/3", "com.example.note/5");
            let part = repo.export_range(Vec::new(), Some(start), Some(end)).unwrap();
            let mut nodes = oracle::range_nodes(&map, start.as_bytes(), Some(end.as_bytes()));
            let range = map.range(Vec::from(start)..Vec::from(end));
            nodes.extend(range.clone().map(|(_, cid)| *cid));
            nodes.push(*commit.cid());
            prop_assert_eq!(blocks_of(&part), nodes.into_iter().collect::<BTreeSet<_>>());
            let car = Car::parse(&part).unwrap();
            let part = UnsignedRepo::open(&car).unwrap();
            let mut walk = part.walk_range(Some(start), Some(end));
            let mut count = 0;
            while walk.next().unwrap().is_some() {
                count += 1;
            }
            prop_assert_eq!(count, range.count());
        }
    }
}

fn blocks_of(file: &[u8]) -> BTreeSet<Cid> {
    let mut decoder = Decoder::new();
    decoder.push(file);
    let mut blocks = BTreeSet::new();
    while let Some(block) = decoder.next_block().unwrap() {
        blocks.insert(block.cid);
    }
    blocks
}

/// A repository of 40 records in a store.
pub(crate) fn forty() -> (MemoryStore, Records) {
    let (mut store, mut records) = (MemoryStore::default(), Records::new());
    let step: Step = (0..40).map(|number| (number, Some(number as u8))).collect();
    let commit = next(&store, &as_writes(&writes(&step, &mut records)), 0);
    store.commit(&commit.write_set()).unwrap();
    (store, records)
}

#[test]
fn a_proof_without_a_block_proves_nothing() {
    let (store, records) = forty();
    let (did, key) = (did(), secret().public_key());
    let repo = Repo::verify(&store, &did, &key).unwrap();
    for number in 0..60 {
        let path = path(number);
        let proof = repo.prove(&path).unwrap();
        let car = Car::parse(&proof).unwrap();
        let is_there = records.contains_key(&path);
        for left_out in car.blocks() {
            let mut file = atproto_repo::car::CarWriter::new(Vec::new(), car.roots()).unwrap();
            for block in car.blocks().filter(|block| block.cid != left_out.cid) {
                file.write(&block.cid, block.bytes).unwrap();
            }
            match verify_proof(&file.into_inner(), &did, &key, &path) {
                Err(ProofError::Repo(Error::Incomplete(_))) => {}
                // Of a proof for readers who do not look at layers, the end is not needed here.
                Ok(None) if !is_there => {
                    let tree = oracle::Oracle::build(&map_of(&records));
                    let needed = oracle::inclusion_nodes(&map_of(&records), path.as_bytes());
                    assert!(tree.nodes.contains_key(&left_out.cid) && !needed.contains(&left_out.cid));
                }
                other => panic!("{path} without {}: {other:?}", left_out.cid),
            }
        }
        let other = SecretKey::from_hex(Curve::K256, &"3c".repeat(32)).unwrap().public_key();
        assert!(verify_proof(&proof, &did, &other, &path).is_err());
    }
}

#[test]
fn writes_are_refused() {
    let (store, records) = forty();
    let repo = UnsignedRepo::open(&store).unwrap();
    let (there, absent) = (records.keys().next().unwrap().as_str(), "com.example.note/absent");
    let (note, other) = (record(1), Cid::of_dag_cbor(b"other"));
    let now = *repo.commit_cid();
    let write =
        |writes: &[Write<'_>], swap: Option<&Cid>, number| repo.write(writes, swap, rev(number)).map(drop);
    let create = Write::Create { path: absent, record: &note };

    assert!(write(&[create], Some(&now), 1).is_ok());
    assert_eq!(write(&[create], Some(&other), 1), Err(WriteError::SwapCommit(now)));
    assert_eq!(write(&[create], None, 0), Err(WriteError::Rev(rev(0))));
    assert_eq!(write(&[create, create], None, 1), Err(WriteError::DuplicatePath(absent.into())));
    let exists = Write::Create { path: there, record: &note };
    assert_eq!(write(&[exists], None, 1), Err(WriteError::Exists(there.into())));
    for write_absent in [
        Write::Update { path: absent, record: &note, swap: None },
        Write::Delete { path: absent, swap: None },
    ] {
        assert_eq!(write(&[write_absent], None, 1), Err(WriteError::NotFound(absent.into())));
    }
    let found = repo.get(there).unwrap().unwrap().cid;
    for (swap, is_good) in [(Some(other), false), (Some(found), true), (None, true)] {
        for write_there in
            [Write::Update { path: there, record: &note, swap }, Write::Delete { path: there, swap }]
        {
            let refused = WriteError::SwapRecord { path: there.into(), found };
            assert_eq!(write(&[write_there], None, 1), if is_good { Ok(()) } else { Err(refused) });
        }
    }
    for bad in ["", "com.example.note", "com.example.note/", "note/1", "com.example.note/a/b"] {
        let refused = write(&[Write::Create { path: bad, record: &note }], None, 1);
        assert!(matches!(refused, Err(WriteError::Path(path, _)) if path == bad));
    }
    let float = [0xa1, 0x61, b'a', 0xfb, 0, 0, 0, 0, 0, 0, 0, 0];
    let long = cbor::to_vec(&Object::from([("text".to_owned(), "a".repeat(1_000_000).into())])).unwrap();
    for bad in [&float[..], &[], &[0x01], &long] {
        let refused = write(&[Write::Create { path: absent, record: bad }], None, 1);
        assert!(matches!(refused, Err(WriteError::Record(..))));
    }
    let paths: Vec<String> = (0..=MAX_WRITES).map(|number| format!("com.example.note/{number}x")).collect();
    let many: Vec<_> = paths.iter().map(|path| Write::Create { path, record: &note }).collect();
    assert!(write(&many[1..], None, 1).is_ok());
    assert_eq!(write(&many, None, 1), Err(WriteError::TooManyWrites(MAX_WRITES + 1)));
}

#[test]
fn a_signature_made_elsewhere_is_checked() {
    let (secret, other) = (secret(), SecretKey::from_hex(Curve::P256, &"3c".repeat(32)).unwrap());
    let unsigned = UnsignedCommit::create(&did(), &[], rev(0)).unwrap();
    let signature = secret.sign(unsigned.unsigned_bytes());
    assert!(unsigned.clone().finish(&signature, &other.public_key()).is_err());
    let commit = unsigned.finish(&signature, &secret.public_key()).unwrap();
    let mut store = MemoryStore::default();
    store.commit(&commit.write_set()).unwrap();
    assert_eq!(store.get(commit.cid(), &mut Vec::new()), Ok(Some(commit.block())));
    assert!(Repo::verify(&store, &did(), &secret.public_key()).unwrap().check().is_ok());
}
