//! HTTP by `reqwest`.

use super::{Addresses, SetupError, SystemAddresses, Unresolved, resolve_checked};
use crate::fetch_policy::{FetchPolicy, Refusal};
use crate::http::{Body, Bytes, HttpClient, HttpError, HttpErrorKind, Request, Response};
use futures_util::stream::{Stream, unfold};
use http::{Uri, header::CONTENT_LENGTH};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// For how long a connection waits for another request. Whoever resolves the identities of many hosts meets most of them once.
const IDLE: Duration = Duration::from_secs(20);

/// An HTTP client that connects to what a policy allows: each URL is checked before it is asked for, and each address after its
/// name was resolved, which happens once for a connection.
///
/// It follows no redirects, takes no proxy from the environment, and sends no cookies or `Referer`. Bodies are given as they came,
/// compressed or not. The time limits of the policy hold for each request with its body. Clones share their connections.
#[derive(Debug, Clone)]
pub struct ReqwestClient {
    client: reqwest::Client,
    policy: Arc<FetchPolicy>,
}

/// The body of a response of [`ReqwestClient`].
#[derive(Debug)]
pub struct ReqwestBody(reqwest::Response);

impl ReqwestClient {
    /// A client that asks the system for addresses.
    ///
    /// # Errors
    /// [`SetupError`] where TLS cannot be set up.
    pub fn new(policy: FetchPolicy) -> Result<Self, SetupError> {
        Self::with_addresses(policy, SystemAddresses)
    }

    /// A client that asks `addresses` for them.
    ///
    /// # Errors
    /// [`SetupError`] where TLS cannot be set up.
    pub fn with_addresses(policy: FetchPolicy, addresses: impl Addresses) -> Result<Self, SetupError> {
        let policy = Arc::new(policy);
        let resolver = Checked { policy: policy.clone(), addresses: Arc::new(addresses) };
        // Features that other crates in the build turn on do not change what it does: so all that they could is turned off.
        let client = reqwest::Client::builder()
            .tls_backend_rustls()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .user_agent(super::USER_AGENT)
            .connect_timeout(policy.connect_timeout)
            .timeout(policy.total_timeout)
            .pool_idle_timeout(IDLE)
            .dns_resolver(resolver)
            .build()
            .map_err(|error| SetupError::new("HTTP", error))?;
        Ok(Self { client, policy })
    }

    /// What may be fetched.
    pub fn policy(&self) -> &FetchPolicy {
        &self.policy
    }

    fn check<B: Into<reqwest::Body>>(&self, request: Request<B>) -> Result<reqwest::Request, HttpError> {
        self.policy.check_uri(request.uri()).map_err(refused)?;
        let request = reqwest::Request::try_from(request)
            .map_err(|error| HttpError::new(HttpErrorKind::RefusedUrl, error))?;
        // `reqwest` reads the URL anew, as browsers do, and goes where that leads.
        let read: Uri = request.url().as_str().parse().map_err(|_| refused(Refusal::Url))?;
        self.policy.check_uri(&read).map_err(refused)?;
        Ok(request)
    }
}

impl HttpClient for ReqwestClient {
    type Body = ReqwestBody;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<ReqwestBody>, HttpError> {
        self.execute(self.check(request)?).await
    }

    async fn send_streaming(
        &self,
        mut request: Request<()>,
        mut body: impl Body + 'static,
        length: u64,
    ) -> Result<Response<ReqwestBody>, HttpError> {
        // Of a body that is said to be empty nothing would be read.
        if length == 0 && body.chunk().await?.is_some() {
            return Err(HttpErrorKind::BadLength.into());
        }
        request.headers_mut().insert(CONTENT_LENGTH, length.into());
        let body = reqwest::Body::wrap_stream(pieces(body, length));
        self.execute(self.check(request.map(|()| body))?).await
    }
}

impl ReqwestClient {
    async fn execute(&self, request: reqwest::Request) -> Result<Response<ReqwestBody>, HttpError> {
        let mut received = self.client.execute(request).await.map_err(failed)?;
        let mut response = Response::new(());
        *response.status_mut() = received.status();
        *response.version_mut() = received.version();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        Ok(response.map(|()| ReqwestBody(received)))
    }
}

/// The pieces of a body, as long as they are not of more or fewer bytes than was said.
fn pieces(
    body: impl Body + 'static,
    length: u64,
) -> impl Stream<Item = Result<Bytes, HttpError>> + Send + 'static {
    unfold(Some((body, length)), |rest| async {
        let (mut body, left) = rest?;
        match body.chunk().await {
            Ok(Some(chunk)) => {
                match u64::try_from(chunk.len()).ok().and_then(|read| left.checked_sub(read)) {
                    Some(left) => Some((Ok(chunk), Some((body, left)))),
                    None => Some((Err(HttpErrorKind::BadLength.into()), None)),
                }
            }
            Ok(None) if left == 0 => None,
            Ok(None) => Some((Err(HttpErrorKind::BadLength.into()), None)),
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl Body for ReqwestBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        self.0.chunk().await.map_err(failed)
    }
}

/// Resolves names for `reqwest`, which dials hosts that are addresses without asking: those are checked with the URL.
struct Checked {
    policy: Arc<FetchPolicy>,
    addresses: Arc<dyn Addresses>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, addresses) = (self.policy.clone(), self.addresses.clone());
        Box::pin(async move {
            let allowed = resolve_checked(&policy, &*addresses, name.as_str()).await?;
            // Port 0 is whichever the URL says.
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

fn refused(refusal: Refusal) -> HttpError {
    match refusal {
        Refusal::Address(address) => HttpError::new(HttpErrorKind::Refused(address), refusal),
        _ => HttpError::new(HttpErrorKind::RefusedUrl, refusal),
    }
}

/// Without the URL, which may hold what is no log's business.
fn failed(error: reqwest::Error) -> HttpError {
    HttpError::new(kind_of(&error), error.without_url())
}

fn kind_of(error: &reqwest::Error) -> HttpErrorKind {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        // The body of the request.
        if let Some(error) = inner.downcast_ref::<HttpError>() {
            return error.kind();
        }
        match inner.downcast_ref::<Unresolved>() {
            Some(Unresolved::Refused(address)) => return HttpErrorKind::Refused(*address),
            Some(Unresolved::Unknown(Some(error))) if error.kind() == io::ErrorKind::TimedOut => {
                return HttpErrorKind::TimedOut;
            }
            Some(Unresolved::Unknown(_)) => return HttpErrorKind::UnknownHost,
            None => source = inner.source(),
        }
    }
    if error.is_timeout() {
        HttpErrorKind::TimedOut
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Broken
    }
}
