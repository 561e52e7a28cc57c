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
#[cfg_attr(not(feature = "cache"), allow(dead_code, reason = "the cache's tests use more of it"))]
mod net;
mod plc;
#[cfg(feature = "reqwest")]
mod realnet;
mod resolve;
mod testing;
