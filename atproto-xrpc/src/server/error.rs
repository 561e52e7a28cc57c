//! What an endpoint answers instead of its output (<https://atproto.com/specs/xrpc#error-responses>).

use super::limit::Taken;
use atproto_lexicon::http::{Bytes, Response};
use atproto_lexicon::typed::AnyError;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::json;
use std::error::Error;
use std::fmt::Display;

/// The most bytes of a message: what is wrong may repeat what was sent.
const MAX_MESSAGE: usize = 512;

/// A status, the name of an error, and what else its response says.
///
/// It is no [`std::error::Error`], so that `?` tells what is the asker's fault from what is the service's: see [`ServeError`].
#[derive(Debug, Clone)]
pub struct Refusal(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    error: Box<str>,
    message: Option<String>,
    headers: HeaderMap,
}

impl Refusal {
    /// With a status, the name of the error and a text for people, of which 512 bytes are kept. The name is of ASCII and has no spaces;
    /// a status that is no error's counts as 500.
    pub fn new(status: StatusCode, error: &str, message: impl Into<String>) -> Self {
        let is_error = status.is_client_error() || status.is_server_error();
        let status = if is_error { status } else { StatusCode::INTERNAL_SERVER_ERROR };
        let mut message = message.into();
        let mut end = message.len().min(MAX_MESSAGE);
        while !message.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        message.truncate(end);
        let message = Some(message).filter(|message| !message.is_empty());
        Self(Box::new(Inner { status, error: error.into(), message, headers: HeaderMap::new() }))
    }

    /// 400 `InvalidRequest`: the request is not what the endpoint takes.
    pub fn invalid_request(message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", message.to_string())
    }

    /// 401 `AuthMissing`: the endpoint wants to know who asks.
    pub fn auth_missing() -> Self {
        let refusal = Self::new(StatusCode::UNAUTHORIZED, "AuthMissing", "authentication required");
        refusal.with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401 with a name such as `BadJwt` or `InvalidToken`: what was said of who asks does not count.
    pub fn unauthorized(error: &str, message: impl Display) -> Self {
        let refusal = Self::new(StatusCode::UNAUTHORIZED, error, message.to_string());
        refusal.with_header(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#))
    }

    /// 403 `Forbidden`: who asks is known, and may not.
    pub fn forbidden(message: impl Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message.to_string())
    }

    /// 413 `PayloadTooLarge`: the body has more bytes than the limit.
    pub fn payload_too_large(limit: u64) -> Self {
        let message = format!("a body of more than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLarge", message)
    }

    /// 429 `RateLimitExceeded`, with the headers that say when to ask again.
    pub fn rate_limited(taken: &Taken) -> Self {
        let refusal = Self::new(StatusCode::TOO_MANY_REQUESTS, "RateLimitExceeded", "too many requests");
        let mut refusal = refusal.with_header(RETRY_AFTER, HeaderValue::from(taken.retry_after.as_secs()));
        taken.rate_limit.write(&mut refusal.0.headers);
        refusal
    }

    /// 503: it cannot be answered now, and is worth another attempt.
    pub fn unavailable(error: &str, message: impl Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error, message.to_string())
    }

    /// 405 `InvalidRequest`: the endpoint is called in another way.
    pub(super) fn wrong_method(expected: &Method) -> Self {
        let message = format!("the endpoint is called by {expected}");
        let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "InvalidRequest", message);
        let allowed = if *expected == Method::GET { "GET, HEAD" } else { expected.as_str() };
        // The names of methods have no character that a header cannot have.
        match HeaderValue::from_str(allowed) {
            Ok(allowed) => refusal.with_header(ALLOW, allowed),
            Err(_) => refusal,
        }
    }

    /// 500 `InternalServerError`, which says nothing of its cause.
    pub(super) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "")
    }

    /// With another header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The name of the error.
    pub fn error(&self) -> &str {
        &self.0.error
    }

    /// The text for people.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The response.
    pub fn to_response(&self) -> Response<Bytes> {
        let mut body = json!({ "error": self.0.error });
        if let (Some(message), Some(body)) = (&self.0.message, body.as_object_mut()) {
            body.insert("message".to_owned(), message.as_str().into());
        }
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = self.0.status;
        *response.headers_mut() = self.0.headers.clone();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// Why a handler has no output. `E` are the errors that the endpoint names.
///
/// `?` on any [`std::error::Error`] makes it [`Internal`](Self::Internal): what a program did not think of is never shown to strangers.
/// For this it is no [`std::error::Error`] itself.
///
/// ```
/// use atproto_xrpc::api::com::atproto::repo::get_record::GetRecordError;
/// use atproto_xrpc::server::{Refusal, ServeError};
///
/// fn find(key: &str) -> Result<u32, ServeError<GetRecordError>> {
///     if key.is_empty() {
///         return Err(Refusal::invalid_request("an empty key").into());
///     }
///     let records: u32 = std::env::var("RECORDS")?.parse()?;
///     records.checked_sub(1).ok_or_else(|| ServeError::named(GetRecordError::RecordNotFound, "there are none"))
/// }
/// assert!(matches!(find(""), Err(ServeError::Refused(_))));
/// assert!(matches!(find("a"), Err(ServeError::Internal(_))));
/// ```
#[derive(Debug)]
pub enum ServeError<E = AnyError> {
    /// An error of the endpoint's lexicon: status 400.
    Named {
        /// Which one.
        error: E,
        /// A text for people.
        message: Option<String>,
    },
    /// Anything else that the asker is told.
    Refused(Refusal),
    /// A failure of the service: status 500, and the asker is told nothing of it
    /// ([`XrpcRouter::on_failure`](super::XrpcRouter::on_failure)).
    Internal(Box<dyn Error + Send + Sync>),
}

impl<E> ServeError<E> {
    /// An error of the endpoint's lexicon, with a text for people.
    pub fn named(error: E, message: impl Into<String>) -> Self {
        Self::Named { error, message: Some(message.into()) }
    }

    /// A failure of the service, as a text for its own log.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }
}

impl<E: AsRef<str>> ServeError<E> {
    pub(super) fn untyped(self) -> ServeError {
        match self.into_refusal() {
            (_, Some(cause)) => ServeError::Internal(cause),
            (refusal, None) => refusal.into(),
        }
    }

    /// What the asker is told, and the failure that is not told.
    pub fn into_refusal(self) -> (Refusal, Option<Box<dyn Error + Send + Sync>>) {
        match self {
            Self::Named { error, message } => {
                let message = message.unwrap_or_default();
                (Refusal::new(StatusCode::BAD_REQUEST, error.as_ref(), message), None)
            }
            Self::Refused(refusal) => (refusal, None),
            Self::Internal(cause) => (Refusal::internal(), Some(cause)),
        }
    }
}

impl<E> From<Refusal> for ServeError<E> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E, T: Error + Send + Sync + 'static> From<T> for ServeError<E> {
    fn from(error: T) -> Self {
        Self::Internal(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_not_told() {
        let (refusal, cause) = ServeError::<AnyError>::internal("the password is hunter2").into_refusal();
        let response = refusal.to_response();
        assert_eq!(response.status(), 500);
        assert_eq!(&response.body()[..], br#"{"error":"InternalServerError"}"#);
        assert_eq!(cause.unwrap().to_string(), "the password is hunter2");
    }

    #[test]
    fn what_is_told_is_short_and_an_error() {
        let refusal = Refusal::new(StatusCode::OK, "A", "é".repeat(10_000));
        assert_eq!((refusal.status().as_u16(), refusal.message().unwrap().len()), (500, 512));
        let refusal = Refusal::invalid_request("x\"\n");
        assert_eq!(&refusal.to_response().body()[..], br#"{"error":"InvalidRequest","message":"x\"\n"}"#);
        assert_eq!(Refusal::wrong_method(&Method::GET).to_response().headers()[ALLOW], "GET, HEAD");
    }
}
