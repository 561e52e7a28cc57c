//! Generated code for each feature of the language: what it looks like, and that it compiles and does what it says.
#![recursion_limit = "256"]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod bad;
mod behaviour;
mod golden;
mod random;
// Laid out by the generator.
#[rustfmt::skip]
mod generated;
