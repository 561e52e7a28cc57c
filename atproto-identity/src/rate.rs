//! How often a host is asked.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// From this many hosts on, those which have had their time are forgotten.
const MANY_HOSTS: usize = 10_000;

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

    /// Takes a turn at a host, and says how long to wait for it.
    pub(crate) fn wait(&self, host: &str, now: Duration) -> Duration {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.len() >= MANY_HOSTS {
            due.retain(|_, due| *due > now);
            // So many hosts at once are no load on any one of them.
            if due.len() >= MANY_HOSTS && !due.contains_key(host) {
                return Duration::ZERO;
            }
        }
        let turn = due.entry(host.to_ascii_lowercase()).or_default();
        *turn = (*turn).max(now).saturating_add(self.interval);
        turn.saturating_sub(now).saturating_sub(self.ahead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_others_evenly() {
        let rate = RateLimit::new(10, 3);
        let start = Duration::from_secs(100);
        let waits: Vec<_> = (0..6).map(|_| rate.wait("A.test", start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100, 200, 300]);
        assert_eq!(rate.wait("b.test", start), Duration::ZERO);
        // What was not used is no more than a burst.
        let later = start + Duration::from_secs(60);
        let waits: Vec<_> = (0..4).map(|_| rate.wait("a.test", later).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 100]);
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
