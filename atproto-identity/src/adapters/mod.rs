//! Networks and clocks of other crates, each behind a feature of its name. All of them run on `tokio`.
//!
//! Every address is checked by a [`FetchPolicy`](crate::FetchPolicy) after DNS has said what it is, and what is dialled is what was
//! checked.

mod addresses;
#[cfg(feature = "reqwest")]
mod client;
mod clock;
#[cfg(feature = "websocket")]
mod export;
#[cfg(feature = "hickory")]
mod hickory;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use addresses::{Addresses, Resolving, SystemAddresses};
#[cfg(feature = "reqwest")]
pub use client::{ReqwestBody, ReqwestClient};
pub use clock::TokioClock;
#[cfg(feature = "websocket")]
pub use export::{ExportStream, ExportStreamError};
#[cfg(feature = "hickory")]
pub use hickory::HickoryDns;

/// What the adapters say they are.
#[cfg(any(feature = "reqwest", feature = "websocket"))]
const USER_AGENT: &str = concat!("atproto-identity/", env!("CARGO_PKG_VERSION"));

/// A directory by the public policy, with the name servers of this system.
///
/// # Errors
/// [`SetupError`].
#[cfg(all(feature = "reqwest", feature = "hickory"))]
pub fn public_directory() -> Result<crate::Directory<ReqwestClient, HickoryDns, TokioClock>, SetupError> {
    let dns = HickoryDns::from_system()?;
    let client = ReqwestClient::with_addresses(crate::FetchPolicy::default(), dns.clone())?;
    Ok(crate::Directory::new(client, dns, TokioClock::new()))
}

/// Why an adapter cannot be set up: a system without certificates that it trusts, or without name servers.
#[cfg(any(feature = "reqwest", feature = "hickory"))]
#[derive(Debug, thiserror::Error)]
#[error("{what} cannot be set up")]
pub struct SetupError {
    what: &'static str,
    #[source]
    error: Box<dyn std::error::Error + Send + Sync>,
}
