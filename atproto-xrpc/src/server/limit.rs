//! How often somebody may ask.

use super::error::Refusal;
use crate::headers::RateLimit;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// So much in a window of time, for each key: an address, a DID, or both.
///
/// Its memory is bounded. Keys that come when it is full share one window of their own, so that who makes up keys by the thousand
/// neither takes memory nor makes it forget how often others have asked. The clock is the caller's: the same time always, since 1970,
/// since askers are told when the window ends.
///
/// ```
/// use atproto_xrpc::server::RateLimiter;
/// use std::time::Duration;
///
/// let limiter = RateLimiter::new(2, Duration::from_secs(60), 1000);
/// let now = Duration::from_secs(1_700_000_000);
/// assert!(limiter.take(&"alice", 1, now).is_allowed);
/// assert!(limiter.take(&"alice", 1, now).is_allowed);
/// assert!(!limiter.take(&"alice", 1, now).is_allowed);
/// assert!(limiter.take(&"bob", 1, now).is_allowed);
/// assert!(limiter.take(&"alice", 1, now + Duration::from_secs(60)).is_allowed);
/// ```
#[derive(Debug)]
pub struct RateLimiter<K> {
    limit: u64,
    window: Duration,
    max_keys: usize,
    windows: Mutex<Windows<K>>,
}

#[derive(Debug)]
struct Windows<K> {
    of: HashMap<K, Window>,
    /// The keys in the order in which their windows began, which is that in which they end.
    order: VecDeque<(Duration, K)>,
    /// That of keys for which there is no room.
    others: Window,
    /// The latest time: one that goes back a little counts as this one.
    now: Duration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    end: Duration,
    taken: u64,
}

/// What is left of a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Taken {
    /// Whether there was enough left.
    pub is_allowed: bool,
    /// What the asker is told.
    pub rate_limit: RateLimit,
    /// How long it is until the window ends; a second at least.
    pub retry_after: Duration,
}

impl Taken {
    /// Nothing where there was enough left.
    ///
    /// # Errors
    /// 429 `RateLimitExceeded` otherwise.
    pub fn allowed(&self) -> Result<(), Refusal> {
        if self.is_allowed { Ok(()) } else { Err(Refusal::rate_limited(self)) }
    }
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// For so many points in a window, and so many keys at a time. A key's window begins when it first takes something.
    pub fn new(limit: u64, window: Duration, max_keys: usize) -> Self {
        let windows = Windows {
            of: HashMap::new(),
            order: VecDeque::new(),
            others: Window::default(),
            now: Duration::ZERO,
        };
        Self { limit, window, max_keys, windows: Mutex::new(windows) }
    }

    /// Takes points, if so many are left; otherwise takes none. `now` is the time since 1970.
    pub fn take(&self, key: &K, points: u64, now: Duration) -> Taken {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let latest_end = now.saturating_add(self.window);
        if latest_end < windows.now {
            windows.end_by(latest_end);
            windows.now = now;
        }
        let now = now.max(windows.now);
        windows.now = now;
        windows.forget(now);
        let window = windows.window(key, self.max_keys, now.saturating_add(self.window), now);
        let left = self.limit.saturating_sub(window.taken);
        let is_allowed = points <= left;
        if is_allowed {
            window.taken = window.taken.saturating_add(points);
        }
        let rate_limit = RateLimit {
            limit: Some(self.limit),
            remaining: Some(self.limit.saturating_sub(window.taken)),
            reset: Some(window.end),
            policy: Some(format!("{};w={}", self.limit, self.window.as_secs())),
        };
        // Rounded up, as the reset is: who comes back then finds a new window.
        let retry_after = window.end.saturating_sub(now).as_millis().div_ceil(1000).max(1);
        let retry_after = Duration::from_secs(u64::try_from(retry_after).unwrap_or(u64::MAX));
        Taken { is_allowed, rate_limit, retry_after }
    }
}

impl<K: Hash + Eq + Clone> Windows<K> {
    fn forget(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(end, _)| *end <= now) {
            if let Some((_, key)) = self.order.pop_front() {
                self.of.remove(&key);
            }
        }
    }

    /// Ends all windows by a time, with what was taken in them: a clock that was far ahead would hold them open until its own.
    fn end_by(&mut self, end: Duration) {
        let ends = self.of.values_mut().chain([&mut self.others]).map(|window| &mut window.end);
        for of in ends.chain(self.order.iter_mut().map(|(end, _)| end)) {
            *of = end.min(*of);
        }
    }

    fn window(&mut self, key: &K, max_keys: usize, end: Duration, now: Duration) -> &mut Window {
        let is_full = self.of.len() >= max_keys;
        if !self.of.contains_key(key) && is_full {
            if self.others.end <= now {
                self.others = Window { end, taken: 0 };
            }
            return &mut self.others;
        }
        let order = &mut self.order;
        self.of.entry(key.clone()).or_insert_with(|| {
            order.push_back((end, key.clone()));
            Window { end, taken: 0 }
        })
    }
}

/// What one subscriber to the internet has: an IPv4 address, or the first 64 bits of an IPv6 address, of which everybody has 2⁶⁴.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_window_ends_when_it_says() {
        let limiter = RateLimiter::new(10, secs(60), 10);
        let taken = limiter.take(&1, 7, secs(100));
        assert!(taken.is_allowed);
        assert_eq!((taken.rate_limit.remaining, taken.rate_limit.reset), (Some(3), Some(secs(160))));
        assert_eq!(taken.rate_limit.policy.as_deref(), Some("10;w=60"));
        // What is not allowed takes nothing.
        let taken = limiter.take(&1, 4, Duration::from_millis(159_100));
        assert!(!taken.is_allowed);
        assert_eq!((taken.rate_limit.remaining, taken.retry_after), (Some(3), secs(1)));
        assert!(limiter.take(&1, 3, secs(159)).is_allowed);
        assert!(!limiter.take(&1, 1, secs(159)).is_allowed);
        // A clock that goes back opens no window.
        assert!(limiter.take(&1, 10, secs(160)).is_allowed);
        assert!(!limiter.take(&1, 1, secs(10)).is_allowed);
        assert!(!limiter.take(&1, u64::MAX, secs(1000)).is_allowed);
    }

    #[test]
    fn a_clock_that_was_ahead_holds_no_window_open() {
        let limiter = RateLimiter::new(1, secs(60), 2);
        let keys = [1, 2, 3];
        for key in keys {
            assert!(limiter.take(&key, 1, secs(100_000)).is_allowed);
        }
        for (now, is_allowed) in [(100, false), (159, false), (160, true)] {
            for key in keys {
                let taken = limiter.take(&key, 1, secs(now));
                assert_eq!(taken.is_allowed, is_allowed, "{key} at {now}");
                assert!(taken.retry_after <= secs(60));
            }
        }
    }

    #[test]
    fn made_up_keys_take_no_memory_and_reset_nobody() {
        let limiter = RateLimiter::new(2, secs(60), 100);
        assert!(limiter.take(&u64::MAX, 2, secs(1)).is_allowed);
        let allowed = (0..100_000).filter(|key| limiter.take(key, 1, secs(2)).is_allowed).count();
        assert_eq!(allowed, 99 + 2);
        assert!(!limiter.take(&u64::MAX, 1, secs(3)).is_allowed);
        let windows = limiter.windows.lock().unwrap();
        assert_eq!((windows.of.len(), windows.order.len()), (100, 100));
        drop(windows);
        // After their windows, all is as new.
        assert!(limiter.take(&7_000, 1, secs(62)).is_allowed);
        let windows = limiter.windows.lock().unwrap();
        assert_eq!((windows.of.len(), windows.order.len()), (1, 1));
    }

    #[test]
    fn everybody_has_many_addresses_of_one_network() {
        let of = |text: &str| network_of(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("192.0.2.1"), "192.0.2.1");
    }
}
