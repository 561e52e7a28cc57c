//! Networks and clocks of other crates, each behind a feature of its name. All of them run on `tokio`.
//!
//! Every address is checked by a [`FetchPolicy`](crate::FetchPolicy) after DNS has said what it is, and what is dialled is what was
//! checked. The clock and the client are those of `atproto_lexicon::adapters`.

#[cfg(feature = "websocket")]
mod export;
#[cfg(feature = "hickory")]
mod hickory;
#[cfg(feature = "websocket")]
pub mod websocket;

pub use atproto_lexicon::adapters::{Addresses, Resolving, SetupError, SystemAddresses, TokioClock};
#[cfg(feature = "reqwest")]
pub use atproto_lexicon::adapters::{ReqwestBody, ReqwestClient};
#[cfg(feature = "websocket")]
pub use export::{ExportStream, ExportStreamError};
#[cfg(feature = "hickory")]
pub use hickory::HickoryDns;

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
