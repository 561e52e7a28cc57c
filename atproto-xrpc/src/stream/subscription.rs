//! A subscription: connects, reads, and connects again.

use super::cursor::{CursorError, CursorStore, NoCursor, Progress};
use super::frame::MAX_FRAME;
use super::machine::{Machine, Step, Times};
use super::protocol::{Lost, Protocol, Read};
use super::socket::{Connect, Message, Socket, SocketError};
use super::url::UrlError;
use atproto_lexicon::clock::{Clock, within};
use futures_util::stream::{self, Stream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How a subscription goes about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How long it waits, and for what.
    pub times: Times,
    /// The greatest length of a message in bytes: 5,000,000 (<https://atproto.com/specs/sync#repository-event-stream>).
    pub max_message: usize,
    /// The cursor is saved when this many events were handled since: 1,000.
    pub save_events: u64,
    /// The cursor is saved after this time: 5 s.
    pub save_after: Duration,
    /// With a store, nothing is read while this many events wait to be handled: 65,536.
    pub max_unhandled: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            times: Times::default(),
            max_message: MAX_FRAME,
            save_events: 1000,
            save_after: Duration::from_secs(5),
            max_unhandled: 65_536,
        }
    }
}

/// What a subscription has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum StreamEvent<M, F> {
    /// A message.
    Message {
        /// Its number, if it has one.
        seq: Option<u64>,
        /// The message.
        message: M,
    },
    /// A message that is well formed, but not of the stream, such as one with a field of another type. With a store it is
    /// handled like any other.
    Invalid {
        /// Its number, if it has one.
        seq: Option<u64>,
        /// What is wrong.
        fault: F,
    },
    /// Events were missed: the server no longer has all of them from the cursor on. What it has comes next.
    OutdatedCursor {
        /// A text for people.
        message: Option<String>,
    },
    /// The connection was given up, or there was none; it is made again.
    Lost {
        /// Why.
        reason: Lost,
        /// After which time.
        retry_in: Duration,
    },
    /// The cursor was not saved; that is tried again after [`Config::save_after`].
    NotSaved(CursorError),
}

/// What the subscription of a [`Protocol`] has to say.
pub type EventOf<P> = StreamEvent<<P as Protocol>::Message, <P as Protocol>::Fault>;

/// Why there is nothing more to come.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// There is no URL to connect to.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The connection is refused, and would be again ([`SocketError::is_final`]).
    #[error("refused: {0}")]
    Refused(#[source] SocketError),
    /// The server has not come to the cursor: it is that of another server, or the server began anew. Somebody has to decide where to
    /// go on (<https://atproto.com/specs/event-stream#sequence-numbers>).
    #[error("the cursor is from the future")]
    FutureCursor {
        /// A text for people.
        message: Option<String>,
    },
    /// The cursor was not loaded. Nothing was read; the next call tries it again.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

#[cfg(not(target_arch = "wasm32"))]
type Connecting<S> = Pin<Box<dyn Future<Output = Result<S, SocketError>> + Send>>;
#[cfg(target_arch = "wasm32")]
type Connecting<S> = Pin<Box<dyn Future<Output = Result<S, SocketError>>>>;

/// The events of a stream, over connections that are made again when they are lost
/// (<https://atproto.com/specs/event-stream>).
///
/// # Order and repetition
///
/// Events come in the order of their numbers. After a connection was lost, the next one goes on from the last event that was given, and
/// what comes again is skipped; so within one process each event is given once. With a [`CursorStore`], a new process goes on from
/// what was saved, which is some events behind: those come again, and consumers have to be idempotent.
///
/// # What was handled
///
/// With a store, the consumer says which events it has handled, by [`handled`](Self::handled) or through [`progress`](Self::progress),
/// in whichever order. Saved is the last event before which all were handled. A consumer that never says so is given
/// [`Config::max_unhandled`] events, and then none.
///
/// # Pace
///
/// Nothing is read from the socket unless [`next`](Self::next) is awaited, and then one message. A server that is kept waiting for too
/// long drops the connection (`ConsumerTooSlow`), and it is made again.
pub struct Subscription<P, C, K, S = NoCursor>
where
    P: Protocol,
    C: Connect,
{
    protocol: P,
    connect: Arc<C>,
    clock: K,
    store: S,
    config: Config,
    seed: u64,
    /// `None` until the cursor was loaded.
    machine: Option<Machine>,
    connecting: Option<Connecting<C::Socket>>,
    socket: Option<C::Socket>,
    progress: Progress,
    saved: Saved,
    end: Option<StreamError>,
}

/// What the store has.
#[derive(Debug, Clone, Copy, Default)]
struct Saved {
    cursor: Option<u64>,
    count: u64,
    next: Duration,
}

impl<P: Protocol, C: Connect, K: Clock> Subscription<P, C, K> {
    /// A subscription without a store. The waits between attempts follow from `seed`, which should be random.
    pub fn new(protocol: P, connect: C, clock: K, seed: u64) -> Self {
        Self::with_store(protocol, connect, clock, NoCursor, seed)
    }
}

impl<P: Protocol, C: Connect, K: Clock, S: CursorStore> Subscription<P, C, K, S> {
    /// A subscription that goes on from where the store says, and keeps there how far it has come. Where the store has nothing, it
    /// begins where the protocol says, and otherwise with what comes next.
    pub fn with_store(protocol: P, connect: C, clock: K, store: S, seed: u64) -> Self {
        Self {
            protocol,
            connect: Arc::new(connect),
            clock,
            store,
            config: Config::default(),
            seed,
            machine: None,
            connecting: None,
            socket: None,
            progress: Progress::default(),
            saved: Saved::default(),
            end: None,
        }
    }

    /// With other limits and times. To be called before the first event is asked for.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The protocol.
    pub fn protocol(&self) -> &P {
        &self.protocol
    }

    /// Says that an event was handled, and need not come again.
    pub fn handled(&self, seq: u64) {
        self.progress.handled(seq);
    }

    /// Which events were handled, for other tasks to say so.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// What comes next. Dropping the future loses nothing, neither a message nor a connection that is being made.
    ///
    /// # Errors
    /// [`StreamError`]: there is nothing more to come, and the next call says the same. Only after [`StreamError::Cursor`] the next call
    /// tries again.
    pub async fn next(&mut self) -> Result<EventOf<P>, StreamError> {
        if let Some(end) = &self.end {
            return Err(end.clone());
        }
        let next = self.run().await;
        if let Err(error) = &next
            && !matches!(error, StreamError::Cursor(_))
        {
            self.end = Some(error.clone());
            (self.socket, self.connecting) = (None, None);
            self.machine.iter_mut().for_each(Machine::end);
        }
        next
    }

    /// The same as a stream, which ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<EventOf<P>, StreamError>> {
        stream::unfold(Some(self), |subscription: Option<Self>| async move {
            let mut subscription = subscription?;
            let next = subscription.next().await;
            let rest = next.is_ok().then_some(subscription);
            Some((next, rest))
        })
    }

    /// Saves the cursor, and closes the connection.
    ///
    /// # Errors
    /// [`CursorError`] where the cursor was not saved. The connection is closed in any case.
    pub async fn close(mut self) -> Result<(), CursorError> {
        let saved = self.save().await;
        if let Some(socket) = &mut self.socket {
            let _ = within(&self.clock, Duration::from_secs(1), socket.close()).await;
        }
        saved
    }

    /// Saves the cursor now, if it has come further.
    ///
    /// # Errors
    /// [`CursorError`].
    pub async fn save(&mut self) -> Result<(), CursorError> {
        let (cursor, count) = self.progress.count();
        if let Some(cursor) = cursor.filter(|cursor| self.saved.cursor != Some(*cursor)) {
            self.store.save(cursor).await?;
            (self.saved.cursor, self.saved.count) = (Some(cursor), count);
        }
        Ok(())
    }

    async fn run(&mut self) -> Result<EventOf<P>, StreamError> {
        self.load().await?;
        loop {
            if let Some(error) = self.save_when_due().await {
                return Ok(StreamEvent::NotSaved(error));
            }
            if !self.has_room().await {
                continue;
            }
            let now = self.clock.now();
            let Some(machine) = &mut self.machine else { continue };
            let event = match machine.step(now) {
                Step::Connect { until } => self.connect(until).await?,
                Step::Receive { ping_at, idle_at } => self.receive(ping_at, idle_at).await?,
                Step::Wait { until } => {
                    let at = self.or_save(Some(until));
                    let _: Option<()> = within_until(&self.clock, at, std::future::pending()).await;
                    None
                }
                // The end is known, and said before.
                Step::Ended => std::future::pending().await,
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    async fn load(&mut self) -> Result<(), CursorError> {
        if self.machine.is_some() {
            return Ok(());
        }
        let saved = self.store.load().await?;
        let cursor = saved.or_else(|| self.protocol.cursor());
        self.progress.start(saved);
        self.saved = Saved { cursor: saved, count: 0, next: self.next_save() };
        self.machine = Some(Machine::new(self.config.times.clone(), cursor, self.seed));
        Ok(())
    }

    fn next_save(&self) -> Duration {
        self.clock.now().saturating_add(self.config.save_after)
    }

    async fn save_when_due(&mut self) -> Option<CursorError> {
        let (_, count) = self.progress.count();
        let events = count.saturating_sub(self.saved.count);
        let is_due = events >= self.config.save_events.max(1) || self.clock.now() >= self.saved.next;
        if !is_due || !self.store.is_kept() {
            return None;
        }
        let result = self.save().await;
        self.saved.next = self.next_save();
        // What failed waits for its time, too.
        self.saved.count = count;
        result.err()
    }

    /// Whether events may be given. Where too many wait to be handled, it waits as long as nothing is to be saved.
    async fn has_room(&mut self) -> bool {
        let limit = self.config.max_unhandled.max(1);
        if !self.store.is_kept() || self.progress.unhandled() < limit {
            return true;
        }
        let progress = self.progress.clone();
        let at = self.or_save(None);
        within_until(&self.clock, at, progress.room(limit)).await.is_some()
    }

    async fn connect(&mut self, until: Duration) -> Result<Option<EventOf<P>>, StreamError> {
        let cursor = self.machine.as_ref().and_then(Machine::cursor);
        let url = self.protocol.url(cursor)?;
        let (connect, max_message) = (self.connect.clone(), self.config.max_message);
        let connecting = self
            .connecting
            .get_or_insert_with(|| Box::pin(async move { connect.connect(&url, max_message).await }));
        let connected = within_until(&self.clock, Some(until), connecting).await;
        self.connecting = None;
        match connected.unwrap_or(Err(SocketError::TimedOut)) {
            Ok(socket) => {
                self.socket = Some(socket);
                self.machine.iter_mut().for_each(Machine::connected);
                Ok(None)
            }
            Err(error) if error.is_final() => Err(StreamError::Refused(error)),
            Err(error) => Ok(Some(self.lose(error.into()))),
        }
    }

    async fn receive(
        &mut self,
        ping_at: Option<Duration>,
        idle_at: Option<Duration>,
    ) -> Result<Option<EventOf<P>>, StreamError> {
        let at = self.or_save(ping_at.or(idle_at));
        let Some(socket) = &mut self.socket else { return Ok(Some(self.lose(Lost::Closed))) };
        let message = match within_until(&self.clock, at, socket.recv()).await {
            Some(Ok(Some(message))) => message,
            Some(Ok(None)) => return Ok(Some(self.lose(Lost::Closed))),
            Some(Err(error)) => return Ok(Some(self.lose(error.into()))),
            None => return Ok(self.pass_time(ping_at, idle_at).await),
        };
        self.machine.iter_mut().for_each(Machine::heard);
        if message == Message::Alive {
            return Ok(None);
        }
        self.take(message)
    }

    /// Nothing came by a time.
    async fn pass_time(
        &mut self,
        ping_at: Option<Duration>,
        idle_at: Option<Duration>,
    ) -> Option<EventOf<P>> {
        let now = self.clock.now();
        let is_past = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        if is_past(idle_at) {
            return Some(self.lose(Lost::Idle));
        }
        if is_past(ping_at)
            && let (Some(machine), Some(socket)) = (&mut self.machine, &mut self.socket)
        {
            // First, so that what cannot be sent is not tried for ever.
            machine.pinged(now);
            let limit = self.config.times.connect;
            if let Some(Err(error)) = within(&self.clock, limit, socket.ping()).await {
                return Some(self.lose(error.into()));
            }
        }
        None
    }

    fn take(&mut self, message: Message) -> Result<Option<EventOf<P>>, StreamError> {
        let (length, limit) = (message.len(), self.config.max_message);
        let read =
            if length > limit { Err(Lost::TooLarge { length, limit }) } else { self.protocol.read(message) };
        Ok(match read {
            Ok(Read::Message { seq, message }) => match self.accept(seq) {
                Ok(Some(seq)) => Some(StreamEvent::Message { seq, message }),
                Ok(None) => None,
                Err(lost) => Some(self.lose(lost)),
            },
            Ok(Read::Invalid { seq, fault }) => match self.accept(seq) {
                Ok(Some(seq)) => Some(StreamEvent::Invalid { seq, fault }),
                Ok(None) => None,
                Err(lost) => Some(self.lose(lost)),
            },
            Ok(Read::OutdatedCursor { message }) => Some(StreamEvent::OutdatedCursor { message }),
            Ok(Read::Error { error, message }) if error == "FutureCursor" => {
                return Err(StreamError::FutureCursor { message });
            }
            Ok(Read::Error { error, message }) => Some(self.lose(Lost::Server { error, message })),
            Ok(Read::Ignored) => None,
            Err(lost) => Some(self.lose(lost)),
        })
    }

    /// The number of an event that is new; `None` where it came before.
    fn accept(&mut self, seq: Option<u64>) -> Result<Option<Option<u64>>, Lost> {
        let Some(machine) = &mut self.machine else { return Ok(None) };
        let seq = match seq {
            Some(time) if self.protocol.is_timed() => Some(machine.accept_time(time)),
            seq if machine.accept(seq)? => seq,
            _ => return Ok(None),
        };
        if let Some(seq) = seq.filter(|_| self.store.is_kept()) {
            self.progress.give(seq);
        }
        Ok(Some(seq))
    }

    fn lose(&mut self, reason: Lost) -> EventOf<P> {
        (self.socket, self.connecting) = (None, None);
        let retry_after = match &reason {
            Lost::Socket(error) => error.retry_after(),
            _ => None,
        };
        let now = self.clock.now();
        let retry_in = self.machine.as_mut().map(|machine| machine.lost(now, retry_after));
        StreamEvent::Lost { reason, retry_in: retry_in.unwrap_or_default() }
    }

    /// This time, or that at which the cursor is saved.
    fn or_save(&self, at: Option<Duration>) -> Option<Duration> {
        let save_at = self.store.is_kept().then_some(self.saved.next);
        at.into_iter().chain(save_at).min()
    }
}

/// What the future gives, or `None` at this time.
async fn within_until<T>(
    clock: &impl Clock,
    at: Option<Duration>,
    future: impl Future<Output = T>,
) -> Option<T> {
    match at {
        Some(at) => within(clock, at.saturating_sub(clock.now()), future).await,
        None => Some(future.await),
    }
}
