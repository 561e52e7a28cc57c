use atproto_lexicon::http::{MaybeSend, MaybeSync};
use atproto_lexicon::syntax::Did;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

/// Remembers the names of tokens, so that each counts once.
pub trait ReplayStore: MaybeSync {
    /// Why it fails.
    type Error: MaybeSend;

    /// Takes the name of an issuer's token, to be remembered until `forgotten_at`, and says whether it is new. Both times are seconds
    /// since 1970. Of two calls with the same name, one gets [`Replay::New`]: a name whose time was over when another call came, which
    /// may have been forgotten, is not new.
    ///
    /// # Errors
    /// The store's own: the token is not accepted then.
    fn insert(
        &self,
        issuer: &Did,
        id: &str,
        forgotten_at: u64,
        now: u64,
    ) -> impl Future<Output = Result<Replay, Self::Error>> + MaybeSend;
}

/// Whether a name is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replay {
    /// It is, and is remembered now.
    New,
    /// It is remembered already.
    Seen,
    /// It is not remembered, and there is no room for it.
    Full,
}

/// Names in memory, as many as it is made for. A name stays until its time is over: to make room by forgetting one would let it
/// count twice. So that no single issuer takes all the room, each has a part.
///
/// Room is needed for the tokens of a second times the seconds for which they count, leeway included. Where it is taken, further tokens
/// are not accepted: a service that strangers may call is made with more, or with a shorter [`Verifier::max_lifetime`](super::Verifier::max_lifetime).
#[derive(Debug)]
pub struct MemoryReplays {
    capacity: usize,
    per_issuer: usize,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    by_issuer: HashMap<Arc<Did>, HashSet<Arc<str>>>,
    by_time: BTreeSet<(u64, Arc<Did>, Arc<str>)>,
    /// The latest time so far.
    latest: u64,
}

impl Default for MemoryReplays {
    /// 100,000 names, of which 10,000 of one issuer.
    fn default() -> Self {
        Self::new(100_000, 10_000)
    }
}

impl MemoryReplays {
    /// For so many names in all, and of one issuer.
    pub fn new(capacity: usize, per_issuer: usize) -> Self {
        Self { capacity, per_issuer, names: Mutex::default() }
    }

    fn insert_now(&self, issuer: &Did, id: &str, forgotten_at: u64, now: u64) -> Replay {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        // A caller that was slow, or a clock that goes back, would find forgotten what it should not.
        names.latest = names.latest.max(now);
        let now = names.latest;
        names.forget(now);
        if forgotten_at <= now {
            return Replay::Seen;
        }
        let known = names.by_issuer.get_key_value(issuer);
        if known.is_some_and(|(_, ids)| ids.contains(id)) {
            return Replay::Seen;
        }
        let of_issuer = known.map_or(0, |(_, ids)| ids.len());
        if names.by_time.len() >= self.capacity || of_issuer >= self.per_issuer {
            return Replay::Full;
        }
        let issuer = known.map_or_else(|| Arc::new(issuer.clone()), |(issuer, _)| Arc::clone(issuer));
        let id: Arc<str> = id.into();
        names.by_issuer.entry(Arc::clone(&issuer)).or_default().insert(Arc::clone(&id));
        names.by_time.insert((forgotten_at, issuer, id));
        Replay::New
    }
}

impl Names {
    fn forget(&mut self, now: u64) {
        while self.by_time.first().is_some_and(|(until, ..)| *until <= now) {
            if let Some((_, issuer, id)) = self.by_time.pop_first()
                && let Some(ids) = self.by_issuer.get_mut(&issuer)
            {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_issuer.remove(&issuer);
                }
            }
        }
    }
}

impl ReplayStore for MemoryReplays {
    type Error = Infallible;

    async fn insert(
        &self,
        issuer: &Did,
        id: &str,
        forgotten_at: u64,
        now: u64,
    ) -> Result<Replay, Infallible> {
        Ok(self.insert_now(issuer, id, forgotten_at, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_once_until_its_time_is_over() {
        let replays = MemoryReplays::new(3, 2);
        let (a, b): (Did, Did) = ("did:web:a.test".parse().unwrap(), "did:web:b.test".parse().unwrap());
        assert_eq!(replays.insert_now(&a, "1", 10, 0), Replay::New);
        assert_eq!(replays.insert_now(&a, "1", 10, 9), Replay::Seen);
        assert_eq!(replays.insert_now(&b, "1", 10, 9), Replay::New);
        assert_eq!(replays.insert_now(&a, "2", 20, 9), Replay::New);
        // All room is taken; nothing is forgotten to make some.
        assert_eq!(replays.insert_now(&b, "2", 20, 9), Replay::Full);
        assert_eq!(replays.insert_now(&a, "1", 10, 9), Replay::Seen);
        assert_eq!(replays.insert_now(&a, "1", 30, 10), Replay::New);
        // One issuer has a part of it.
        assert_eq!(replays.insert_now(&a, "3", 30, 10), Replay::Full);
        assert_eq!(replays.insert_now(&b, "3", 30, 10), Replay::New);
        replays.insert_now(&a, "4", 40, 30);
        let names = replays.names.lock().unwrap();
        assert_eq!((names.by_time.len(), names.by_issuer.len()), (1, 1));
        drop(names);
        // Whoever looked at the clock before the others does not make a name new that was forgotten.
        assert_eq!(replays.insert_now(&a, "3", 30, 29), Replay::Seen);
        assert_eq!(replays.insert_now(&a, "5", 31, 29), Replay::New);
    }
}
