//! Each program against the embedded network, and some against the reference hosts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "a test may panic"
)]

mod backup;
mod bot;
mod cleanup;
mod firehose;
mod follow_import;
mod pds;
mod world;
