//! What the errors of a refresh mean for its session.

use super::call::CallError;
use super::client::OAuthError;
use crate::error::{AuthError, was_not_sent};
use atproto_lexicon::http::HttpErrorKind;
use std::sync::Arc;

/// The answer may have been the only copy of the next token.
pub(super) fn in_doubt() -> AuthError {
    AuthError::InDoubt(HttpErrorKind::Broken.into())
}

pub(super) fn stored(error: impl std::error::Error + Send + Sync + 'static) -> AuthError {
    AuthError::Store(Arc::new(error))
}

/// What it means that the server was not asked at all.
pub(super) fn not_asked(error: OAuthError) -> AuthError {
    match error {
        OAuthError::Http(error) => AuthError::Unavailable(Some(error)),
        OAuthError::Identity(error) if error.retry_after().is_some() => AuthError::Unavailable(None),
        error => AuthError::Other(Arc::new(error)),
    }
}

/// What an answer to a refresh that is no success means for its token.
pub(super) fn failed(error: OAuthError) -> AuthError {
    match error {
        OAuthError::Http(error) if was_not_sent(&error) => AuthError::Unavailable(Some(error)),
        OAuthError::Http(error) => AuthError::InDoubt(error),
        OAuthError::Call(CallError::Refused { status: 429, .. } | CallError::Nonce) => {
            AuthError::Unavailable(None)
        }
        // What stands before a server may say so after it has answered.
        OAuthError::Call(CallError::Refused { status: 500.., .. }) => in_doubt(),
        OAuthError::Call(error) if error.name() == Some("invalid_grant") => {
            AuthError::Ended(error.to_string())
        }
        OAuthError::Call(error @ CallError::Refused { status: 400.., .. }) => {
            AuthError::Other(Arc::new(OAuthError::Call(error)))
        }
        OAuthError::Call(CallError::Refused { .. }) => in_doubt(),
        OAuthError::Call(error) => AuthError::Malformed(error.to_string()),
        error => AuthError::Other(Arc::new(error)),
    }
}
