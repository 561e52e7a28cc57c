//! What the crate promises, seen from outside.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod keys;
mod signatures;
#[cfg(feature = "testing")]
mod testing;
