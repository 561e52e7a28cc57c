//! The rules of identities, one file for each module.
#![allow(unreachable_pub, reason = "files of one test")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic"
)]

#[cfg(feature = "tokio")]
mod adapters;
#[cfg(feature = "cache")]
mod cache;
mod net;
mod plc;
#[cfg(feature = "reqwest")]
mod realnet;
mod resolve;
