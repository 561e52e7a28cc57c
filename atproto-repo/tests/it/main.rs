//! What the crate promises, seen from outside; modules mirror `src/`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod account;
mod canonical;
mod car;
mod commit;
mod event;
mod example;
mod history;
mod inversion;
mod mutation;
mod oracle;
mod peer;
mod read;
#[cfg(feature = "redb")]
mod redb;
mod shapes;
mod stream;
mod suites;
mod sync;
mod testing;
mod ways;
mod write;

use atproto_repo::testing::{events, forge, model};
