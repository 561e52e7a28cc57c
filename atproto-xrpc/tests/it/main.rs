//! The generated types, seen from outside.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test may panic, and nobody uses it"
)]

mod auth;
mod captures;
mod client;
mod generated;
mod label;
mod lexicon;
mod net;
mod password;
mod peer;
#[cfg(feature = "reqwest")]
mod realnet;
mod records;
mod rich_text;
mod server;
mod service_auth;
mod spans;
mod stream;
#[cfg(feature = "testing")]
mod testing;
