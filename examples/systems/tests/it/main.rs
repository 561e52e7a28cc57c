//! Each program against the embedded network, and some against the reference hosts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    reason = "a test may panic"
)]

mod app_view;
mod archive_import;
mod backup;
mod bot;
mod cleanup;
mod cross_post;
mod feed_generator;
mod firehose;
mod follow_import;
#[cfg(target_os = "linux")]
mod full_disk;
mod labeler;
mod migrate;
mod moderation_list;
mod pds;
mod relay;
mod world;
