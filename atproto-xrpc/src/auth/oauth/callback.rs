use super::call::shown;
use super::flow::PendingAuthorization;
use crate::auth::{Secret, percent};

/// The greatest length of a query, in bytes.
const MAX_LEN: usize = 16_384;

/// What the user's browser brings back from the authorization server: the query of the redirect URI.
#[derive(Debug, Clone)]
pub struct Callback {
    state: Secret,
    issuer: String,
    outcome: Result<Secret, CallbackError>,
}

/// Why a callback gives no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// It is no query, or a parameter stands in it twice.
    #[error("the callback is malformed")]
    Malformed,
    /// It has no `state`.
    #[error("the callback has no state")]
    NoState,
    /// Its `state` is not one that was given out, or has been used up.
    #[error("the callback is of no request that is known")]
    UnknownState,
    /// It has no `iss`.
    #[error("the callback has no issuer")]
    NoIssuer,
    /// It comes from another server than the request went to.
    #[error("the callback is of another server")]
    OtherIssuer,
    /// It has neither a `code` nor an `error`.
    #[error("the callback has no code")]
    NoCode,
    /// It came too late.
    #[error("the callback came too late")]
    Expired,
    /// The server, or the user, says no.
    #[error("refused: {error}")]
    Refused {
        /// Which error it is, such as `access_denied`.
        error: String,
        /// What the server says to people.
        description: Option<String>,
    },
}

impl Callback {
    /// Reads the query of the redirect URI, without `?`; in the fragment, it looks the same.
    ///
    /// # Errors
    /// [`CallbackError::Malformed`], [`CallbackError::NoState`], [`CallbackError::NoIssuer`].
    pub fn parse(query: &str) -> Result<Self, CallbackError> {
        if query.len() > MAX_LEN {
            return Err(CallbackError::Malformed);
        }
        let fields = percent::decode_form(query).ok_or(CallbackError::Malformed)?;
        let one = |wanted: &str| {
            let mut found = fields.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value);
            match (found.next(), found.next()) {
                (_, Some(_)) => Err(CallbackError::Malformed),
                (found, None) => Ok(found.filter(|value| !value.is_empty()).cloned()),
            }
        };
        let (code, error, description) = (one("code")?, one("error")?, one("error_description")?);
        let outcome = match (code, error) {
            (Some(_), Some(_)) => return Err(CallbackError::Malformed),
            (Some(code), None) => Ok(code.into()),
            (None, Some(error)) => Err(CallbackError::Refused {
                error: shown(&error),
                description: description.as_deref().map(shown),
            }),
            (None, None) => Err(CallbackError::NoCode),
        };
        let state = one("state")?.ok_or(CallbackError::NoState)?.into();
        Ok(Self { state, issuer: one("iss")?.ok_or(CallbackError::NoIssuer)?, outcome })
    }

    /// Which request it is of.
    pub fn state(&self) -> &str {
        self.state.expose()
    }

    /// The code, where this is the answer to a request. That the state has not been used before is for the store of requests to know.
    ///
    /// # Errors
    /// [`CallbackError`].
    pub fn code(&self, pending: &PendingAuthorization, now: u64) -> Result<Secret, CallbackError> {
        if self.state != pending.state {
            return Err(CallbackError::UnknownState);
        }
        // Whoever sends it, an error too has to come from the right server (RFC 9207).
        if self.issuer != pending.issuer.as_str() {
            return Err(CallbackError::OtherIssuer);
        }
        if now > pending.expires_at {
            return Err(CallbackError::Expired);
        }
        self.outcome.clone()
    }
}
