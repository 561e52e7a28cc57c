//! Resolution over a program's HTTP client and DNS.

use crate::clock::{Clock, within};
use crate::dns::{Dns, DnsError};
use crate::document::DidDocument;
use crate::error::ResolveError;
use crate::identity::Identity;
use crate::rate::RateLimit;
use crate::resolve::{
    Answer, Config, DocumentResolution, Fetching, HandleResolution, IdentityResolution, Resolution, Step,
};
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, HttpErrorKind, Response, read_body};
use atproto_lexicon::syntax::{AtIdentifier, Did, Handle};
use std::sync::Arc;
use std::time::Duration;

/// Resolves handles and DIDs, each time anew: [`CachedDirectory`](crate::cache::CachedDirectory) remembers.
///
/// The futures may be dropped at any time; nothing is left half done.
///
/// With the features `reqwest` and `hickory`, `adapters::public_directory()` is one for the public network. Here, the hosts and the
/// clock are the program's own:
///
/// ```
/// use atproto_identity::{Directory, clock::Clock, dns::NoDns};
/// use atproto_lexicon::http::{Bytes, HttpClient, HttpError, Request, Response};
/// use std::time::Duration;
///
/// /// The two hosts of this example.
/// struct Hosts;
///
/// impl HttpClient for Hosts {
///     type Body = Bytes;
///
///     async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
///         let body = match request.uri().to_string().as_str() {
///             "https://alice.example.com/.well-known/atproto-did" => "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
///             "https://plc.directory/did:plc:ewvi7nxzyoun6zhxrhs64oiz" => {
///                 r#"{"id": "did:plc:ewvi7nxzyoun6zhxrhs64oiz", "alsoKnownAs": ["at://alice.example.com"]}"#
///             }
///             other => panic!("{other}"),
///         };
///         Ok(Response::new(body.into()))
///     }
/// }
///
/// /// A clock that stands still, so that no time limit passes.
/// struct Still;
///
/// impl Clock for Still {
///     fn now(&self) -> Duration {
///         Duration::ZERO
///     }
///
///     fn unix_time(&self) -> Duration {
///         Duration::ZERO
///     }
///
///     async fn sleep(&self, _: Duration) {
///         std::future::pending().await
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let directory = Directory::new(Hosts, NoDns, Still);
/// let identity = directory.resolve(&"alice.example.com".parse()?).await?;
/// assert_eq!(identity.did().as_str(), "did:plc:ewvi7nxzyoun6zhxrhs64oiz");
/// assert_eq!(identity.handle(), "alice.example.com");
/// assert!(identity.signing_key().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct Directory<H, D, C> {
    http: H,
    dns: D,
    clock: C,
    config: Arc<Config>,
    rate: Option<RateLimit>,
}

impl<H: HttpClient, D: Dns, C: Clock> Directory<H, D, C> {
    /// A directory over these, by the public policy unless [`with_config`](Self::with_config) says otherwise.
    ///
    /// The client must not follow redirects, and must check with the policy each address that it dials
    /// ([`FetchPolicy::check_resolved`](crate::FetchPolicy::check_resolved)): a URL can be checked here, what DNS makes of it cannot.
    pub fn new(http: H, dns: D, clock: C) -> Self {
        Self { http, dns, clock, config: Arc::default(), rate: None }
    }

    /// With another directory of did:plc or another policy.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = Arc::new(config);
        self
    }

    /// With at most so many requests to one host in a second, and so many at once; others wait for their turn, a minute at most. A
    /// request that would have to wait for longer is not sent, and the host counts as unreachable.
    #[must_use]
    pub fn with_rate_limit(mut self, per_second: u32, burst: u32) -> Self {
        self.rate = Some(RateLimit::new(per_second, burst));
        self
    }

    /// What it was made with.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    #[cfg(feature = "cache")]
    pub(crate) fn clock(&self) -> &C {
        &self.clock
    }

    /// Resolves a handle or DID, and checks its handle in both directions ([`IdentityResolution`]).
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn resolve(&self, identifier: &AtIdentifier) -> Result<Identity, ResolveError> {
        self.run(IdentityResolution::new(identifier, &self.config)).await
    }

    /// Resolves a DID to its identity ([`IdentityResolution`]).
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn resolve_did(&self, did: &Did) -> Result<Identity, ResolveError> {
        self.run(IdentityResolution::from_did(did.clone(), &self.config)).await
    }

    /// What a handle leads to; whether that claims the handle is not asked ([`HandleResolution`]).
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn resolve_handle_unchecked(&self, handle: &Handle) -> Result<Did, ResolveError> {
        self.run(HandleResolution::new(handle.clone(), &self.config)).await
    }

    /// The document of a DID; whether its handle leads back is not asked ([`DocumentResolution`]).
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn document(&self, did: &Did) -> Result<DidDocument, ResolveError> {
        self.run(DocumentResolution::new(did.clone(), &self.config)).await
    }

    /// Drives a resolution to its end.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn run<R: Resolution>(&self, mut resolution: R) -> Result<R::Output, ResolveError> {
        let limit = self.config.policy.total_timeout;
        let mut left = limit;
        loop {
            let answer = match resolution.step() {
                Step::Done(done) => return done,
                Step::Dns(name) => {
                    let records = within(&self.clock, limit, self.dns.txt(&name)).await;
                    Answer::Dns(records.unwrap_or(Err(DnsError::TimedOut)))
                }
                Step::Http(fetching) => {
                    // A redirect has what is left of the time.
                    let given = if fetching.is_redirect { left } else { limit };
                    let (answer, unused) = self.send_within(*fetching, given).await;
                    left = unused;
                    Answer::Http(answer)
                }
            };
            resolution.answer(answer);
        }
    }

    /// The response to one request, its body read where the status is success or says what is wrong with the request.
    pub(crate) async fn send(&self, fetching: Fetching) -> Result<Response<Bytes>, HttpError> {
        self.send_within(fetching, self.config.policy.total_timeout).await.0
    }

    /// With the time that is left.
    async fn send_within(
        &self,
        fetching: Fetching,
        limit: Duration,
    ) -> (Result<Response<Bytes>, HttpError>, Duration) {
        // Waiting for one's turn is not the host's time.
        if let (Some(rate), Some(host)) = (&self.rate, fetching.request.uri().host()) {
            match rate.wait(host, self.clock.now()) {
                None => return (Err(HttpErrorKind::TimedOut.into()), limit),
                Some(Duration::ZERO) => {}
                Some(wait) => self.clock.sleep(wait).await,
            }
        }
        let start = self.clock.now();
        let response = within(&self.clock, limit, self.fetch(fetching)).await;
        let left = limit.saturating_sub(self.clock.now().saturating_sub(start));
        (response.unwrap_or(Err(HttpErrorKind::TimedOut.into())), left)
    }

    async fn fetch(&self, fetching: Fetching) -> Result<Response<Bytes>, HttpError> {
        let is_submission = !fetching.request.body().is_empty();
        let (parts, body) = self.http.send(fetching.request).await?.into_parts();
        // What is not read of an error or redirect costs nothing.
        let body = if parts.status.is_success() || is_submission {
            read_body(body, fetching.max_body).await?
        } else {
            Bytes::new()
        };
        Ok(Response::from_parts(parts, body))
    }
}
