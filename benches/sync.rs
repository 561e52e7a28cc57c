//! Events and proofs beside a bare verification of one signature: `cargo bench -p benches --bench sync`, and with the C backend
//! `cargo bench -p benches --bench sync --features libsecp256k1`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod corpus;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

use atproto_repo::car::Car;
use atproto_repo::repo::{Repo, UnsignedRepo, Write, verify_proof};
use atproto_repo::store::MemoryBlocks;
use atproto_repo::sync::{CommitEvent, Event, Head, Policy};
use corpus::{Corpus, Random, did, key, secret, signatures};
use std::hint::black_box;
use std::time::Instant;

/// Signatures or events in a measured piece.
const PIECE: usize = 200;
/// Different events.
const EVENTS: usize = 40;

fn main() {
    let (did, key) = (did(), key());
    let signatures = signatures(EVENTS);
    let bare = || {
        for (message, signature) in signatures.iter().cycle().take(PIECE) {
            key.verify(black_box(message), signature.as_bytes()).unwrap();
        }
    };
    let library = if cfg!(feature = "libsecp256k1") { "libsecp256k1" } else { "k256" };
    let budget = if cfg!(feature = "libsecp256k1") { 1.4 } else { 1.2 };

    // An event of one creation in a repository of 10,000 records.
    let corpus = Corpus::of(10_000);
    let bytes = corpus.pre_order();
    let car = Car::parse(&bytes).unwrap();
    let repo = UnsignedRepo::open(&car).unwrap();
    let head = Head { rev: repo.commit().rev, data: repo.commit().data };
    let rev = atproto_lexicon::syntax::Tid::from_u64(head.rev.to_u64() + (1 << 20));
    let mut random = Random(3);
    let mut bodies: Vec<Vec<u8>> = (0..400)
        .map(|number| {
            // Somewhere in time, as imported records are.
            let (old, other) = (&corpus.paths[random.below(10_000) as usize], number % 10);
            let path = format!("{}{other}", &old[..old.len() - 1]);
            let path = if corpus.paths.binary_search(&path).is_ok() { format!("{path}x") } else { path };
            let write = Write::Create { path: &path, record: &corpus.records[number] };
            let commit = repo.write(&[write], None, rev).unwrap().sign(&secret());
            commit.commit_event(1, "2026-01-01T00:00:00.000Z").unwrap()
        })
        .collect();
    // Those whose blocks are nearest to 4 KB.
    bodies.sort_by_key(|body| body.len().abs_diff(4096 + 400));
    bodies.truncate(EVENTS);
    let events = || {
        for body in bodies.iter().cycle().take(PIECE) {
            let event = commit_of(black_box(body));
            let commit = event.verify(&key, Some(&head), rev.micros(), &Policy::default()).unwrap();
            assert_eq!(commit.ops().len(), 1);
        }
    };
    let (bare_time, event_time, ratio) = timing::paired(51, bare, events);
    let each = event_time.as_secs_f64() / PIECE as f64;
    println!(
        "an event with blocks of {} bytes: {:.1} µs bare signature, {:.1} µs verified, {:.0} events a second",
        bodies.iter().map(|body| commit_of(body).blocks.len()).sum::<usize>() / EVENTS,
        bare_time.as_secs_f64() / PIECE as f64 * 1e6,
        each * 1e6,
        1.0 / each
    );
    timing::report(&format!("verify a commit event, × bare {library}"), ratio, budget);

    // Proofs of records of a repository of 100,000.
    let corpus = Corpus::of(100_000);
    let mut blocks = MemoryBlocks::default();
    corpus.blocks.iter().for_each(|(cid, block)| blocks.insert_unchecked(*cid, block.clone()));
    let repo = UnsignedRepo::open_at(&blocks, corpus.blocks[0].0).unwrap();
    let mut times: Vec<_> = (0..10_000)
        .map(|_| {
            let path = &corpus.paths[random.below(100_000) as usize];
            let start = Instant::now();
            black_box(repo.prove(path).unwrap());
            start.elapsed()
        })
        .collect();
    times.sort();
    let made = times[times.len() / 2];
    let proven: Vec<_> = (0..EVENTS)
        .map(|_| {
            let path = &corpus.paths[random.below(100_000) as usize];
            (path, repo.prove(path).unwrap())
        })
        .collect();
    // The commit is the same in all, and so is its signature: that is what is compared.
    assert!(Repo::verify(&Car::parse(&proven[0].1).unwrap(), &did, &key).is_ok());
    let commit = repo.commit().clone();
    let one = || {
        for _ in 0..PIECE {
            black_box(&commit).verify(&did, &key).unwrap();
        }
    };
    let proofs = || {
        for (path, proof) in proven.iter().cycle().take(PIECE) {
            assert!(verify_proof(black_box(proof), &did, &key, path).unwrap().is_some());
        }
    };
    let (bare_time, _, ratio) = timing::paired(51, one, proofs);
    if !cfg!(feature = "libsecp256k1") {
        timing::report_micros("make the proof of a record", made, 5.0, bare_time / PIECE as u32);
    }
    timing::report(&format!("verify the proof of a record, × bare {library}"), ratio, budget);
}

fn commit_of(body: &[u8]) -> CommitEvent<'_> {
    match Event::parse("#commit", body) {
        Ok(Some(Event::Commit(event))) => Some(event),
        _ => None,
    }
    .unwrap()
}
