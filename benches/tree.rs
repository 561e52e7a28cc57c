//! Building, changing and comparing trees of 100,000 records: `cargo bench -p benches --bench tree`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod bare;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod corpus;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

use atproto_lexicon::data::Cid;
use atproto_repo::mst::{Builder, Edit, TreeDiff, TreeEdit};
use atproto_repo::store::MemoryBlocks;
use corpus::{Corpus, Random};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::time::{Duration, Instant};

const RECORDS: usize = 100_000;

fn main() {
    let corpus = Corpus::of(RECORDS);
    let values: Vec<Cid> = corpus.records.iter().map(|record| Cid::of_dag_cbor(record)).collect();
    let pairs: Vec<(&[u8], Cid)> = corpus.paths.iter().map(|path| path.as_bytes()).zip(values).collect();
    let mut blocks = MemoryBlocks::default();
    let root = build(&pairs, |cid, block| blocks.insert_unchecked(cid, block.to_vec()));

    let nodes: Vec<Vec<u8>> = blocks.iter().map(|(_, block)| block.to_vec()).collect();
    let bare = || {
        corpus.paths.iter().for_each(bare::hash_key);
        for node in &nodes {
            black_box(Sha256::digest(node));
        }
    };
    let mut built = 0;
    let bulk = || {
        built = 0;
        assert_eq!(build(&pairs, |_, _| built += 1), root);
    };
    let (hashed, bulk, ratio) = timing::paired(21, bare, bulk);
    assert_eq!(built, nodes.len());
    println!("{RECORDS} records, {} nodes: {hashed:.3?} bare, {bulk:.3?} built", nodes.len());
    timing::report("build from sorted keys, × bare hashing of keys and nodes", ratio, 1.5);

    let mut shuffled: Vec<_> = pairs.clone();
    shuffle(&mut shuffled);
    let one_by_one = || {
        let mut edit = Edit::empty();
        for (key, value) in &shuffled {
            edit.insert(key, *value).unwrap();
        }
        assert_eq!(edit.finish().unwrap().0, root);
    };
    let (_, inserted, ratio) = timing::paired(7, || assert_eq!(build(&pairs, |_, _| ()), root), one_by_one);
    println!("{inserted:.3?} inserted in no order");
    timing::report("insert in no order, root at the end, × build", ratio, 5.0);

    let mut random = Random(11);
    let (mut writes, mut at) = (Vec::new(), root);
    for round in 0..3000 {
        let (key, value) = pairs[random.below(RECORDS as u64) as usize];
        let new = [key, &b"2"[..]].concat();
        let start = Instant::now();
        let mut edit = TreeEdit::new(&blocks, at);
        match round % 3 {
            0 => edit.insert(&new, value).unwrap(),
            1 => edit.insert(key, pairs[round].1).unwrap(),
            _ => edit.remove(key).unwrap(),
        };
        let (next, changes) = edit.finish().unwrap();
        changes.retired.iter().for_each(|cid| drop(blocks.remove(cid)));
        changes.created.into_iter().for_each(|(cid, block)| blocks.insert_unchecked(cid, block));
        writes.push(start.elapsed());
        at = next;
    }
    timing::report_micros("one write with its new root", median(writes), 12.0, bare_signature());

    let mut after = MemoryBlocks::default();
    let mut changed = pairs.clone();
    let step = RECORDS / 100;
    changed.iter_mut().step_by(step).for_each(|(_, value)| *value = Cid::of_dag_cbor(value.as_bytes()));
    let other = build(&changed, |cid, block| after.insert_unchecked(cid, block.to_vec()));
    let mut before = MemoryBlocks::default();
    build(&pairs, |cid, block| before.insert_unchecked(cid, block.to_vec()));
    let times = (0..101).map(|_| {
        let start = Instant::now();
        let mut diff = TreeDiff::new((&before, Some(root)), (&after, Some(other)));
        let mut changes = 0;
        while diff.next().unwrap().is_some() {
            changes += 1;
        }
        assert_eq!(changes, 100);
        start.elapsed()
    });
    timing::report_micros("difference of 100 keys", median(times.collect()), 1500.0, bare_signature());
}

fn build(pairs: &[(&[u8], Cid)], sink: impl FnMut(Cid, &[u8])) -> Cid {
    let mut tree = Builder::new(sink);
    for (key, value) in pairs {
        tree.push(key, value).unwrap();
    }
    tree.finish()
}

/// What one verification of `k256` takes.
fn bare_signature() -> Duration {
    let (key, signatures) = (corpus::key(), corpus::signatures(40));
    let times = signatures.iter().cycle().take(1000).map(|(message, signature)| {
        let start = Instant::now();
        key.verify(black_box(message), signature.as_bytes()).unwrap();
        start.elapsed()
    });
    median(times.collect())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn shuffle<T>(items: &mut [T]) {
    let mut random = Random(5);
    for at in (1..items.len()).rev() {
        items.swap(at, random.below(at as u64 + 1) as usize);
    }
}
