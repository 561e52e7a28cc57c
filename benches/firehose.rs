//! Frames to verified operations, without a socket, beside bare verifications of signatures:
//! `cargo bench -p benches --bench firehose`.
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

use atproto_lexicon::http::Bytes;
use corpus::{key, signatures};
use futures_executor::block_on;
use std::time::Duration;

/// Signatures or events in a measured piece.
const PIECE: usize = 200;
const ROUNDS: usize = 31;

fn main() {
    let signatures = signatures(PIECE * ROUNDS);
    let mut pieces = signatures.chunks(PIECE);
    let did_key = key();
    let bare = || {
        for (message, signature) in pieces.next().unwrap() {
            did_key.verify(message, signature.as_bytes()).unwrap();
        }
    };
    let (first, frames) = hose::frames(PIECE * (ROUNDS + 1));
    let size = frames.iter().map(Bytes::len).sum::<usize>() / frames.len();
    let count = first.len();
    let mut hose = hose::follow(first.into_iter().chain(frames).collect());
    // Identities are known from here on.
    block_on(hose::take(&mut hose, count + PIECE));
    let events = || block_on(hose::take(&mut hose, PIECE));
    let (bare_time, time, ratio) = timing::paired(ROUNDS, bare, events);
    let each = |time: Duration| time.as_secs_f64() / PIECE as f64 * 1e6;
    println!(
        "frames of {size} bytes: {:.1} µs bare signature, {:.1} µs an event",
        each(bare_time),
        each(time)
    );
    timing::report("the firehose, frames to verified operations, × bare k256", ratio, 1.4);
}
