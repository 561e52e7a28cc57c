//! What two threads bring to the verification of a file by index, beside what they bring to bare hashing:
//! `cargo bench -p benches --bench parallel [-- RECORDS...]`.
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
use rayon::prelude::*;
use std::cell::Cell;

fn main() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        println!("two threads: this machine has one processor");
        return;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for records in timing::sizes(&[100_000]) {
        let corpus = Corpus::of(records);
        let bytes = corpus.unordered();
        let (did, key) = (did(), key());
        let blocks = Cell::new(0);
        let one = || blocks.set(bare::hash(&bytes, &corpus.paths));
        let two = || {
            pool.install(|| {
                let sections: Vec<&[u8]> = bare::sections(&bytes).collect();
                sections
                    .par_chunks(512)
                    .for_each(|sections| sections.iter().for_each(|section| bare::check(section)));
                corpus.paths.par_chunks(512).for_each(|paths| paths.iter().for_each(bare::hash_key));
            })
        };
        let (.., bare) = timing::paired(timing::rounds(records), two, one);
        let found = Cell::new(None);
        let one = || {
            let car = Car::parse(&bytes).unwrap();
            found.set(Some((car.len(), Repo::verify(&car, &did, &key).unwrap().check().unwrap())));
        };
        let two = || {
            let checked = pool.install(|| {
                let car = Car::parse_parallel(&bytes).unwrap();
                (car.len(), Repo::verify(&car, &did, &key).unwrap().check_parallel().unwrap())
            });
            assert!(found.get().is_none_or(|found| found == checked), "both say the same");
        };
        one();
        let (two, one, ours) = timing::paired(timing::rounds(records), two, one);
        assert_eq!(found.get().map(|(blocks, _)| blocks), Some(blocks.get()));
        println!(
            "{records} records: {one:.3?} on one thread, {two:.3?} on two, {ours:.2} times; bare hashing {bare:.2} times"
        );
        // Upside down, so that less is better here, too.
        timing::report(
            "two threads: speed-up of bare hashing ÷ speed-up of verification",
            bare / ours,
            1.0 / 0.85,
        );
    }
}
