//! How often a host is asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// From this many hosts on, those which have had their time are forgotten.
const MANY_HOSTS: usize = 10_000;
/// For how long a turn is waited for at most: who would have to wait for longer is told so.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Spreads the requests to each host over time: the time at which a host's next request would be due if they came evenly, which
/// may lie ahead of now by a burst.
#[derive(Debug)]
pub(crate) struct RateLimit {
    interval: Duration,
    ahead: Duration,
    due: Mutex<HashMap<String, Duration>>,
}

impl RateLimit {
    /// At least one in a second, one at a time.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1).checked_div(per_second.max(1)).unwrap_or_default();
        Self { interval, ahead: interval.saturating_mul(burst.max(1)), due: Mutex::default() }
    }

    /// Takes a turn at a host, and says how long to wait for it; takes none, and says nothing, where that is longer than
    /// [`LONGEST_WAIT`].
    pub(crate) fn wait(&self, host: &str, now: Duration) -> Option<Duration> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() >= MANY_HOSTS {
            due.retain(|_, due| *due > now);
            // So many hosts at once are no load on any one of them.
            if due.len() >= MANY_HOSTS && !due.contains_key(host) {
                return Some(Duration::ZERO);
            }
        }
        let turn = due.entry(host.to_ascii_lowercase()).or_default();
        let next = (*turn).max(now).saturating_add(self.interval);
        let wait = next.saturating_sub(now).saturating_sub(self.ahead);
        (wait <= LONGEST_WAIT).then(|| {
            *turn = next;
            wait
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_others_evenly() {
        let rate = RateLimit::new(10, 3);
        let start = Duration::from_secs(100);
        let wait = |host, now| rate.wait(host, now).unwrap().as_millis();
        let waits: Vec<_> = (0..6).map(|_| wait("A.test", start)).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        assert_eq!(wait("b.test", start), 0);
        // What was not used is no more than a burst.
        let later = start + Duration::from_secs(60);
        let waits: Vec<_> = (0..4).map(|_| wait("a.test", later)).collect();
        assert_eq!(waits, [0, 0, 0, 100]);
    }

    #[test]
    fn nobody_waits_for_ever() {
        let rate = RateLimit::new(1, 1);
        let start = Duration::from_secs(100);
        let waits: Vec<_> = std::iter::from_fn(|| rate.wait("a.test", start)).take(1000).collect();
        assert_eq!(waits.len(), 61);
        assert_eq!(waits.last(), Some(&LONGEST_WAIT));
        // Who was sent away has taken nobody's turn.
        assert_eq!(rate.wait("a.test", start + Duration::from_secs(1)), Some(LONGEST_WAIT));
    }

    #[test]
    fn hosts_are_forgotten() {
        let rate = RateLimit::new(1, 1);
        for step in [0, 1] {
            for number in 0..30_000u64 {
                rate.wait(&number.to_string(), Duration::from_secs(number * step));
            }
            assert!(rate.due.lock().unwrap().len() <= MANY_HOSTS);
        }
    }
}
