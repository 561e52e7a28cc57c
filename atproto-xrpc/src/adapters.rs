//! The network by other crates, each behind a feature of its name.

use crate::{Client, ServiceUrl};
pub use atproto_lexicon::adapters::{ReqwestClient, SetupError, TokioClock};
use atproto_lexicon::fetch_policy::FetchPolicy;
use std::time::Duration;

/// The most time for a response with its body. A client has limits of its own, which are shorter for all but downloads.
const LONGEST: Duration = Duration::from_secs(3600);

/// A client of a service on the public network, over `reqwest` and `tokio`.
///
/// # Errors
/// [`SetupError`] where TLS cannot be set up.
pub fn client(service: ServiceUrl) -> Result<Client<ReqwestClient, TokioClock>, SetupError> {
    client_with(FetchPolicy::default(), service)
}

/// A client by a policy, such as that of development, which allows loopback. Of the policy's limits, the time to connect counts.
///
/// # Errors
/// [`SetupError`] where TLS cannot be set up.
pub fn client_with(
    mut policy: FetchPolicy,
    service: ServiceUrl,
) -> Result<Client<ReqwestClient, TokioClock>, SetupError> {
    policy.total_timeout = LONGEST;
    let http = ReqwestClient::new(policy)?;
    Ok(Client::new(http, TokioClock::new(), service))
}
