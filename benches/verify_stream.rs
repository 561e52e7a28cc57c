//! Full verification of a file in pre-order, in one pass, from memory and from a reader, beside bare hashing from the same:
//! `cargo bench -p benches --bench verify_stream [-- RECORDS...]`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

mod bare;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod corpus;
mod timing;

use atproto_repo::repo::stream::{Reader, RepoStream, Slice, Source};
use corpus::{Corpus, did, key};

fn main() {
    for records in timing::sizes(&[1_000, 10_000, 100_000, 1_000_000]) {
        let corpus = Corpus::of(records);
        let bytes = corpus.pre_order();
        let paths = &corpus.paths;
        measure("a slice", &corpus, &bytes, || Slice::new(&bytes), || bare::hash(&bytes, paths));
        measure("a reader", &corpus, &bytes, || Reader::new(&*bytes), || bare::hash_reader(&*bytes, paths));
    }
}

fn measure<S: Source>(
    name: &str,
    corpus: &Corpus,
    bytes: &[u8],
    source: impl Fn() -> S,
    hash: impl Fn() -> usize,
) {
    let records = corpus.paths.len();
    let mut hashed = 0;
    let mut verified = 0;
    let bare = || hashed = hash();
    let full = || {
        let summary = RepoStream::verify(source(), did(), key()).check().unwrap();
        assert_eq!(summary.records as usize, records);
        // The commit, too, is a block.
        verified = (summary.records + summary.nodes + 1) as usize;
    };
    let (bare, full, ratio) = timing::paired(timing::rounds(records), bare, full);
    assert_eq!(verified, hashed, "both have seen the same blocks and records");
    println!(
        "{records} records, {hashed} blocks, {} bytes: {bare:.3?} bare, {full:.3?} verified",
        bytes.len()
    );
    // One signature is more than all else in a small file.
    let budget = if records < 10_000 { 2.0 } else { 1.2 };
    timing::report(
        &format!("in one pass from {name}, {records} records in pre-order, × bare hashing"),
        ratio,
        budget,
    );
}
