//! The HTTP client that a program brings: the crates of this family make requests and read responses, and send nothing
//! themselves.
//!
//! What implements [`HttpClient`] sends one request to one address: it follows no redirects, adds no cookies, tries nothing again.
//! `atproto-identity` has one over `reqwest`.

pub use bytes::Bytes;
pub use http::{Request, Response};

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// [`Send`] everywhere but in WebAssembly, where there is one thread and the browser's values are not.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSend: Send {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Send + ?Sized> MaybeSend for T {}

/// [`Send`] everywhere but in WebAssembly, where there is one thread and the browser's values are not.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSend {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSend for T {}

/// [`Sync`] everywhere but in WebAssembly.
#[cfg(not(target_arch = "wasm32"))]
pub trait MaybeSync: Sync {}
#[cfg(not(target_arch = "wasm32"))]
impl<T: Sync + ?Sized> MaybeSync for T {}

/// [`Sync`] everywhere but in WebAssembly.
#[cfg(target_arch = "wasm32")]
pub trait MaybeSync {}
#[cfg(target_arch = "wasm32")]
impl<T: ?Sized> MaybeSync for T {}

/// Sends requests.
pub trait HttpClient: MaybeSync {
    /// What a response's body is read from.
    type Body: Body;

    /// Sends a request and gives the response as soon as its headers are there, of whichever status. A redirect is a response
    /// like any other. Dropping the future gives the request up.
    ///
    /// # Errors
    /// [`HttpError`] where there is no response.
    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, HttpError>> + MaybeSend;

    /// Sends a request whose body comes in pieces, `length` bytes in all, and is given up where there are fewer or more of them. A
    /// client that does not say otherwise keeps all of them in memory first.
    ///
    /// # Errors
    /// [`HttpError`] where there is no response; where the body has another length, of the kind
    /// [`BadLength`](HttpErrorKind::BadLength).
    fn send_streaming(
        &self,
        request: Request<()>,
        body: impl Body + 'static,
        length: u64,
    ) -> impl Future<Output = Result<Response<Self::Body>, HttpError>> + MaybeSend {
        async move {
            let limit = usize::try_from(length).map_err(|_| HttpErrorKind::BadLength)?;
            let all = match read_body(body, limit).await {
                Err(error) if matches!(error.kind(), HttpErrorKind::TooLarge { .. }) => {
                    return Err(HttpErrorKind::BadLength.into());
                }
                all => all?,
            };
            if all.len() != limit {
                return Err(HttpErrorKind::BadLength.into());
            }
            self.send(request.map(|()| all)).await
        }
    }
}

/// Bytes that come in pieces.
pub trait Body: MaybeSend {
    /// The next piece; `None` at the end. Dropping the future loses no piece.
    ///
    /// # Errors
    /// [`HttpError`] where the body ends too early.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, HttpError>> + MaybeSend;
}

impl<T: HttpClient + ?Sized> HttpClient for &T
where
    Self: MaybeSend + MaybeSync,
{
    type Body = T::Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, HttpError>> + MaybeSend {
        (**self).send(request)
    }

    fn send_streaming(
        &self,
        request: Request<()>,
        body: impl Body + 'static,
        length: u64,
    ) -> impl Future<Output = Result<Response<Self::Body>, HttpError>> + MaybeSend {
        (**self).send_streaming(request, body, length)
    }
}

impl<T: HttpClient + ?Sized> HttpClient for Arc<T>
where
    Self: MaybeSend + MaybeSync,
{
    type Body = T::Body;

    fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Self::Body>, HttpError>> + MaybeSend {
        (**self).send(request)
    }

    fn send_streaming(
        &self,
        request: Request<()>,
        body: impl Body + 'static,
        length: u64,
    ) -> impl Future<Output = Result<Response<Self::Body>, HttpError>> + MaybeSend {
        (**self).send_streaming(request, body, length)
    }
}

/// A body that is there already, in one piece.
impl Body for Bytes {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let all = std::mem::take(self);
        Ok((!all.is_empty()).then_some(all))
    }
}

/// Reads a body to its end.
///
/// # Errors
/// [`HttpError`] with [`TooLarge`](HttpErrorKind::TooLarge) as soon as there are more than `limit` bytes, of which no more is
/// kept.
pub async fn read_body(mut body: impl Body, limit: usize) -> Result<Bytes, HttpError> {
    let mut all = Vec::new();
    while let Some(chunk) = body.chunk().await? {
        if chunk.len() > limit.saturating_sub(all.len()) {
            return Err(HttpErrorKind::TooLarge { limit }.into());
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}

/// Why there is no response, or not all of one.
#[derive(Debug, Clone)]
pub struct HttpError {
    kind: HttpErrorKind,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// What went wrong, as far as a program acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// The name of the host has no address.
    UnknownHost,
    /// There is no connection to the host.
    Connect,
    /// A time limit passed.
    TimedOut,
    /// A policy forbids the address that would have been connected to.
    Refused(IpAddr),
    /// A policy forbids the URL, or it is none.
    RefusedUrl,
    /// The response is no HTTP, or ended too early.
    Broken,
    /// The body of a request is shorter or longer than was said.
    BadLength,
    /// The body has more bytes than the limit.
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
}

impl HttpError {
    /// With what the client says of it.
    pub fn new(kind: HttpErrorKind, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { kind, source: Some(Arc::new(source)) }
    }

    /// What went wrong.
    pub fn kind(&self) -> HttpErrorKind {
        self.kind
    }
}

impl From<HttpErrorKind> for HttpError {
    fn from(kind: HttpErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            HttpErrorKind::UnknownHost => f.write_str("host has no address"),
            HttpErrorKind::Connect => f.write_str("no connection"),
            HttpErrorKind::TimedOut => f.write_str("time limit passed"),
            HttpErrorKind::Refused(address) => write!(f, "connecting to {address} is forbidden"),
            HttpErrorKind::RefusedUrl => f.write_str("forbidden URL"),
            HttpErrorKind::Broken => f.write_str("broken response"),
            HttpErrorKind::BadLength => f.write_str("request body of another length than was said"),
            HttpErrorKind::TooLarge { limit } => write!(f, "body of more than {limit} bytes"),
        }
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
