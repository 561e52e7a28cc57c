//! Random histories of writes: after each step the tree, its changes and its difference are those of the oracle.

use crate::oracle::{self, Map, Oracle, OracleTree};
use atproto_lexicon::data::Cid;
use atproto_repo::mst::{Builder, Diff, DiffStep, Edit, EditError, Side, TreeDiff, TreeEdit};
use atproto_repo::store::{Blocks as _, MemoryBlocks};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// One change of a key: a new value, or none.
pub(crate) type Step = Vec<(u16, Option<u8>)>;

/// Keys of some layers: one in four is on a higher one than the leaves'.
pub(crate) fn key(number: u16) -> Vec<u8> {
    format!("com.example.{}/{number}", ["like", "note", "post"][usize::from(number % 3)]).into_bytes()
}

fn value(number: u8) -> Cid {
    Cid::of_dag_cbor(&[number])
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = (0..60_u16, prop::option::weighted(0.6, 0..4_u8));
    prop::collection::vec(prop::collection::vec(change, 1..6), 1..8)
}

fn blocks(tree: &OracleTree) -> MemoryBlocks {
    let mut blocks = MemoryBlocks::default();
    tree.nodes.values().for_each(|block| {
        blocks.insert(block.clone());
    });
    blocks
}

fn set<'a>(cids: impl IntoIterator<Item = &'a Cid>) -> BTreeSet<Cid> {
    cids.into_iter().copied().collect()
}

/// A map after a step.
pub(crate) fn apply(map: &Map, step: &Step) -> Map {
    let mut map = map.clone();
    for (number, change) in step {
        match change {
            Some(number_of_value) => drop(map.insert(key(*number), value(*number_of_value))),
            None => drop(map.remove(&key(*number))),
        }
    }
    map
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn is_what_the_oracle_says(steps in steps()) {
        let mut map = Map::new();
        let mut tree = Oracle::build(&map);
        // One edit goes on through all steps, and another is begun anew in each, over what is stored.
        let nothing = MemoryBlocks::default();
        let mut long = TreeEdit::empty(&nothing);
        let mut stored = blocks(&tree);
        for step in &steps {
            let after = apply(&map, step);
            let expected = oracle::diff(&map, &after);
            let new = Oracle::build(&after);
            let mut edit = TreeEdit::new(&stored, tree.root);
            let mut before = map.clone();
            for (number, change) in step {
                let key = key(*number);
                let (was, old) = match change {
                    Some(number) => {
                        let value = value(*number);
                        (before.insert(key.clone(), value), (edit.insert(&key, value), long.insert(&key, value)))
                    }
                    None => (before.remove(&key), (edit.remove(&key), long.remove(&key))),
                };
                prop_assert_eq!(old, (Ok(was), Ok(was)));
                prop_assert_eq!(edit.get(&key), Ok(before.get(&key).copied()));
            }
            let (root, changes) = edit.finish().unwrap();
            prop_assert_eq!(root, new.root);
            prop_assert_eq!(set(changes.created.iter().map(|(cid, _)| cid)), expected.created_nodes.clone());
            prop_assert_eq!(set(&changes.retired), expected.deleted_nodes.clone());
            prop_assert_eq!(changes.created.len(), expected.created_nodes.len());
            let (long_root, long_changes) = long.finish().unwrap();
            prop_assert_eq!(long_root, root);
            if !map.is_empty() {
                prop_assert_eq!(set(long_changes.created.iter().map(|(cid, _)| cid)), expected.created_nodes.clone());
                prop_assert_eq!(set(&long_changes.retired), expected.deleted_nodes.clone());
            }

            for cid in &changes.retired {
                prop_assert!(stored.remove(cid).is_some());
            }
            let whole = blocks(&tree);
            for (cid, block) in changes.created {
                prop_assert_eq!(stored.insert(block), cid);
            }
            prop_assert_eq!(stored.len(), new.nodes.len());

            let mut diff = TreeDiff::new((&whole, Some(tree.root)), (&stored, Some(root)));
            let mut ops = Vec::new();
            while let Some(change) = diff.next().unwrap() {
                ops.push((change.key.to_vec(), change.before.copied(), change.after.copied()));
            }
            prop_assert_eq!(ops, expected.ops);
            prop_assert_eq!(set(diff.created_nodes()), expected.created_nodes);
            prop_assert_eq!(set(diff.removed_nodes()), expected.deleted_nodes);
            (map, tree) = (after, new);
        }
        let mut built = MemoryBlocks::default();
        let mut builder = Builder::new(|cid, block| assert_eq!(built.insert(block.to_vec()), cid));
        for (key, value) in &map {
            builder.push(key, value).unwrap();
        }
        prop_assert_eq!(builder.finish(), tree.root);
        prop_assert_eq!(set(built.iter().map(|(cid, _)| cid)), set(tree.nodes.keys()));
    }
}

/// The nodes that a change asks for, layer by layer, with nothing read that it does not touch.
#[test]
fn asks_for_the_way_only() {
    let map: Map = (0..2000_u16).map(|number| (key(number), value(0))).collect();
    let tree = Oracle::build(&map);
    for number in [0, 7, 77, 1999, 2000, 40_000] {
        let key = key(number);
        let mut edit = Edit::new(tree.root);
        let mut rounds = 0;
        let mut read = BTreeSet::new();
        loop {
            let needs = set(&edit.needs([key.as_slice()]).unwrap());
            if needs.is_empty() {
                break;
            }
            assert!(needs.len() <= 2, "a way down, or both sides of a seam");
            rounds += 1;
            for cid in needs {
                edit.supply(&cid, &tree.nodes[&cid]).unwrap();
                read.insert(cid);
            }
        }
        assert!(rounds <= 9);
        let mut after = map.clone();
        let expected = if after.remove(&key).is_some() {
            edit.remove(&key).unwrap();
            oracle::diff(&map, &after)
        } else {
            edit.insert(&key, value(1)).unwrap();
            after.insert(key, value(1));
            oracle::diff(&map, &after)
        };
        let (root, changes) = edit.finish().unwrap();
        assert_eq!(root, Oracle::build(&after).root);
        assert_eq!(set(&changes.retired), expected.deleted_nodes);
        assert!(read.is_superset(&expected.deleted_nodes));
        assert!(read.len() <= expected.deleted_nodes.len() + 1, "what was read was replaced");
    }
}

#[test]
fn a_failed_change_leaves_the_tree_as_it_was() {
    let map: Map = (0..300_u16).map(|number| (key(number), value(0))).collect();
    let tree = Oracle::build(&map);
    for missing in tree.nodes.keys() {
        let mut stored = blocks(&tree);
        stored.remove(missing);
        let mut edit = TreeEdit::new(&stored, tree.root);
        let mut after = map.clone();
        for number in (0..300).step_by(7) {
            let (key, new) = (key(number), key(number + 1000));
            if edit.remove(&key).is_ok() {
                after.remove(&key);
            }
            if edit.insert(&new, value(2)).is_ok() {
                after.insert(new, value(2));
            }
        }
        if let Ok((root, _)) = edit.finish() {
            assert_eq!(root, Oracle::build(&after).root);
        }
    }
    let mut edit = Edit::empty();
    assert_eq!(edit.insert(b"", value(0)), Err(EditError::KeyLength));
    assert_eq!(edit.insert(&[b'a'; 1025], value(0)), Err(EditError::KeyLength));
    assert_eq!(edit.insert(&[b'a'; 1024], value(0)), Ok(None));
}

/// A difference asks for no subtree that both trees have.
#[test]
fn work_is_that_of_the_difference() {
    let map: Map = (0..3000_u16).map(|number| (key(number), value(0))).collect();
    let mut after = map.clone();
    after.insert(key(1234), value(3));
    after.remove(&key(2345));
    let [old, new] = [&map, &after].map(Oracle::build);
    let mut diff = Diff::new(Some(old.root), Some(new.root));
    let (mut changes, mut read) = (0, 0);
    loop {
        match diff.step() {
            DiffStep::Done => break,
            DiffStep::Change => changes += 1,
            DiffStep::Need(side, cid) => {
                let tree = if side == Side::Before { &old } else { &new };
                diff.supply(&tree.nodes[&cid]).unwrap();
                read += 1;
            }
        }
    }
    let expected = oracle::diff(&map, &after);
    assert_eq!(changes, 2);
    assert_eq!(read, expected.created_nodes.len() + expected.deleted_nodes.len());
    assert!(blocks(&old).get(&old.root, &mut Vec::new()).unwrap().is_some());
}
