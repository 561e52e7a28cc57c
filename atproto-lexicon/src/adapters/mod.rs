//! The clock and the HTTP client of other crates, each behind a feature of its name. Both run on `tokio`.
//!
//! Every address is checked by a [`FetchPolicy`](crate::fetch_policy::FetchPolicy) after DNS has said what it is, and what is dialled
//! is what was checked.

mod addresses;
#[cfg(feature = "reqwest")]
mod client;
mod clock;

pub use addresses::{Addresses, Resolving, SystemAddresses, Unresolved, resolve_checked};
#[cfg(feature = "reqwest")]
pub use client::{ReqwestBody, ReqwestClient};
pub use clock::TokioClock;

/// What the adapters say they are, where a request does not.
pub const USER_AGENT: &str = concat!("atproto/", env!("CARGO_PKG_VERSION"));

/// Why an adapter cannot be set up: a system without certificates that it trusts, or without name servers.
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be set up")]
pub struct SetupError {
    what: &'static str,
    #[source]
    error: Box<dyn std::error::Error + Send + Sync>,
}

impl SetupError {
    /// What cannot be set up, such as `DNS`, and why.
    pub fn new(what: &'static str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, error: error.into() }
    }
}
