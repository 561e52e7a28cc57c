//! Why an identity is not resolved.

use crate::fetch_policy::Refusal;
use atproto_lexicon::http::{HttpError, HttpErrorKind};
use atproto_lexicon::syntax::{Did, Handle};
use std::time::Duration;

/// For how long to wait where nothing says it.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Why a handle or a DID is not resolved.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// Neither DNS nor the host knows the handle; the directory or host does not know the DID.
    #[error("not found")]
    NotFound,
    /// The DID has ended.
    #[error("the DID has been ended by a tombstone")]
    Tombstoned,
    /// The handle is below a top-level domain under which none resolves, or below `.test` outside development.
    #[error("handles below this top-level domain are not resolved")]
    ReservedHandle,
    /// The DID is of a method other than `plc` and `web`.
    #[error("DID method {0:?} is not supported")]
    UnsupportedMethod(String),
    /// The DID is not one of its method: of did:plc not 24 characters of base32, of did:web not a public host's name.
    #[error("malformed DID of its method")]
    InvalidDid,
    /// The document is of another DID.
    #[error("the document is of {0}")]
    IdMismatch(Did),
    /// DNS has more than one DID for the handle; up to eight of them are here, as they are written.
    #[error("DNS names {} different DIDs for the handle", .0.len())]
    HandleConflict(Vec<String>),
    /// The DID that the handle leads to does not claim the handle.
    #[error("{did} claims {}, not the handle", match .claims { Some(handle) => handle.as_str(), None => "no handle" })]
    HandleMismatch {
        /// What the handle leads to.
        did: Did,
        /// What its document claims.
        claims: Option<Handle>,
    },
    /// The host or DNS cannot be reached, or says that it cannot answer now: worth another attempt later.
    #[error("unreachable{}", match .status { Some(status) => format!(": status {status}"), None => String::new() })]
    Unreachable {
        /// After which time, by what the host said; 60 s where it said nothing.
        retry_after: Duration,
        /// The status of the response; `None` without one.
        status: Option<u16>,
        /// What the client said.
        #[source]
        error: Option<HttpError>,
    },
    /// The policy forbids it.
    #[error("refused by policy: {0}")]
    Refused(Refusal),
    /// The answer is larger than the limit.
    #[error("an answer of more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The answer did not come within the limit: worth another attempt later.
    #[error("no answer within the time limit")]
    TooSlow,
    /// More redirects than the policy follows.
    #[error("too many redirects")]
    TooManyRedirects,
    /// What came is not what it should be.
    #[error("malformed: {0}")]
    Malformed(Malformed),
}

/// What is malformed in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The document is no JSON object with a DID.
    #[error("no DID document")]
    Document,
    /// The text of the host, or of the only `did=` in DNS, is no DID.
    #[error("no DID")]
    Did,
    /// A redirect leads nowhere.
    #[error("a redirect without a URL")]
    Redirect,
    /// A status that is neither success nor an error.
    #[error("status {0}")]
    Status(u16),
    /// The answer is no HTTP, or ended too early.
    #[error("broken response")]
    Response,
}

impl ResolveError {
    /// After which time another attempt is worth it; `None` where the answer is an answer.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { retry_after, .. } => Some(*retry_after),
            Self::TooSlow => Some(RETRY_AFTER),
            _ => None,
        }
    }

    /// Without a word from the host.
    pub(crate) fn unreachable(error: Option<HttpError>) -> Self {
        Self::Unreachable { retry_after: RETRY_AFTER, status: None, error }
    }

    /// With a status by which the host says that it cannot answer now.
    pub(crate) fn busy(status: u16, retry_after: Option<Duration>) -> Self {
        Self::Unreachable {
            retry_after: retry_after.unwrap_or(RETRY_AFTER),
            status: Some(status),
            error: None,
        }
    }
}

impl From<HttpError> for ResolveError {
    fn from(error: HttpError) -> Self {
        match error.kind() {
            HttpErrorKind::TimedOut => Self::TooSlow,
            HttpErrorKind::Refused(address) => Self::Refused(Refusal::Address(address)),
            HttpErrorKind::RefusedUrl => Self::Refused(Refusal::of(&error)),
            HttpErrorKind::TooLarge { limit } => Self::TooLarge { limit },
            HttpErrorKind::Broken => Self::Malformed(Malformed::Response),
            _ => Self::unreachable(Some(error)),
        }
    }
}
