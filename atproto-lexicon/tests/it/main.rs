//! What the crate promises, seen from outside; modules mirror `src/`.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod cbor;
mod frame;
mod json;
mod ser;
mod syntax;
#[cfg(feature = "testing")]
mod testing;
mod typed;
