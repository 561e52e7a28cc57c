//! A directory that remembers.

use crate::clock::Clock;
use crate::directory::Directory;
use crate::dns::Dns;
use crate::error::ResolveError;
use crate::identity::{HandleState, Identity};
use crate::resolve::{DocumentResolution, HandleResolution};
use atproto_lexicon::http::HttpClient;
use atproto_lexicon::syntax::{AtIdentifier, Did, Handle};
use futures_util::stream::{Stream, StreamExt};
use quick_cache::sync::{Cache, EntryAction, EntryResult};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

/// For how long what was found is believed, and how much of it.
#[derive(Debug, Clone)]
pub struct CacheConfig {
    /// An identity, or what a handle leads to: 24 h. An identity's handle is checked with what is remembered of the handle, which may
    /// be as old again.
    pub hit: Duration,
    /// An identity whose handle does not lead back: 5 min.
    pub invalid_handle: Duration,
    /// That nothing was found, or reached: 2 min. Where a host says that it is busy for longer, that long.
    pub failure: Duration,
    /// For how long after `hit` an identity still counts while its host cannot be reached: 24 h.
    pub stale: Duration,
    /// The most identities, and the most handles.
    pub capacity: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self {
            hit: Duration::from_secs(24 * 3600),
            invalid_handle: Duration::from_secs(300),
            failure: Duration::from_secs(120),
            stale: Duration::from_secs(24 * 3600),
            capacity: 100_000,
        }
    }
}

/// A [`Directory`] that remembers what it found, and asks once however many wait.
///
/// Where a future is dropped, the next one that waits goes on in its place.
#[derive(Debug)]
pub struct CachedDirectory<H, D, C> {
    directory: Directory<H, D, C>,
    config: CacheConfig,
    identities: Memory<Did, Arc<Identity>>,
    handles: Memory<Handle, Did>,
}

impl<H: HttpClient, D: Dns, C: Clock> CachedDirectory<H, D, C> {
    /// Remembers what `directory` finds, with the times and the size of [`CacheConfig::default`].
    pub fn new(directory: Directory<H, D, C>) -> Self {
        Self::with_config(directory, CacheConfig::default())
    }

    /// With other times, or another size.
    pub fn with_config(directory: Directory<H, D, C>, config: CacheConfig) -> Self {
        let (identities, handles) = (Memory::new(config.capacity), Memory::new(config.capacity));
        Self { directory, config, identities, handles }
    }

    /// The directory, which remembers nothing.
    pub fn directory(&self) -> &Directory<H, D, C> {
        &self.directory
    }

    /// The identity of a handle or DID: [`lookup_handle`](Self::lookup_handle) or [`lookup_did`](Self::lookup_did).
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn lookup(&self, identifier: &AtIdentifier) -> Result<Arc<Identity>, ResolveError> {
        match (identifier.as_did(), identifier.as_handle()) {
            (Some(did), _) => self.lookup_did(&did).await,
            (None, Some(handle)) => self.lookup_handle(&handle).await,
            (None, None) => Err(ResolveError::NotFound),
        }
    }

    /// The identity of a DID, its handle checked in both directions.
    ///
    /// # Errors
    /// [`ResolveError`]; one that was remembered has the time that is left as its [`retry_after`](ResolveError::retry_after).
    pub async fn lookup_did(&self, did: &Did) -> Result<Arc<Identity>, ResolveError> {
        if let Some(known) = self.identities.fresh(did, self.now()) {
            return known;
        }
        // What is remembered should not pay for moving about the future that finds it.
        Box::pin(self.find_did(did, None)).await
    }

    /// The identity that a handle leads to and that claims it.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn lookup_handle(&self, handle: &Handle) -> Result<Arc<Identity>, ResolveError> {
        let handle = handle.to_normalized();
        let now = self.now();
        if let Some(Ok(did)) = self.handles.fresh(&handle, now)
            && let Some(Ok(identity)) = self.identities.fresh(&did, now)
            && has_handle(&identity, &handle)
        {
            return Ok(identity);
        }
        Box::pin(self.find_by_handle(&handle)).await
    }

    async fn find_by_handle(&self, handle: &Handle) -> Result<Arc<Identity>, ResolveError> {
        let (start, mut asked_at) = (self.now(), None);
        loop {
            let did = self.find_handle(handle, asked_at).await?;
            let identity = self.lookup_did(&did).await?;
            if has_handle(&identity, handle) {
                return Ok(identity);
            }
            // What the handle led to may be remembered from before the identity had another one.
            let (known, later) = (self.handles.asked_at(handle), self.identities.asked_at(&did));
            if asked_at.is_some() || known >= later || known >= Some(start) {
                return Err(ResolveError::HandleMismatch { did, claims: identity.document().handle() });
            }
            asked_at = later;
        }
    }

    /// The identity of a DID, found anew however long ago it was found: after a signature did not verify.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn refresh(&self, did: &Did) -> Result<Arc<Identity>, ResolveError> {
        self.refresh_older(did, Duration::ZERO).await
    }

    /// [`refresh`](Self::refresh), unless it was asked for less than `age` ago, whatever was found then: where strangers can make us
    /// look again, as by tokens that somebody else signed, they could make us ask a host without end.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn refresh_older(&self, did: &Did, age: Duration) -> Result<Arc<Identity>, ResolveError> {
        // Where it is one of several things that a future may do, the others should not be as large.
        Box::pin(self.find_did(did, Some(self.now().saturating_sub(age)))).await
    }

    /// Forgets a DID and the handle that it had: after an `#identity` event. What is being asked for at this moment is not
    /// remembered either.
    pub fn invalidate(&self, did: &Did) {
        if let Some(identity) = self.identities.remove(did)
            && let Some(handle) = identity.document().handle()
        {
            self.invalidate_handle(&handle);
        }
    }

    /// Forgets what a handle leads to.
    pub fn invalidate_handle(&self, handle: &Handle) {
        self.handles.remove(&handle.to_normalized());
    }

    /// Looks up many, `at_once` of them side by side, and gives each as it is found.
    pub fn lookup_many<I: IntoIterator<Item = AtIdentifier>>(
        &self,
        identifiers: I,
        at_once: usize,
    ) -> impl Stream<Item = (AtIdentifier, Result<Arc<Identity>, ResolveError>)> + use<'_, H, D, C, I> {
        let lookups = identifiers.into_iter().map(move |identifier| async move {
            let found = self.lookup(&identifier).await;
            (identifier, found)
        });
        futures_util::stream::iter(lookups).buffer_unordered(at_once.max(1))
    }

    fn now(&self) -> Duration {
        self.directory.clock().now()
    }

    async fn find_did(&self, did: &Did, asked_at: Option<Duration>) -> Result<Arc<Identity>, ResolveError> {
        let find = async {
            let document =
                self.directory.run(DocumentResolution::new(did.clone(), self.directory.config())).await?;
            let Some(claimed) = document.handle() else {
                return Ok(Arc::new(Identity::without_handle(document)));
            };
            let leads_to = self.find_handle(&claimed, asked_at).await;
            Ok(Arc::new(Identity::confirmed(document, claimed, leads_to)))
        };
        let times = Times {
            hit: |identity: &Arc<Identity>, config| match identity.handle_state() {
                HandleState::Invalid { .. } => config.invalid_handle,
                _ => config.hit,
            },
            config: &self.config,
        };
        self.identities.find(did, asked_at, self.directory.clock(), find, times).await
    }

    async fn find_handle(&self, handle: &Handle, asked_at: Option<Duration>) -> Result<Did, ResolveError> {
        let find = self.directory.run(HandleResolution::new(handle.clone(), self.directory.config()));
        let times = Times { hit: |_: &Did, config| config.hit, config: &self.config };
        self.handles.find(handle, asked_at, self.directory.clock(), find, times).await
    }
}

/// Whether a handle leads to an identity that claims it.
fn has_handle(identity: &Identity, handle: &Handle) -> bool {
    matches!(identity.handle_state(), HandleState::Verified(verified) if verified == handle)
}

/// What was found, or not, by a key.
#[derive(Debug)]
struct Memory<K, V> {
    cache: Cache<K, Entry<V>>,
}

#[derive(Debug, Clone)]
struct Entry<V> {
    found: Result<V, ResolveError>,
    /// When it was asked for.
    asked_at: Duration,
    /// Until then it is believed.
    fresh_until: Duration,
    /// Until then it is better than nothing.
    stale_until: Duration,
}

/// For how long what was found is believed.
struct Times<'a, V> {
    hit: fn(&V, &CacheConfig) -> Duration,
    config: &'a CacheConfig,
}

impl<K: Hash + Eq + Clone, V: Clone> Memory<K, V> {
    fn new(capacity: usize) -> Self {
        Self { cache: Cache::new(capacity) }
    }

    fn remove(&self, key: &K) -> Option<V> {
        self.cache.remove(key)?.1.found.ok()
    }

    /// When what is remembered was asked for.
    fn asked_at(&self, key: &K) -> Option<Duration> {
        self.cache.get(key).map(|entry| entry.asked_at)
    }

    fn fresh(&self, key: &K, now: Duration) -> Option<Result<V, ResolveError>> {
        self.cache.get(key).filter(|entry| entry.fresh_until > now).map(|entry| entry.into_found(now))
    }

    /// What is remembered, if it is fresh and was asked for at `asked_at` or later; or what `find` finds, once for all that
    /// wait.
    async fn find(
        &self,
        key: &K,
        asked_at: Option<Duration>,
        clock: &impl Clock,
        find: impl Future<Output = Result<V, ResolveError>>,
        times: Times<'_, V>,
    ) -> Result<V, ResolveError> {
        let occupied = |_: &K, entry: &mut Entry<V>| {
            let now = clock.now();
            let is_good = entry.fresh_until > now && asked_at.is_none_or(|at| entry.asked_at >= at);
            if is_good {
                EntryAction::Retain(entry.clone().into_found(now))
            } else {
                EntryAction::ReplaceWithGuard
            }
        };
        let (guard, old) = match self.cache.entry_async(key, occupied).await {
            EntryResult::Retained(found) => return found,
            EntryResult::Replaced(guard, old) => (guard, Some(old)),
            EntryResult::Vacant(guard) => (guard, None),
            // Nothing is removed here, and nothing waits for a limited time.
            EntryResult::Removed(..) | EntryResult::Timeout => return find.await,
        };
        let mut place = Place { insert: Some(|entry| drop(guard.insert(entry))), old };
        let start = clock.now();
        let found = find.await;
        let now = clock.now();
        let entry = times.entry(found, place.old.take(), start, now);
        let found = entry.clone().into_found(now);
        place.put(entry);
        found
    }
}

impl<V> Entry<V> {
    /// What was found; of a failure that may pass, when to ask again.
    fn into_found(mut self, now: Duration) -> Result<V, ResolveError> {
        if let Err(ResolveError::Unreachable { retry_after, .. }) = &mut self.found {
            *retry_after = self.fresh_until.saturating_sub(now);
        }
        self.found
    }
}

impl<V> Times<'_, V> {
    fn entry(
        &self,
        found: Result<V, ResolveError>,
        old: Option<Entry<V>>,
        asked_at: Duration,
        now: Duration,
    ) -> Entry<V> {
        let failure = |error: &ResolveError| {
            let asked_for = error.retry_after().unwrap_or_default().min(self.config.hit);
            now.saturating_add(self.config.failure.max(asked_for))
        };
        match (found, old) {
            (Ok(value), _) => {
                let hit = (self.hit)(&value, self.config);
                let fresh_until = now.saturating_add(hit);
                let stale_until =
                    now.saturating_add(hit.max(self.config.hit)).saturating_add(self.config.stale);
                Entry { found: Ok(value), asked_at, fresh_until, stale_until }
            }
            // What is known is believed for longer while nobody can say otherwise.
            (Err(error), Some(old))
                if old.found.is_ok() && error.retry_after().is_some() && old.stale_until > now =>
            {
                Entry { fresh_until: failure(&error).min(old.stale_until), asked_at, ..old }
            }
            (Err(error), _) => {
                let fresh_until = failure(&error);
                Entry { found: Err(error), asked_at, fresh_until, stale_until: fresh_until }
            }
        }
    }
}

/// The place of an entry that is being found. Where that is given up, what was there comes back.
struct Place<V, F: FnOnce(Entry<V>)> {
    insert: Option<F>,
    old: Option<Entry<V>>,
}

impl<V, F: FnOnce(Entry<V>)> Place<V, F> {
    fn put(mut self, entry: Entry<V>) {
        if let Some(insert) = self.insert.take() {
            insert(entry);
        }
    }
}

impl<V, F: FnOnce(Entry<V>)> Drop for Place<V, F> {
    fn drop(&mut self) {
        if let (Some(insert), Some(old)) = (self.insert.take(), self.old.take()) {
            insert(old);
        }
    }
}
