//! Time, as a program brings it.

use crate::http::MaybeSend;
use std::time::Duration;

/// A clock that goes on steadily, and waits.
pub trait Clock {
    /// The time since some moment, the same one for each call.
    fn now(&self) -> Duration;

    /// The time since 1970-01-01T00:00:00Z, as the system has it, which may be wrong and may go back: what tokens and limits of others
    /// are dated with.
    fn unix_time(&self) -> Duration;

    /// Is ready after this time.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + MaybeSend;
}

impl<T: Clock + ?Sized> Clock for std::sync::Arc<T>
where
    Self: MaybeSend,
{
    fn now(&self) -> Duration {
        (**self).now()
    }

    fn unix_time(&self) -> Duration {
        (**self).unix_time()
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + MaybeSend {
        (**self).sleep(duration)
    }
}

/// What `future` gives, or `None` where it takes longer: then it is dropped.
pub async fn within<T>(clock: &impl Clock, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut sleep = std::pin::pin!(clock.sleep(limit));
    std::future::poll_fn(|context| {
        use std::task::Poll;
        if let Poll::Ready(done) = future.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        sleep.as_mut().poll(context).map(|()| None)
    })
    .await
}
