//! Consumers of a stream, over WebSockets.

use super::Events;
use super::follow::{Follow, Next};
use super::log::{EventLog, Room};
use crate::server::config::{DAY, ServerConfig};
use crate::server::error::{Refusal, ServeError};
use crate::stream::frame::to_error_frame;
use atproto_lexicon::http::Bytes;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::{FutureExt as _, SinkExt as _};
use http::StatusCode;
use http::header::{CONNECTION, HeaderValue, UPGRADE};
use http::request::Parts;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep_until, timeout};

/// What is read of a log at once: the most that a consumer holds of what the log may have forgotten.
const ROOM: Room = Room { events: 100, bytes: 1 << 18 };
/// What consumers send is not looked at.
const MAX_MESSAGE: usize = 1 << 16;
/// How many messages of a consumer are taken between two batches that it is sent.
const MAX_MESSAGES: usize = 16;
/// For how long a consumer is waited for that was told the end.
const GOODBYE: Duration = Duration::from_secs(5);
/// The pause where a log says that there is more and has nothing.
const PAUSE: Duration = Duration::from_millis(50);

/// How many more may follow a stream.
#[derive(Debug, Clone)]
pub(in crate::server) struct Consumers(Arc<Semaphore>);

impl Consumers {
    pub(in crate::server) fn new(max: usize) -> Self {
        Self(Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))))
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let entered = Arc::clone(&self.0).try_acquire_owned();
        entered.map_err(|_| Refusal::unavailable("TooManyConsumers", "too many consumers of this stream"))
    }
}

/// A failure of a stream that its consumer is not told of.
pub(in crate::server) type Report = Arc<dyn Fn(&(dyn Error + 'static)) + Send + Sync>;

/// The response to a request for a stream, once `events` says which: the connection is made a WebSocket. What is wrong with the request
/// is told there, but for what the specification says in HTTP (<https://atproto.com/specs/event-stream#connection>).
pub(in crate::server) async fn open<L: EventLog>(
    mut head: Parts,
    consumers: &Consumers,
    config: Arc<ServerConfig>,
    report: Report,
    events: impl AsyncFnOnce(Parts) -> Result<Events<L>, ServeError>,
) -> Result<Response, ServeError> {
    let upgrade = WebSocketUpgrade::from_request_parts(&mut head, &()).await.map_err(|_| no_websocket())?;
    let permit = consumers.enter()?;
    let consumer = match events(head).await {
        Ok(Events { log, cursor }) => {
            let last = log.last().await?;
            Follow::new(cursor, last).map(|follow| (log, follow))
        }
        Err(error) => {
            let (refusal, cause) = error.into_refusal();
            if let Some(cause) = cause {
                return Err(ServeError::Internal(cause));
            }
            let status = refusal.status();
            if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                return Err(refusal.into());
            }
            Err(to_error_frame(refusal.error(), refusal.message()).into())
        }
    };
    // Consumers say next to nothing.
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).read_buffer_size(4096);
    Ok(upgrade.on_upgrade(async move |socket| {
        let mut connection = Connection { socket, config };
        match consumer {
            Ok((log, follow)) => connection.follow(&*log, follow, &report).await,
            Err(frame) => connection.end(frame).await,
        }
        drop(permit);
    }))
}

fn no_websocket() -> Refusal {
    let refusal = Refusal::new(StatusCode::UPGRADE_REQUIRED, "InvalidRequest", "the endpoint is a WebSocket");
    refusal
        .with_header(UPGRADE, HeaderValue::from_static("websocket"))
        .with_header(CONNECTION, HeaderValue::from_static("upgrade"))
}

/// The connection is gone, or given up.
struct Gone;

struct Connection {
    socket: WebSocket,
    config: Arc<ServerConfig>,
}

impl Connection {
    async fn follow<L: EventLog>(&mut self, log: &L, mut follow: Follow, report: &Report) {
        let mut pulse = Pulse { ping_at: self.next_ping(), unanswered: None };
        let mut was_empty = false;
        loop {
            let next = match log.read(follow.after(), ROOM).await {
                Ok(batch) => follow.read(batch),
                Err(error) => {
                    report(&error);
                    return self.close(close_code::ERROR, "").await;
                }
            };
            let is_empty = next == Next::Wait;
            let done = match next {
                Next::Send(frames) => self.send_all(frames, &mut pulse).await,
                Next::Wait => {
                    if was_empty {
                        tokio::time::sleep(PAUSE).await;
                    }
                    self.wait(log, follow.after(), &mut pulse).await
                }
                Next::End(frame) => return self.end(frame).await,
                Next::Broken => {
                    report(&Unordered);
                    return self.close(close_code::ERROR, "").await;
                }
            };
            was_empty = is_empty;
            if done.is_err() {
                return;
            }
        }
    }

    async fn send_all(&mut self, frames: Vec<Bytes>, pulse: &mut Pulse) -> Result<(), Gone> {
        // What there is goes out together: a call of the system for each event would cost more than the rest.
        for frame in frames {
            let fed = timeout(self.config.send_timeout, self.socket.feed(Message::Binary(frame))).await;
            self.taken(fed).await?;
        }
        let flushed = timeout(self.config.send_timeout, self.socket.flush()).await;
        self.taken(flushed).await?;
        // One that lags behind is listened to as well: it may ask whether we are there, or say goodbye.
        for _ in 0..MAX_MESSAGES {
            match self.socket.recv().now_or_never() {
                None => break,
                Some(message) => pulse.heard(message)?,
            }
        }
        Ok(())
    }

    /// Ends with a consumer that has not taken what it was sent.
    async fn taken(&mut self, sent: Result<Result<(), axum::Error>, Elapsed>) -> Result<(), Gone> {
        match sent {
            Ok(sent) => sent.map_err(|_| Gone),
            Err(_) => {
                let message = "an event was not taken in time";
                self.end(to_error_frame("ConsumerTooSlow", Some(message)).into()).await;
                Err(Gone)
            }
        }
    }

    fn next_ping(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.config.ping_every.min(DAY)).unwrap_or(now)
    }

    /// Until there may be more events.
    async fn wait<L: EventLog>(&mut self, log: &L, after: u64, pulse: &mut Pulse) -> Result<(), Gone> {
        let mut changed = std::pin::pin!(log.changed(after));
        loop {
            tokio::select! {
                () = &mut changed => return Ok(()),
                message = self.socket.recv() => pulse.heard(message)?,
                () = sleep_until(pulse.ping_at) => {
                    let now = Instant::now();
                    let since = *pulse.unanswered.get_or_insert(now);
                    if now.duration_since(since) >= self.config.pong_within {
                        return Err(Gone);
                    }
                    pulse.ping_at = self.next_ping();
                    let sent = timeout(self.config.send_timeout, self.socket.send(Message::Ping(Bytes::new())));
                    sent.await.map_err(|_| Gone)?.map_err(|_| Gone)?;
                }
            }
        }
    }

    /// Tells an error, after which nothing more is sent.
    async fn end(&mut self, frame: Bytes) {
        if let Ok(Ok(())) = timeout(GOODBYE, self.socket.send(Message::Binary(frame))).await {
            self.close(close_code::POLICY, "").await;
        }
    }

    /// Closes, and waits for the consumer to do so: what it has not read yet would be lost otherwise.
    async fn close(&mut self, code: u16, reason: &'static str) {
        let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
        let goodbye = async {
            if self.socket.send(close).await.is_ok() {
                while let Some(Ok(_)) = self.socket.recv().await {}
            }
        };
        // One that does not answer has gone.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

/// Whether a consumer is there.
struct Pulse {
    ping_at: Instant,
    /// Since when a ping is not answered.
    unanswered: Option<Instant>,
}

impl Pulse {
    fn heard<E>(&mut self, message: Option<Result<Message, E>>) -> Result<(), Gone> {
        match message {
            Some(Ok(_)) => {
                self.unanswered = None;
                Ok(())
            }
            _ => Err(Gone),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a log gives events whose numbers do not rise")]
struct Unordered;
