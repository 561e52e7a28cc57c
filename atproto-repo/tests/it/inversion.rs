//! Trees that are none, which give the tree before all the same when the operations are undone.

use crate::events::{CommitBody, op};
use crate::history::key;
use crate::model::{Blocks, Model, ModelEntry, Pairs};
use crate::oracle::layer_of;
use crate::write::{did, record, rev, secret};
use atproto_lexicon::data::{Cid, cbor};
use atproto_repo::car::CarWriter;
use atproto_repo::repo::{Commit, Missing};
use atproto_repo::sync::{Event, Head, Policy, VerifyError};
use std::convert::Infallible;

const NOW: u64 = 1_750_000_001_000_000;

fn value() -> Cid {
    Cid::of_dag_cbor(&record(1))
}

fn pairs(numbers: impl Iterator<Item = u16>) -> Pairs {
    let mut pairs: Pairs = numbers.map(|number| (key(number), value())).collect();
    pairs.sort();
    pairs
}

fn text(key: &[u8]) -> String {
    String::from_utf8(key.to_vec()).unwrap()
}

fn root(model: &Model) -> Cid {
    model.write(&mut Blocks::default())
}

/// Verifies an event by which this key was created, on top of a known tree.
fn verify(before: Cid, after: &Model, created: &[u8], left_out: Option<Cid>) -> Result<(), VerifyError> {
    let mut nodes = Blocks::default();
    let data = after.write(&mut nodes);
    let block =
        Commit::encode(&did(), rev(1), data, |bytes| Ok::<_, Infallible>(secret().sign(bytes))).unwrap();
    let commit = Cid::of_dag_cbor(&block);
    let mut car = CarWriter::new(Vec::new(), &[commit]).unwrap();
    car.write(&commit, &block).unwrap();
    car.write(&value(), &record(1)).unwrap();
    for (cid, block) in nodes.0.iter().filter(|(cid, _)| Some(*cid) != left_out) {
        car.write(cid, block).unwrap();
    }
    let body = CommitBody {
        seq: 1,
        commit,
        rev: rev(1),
        since: Some(rev(0)),
        prev_data: Some(before),
        blocks: car.into_inner(),
        ops: vec![op("create", &text(created), Some(value()), None)],
    };
    let body = cbor::to_vec(&body.object()).unwrap();
    let Some(Event::Commit(event)) = Event::parse("#commit", &body).unwrap() else { panic!() };
    let head = Head { rev: rev(0), data: before };
    event.verify(&secret().public_key(), Some(&head), NOW, &Policy::default()).map(drop)
}

/// Puts a key into its node, and the whole subtree that it would part to its left or right.
fn put_unparted(node: &mut Model, at_layer: u32, key: &[u8], on_left: bool) -> Option<Cid> {
    let at = node.entries.partition_point(|entry| entry.key.as_slice() < key);
    let gap = match at.checked_sub(1) {
        None => &mut node.left,
        Some(before) => &mut node.entries[before].right,
    };
    if layer_of(key) < at_layer {
        return put_unparted(gap.as_mut()?, at_layer - 1, key, on_left);
    }
    let subtree = gap.take();
    let cid = subtree.as_ref().map(|subtree| root(subtree));
    let right = if on_left {
        *gap = subtree;
        None
    } else {
        subtree
    };
    node.entries.insert(at, ModelEntry { key: key.to_vec(), value: value(), right });
    cid
}

#[test]
fn a_subtree_that_reaches_over_a_created_key_is_found() {
    let before = pairs(0..200);
    let tree = Model::of(&before);
    let top = before.iter().map(|(key, _)| layer_of(key)).max().unwrap();
    let mut forged = 0;
    for key in (200..400).map(key).filter(|key| (1..=top).contains(&layer_of(key))) {
        let mut all = before.clone();
        all.push((key.clone(), value()));
        all.sort();
        let genuine = Model::of(&all);
        assert_eq!(verify(root(&tree), &genuine, &key, None), Ok(()));
        for on_left in [true, false] {
            let mut wrong = tree.clone();
            let Some(subtree) = put_unparted(&mut wrong, top, &key, on_left) else { continue };
            if root(&wrong) == root(&genuine) {
                continue;
            }
            forged += 1;
            let refused = verify(root(&tree), &wrong, &key, None);
            assert!(matches!(refused, Err(VerifyError::Tree(_))), "{refused:?}");
            let refused = verify(root(&tree), &wrong, &key, Some(subtree));
            assert_eq!(refused, Err(VerifyError::Incomplete(Missing::Node(subtree))));
        }
    }
    assert!(forged > 20);
}

#[test]
fn a_root_over_a_tree_that_is_too_low_is_found() {
    let before = pairs(0..3);
    let tree = Model::of(&before);
    let top = before.iter().map(|(key, _)| layer_of(key)).max().unwrap();
    let high = (3..60_000).map(key).find(|key| layer_of(key) > top + 1).unwrap();
    let entry = |right| ModelEntry { key: high.clone(), value: value(), right };
    let is_left = before.iter().all(|(key, _)| *key < high);
    // Fillers are missing between the new root and the old one.
    let (left, right) =
        if is_left { (Some(Box::new(tree.clone())), None) } else { (None, Some(Box::new(tree.clone()))) };
    let wrong = Model { left, entries: vec![entry(right)] };
    let refused = verify(root(&tree), &wrong, &high, None);
    assert!(matches!(refused, Err(VerifyError::Tree(_))), "{refused:?}");
}
