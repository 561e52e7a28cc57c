//! Full verification of a repository beside bare hashing: `cargo bench -p benches --bench verify [-- RECORDS [MAX_RATIO]]`.
//!
//! Bare hashing is to frame the CAR, hash every block and compare it with its CID, and hash every key. Verification finds
//! the blocks by index, in a file whose blocks are in no order. With MAX_RATIO, the exit status says whether it was kept.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../atproto-repo/tests/it/model.rs"]
mod model;
mod timing;

use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use model::{Repository, did, key, paths};
use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use timing::{paired, shuffle};

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<f64>().ok());
    let records = numbers.next().unwrap_or(100_000.0) as u64;
    let budget = numbers.next();

    let paths = paths(records);
    let mut repository = Repository::of(&paths);
    shuffle(&mut repository.blocks.0);
    let bytes = repository.car();
    let (did, key) = (did(), key());

    let mut hashed = 0;
    let mut verified = (0, 0);
    let bare = || hashed = hash(&bytes, &paths);
    let full = || {
        let car = Car::parse(&bytes).unwrap();
        let summary = Repo::verify(&car, &did, &key).unwrap().check().unwrap();
        verified = (car.len(), summary.records);
    };
    let rounds = if records > 500_000 { 5 } else { 15 };
    let (bare, full, ratio) = paired(rounds, bare, full);
    assert_eq!(verified, (hashed, records), "both have seen the same blocks and records");

    println!("records {records}, blocks {hashed}, bytes {}, in no order", bytes.len());
    println!("bare hashing       {bare:>12.3?}");
    println!("full verification  {full:>12.3?}");
    println!("ratio              {ratio:>12.2}");
    if budget.is_some_and(|budget| ratio > budget) {
        println!("which is more than {:.2}", budget.unwrap_or_default());
        std::process::exit(1);
    }
}

/// Frames the file, hashes and compares every block, and hashes every key; the number of blocks.
fn hash(bytes: &[u8], keys: &[String]) -> usize {
    let mut rest = &bytes[bytes[0] as usize + 1..];
    let mut blocks = 0;
    while !rest.is_empty() {
        let (mut length, mut at) = (0_usize, 0);
        loop {
            length |= usize::from(rest[at] & 0x7f) << (7 * at);
            at += 1;
            if rest[at - 1] < 0x80 {
                break;
            }
        }
        let section = &rest[at..at + length];
        assert_eq!(Sha256::digest(&section[36..]).as_slice(), &section[4..36]);
        rest = &rest[at + length..];
        blocks += 1;
    }
    for key in keys {
        black_box(Sha256::digest(key));
    }
    blocks
}
