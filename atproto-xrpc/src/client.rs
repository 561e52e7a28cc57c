//! Calls over a program's HTTP client.

use crate::auth::{Anonymous, Auth};
use crate::error::Error;
use crate::headers::{ACCEPT_LABELERS, Labeler, PROXY, ReplyHead, ServiceRef};
use crate::request::{Call, RequestError};
use crate::response::{ErrorBody, Reply, read_output, read_value, refused};
use crate::retry::{Attempts, RetryPolicy};
use crate::service_url::ServiceUrl;
use crate::span::CallSpan;
use atproto_lexicon::clock::{Clock, within};
use atproto_lexicon::data::Value;
use atproto_lexicon::http::{
    Body, Bytes, HttpClient, HttpError, HttpErrorKind, MaybeSend, MaybeSync, Request, read_body,
};
use atproto_lexicon::typed::{Endpoint, NoBody, RawBody};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, request, response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How often one attempt is vouched for anew: once for a nonce that the server wants, once for a token that has expired, and once for
/// the nonce of that.
const MAX_PROOFS: usize = 4;

/// Calls the endpoints of one service.
///
/// It sends over an [`HttpClient`] and waits by a [`Clock`] that the program brings, and logs nothing. Clones share their session.
///
/// Every future may be dropped at any time. A query is then given up. Whether the server acts on a procedure is not known then, as after
/// [`Error::Http`]; the session is whole in any case.
#[derive(Clone)]
pub struct Client<H, C, A = Anonymous> {
    http: H,
    clock: C,
    auth: A,
    service: ServiceUrl,
    config: Arc<ClientConfig>,
}

/// How a client calls.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// For how long an attempt may take, with its response: 30 s. Of a download, for how long its next piece may take.
    pub timeout: Duration,
    /// The greatest length of a response in bytes, downloads not counted: 8 MiB.
    pub max_body: usize,
    /// What is sent again.
    pub retry: RetryPolicy,
    /// The headers of every request.
    pub headers: HeaderMap,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_body: 8 * 1024 * 1024,
            retry: RetryPolicy::default(),
            headers: HeaderMap::new(),
        }
    }
}

impl<H: HttpClient, C: Clock> Client<H, C> {
    /// A client of a service, as nobody.
    pub fn new(http: H, clock: C, service: ServiceUrl) -> Self {
        Self { http, clock, auth: Anonymous, service, config: Arc::default() }
    }
}

impl<H, C, A> Client<H, C, A> {
    /// The same, vouched for by another.
    #[must_use]
    pub fn with_auth<B>(self, auth: B) -> Client<H, C, B> {
        let Self { http, clock, service, config, .. } = self;
        Client { http, clock, auth, service, config }
    }

    /// The same of another service.
    #[must_use]
    pub fn with_service(self, service: ServiceUrl) -> Self {
        Self { service, ..self }
    }

    /// With other limits.
    #[must_use]
    pub fn with_config(self, config: ClientConfig) -> Self {
        Self { config: Arc::new(config), ..self }
    }

    /// With calls passed on to a service by the account's host (`atproto-proxy`); not those which the host answers itself.
    #[must_use]
    pub fn with_proxy(self, service: &ServiceRef) -> Self {
        self.with_header(PROXY, &service.to_string())
    }

    /// With the labels of these labelers in what is answered (`atproto-accept-labelers`).
    #[must_use]
    pub fn with_labelers<'a>(self, labelers: impl IntoIterator<Item = &'a Labeler>) -> Self {
        self.with_header(ACCEPT_LABELERS, &Labeler::to_header(labelers))
    }

    fn with_header(mut self, name: &'static str, value: &str) -> Self {
        // DIDs and fragments have no character that a header cannot have.
        if let Ok(value) = HeaderValue::from_str(value) {
            Arc::make_mut(&mut self.config).headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Who vouches.
    pub fn auth(&self) -> &A {
        &self.auth
    }

    /// Which service is called.
    pub fn service(&self) -> &ServiceUrl {
        &self.service
    }
}

impl<H, C, A: fmt::Debug> fmt::Debug for Client<H, C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Client");
        shown.field("service", &self.service).field("auth", &self.auth).field("config", &self.config);
        shown.finish_non_exhaustive()
    }
}

impl<H: HttpClient, C: Clock, A: Auth> Client<H, C, A> {
    /// Calls an endpoint whose input and output are JSON, or which has none.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send<E>(&self, endpoint: &E) -> Result<Reply<E::Output>, Error<E::Error>>
    where
        E: Endpoint,
        E::Params: Serialize,
        E::Input: Serialize,
        E::Output: DeserializeOwned,
        E::Error: for<'a> From<&'a str> + AsRef<str>,
    {
        let call = Call::of(endpoint)?;
        let (head, body) = self.exchange(&call).await.map_err(typed)?;
        read_output::<E>(head, &body)
    }

    /// Calls an endpoint with bytes of a media type: `com.atproto.repo.uploadBlob`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send_bytes<E>(
        &self,
        endpoint: &E,
        media_type: &str,
        body: impl Into<Bytes>,
    ) -> Result<Reply<E::Output>, Error<E::Error>>
    where
        E: Endpoint<Input = RawBody>,
        E::Params: Serialize,
        E::Output: DeserializeOwned,
        E::Error: for<'a> From<&'a str> + AsRef<str>,
    {
        let call = Call::without_input(endpoint)?.with_body(media_type, body)?;
        let (head, body) = self.exchange(&call).await.map_err(typed)?;
        read_output::<E>(head, &body)
    }

    /// Calls an endpoint with bytes that come in pieces, `length` of them in all, and are sent once: where a token had expired, the
    /// call fails, and the next one goes with a new token.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn send_streaming<E>(
        &self,
        endpoint: &E,
        media_type: &str,
        body: impl Body + 'static,
        length: u64,
    ) -> Result<Reply<E::Output>, Error<E::Error>>
    where
        E: Endpoint<Input = RawBody>,
        E::Params: Serialize,
        E::Output: DeserializeOwned,
        E::Error: for<'a> From<&'a str> + AsRef<str>,
    {
        let call = Call::without_input(endpoint)?.with_header(CONTENT_TYPE.as_str(), media_type)?;
        let span = CallSpan::of(&call, &self.service);
        let streamed = async {
            let mut parts = self.parts(&call)?;
            let proof = self.auth.authorize(&mut parts).await?;
            let sent = self.http.send_streaming(Request::from_parts(parts, ()), body, length);
            // A large body takes its time; the server's answer to it does not.
            let (parts, body) = sent.await?.into_parts();
            let body = self.in_time(read_body(body, self.config.max_body)).await?;
            self.look_at(proof, &parts, &body).await?;
            success(parts, Received::<Bytes>::Bytes(body))
        };
        let done: Result<_, Error> = span.within(streamed).await;
        span.ended(0, done.as_ref().err());
        let (head, body) = done.map_err(typed)?;
        read_output::<E>(head, body.bytes())
    }

    /// Calls an endpoint whose output are bytes, which come in pieces: `com.atproto.sync.getRepo`, `com.atproto.sync.getBlob`. Once
    /// they have begun, they are not asked for again.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn download<E>(&self, endpoint: &E) -> Result<Reply<Download<H::Body, C>>, Error<E::Error>>
    where
        E: Endpoint<Output = RawBody, Input = NoBody>,
        E::Params: Serialize,
        E::Error: for<'a> From<&'a str> + AsRef<str>,
        C: Clone,
    {
        let call = Call::without_input(endpoint)?;
        self.download_call(&call).await.map_err(typed)
    }

    /// Calls an endpoint that is not known at compile time: the answer is JSON, or `None` where it has no body.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn call(&self, call: &Call) -> Result<Reply<Option<Value>>, Error> {
        let (head, body) = self.exchange(call).await?;
        read_value(head, &body)
    }

    /// Calls an endpoint that is not known at compile time, and whose answer are bytes.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn download_call(&self, call: &Call) -> Result<Reply<Download<H::Body, C>>, Error>
    where
        C: Clone,
    {
        let (head, body) = self.repeated(call, Whole::Head).await?;
        let output = Download { body, clock: self.clock.clone(), timeout: self.config.timeout };
        Ok(Reply { output, head })
    }

    /// The clock by which it waits.
    pub(crate) fn clock(&self) -> &C {
        &self.clock
    }

    /// The success that a call ends with.
    async fn exchange(&self, call: &Call) -> Result<(ReplyHead, Bytes), Error> {
        let (head, body) = self.repeated(call, Whole::Body).await?;
        Ok((head, read_body(body, self.config.max_body).await?))
    }

    /// Sends a call as often as it takes.
    async fn repeated(&self, call: &Call, whole: Whole) -> Result<(ReplyHead, Received<H::Body>), Error> {
        let mut attempts = Attempts::new(&self.config.retry, call.is_procedure());
        let span = CallSpan::of(call, &self.service);
        let repeated = async {
            loop {
                let error = match self.attempt(call, whole).await {
                    Ok(success) => return Ok(success),
                    Err(error) => error,
                };
                match attempts.after(&error, self.clock.unix_time()) {
                    Some(wait) => self.clock.sleep(wait).await,
                    None => return Err(error),
                }
            }
        };
        let done = span.within(repeated).await;
        span.ended(attempts.failed(), done.as_ref().err());
        done
    }

    /// Sends a call until its server has nothing against who asks.
    async fn attempt(&self, call: &Call, whole: Whole) -> Result<(ReplyHead, Received<H::Body>), Error> {
        let unproven = self.parts(call)?;
        for left in (0..MAX_PROOFS).rev() {
            let mut parts = unproven.clone();
            let proof = self.auth.authorize(&mut parts).await?;
            let request = Request::from_parts(parts, call.body().clone());
            let (parts, body) = self.in_time(self.receive(request, whole)).await?;
            let is_wanted_again = self.look_at(proof, &parts, body.bytes()).await?;
            if !is_wanted_again || left == 0 {
                return success(parts, body);
            }
        }
        Err(Error::Http(HttpErrorKind::Broken.into()))
    }

    /// Shows a response to who vouched for its request.
    async fn look_at(&self, proof: A::Proof, parts: &response::Parts, body: &[u8]) -> Result<bool, Error> {
        let is_refused = !parts.status.is_success();
        let error = if is_refused { ErrorBody::read(body) } else { None };
        let name = error.as_ref().map(|body| body.error.as_str());
        Ok(self.auth.answered(proof, parts, name).await? && is_refused)
    }

    /// The response to a request: with its body, unless it is a success and only its head is wanted.
    async fn receive(
        &self,
        request: Request<Bytes>,
        whole: Whole,
    ) -> Result<(response::Parts, Received<H::Body>), HttpError> {
        let (parts, body) = self.http.send(request).await?.into_parts();
        let body = match whole {
            Whole::Head if parts.status.is_success() => Received::Body(body),
            _ => Received::Bytes(read_body(body, self.config.max_body).await?),
        };
        Ok((parts, body))
    }

    fn parts(&self, call: &Call) -> Result<request::Parts, RequestError> {
        let mut parts = call.to_parts(&self.service)?;
        for (name, value) in &self.config.headers {
            // What the call says goes before.
            parts.headers.entry(name).or_insert_with(|| value.clone());
        }
        Ok(parts)
    }

    async fn in_time<T>(&self, future: impl Future<Output = Result<T, HttpError>>) -> Result<T, HttpError> {
        let done = within(&self.clock, self.config.timeout, future).await;
        done.unwrap_or(Err(HttpErrorKind::TimedOut.into()))
    }
}

/// How much of a success is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Head,
    Body,
}

/// A body that is there already, or still comes.
enum Received<B> {
    Bytes(Bytes),
    Body(B),
}

impl<B> Received<B> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Body(_) => &[],
        }
    }
}

impl<B: Body> Body for Received<B> {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        match self {
            Self::Bytes(bytes) => bytes.chunk().await,
            Self::Body(body) => body.chunk().await,
        }
    }
}

fn success<B>(parts: response::Parts, body: Received<B>) -> Result<(ReplyHead, Received<B>), Error> {
    let head = ReplyHead { status: parts.status, headers: parts.headers };
    if head.status.is_success() {
        Ok((head, body))
    } else {
        Err(Error::Refused(Box::new(refused(head, body.bytes()))))
    }
}

fn typed<E: for<'a> From<&'a str> + AsRef<str>>(error: Error) -> Error<E> {
    error.map(|name| E::from(name.as_str()))
}

/// Bytes that are being received.
pub struct Download<B, C> {
    body: Received<B>,
    clock: C,
    timeout: Duration,
}

impl<B, C> fmt::Debug for Download<B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl<B: Body, C: Clock> Download<B, C> {
    /// All of them, if there are no more than `limit`.
    ///
    /// # Errors
    /// [`HttpError`]; [`TooLarge`](HttpErrorKind::TooLarge) where there are more.
    pub async fn read_all(self, limit: usize) -> Result<Bytes, HttpError>
    where
        Self: Body,
    {
        read_body(self, limit).await
    }

    /// The pieces as a stream: with `into_async_read` of `futures`, after its errors were made those of `std::io`, a reader.
    pub fn into_stream(self) -> impl futures_util::Stream<Item = Result<Bytes, HttpError>>
    where
        Self: Body,
    {
        futures_util::stream::unfold(Some(self), |download| async {
            let mut download = download?;
            match download.chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(download))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl<B: Body, C: Clock + MaybeSend + MaybeSync> Body for Download<B, C> {
    /// The next piece; [`TimedOut`](HttpErrorKind::TimedOut) where it is not there in time.
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let chunk = within(&self.clock, self.timeout, self.body.chunk()).await;
        chunk.unwrap_or(Err(HttpErrorKind::TimedOut.into()))
    }
}
