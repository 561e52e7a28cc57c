use crate::headers::ReplyHead;
use crate::request::RequestError;
use atproto_lexicon::http::HttpError;
use atproto_lexicon::typed::AnyError;
use std::fmt;
use std::sync::Arc;

/// The most bytes of a body that an error keeps.
const MAX_SNIPPET: usize = 512;

/// Why a call has no output. `E` are the errors that the endpoint names.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E: AsRef<str> = AnyError> {
    /// There is nothing to send.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// There is no response, or not all of it. Whether the server has done what a procedure asks for is not known, unless there was
    /// no connection.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server says no.
    #[error(transparent)]
    Refused(Box<Refused<E>>),
    /// The server says that it has done it, and the rest is not what the endpoint answers.
    #[error(transparent)]
    Malformed(Box<Malformed>),
    /// The session cannot vouch for the call.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

/// A response that is no success (<https://atproto.com/specs/xrpc#error-responses>).
#[derive(Debug, Clone)]
pub struct Refused<E = AnyError> {
    /// Status and headers.
    pub head: ReplyHead,
    /// Which error it is; `None` where the body does not say.
    pub error: Option<E>,
    /// What the server says to people.
    pub message: Option<String>,
    /// How the body begins where it is no error's JSON, at most 512 bytes.
    pub snippet: Option<String>,
}

/// A success whose body is not what the endpoint answers. `Debug` leaves its beginning out: there may be a token in it.
#[derive(Clone, thiserror::Error)]
#[error("status {}, and {reason}", .head.status)]
pub struct Malformed {
    /// Status and headers.
    pub head: ReplyHead,
    /// What is wrong with it.
    pub reason: String,
    /// How the body begins, at most 512 bytes.
    pub snippet: String,
}

impl fmt::Debug for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { head, reason, snippet: _ } = self;
        f.debug_struct("Malformed").field("head", head).field("reason", reason).finish_non_exhaustive()
    }
}

/// Why a session cannot vouch for a call.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// It has ended: log in again.
    #[error("the session has ended: {0}")]
    Ended(String),
    /// Whether the server has refreshed it is not known: the only token may be used up, and is not used again.
    #[error("whether the session was refreshed is not known")]
    InDoubt(#[source] HttpError),
    /// The server cannot be reached, and was not asked; or says that it cannot answer now.
    #[error("the session cannot be refreshed now")]
    Unavailable(#[source] Option<HttpError>),
    /// The server's answer is not what it must be.
    #[error("the answer to a refresh is wrong: {0}")]
    Malformed(String),
    /// What the session is kept in failed. What was new is in memory alone.
    #[error("the session cannot be stored")]
    Store(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Anything else, of an implementation outside.
    #[error(transparent)]
    Other(Arc<dyn std::error::Error + Send + Sync>),
}

impl AuthError {
    /// Whether trying again does not help.
    #[cfg(feature = "client")]
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::InDoubt(_) | Self::Malformed(_))
    }
}

/// Whether a request, and with it a token, has not reached its server.
#[cfg(feature = "client")]
pub(crate) fn was_not_sent(error: &HttpError) -> bool {
    use atproto_lexicon::http::HttpErrorKind::{Connect, Refused, RefusedUrl, UnknownHost};
    matches!(error.kind(), UnknownHost | Connect | Refused(_) | RefusedUrl)
}

impl<E: AsRef<str>> Error<E> {
    /// The name of the error that the server says, such as `RecordNotFound`.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Refused(refused) => refused.error.as_ref().map(AsRef::as_ref),
            _ => None,
        }
    }

    /// Status and headers, where there was a response.
    pub fn head(&self) -> Option<&ReplyHead> {
        match self {
            Self::Refused(refused) => Some(&refused.head),
            Self::Malformed(malformed) => Some(&malformed.head),
            _ => None,
        }
    }

    /// With the name of the error alone, as text.
    pub fn untyped(self) -> Error {
        self.map(|error| AnyError::from(error.as_ref()))
    }

    pub(crate) fn map<F: AsRef<str>>(self, to: impl FnOnce(E) -> F) -> Error<F> {
        match self {
            Self::Request(error) => Error::Request(error),
            Self::Http(error) => Error::Http(error),
            Self::Refused(refused) => {
                let Refused { head, error, message, snippet } = *refused;
                Error::Refused(Box::new(Refused { head, error: error.map(to), message, snippet }))
            }
            Self::Malformed(malformed) => Error::Malformed(malformed),
            Self::Auth(error) => Error::Auth(error),
        }
    }
}

impl<E: AsRef<str>> fmt::Display for Refused<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused with status {}", self.head.status.as_u16())?;
        if let Some(error) = &self.error {
            write!(f, ", {}", error.as_ref())?;
        }
        match (&self.message, &self.snippet) {
            (Some(message), _) => write!(f, ": {message}"),
            (None, Some(snippet)) => write!(f, ": {snippet:?}"),
            (None, None) => Ok(()),
        }
    }
}

impl<E: AsRef<str> + fmt::Debug> std::error::Error for Refused<E> {}

/// How a body begins, as text.
pub(crate) fn snippet(body: &[u8]) -> String {
    let start = body.get(..MAX_SNIPPET).unwrap_or(body);
    String::from_utf8_lossy(start).into_owned()
}
