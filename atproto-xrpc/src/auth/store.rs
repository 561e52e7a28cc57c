use crate::ServiceUrl;
use atproto_lexicon::http::{MaybeSend, MaybeSync};
use atproto_lexicon::syntax::{Did, Handle};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A token or password, which no `Debug` shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps a text from being shown.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a session is resumed from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionData {
    /// The service that the session was made at, and is refreshed at.
    pub service: ServiceUrl,
    /// The account.
    pub did: Did,
    /// Its handle, by the word of the service.
    pub handle: Handle,
    /// Where its requests go, if that is another service.
    pub pds: Option<ServiceUrl>,
    /// The token of requests.
    pub access: Secret,
    /// The token that the next two are had for, once.
    pub refresh: Secret,
}

/// Where a session is kept between runs of a program.
pub trait SessionStore: MaybeSend + MaybeSync {
    /// Why it cannot be.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The session, where there is one.
    ///
    /// # Errors
    /// What the store says.
    fn load(&self) -> impl Future<Output = Result<Option<SessionData>, Self::Error>> + MaybeSend;

    /// Puts a session in the place of the one before. When this is ready, it survives the program.
    ///
    /// # Errors
    /// What the store says.
    fn save(&self, session: &SessionData) -> impl Future<Output = Result<(), Self::Error>> + MaybeSend;

    /// Forgets the session.
    ///
    /// # Errors
    /// What the store says.
    fn clear(&self) -> impl Future<Output = Result<(), Self::Error>> + MaybeSend;
}

/// Keeps a session for as long as the program runs.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Option<SessionData>>);

impl SessionStore for MemoryStore {
    type Error = Infallible;

    async fn load(&self) -> Result<Option<SessionData>, Infallible> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, session: &SessionData) -> Result<(), Infallible> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        Ok(())
    }

    async fn clear(&self) -> Result<(), Infallible> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}
