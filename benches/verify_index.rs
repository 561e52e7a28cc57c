//! Full verification of a file whose blocks are in no order, by index, beside bare hashing:
//! `cargo bench -p benches --bench verify_index [-- RECORDS...]`.
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
mod timing;

use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use corpus::{Corpus, did, key};

fn main() {
    for records in timing::sizes(&[1_000, 10_000, 100_000, 1_000_000]) {
        let corpus = Corpus::of(records);
        let bytes = corpus.unordered();
        let (did, key) = (did(), key());
        let mut hashed = 0;
        let mut verified = (0, 0);
        let bare = || hashed = bare::hash(&bytes, &corpus.paths);
        let full = || {
            let car = Car::parse(&bytes).unwrap();
            let summary = Repo::verify(&car, &did, &key).unwrap().check().unwrap();
            verified = (car.len(), summary.records as usize);
        };
        let (bare, full, ratio) = timing::paired(timing::rounds(records), bare, full);
        assert_eq!(verified, (hashed, records), "both have seen the same blocks and records");
        println!(
            "{records} records, {hashed} blocks, {} bytes: {bare:.3?} bare, {full:.3?} verified",
            bytes.len()
        );
        let budget = if records > 100_000 { 3.0 } else { 2.0 };
        timing::report(&format!("by index, {records} records in no order, × bare hashing"), ratio, budget);
    }
}
