//! Memory above the input: `cargo bench -p benches --bench memory [-- RECORDS...]`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a benchmark may panic"
)]

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod corpus;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod hose;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

use atproto_lexicon::data::Cid;
use atproto_repo::car::{Car, CarFile};
use atproto_repo::mst::{Builder, Edit};
use atproto_repo::repo::stream::{Reader, RepoStream};
use atproto_repo::store::{Blocks as _, MemoryBlocks};
use corpus::{Corpus, did, key};
use futures_executor::block_on;
use peak_alloc::PeakAlloc;
use std::io::Cursor;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Events of a firehose.
const EVENTS: usize = 50_000;

fn main() {
    firehose();
    for records in timing::sizes(&[100_000, 1_000_000]) {
        let corpus = Corpus::of(records);
        let (ordered, unordered, blocks) = (corpus.pre_order(), corpus.unordered(), corpus.blocks.len());
        let keys: usize = corpus.paths.iter().map(String::len).sum();
        let before = MEMORY.current_usage();
        let tree = tree(&corpus);
        let held = (MEMORY.current_usage() - before) as f64;
        timing::report(
            &format!("tree of {records} records: bytes a record beyond its key"),
            (held - keys as f64) / records as f64,
            120.0,
        );
        drop(tree);
        let before = MEMORY.current_usage();
        let tree = new_tree(&corpus);
        let held = (MEMORY.current_usage() - before) as f64;
        timing::report(
            &format!("new tree of {records} records, its keys in no nodes: bytes a record beyond its key"),
            (held - keys as f64) / records as f64,
            120.0,
        );
        drop((corpus, tree));
        let streamed = peak(|| {
            let summary = RepoStream::verify(Reader::new(&*ordered), did(), key()).check().unwrap();
            assert_eq!(summary.records as usize, records);
        });
        let what = format!("in one pass from a reader, {records} records: MiB above the input");
        timing::report(&what, streamed as f64 / f64::from(1 << 20), 8.0);
        let index = |bytes: usize| bytes as f64 / blocks as f64;
        let in_memory = peak(|| assert_eq!(Car::parse(&unordered).unwrap().len(), blocks));
        timing::report(&format!("index of {blocks} blocks in memory: bytes a block"), index(in_memory), 48.0);
        let in_parallel = peak(|| assert_eq!(Car::parse_parallel(&unordered).unwrap().len(), blocks));
        timing::report(
            &format!("index of {blocks} blocks on all threads: bytes a block"),
            index(in_parallel),
            48.0,
        );
        let in_file = peak(|| assert_eq!(CarFile::open(Cursor::new(&unordered)).unwrap().len(), blocks));
        timing::report(&format!("index of {blocks} blocks in a file: bytes a block"), index(in_file), 48.0);
    }
}

/// The tree of the records' paths, without the records.
fn tree(corpus: &Corpus) -> MemoryBlocks {
    let mut blocks = MemoryBlocks::default();
    let mut tree = Builder::new(|cid, block| blocks.insert_unchecked(cid, block.to_vec()));
    for (path, record) in corpus.paths.iter().zip(&corpus.records) {
        tree.push(path.as_bytes(), &Cid::of_dag_cbor(record)).unwrap();
    }
    let root = tree.finish();
    assert!(blocks.get(&root, &mut Vec::new()).unwrap().is_some());
    blocks
}

/// The same as it is while it can be changed, after its nodes were given away.
fn new_tree(corpus: &Corpus) -> Edit {
    let mut tree = Edit::empty();
    for (path, record) in corpus.paths.iter().zip(&corpus.records) {
        tree.insert(path.as_bytes(), Cid::of_dag_cbor(record)).unwrap();
    }
    tree.finish().unwrap();
    tree
}

/// The most bytes that were allocated at once beyond those before.
fn peak(work: impl FnOnce()) -> usize {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    work();
    MEMORY.peak_usage() - before
}

fn firehose() {
    // Identities are known, and maps have grown, after some of them.
    const WARM: usize = 1_000;
    let (first, frames) = hose::frames(WARM + EVENTS);
    let count = first.len();
    // Frames that were freed on the way would hide what grows.
    let kept = frames.clone();
    let mut hose = hose::follow(first.into_iter().chain(frames).collect());
    block_on(hose::take(&mut hose, count + WARM));
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    block_on(hose::take(&mut hose, EVENTS));
    let grown = MEMORY.current_usage().saturating_sub(before) as f64 / 1024.0;
    let peak = MEMORY.peak_usage().saturating_sub(before) as f64 / 1024.0;
    timing::report(&format!("the firehose after {EVENTS} events: KiB more"), grown, 16.0);
    timing::report(&format!("the firehose during {EVENTS} events: KiB more at most"), peak, 256.0);
    assert_eq!(kept.len(), WARM + EVENTS);
}
