//! Whose keys events are verified with.

use atproto_identity::cache::CachedDirectory;
use atproto_identity::clock::Clock;
use atproto_identity::dns::Dns;
use atproto_identity::{Identity, ResolveError};
use atproto_lexicon::http::{HttpClient, MaybeSend, MaybeSync};
use atproto_lexicon::syntax::Did;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Knows identities, and remembers them: a [`CachedDirectory`].
pub trait Identities: MaybeSend + MaybeSync + 'static {
    /// The identity of a DID.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn lookup(&self, did: &Did) -> impl Future<Output = Result<Arc<Identity>, ResolveError>> + MaybeSend;

    /// The identity of a DID, found anew.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn refresh(&self, did: &Did) -> impl Future<Output = Result<Arc<Identity>, ResolveError>> + MaybeSend;

    /// Forgets the identity of a DID.
    fn invalidate(&self, did: &Did);
}

impl<H, D, C> Identities for CachedDirectory<H, D, C>
where
    H: HttpClient + MaybeSend + 'static,
    D: Dns + MaybeSend + MaybeSync + 'static,
    C: Clock + MaybeSend + MaybeSync + 'static,
{
    async fn lookup(&self, did: &Did) -> Result<Arc<Identity>, ResolveError> {
        self.lookup_did(did).await
    }

    async fn refresh(&self, did: &Did) -> Result<Arc<Identity>, ResolveError> {
        Self::refresh(self, did).await
    }

    fn invalidate(&self, did: &Did) {
        Self::invalidate(self, did);
    }
}

impl<I: Identities> Identities for Arc<I> {
    async fn lookup(&self, did: &Did) -> Result<Arc<Identity>, ResolveError> {
        (**self).lookup(did).await
    }

    async fn refresh(&self, did: &Did) -> Result<Arc<Identity>, ResolveError> {
        (**self).refresh(did).await
    }

    fn invalidate(&self, did: &Did) {
        (**self).invalidate(did);
    }
}

/// When identities were last found anew, so that a host which sends bad events cannot make others be asked without end.
#[derive(Debug, Default)]
pub(super) struct Refreshes(Mutex<HashMap<Did, Duration>>);

impl Refreshes {
    const INTERVAL: Duration = Duration::from_secs(60);
    /// From this many on, those which have had their time are forgotten.
    const MANY: usize = 10_000;

    /// Whether an identity may be found anew at this time, which then counts as done. Of too many at once, none.
    pub(super) fn take(&self, did: &Did, now: Duration) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Duration| now.saturating_sub(*at) < Self::INTERVAL;
        if last.get(did).is_some_and(is_recent) {
            return false;
        }
        if last.len() >= Self::MANY {
            last.retain(|_, at| is_recent(at));
        }
        let has_room = last.len() < Self::MANY;
        if has_room {
            last.insert(did.clone(), now);
        }
        has_room
    }
}
