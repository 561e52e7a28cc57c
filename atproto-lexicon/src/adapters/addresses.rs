//! The addresses of names, and which of them may be dialled.

use crate::fetch_policy::FetchPolicy;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;

/// A name that is being resolved.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Resolves names to addresses. It checks none of them: who dials them does.
pub trait Addresses: Send + Sync + 'static {
    /// The addresses of a host, in the order in which they are tried; none, or an error, where it has none. An error of the kind
    /// [`TimedOut`](io::ErrorKind::TimedOut) says that nobody answered.
    fn resolve(&self, host: &str) -> Resolving;
}

impl<T: Addresses + ?Sized> Addresses for Arc<T> {
    fn resolve(&self, host: &str) -> Resolving {
        (**self).resolve(host)
    }
}

/// Asks the system, which may put its own domain after a name, each time on a thread that waits for it. A program that resolves many
/// names of strangers does better with the `HickoryDns` of `atproto-identity`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemAddresses;

impl Addresses for SystemAddresses {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// Why a name has no address to dial.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// It has none, or its resolution failed.
    #[error("the name has no address")]
    Unknown(#[source] Option<io::Error>),
    /// It has none that the policy allows; this is one of the others.
    #[error("the policy forbids {0}")]
    Refused(IpAddr),
}

/// The addresses of a name that the policy allows, of which there is at least one. Names that mean this machine ask nobody.
///
/// # Errors
/// [`Unresolved`].
pub async fn resolve_checked(
    policy: &FetchPolicy,
    addresses: &dyn Addresses,
    host: &str,
) -> Result<Vec<IpAddr>, Unresolved> {
    let mut found = if policy.is_loopback_host(host) {
        vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
    } else {
        addresses.resolve(host).await.map_err(|error| Unresolved::Unknown(Some(error)))?
    };
    let refused = found.iter().copied().find(|address| policy.check_resolved(host, *address).is_err());
    found.retain(|address| policy.check_resolved(host, *address).is_ok());
    match (found.is_empty(), refused) {
        (false, _) => Ok(found),
        (true, Some(address)) => Err(Unresolved::Refused(address)),
        (true, None) => Err(Unresolved::Unknown(None)),
    }
}
