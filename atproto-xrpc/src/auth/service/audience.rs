use crate::headers::is_service_name;
use atproto_lexicon::syntax::Did;
use std::fmt;
use std::str::FromStr;

/// For whom a token is, or who is called: a DID, or a service of it, `did#service`. The two are different audiences.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Audience {
    did: Did,
    service: Option<Box<str>>,
}

/// Why a text is no audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AudienceError {
    /// What comes before `#` is no DID.
    #[error("audience has no DID")]
    Did,
    /// What comes after `#` is empty, too long or has characters that the name of a service has not.
    #[error("audience has a malformed service")]
    Service,
}

impl Audience {
    /// The DID.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// The name of the service, without `#`.
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }
}

impl From<Did> for Audience {
    fn from(did: Did) -> Self {
        Self { did, service: None }
    }
}

impl FromStr for Audience {
    type Err = AudienceError;

    fn from_str(text: &str) -> Result<Self, AudienceError> {
        let (did, service) = match text.split_once('#') {
            Some((did, service)) => (did, Some(service)),
            None => (text, None),
        };
        if !service.is_none_or(is_service_name) {
            return Err(AudienceError::Service);
        }
        Ok(Self { did: did.parse().map_err(|_| AudienceError::Did)?, service: service.map(Into::into) })
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.service {
            Some(service) => write!(f, "{}#{service}", self.did),
            None => write!(f, "{}", self.did),
        }
    }
}
