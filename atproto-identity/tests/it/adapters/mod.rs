//! The adapters over the loopback of this machine: hosts that do what they should not, and nothing that leaves it.

#[cfg(feature = "reqwest")]
mod client;
mod clock;
#[cfg(feature = "websocket")]
mod export;
#[cfg(feature = "hickory")]
mod hickory;
#[cfg(feature = "reqwest")]
mod hostile;
#[cfg(feature = "websocket")]
mod websocket;

#[cfg(any(feature = "reqwest", feature = "websocket"))]
mod net;

use std::time::{Duration, Instant};

/// Runs a test with a runtime of its own, at whose end all of its servers stop.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(test);
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

/// What `future` gives, which must not take longer.
async fn at_most<T>(millis: u64, future: impl Future<Output = T>) -> T {
    let (start, limit) = (Instant::now(), Duration::from_millis(millis));
    let done = future.await;
    assert!(start.elapsed() <= limit, "took {:?} of {limit:?}", start.elapsed());
    done
}
