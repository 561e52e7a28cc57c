use super::flow::{OAuthSessionData, PendingAuthorization};
use atproto_lexicon::http::{MaybeSend, MaybeSync};
use atproto_lexicon::syntax::Did;
use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where requests are kept until their users come back, and sessions between runs of a program. What is kept are secrets.
///
/// Of two programs with the same store, one finds that the other is refreshing, or has; but where both ask at the same moment, both
/// send the token, which ends the session. Let one refresh, or lock.
pub trait OAuthStore: MaybeSend + MaybeSync {
    /// Why it cannot be.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Keeps a request, by its `state`. It may be forgotten after its `expires_at`.
    ///
    /// # Errors
    /// What the store says.
    fn put_pending(
        &self,
        pending: &PendingAuthorization,
    ) -> impl Future<Output = Result<(), Self::Error>> + MaybeSend;

    /// Gives a request and forgets it: of two calls with the same state, one gets it.
    ///
    /// # Errors
    /// What the store says.
    fn take_pending(
        &self,
        state: &str,
    ) -> impl Future<Output = Result<Option<PendingAuthorization>, Self::Error>> + MaybeSend;

    /// The session of an account, where there is one.
    ///
    /// # Errors
    /// What the store says.
    fn load(
        &self,
        did: &Did,
    ) -> impl Future<Output = Result<Option<OAuthSessionData>, Self::Error>> + MaybeSend;

    /// Puts a session in the place of the one before. When this is ready, it survives the program.
    ///
    /// # Errors
    /// What the store says.
    fn save(&self, session: &OAuthSessionData) -> impl Future<Output = Result<(), Self::Error>> + MaybeSend;

    /// Forgets the session of an account.
    ///
    /// # Errors
    /// What the store says.
    fn clear(&self, did: &Did) -> impl Future<Output = Result<(), Self::Error>> + MaybeSend;
}

impl<T: OAuthStore + ?Sized> OAuthStore for Arc<T>
where
    Self: MaybeSend + MaybeSync,
{
    type Error = T::Error;

    async fn put_pending(&self, pending: &PendingAuthorization) -> Result<(), Self::Error> {
        (**self).put_pending(pending).await
    }

    async fn take_pending(&self, state: &str) -> Result<Option<PendingAuthorization>, Self::Error> {
        (**self).take_pending(state).await
    }

    async fn load(&self, did: &Did) -> Result<Option<OAuthSessionData>, Self::Error> {
        (**self).load(did).await
    }

    async fn save(&self, session: &OAuthSessionData) -> Result<(), Self::Error> {
        (**self).save(session).await
    }

    async fn clear(&self, did: &Did) -> Result<(), Self::Error> {
        (**self).clear(did).await
    }
}

/// Keeps all of it for as long as the program runs: any number of sessions, and the last 10,000 requests.
#[derive(Debug, Default)]
pub struct MemoryOAuthStore(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    pending: VecDeque<PendingAuthorization>,
    sessions: HashMap<Did, OAuthSessionData>,
}

/// The most requests that are kept. Strangers make them, and the oldest goes first.
const MAX_PENDING: usize = 10_000;

impl MemoryOAuthStore {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OAuthStore for MemoryOAuthStore {
    type Error = Infallible;

    async fn put_pending(&self, pending: &PendingAuthorization) -> Result<(), Infallible> {
        let mut memory = self.memory();
        if memory.pending.len() >= MAX_PENDING {
            memory.pending.pop_front();
        }
        memory.pending.push_back(pending.clone());
        Ok(())
    }

    async fn take_pending(&self, state: &str) -> Result<Option<PendingAuthorization>, Infallible> {
        let mut memory = self.memory();
        let at = memory.pending.iter().position(|pending| pending.state.expose() == state);
        Ok(at.and_then(|at| memory.pending.remove(at)))
    }

    async fn load(&self, did: &Did) -> Result<Option<OAuthSessionData>, Infallible> {
        Ok(self.memory().sessions.get(did).cloned())
    }

    async fn save(&self, session: &OAuthSessionData) -> Result<(), Infallible> {
        self.memory().sessions.insert(session.did.clone(), session.clone());
        Ok(())
    }

    async fn clear(&self, did: &Did) -> Result<(), Infallible> {
        self.memory().sessions.remove(did);
        Ok(())
    }
}
