//! The oracle is believed because the public suites say the same.

use crate::oracle::{
    Map, Op, Oracle, OracleTree, covering_nodes, diff, inclusion_nodes, layer_of, link, neighbour_nodes,
    range_nodes, search_nodes, undo,
};
use atproto_lexicon::data::Cid;
use proptest::prelude::*;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A suite's file or folder. Without it there is nothing to check, unless it has to be there.
fn suite(path: &str) -> Option<PathBuf> {
    let path = testdata::root().join("conformance").join(path);
    assert!(path.exists() || !testdata::is_required(), "{} is not there", path.display());
    path.exists().then_some(path)
}

fn read_json(path: &PathBuf) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn cid(json: &Json) -> Option<Cid> {
    json.as_str().map(|text| text.parse().unwrap())
}

fn cids(json: &Json) -> BTreeSet<Cid> {
    json.as_array().unwrap().iter().filter_map(cid).collect()
}

fn of_each<T: IntoIterator<Item = Cid>>(ops: &[Op], nodes: impl Fn(&[u8]) -> T) -> BTreeSet<Cid> {
    ops.iter().flat_map(|(key, ..)| nodes(key)).collect()
}

#[test]
fn layers_are_those_of_the_interop_tests() {
    let Some(heights) = suite("atproto-interop-tests/mst/key_heights.json") else { return };
    for entry in read_json(&heights).as_array().unwrap() {
        assert_eq!(u64::from(layer_of(entry["key"].as_str().unwrap().as_bytes())), entry["height"]);
    }
    let keys = suite("atproto-interop-tests/mst/example_keys.txt").unwrap();
    for key in std::fs::read_to_string(keys).unwrap().lines() {
        assert_eq!(key.chars().nth(1).unwrap().to_digit(10), Some(layer_of(key.as_bytes())));
    }
}

#[test]
fn firehose_proofs_are_those_of_the_interop_tests() {
    let Some(fixtures) = suite("atproto-interop-tests/firehose/commit-proof-fixtures.json") else { return };
    for fixture in read_json(&fixtures).as_array().unwrap() {
        let value = cid(&fixture["leafValue"]).unwrap();
        let keys = |name: &str| -> Vec<Vec<u8>> {
            fixture[name].as_array().unwrap().iter().map(|key| key.as_str().unwrap().into()).collect()
        };
        let before: Map = keys("keys").into_iter().map(|key| (key, value)).collect();
        let mut after = before.clone();
        after.extend(keys("adds").into_iter().map(|key| (key, value)));
        after.retain(|key, _| !keys("dels").contains(key));
        assert_eq!(cid(&fixture["rootBeforeCommit"]), Some(Oracle::build(&before).root));
        assert_eq!(cid(&fixture["rootAfterCommit"]), Some(Oracle::build(&after).root));
        let ops = diff(&before, &after).ops;
        let proof = of_each(&ops, |key| neighbour_nodes(&after, key));
        assert_eq!(proof, cids(&fixture["blocksInProof"]), "{}", fixture["comment"]);
        assert!(covering_nodes(&before, &after, &ops).is_subset(&proof));
    }
}

#[test]
fn differences_are_those_of_the_mst_test_suite() {
    let Some(folder) = suite("mst-test-suite") else { return };
    let files = std::fs::read_dir(folder.join("tests/diff/exhaustive")).unwrap();
    let cases: Vec<_> = files.map(|file| read_json(&file.unwrap().path())).collect();
    assert!(cases.len() >= 8192);
    let ops_of = |case: &Json| -> Vec<Op> {
        let ops = case["results"]["record_ops"].as_array().unwrap().iter();
        ops.map(|op| (op["rpath"].as_str().unwrap().into(), cid(&op["old_value"]), cid(&op["new_value"])))
            .collect()
    };
    // A tree's number says which of all keys are in it.
    let all: Map = cases.iter().flat_map(ops_of).map(|(key, old, new)| (key, old.or(new).unwrap())).collect();
    let tree = |number: usize| -> Map {
        let chosen = all.iter().enumerate().filter(|(at, _)| number >> at & 1 == 1);
        chosen.map(|(_, (key, value))| (key.clone(), *value)).collect()
    };
    let trees: BTreeMap<_, _> = (0..1 << all.len())
        .map(|number| (format!("./cars/exhaustive/exhaustive_{number:03}.car"), tree(number)))
        .collect();
    for (path, map) in &trees {
        assert!(std::fs::read(folder.join(path)).unwrap() == car(&Oracle::build(map)), "{path}");
    }
    for case in &cases {
        let [before, after] = ["mst_a", "mst_b"].map(|name| &trees[case["inputs"][name].as_str().unwrap()]);
        let (found, results) = (diff(before, after), &case["results"]);
        assert_eq!(found.created_nodes, cids(&results["created_nodes"]));
        assert_eq!(found.deleted_nodes, cids(&results["deleted_nodes"]));
        assert_eq!(found.ops, ops_of(case));
        // It looks at a key's layer, but only after it has read the node below.
        let proof = cids(&results["proof_nodes"]);
        assert!(of_each(&found.ops, |key| inclusion_nodes(after, key)).is_subset(&proof));
        assert!(proof.is_subset(&of_each(&found.ops, |key| search_nodes(after, key))));
        // It undoes the last key first, and reads what might be the root.
        let reversed: Vec<_> = found.ops.iter().rev().cloned().collect();
        let (root, read) = undo(&Oracle::build(after), &reversed, None);
        assert_eq!(root, Oracle::build(before).root);
        assert_eq!(read, cids(&results["inductive_proof_nodes"]));
        check_covering(before, after, &reversed);
    }
}

/// The CAR of a tree without a commit, its blocks sorted by CID.
fn car(tree: &OracleTree) -> Vec<u8> {
    let mut car = vec![58, 0xa2, 0x65];
    car.extend(b"roots\x81");
    link(Some(&tree.root), &mut car);
    car.extend(b"\x67version\x01");
    for (cid, block) in &tree.nodes {
        let length = cid.as_bytes().len() + block.len();
        if length >= 0x80 {
            car.push(length as u8 | 0x80);
            car.push((length >> 7) as u8);
        } else {
            car.push(length as u8);
        }
        car.extend(cid.as_bytes());
        car.extend(block);
    }
    car
}

/// Whatever is claimed of covering nodes, with the operations in some order.
fn check_covering(before: &Map, after: &Map, ops: &[Op]) {
    let covering = covering_nodes(before, after, ops);
    let deleted: Vec<_> = ops.iter().filter(|(_, _, new)| new.is_none()).cloned().collect();
    let mut expected = of_each(&deleted, |key| search_nodes(after, key));
    expected.extend(diff(before, after).created_nodes);
    assert_eq!(covering, expected);
    let neighbours = of_each(ops, |key| neighbour_nodes(after, key));
    let (tree, root) = (Oracle::build(after), Oracle::build(before).root);
    for known in [None, Some(root)] {
        let (found, read) = undo(&tree, ops, known);
        assert_eq!(found, root);
        assert!(covering.is_subset(&read));
        assert!(read.is_subset(&neighbours));
    }
}

/// What may be in a tree: a key's number and value.
type Numbers = BTreeMap<u32, u8>;

fn map(numbers: &Numbers) -> Map {
    let pairs = numbers.iter().map(|(key, value)| (format!("k/{key}").into(), Cid::of_dag_cbor(&[*value])));
    pairs.collect()
}

fn numbers(most: usize) -> impl Strategy<Value = Numbers> {
    prop::collection::btree_map(0..300_u32, 0..3_u8, 0..most)
}

/// Two trees that differ in some keys, and what differs in any order.
fn changes() -> impl Strategy<Value = (Map, Map, Vec<Op>)> {
    let two = (numbers(60), numbers(8), prop::collection::vec(any::<prop::sample::Index>(), 0..8));
    two.prop_flat_map(|(before, put, removed)| {
        let mut after = before.clone();
        let keys: Vec<_> = before.keys().collect();
        for key in removed.iter().filter(|_| !keys.is_empty()) {
            after.remove(*key.get(&keys));
        }
        after.extend(put);
        let (before, after) = (map(&before), map(&after));
        let ops = diff(&before, &after).ops;
        (Just(before), Just(after), Just(ops).prop_shuffle())
    })
}

proptest! {
    #[test]
    fn no_order_reads_less_than_what_covers((before, after, ops) in changes()) {
        check_covering(&before, &after, &ops);
    }

    #[test]
    fn a_range_reads_what_its_keys_need(numbers in numbers(60), from in 0..300_u32, to in 0..300_u32) {
        let map = map(&numbers);
        let (start, end) = (format!("k/{from}").into_bytes(), format!("k/{to}").into_bytes());
        let nodes = range_nodes(&map, &start, Some(&end));
        prop_assert_eq!(nodes.is_empty(), start >= end);
        let within = map.keys().filter(|key| **key >= start && **key < end);
        for node in within.flat_map(|key| inclusion_nodes(&map, key)) {
            prop_assert!(nodes.contains(&node));
        }
        prop_assert_eq!(search_nodes(&map, &start), range_nodes(&map, &start, Some(&[&*start, &[0]].concat())));
        prop_assert_eq!(range_nodes(&map, b"", None).len(), Oracle::build(&map).nodes.len());
    }
}
