//! A subscription as steps: when to connect, for how long to wait, which events are new. Without IO, clock or randomness.

use atproto_lexicon::data::frame::MAX_SEQ;
use std::time::Duration;

/// How long a subscription waits, and for what.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Times {
    /// For how long a server may be silent while it is listened to, before it is taken for dead: 60 s, `None` is for ever. After half of
    /// it, it is asked whether it is there.
    pub idle: Option<Duration>,
    /// For how long a connection may take to be there: 30 s.
    pub connect: Duration,
    /// The wait before the first attempt to connect again: 1 s. It doubles with each that fails. Of each wait, a random half is
    /// taken off at most.
    pub backoff: Duration,
    /// The longest wait: 60 s.
    pub max_backoff: Duration,
    /// The longest wait that a server may ask for: 1 h.
    pub max_retry_after: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            idle: Some(Duration::from_secs(60)),
            connect: Duration::from_secs(30),
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            max_retry_after: Duration::from_secs(3600),
        }
    }
}

/// What a subscription does next. Times are those of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Connect, and say [`connected`](Machine::connected), or [`lost`](Machine::lost) where there is no connection by then.
    Connect {
        /// When the attempt is given up.
        until: Duration,
    },
    /// Receive a message, and say [`heard`](Machine::heard).
    Receive {
        /// When to send a ping, and say [`pinged`](Machine::pinged).
        ping_at: Option<Duration>,
        /// When the server is taken for dead, and lost.
        idle_at: Option<Duration>,
    },
    /// Wait until then.
    Wait {
        /// When to connect.
        until: Duration,
    },
    /// Nothing.
    Ended,
}

/// A number that does not rise within one connection (<https://atproto.com/specs/event-stream#sequence-numbers>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} after event {last}")]
pub struct SeqError {
    /// The number before.
    pub last: u64,
    /// The number.
    pub seq: u64,
}

/// A subscription's state. [`Subscription`](super::Subscription) drives it.
///
/// A number at or below the last one that came before the connection was made is of an event that comes again.
#[derive(Debug, Clone)]
pub struct Machine {
    times: Times,
    random: u64,
    phase: Phase,
    /// The last event, from which the next connection goes on.
    last: Option<u64>,
    /// Connections in a row that brought nothing new.
    failures: u32,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Waiting { until: Duration },
    Connecting { until: Duration },
    Open { silent_since: Option<Duration>, pinged_at: Option<Duration>, last: Option<u64> },
    Ended,
}

impl Machine {
    /// A subscription that goes on after an event, or begins with what comes next. The jitter follows from `seed`, which should be
    /// another one in each process, so that they do not all come at once.
    pub fn new(times: Times, cursor: Option<u64>, seed: u64) -> Self {
        let phase = Phase::Waiting { until: Duration::ZERO };
        Self { times, random: seed, phase, last: cursor, failures: 0 }
    }

    /// What to do now.
    pub fn step(&mut self, now: Duration) -> Step {
        match &mut self.phase {
            Phase::Waiting { until } if *until <= now => {
                let until = now.saturating_add(self.times.connect);
                self.phase = Phase::Connecting { until };
                Step::Connect { until }
            }
            Phase::Waiting { until } => Step::Wait { until: *until },
            Phase::Connecting { until } => Step::Connect { until: *until },
            Phase::Open { silent_since, pinged_at, .. } => {
                let Some(idle) = self.times.idle else {
                    return Step::Receive { ping_at: None, idle_at: None };
                };
                // Counted from when it is listened to: what the consumer takes is not the server's time.
                let since = *silent_since.get_or_insert(now);
                let half = idle.checked_div(2).unwrap_or_default();
                match *pinged_at {
                    None => {
                        let ping_at = since.saturating_add(half);
                        Step::Receive { ping_at: Some(ping_at), idle_at: None }
                    }
                    // Also where it was asked late, there is time for an answer.
                    Some(pinged) => {
                        let idle_at = since.saturating_add(idle).max(pinged.saturating_add(half));
                        Step::Receive { ping_at: None, idle_at: Some(idle_at) }
                    }
                }
            }
            Phase::Ended => Step::Ended,
        }
    }

    /// The last event, which is the cursor to connect with; `None` before the first one.
    pub fn cursor(&self) -> Option<u64> {
        self.last
    }

    /// There is a connection.
    pub fn connected(&mut self) {
        self.phase = Phase::Open { silent_since: None, pinged_at: None, last: None };
    }

    /// Something came, be it a ping.
    pub fn heard(&mut self) {
        if let Phase::Open { silent_since, pinged_at, .. } = &mut self.phase {
            (*silent_since, *pinged_at) = (None, None);
        }
    }

    /// A ping was sent.
    pub fn pinged(&mut self, now: Duration) {
        if let Phase::Open { pinged_at, .. } = &mut self.phase {
            *pinged_at = Some(now);
        }
    }

    /// Takes the number of an event that came, if it has one: whether the event is new.
    ///
    /// # Errors
    /// [`SeqError`]: the connection is to be dropped.
    pub fn accept(&mut self, seq: Option<u64>) -> Result<bool, SeqError> {
        let Some(seq) = seq else {
            self.failures = 0;
            return Ok(true);
        };
        if let Phase::Open { last, .. } = &mut self.phase {
            if let Some(last) = last.filter(|last| seq <= *last) {
                return Err(SeqError { last, seq });
            }
            *last = Some(seq);
        }
        let is_new = self.last.is_none_or(|last| seq > last) && seq <= MAX_SEQ;
        if is_new {
            self.last = Some(seq);
            self.failures = 0;
        }
        Ok(is_new)
    }

    /// Takes the time of an event, where events have times in place of numbers: those may be equal, or go back a little. Gives the latest
    /// time so far, which is the cursor.
    pub fn accept_time(&mut self, time: u64) -> u64 {
        let latest = time.min(MAX_SEQ).max(self.last.unwrap_or_default());
        if self.last != Some(latest) {
            self.failures = 0;
        }
        self.last = Some(latest);
        latest
    }

    /// There is no connection, or no longer one: how long to wait. `retry_after` is what the server asks for.
    pub fn lost(&mut self, now: Duration, retry_after: Option<Duration>) -> Duration {
        let doubled = self.times.backoff.saturating_mul(1 << self.failures.min(31));
        let longest = doubled.min(self.times.max_backoff);
        let half = longest.checked_div(2).unwrap_or_default();
        let wait = half.saturating_add(self.random_part(half));
        let asked_for = retry_after.unwrap_or_default().min(self.times.max_retry_after);
        let wait = wait.max(asked_for);
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting { until: now.saturating_add(wait) };
        wait
    }

    /// There is nothing to come.
    pub fn end(&mut self) {
        self.phase = Phase::Ended;
    }

    /// A part of a time, at random: SplitMix64.
    fn random_part(&mut self, of: Duration) -> Duration {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let parts = u32::try_from((z ^ (z >> 31)) >> 48).unwrap_or_default();
        of.saturating_mul(parts).checked_div(1 << 16).unwrap_or_default()
    }
}
