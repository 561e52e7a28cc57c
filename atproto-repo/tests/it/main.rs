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
mod events;
mod example;
mod forge;
mod history;
mod inversion;
mod model;
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
mod ways;
mod write;
