//! What is sent again, and when.

use crate::error::Error;
use crate::headers::ReplyHead;
use atproto_lexicon::http::HttpErrorKind;
use http::StatusCode;
use http::header::RETRY_AFTER;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

/// What a client sends again on its own.
///
/// A query is, after 5xx (but not 501) and where the connection failed. A procedure never is, but where the server says that it has not
/// acted: with 429, if `rate_limit` is set, and where its token had expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a query is sent again: twice.
    pub queries: u32,
    /// The wait before the first time; each is twice the one before, less up to a half by chance: 500 ms.
    pub first_wait: Duration,
    /// The longest wait: 10 s.
    pub longest_wait: Duration,
    /// For how long to wait where the server answers 429, if it asks for no longer. `None`, as it is by default: the error is given at
    /// once.
    pub rate_limit: Option<Duration>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            queries: 2,
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(10),
            rate_limit: None,
        }
    }
}

/// How often a server may say 429 to one call.
const MAX_LIMITED: u32 = 3;

/// The attempts to send one call.
pub(crate) struct Attempts<'p> {
    policy: &'p RetryPolicy,
    is_procedure: bool,
    failed: u32,
    limited: u32,
}

impl<'p> Attempts<'p> {
    pub(crate) fn new(policy: &'p RetryPolicy, is_procedure: bool) -> Self {
        Self { policy, is_procedure, failed: 0, limited: 0 }
    }

    /// How often the call was sent again.
    pub(crate) fn failed(&self) -> u32 {
        self.failed.saturating_add(self.limited)
    }

    /// How long to wait before another attempt, after one that ended like this; `None` where there is none.
    pub(crate) fn after(&mut self, error: &Error, unix_time: Duration) -> Option<Duration> {
        match error {
            Error::Refused(refused) if refused.head.status == StatusCode::TOO_MANY_REQUESTS => {
                let longest = self.policy.rate_limit?;
                let asked = refused.head.retry_after(unix_time);
                let wait = asked.unwrap_or_else(|| self.backoff(self.limited));
                self.limited = self.limited.saturating_add(1);
                // A reset of this second may lie ahead still.
                let wait = wait.saturating_add(Duration::from_millis(100));
                (self.limited <= MAX_LIMITED && wait <= longest).then_some(wait)
            }
            _ if self.is_procedure || !is_passing(error) || self.failed >= self.policy.queries => None,
            _ => {
                // Servers that say how many calls are left say so with every answer.
                let is_limit = |head: &&ReplyHead| {
                    let is_used_up = || head.rate_limit().is_some_and(|limit| limit.remaining == Some(0));
                    head.headers.contains_key(RETRY_AFTER) || is_used_up()
                };
                let asked = error.head().filter(is_limit).and_then(|head| head.retry_after(unix_time));
                let wait = self.backoff(self.failed).max(asked.unwrap_or_default());
                self.failed = self.failed.saturating_add(1);
                (wait <= self.policy.longest_wait).then_some(wait)
            }
        }
    }

    fn backoff(&self, times: u32) -> Duration {
        let factor = 2u32.saturating_pow(times);
        jitter(self.policy.first_wait.saturating_mul(factor).min(self.policy.longest_wait))
    }
}

/// Whether an error says nothing about the next attempt.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Refused(refused) => {
            let status = refused.head.status;
            status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        }
        Error::Http(error) => matches!(
            error.kind(),
            HttpErrorKind::Connect | HttpErrorKind::UnknownHost | HttpErrorKind::Broken
        ),
        _ => false,
    }
}

/// Between a half and the whole, so that those who failed together do not come back together. That takes no good randomness.
fn jitter(wait: Duration) -> Duration {
    let half = wait.checked_div(2).unwrap_or_default();
    // 16 bits of it, of 65,536.
    let chance = u32::try_from(RandomState::new().hash_one(0) >> 48).unwrap_or_default();
    half.saturating_add(half.saturating_mul(chance).checked_div(1 << 16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refused;
    use atproto_lexicon::http::HttpError;

    const NOW: Duration = Duration::from_secs(1000);

    fn refused(status: u16, headers: &[(&'static str, &str)]) -> Error {
        let head = ReplyHead {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
        };
        Error::Refused(Box::new(Refused { head, error: None, message: None, snippet: None }))
    }

    fn times(is_procedure: bool, policy: &RetryPolicy, error: &Error) -> usize {
        let mut attempts = Attempts::new(policy, is_procedure);
        std::iter::from_fn(|| attempts.after(error, NOW)).take(10).count()
    }

    #[test]
    fn only_queries_are_sent_again_after_a_failure() {
        let policy = RetryPolicy::default();
        let broken = [HttpErrorKind::Broken, HttpErrorKind::Connect, HttpErrorKind::UnknownHost];
        let broken = broken.map(|kind| Error::Http(HttpError::from(kind)));
        for error in [refused(500, &[]), refused(502, &[]), refused(503, &[])].iter().chain(&broken) {
            assert_eq!((times(false, &policy, error), times(true, &policy, error)), (2, 0), "{error}");
        }
        // Who was waited for once is not waited for again.
        let final_kinds =
            [HttpErrorKind::TimedOut, HttpErrorKind::RefusedUrl, HttpErrorKind::TooLarge { limit: 1 }];
        let final_kinds = final_kinds.map(|kind| Error::Http(HttpError::from(kind)));
        for error in [refused(400, &[]), refused(401, &[]), refused(429, &[]), refused(501, &[])]
            .iter()
            .chain(&final_kinds)
        {
            assert_eq!((times(false, &policy, error), times(true, &policy, error)), (0, 0), "{error}");
        }
        // Some hosts say with every answer when their window ends.
        let limits = [("ratelimit-remaining", "2990"), ("ratelimit-reset", "1240")];
        assert_eq!(times(false, &policy, &refused(500, &limits)), 2);
        let limits = [("ratelimit-remaining", "0"), ("ratelimit-reset", "1240")];
        assert_eq!(times(false, &policy, &refused(500, &limits)), 0);
        // A host that is busy for longer than anyone waits.
        assert_eq!(times(false, &policy, &refused(503, &[("retry-after", "3600")])), 0);
    }

    #[test]
    fn a_limit_is_waited_for_where_that_is_wanted() {
        let policy = RetryPolicy { rate_limit: Some(Duration::from_secs(60)), ..RetryPolicy::default() };
        for is_procedure in [false, true] {
            let mut attempts = Attempts::new(&policy, is_procedure);
            let wait = attempts.after(&refused(429, &[("ratelimit-reset", "1030")]), NOW).unwrap();
            assert_eq!(wait, Duration::from_millis(30_100));
            assert_eq!(times(is_procedure, &policy, &refused(429, &[])), 3);
            assert_eq!(times(is_procedure, &policy, &refused(429, &[("retry-after", "61")])), 0);
        }
    }

    #[test]
    fn waits_grow_to_their_bound() {
        let policy = RetryPolicy { queries: 40, ..RetryPolicy::default() };
        let mut attempts = Attempts::new(&policy, false);
        for number in 0..40 {
            let wait = attempts.after(&refused(500, &[]), NOW).unwrap();
            let whole = Duration::from_millis(500 << number.min(5)).min(Duration::from_secs(10));
            assert!(wait >= whole / 2 && wait <= whole, "{number}: {wait:?}");
        }
    }
}
