//! Events of one account in order, those of different accounts side by side.

use super::accounts::{AccountError, AccountStore};
use super::identities::{Identities, Refreshes};
use super::message::{RepoMessage, SubscribeRepos};
use super::report::Report;
use super::verify::{Done, Finished, Job, Verifier};
use crate::stream::cursor::{CursorError, CursorStore, NoCursor, Progress};
use crate::stream::protocol::Lost;
use crate::stream::socket::Connect;
use crate::stream::subscription::{StreamError, StreamEvent, Subscription};
use atproto_identity::clock::Clock;
use atproto_lexicon::http::{MaybeSend, MaybeSync};
use atproto_lexicon::syntax::Did;
use atproto_repo::sync::{Account, EventError, Head, Policy};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{HashMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// How a firehose goes about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// What is asked of events beyond what the protocol fixes.
    pub policy: Policy,
    /// Whether the host is a PDS: then it is believed only of accounts whose identity says that they are there. Otherwise it is a
    /// relay.
    pub is_pds: bool,
    /// How many events are held at once, such as those whose accounts are being resolved: 256.
    pub max_events: usize,
    /// How many bytes these may have: 64 MiB, and one event more.
    pub max_bytes: usize,
    /// Room for the events of an account that wait while its repository is fetched, in bytes: 16 MiB. What does not fit in makes it
    /// to be fetched again.
    pub max_queue: usize,
    /// How many reports may be unhandled: 65,536.
    pub max_unhandled: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            is_pds: false,
            max_events: 256,
            max_bytes: 64 << 20,
            max_queue: 16 << 20,
            max_unhandled: 65_536,
        }
    }
}

/// What a firehose has to say.
#[derive(Debug)]
#[non_exhaustive]
pub enum FirehoseEvent {
    /// What an event has come to.
    Report(Box<Report>),
    /// A message that is well formed, but no event. It counts as handled.
    Invalid {
        /// Its number, if it has one.
        seq: Option<u64>,
        /// What is wrong.
        fault: EventError,
    },
    /// Events were missed. Accounts of which some were will be desynchronized at their next one.
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
    /// The cursor was not saved; that is tried again.
    NotSaved(CursorError),
}

/// Why there is no next event.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FirehoseError {
    /// The stream has ended ([`Subscription::next`]).
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// What is known of an account was not loaded. No event is lost: the next call tries it again.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// [`Config::max_unhandled`] reports wait for [`Firehose::handled`].
    #[error("too many reports are not handled")]
    Unhandled,
}

#[cfg(not(target_arch = "wasm32"))]
type Running = Pin<Box<dyn Future<Output = Done> + Send>>;
#[cfg(target_arch = "wasm32")]
type Running = Pin<Box<dyn Future<Output = Done>>>;

/// The events of a relay or PDS, verified (<https://atproto.com/specs/sync#message-validation-checklist>).
///
/// # Order
///
/// Reports on one account come in the order of its events. While an account's identity is resolved, other accounts go on, up to
/// [`Config::max_events`] events; then nothing more is read. All is verified on the task that awaits [`next`](Self::next).
///
/// # What was handled
///
/// Each report goes to [`handled`](Self::handled) once the consumer has made of it what it makes of it: only then the
/// account's new state is saved, and the cursor moves on. So an event that was reported and not handled is reported again by the next
/// process.
///
/// # Fetching repositories
///
/// After [`Verdict::Desynchronized`](super::Verdict::Desynchronized), begin with [`begin_resync`](Self::begin_resync), fetch the
/// repository, verify it (`atproto_repo::repo::Repo`), compare it with what is stored (`atproto_repo::sync::Reconcile`), and end with
/// [`end_resync`](Self::end_resync). Events of the account that come meanwhile wait. After a restart, the accounts that have to be
/// fetched are those whose [`AccountState::is_desynchronized`](super::AccountState::is_desynchronized) was saved.
pub struct Firehose<C, K, I, A, S = NoCursor>
where
    C: Connect,
{
    stream: Subscription<SubscribeRepos, C, K, S>,
    progress: Progress,
    verifier: Arc<Verifier<I, A, K>>,
    config: Config,
    lanes: HashMap<Did, Lane>,
    running: FuturesUnordered<Running>,
    /// Accounts whose state was not loaded.
    stalled: Vec<Did>,
    /// Events that are held, and their bytes.
    held: (usize, usize),
    unhandled: usize,
    turn: u64,
    end: Option<StreamError>,
}

/// What is to be done for one account, one after the other.
#[derive(Default)]
struct Lane {
    /// What is known; `None` while something is being done, and before the first.
    account: Option<Box<Account>>,
    waiting: VecDeque<Job>,
    is_running: bool,
    unhandled: usize,
    /// The last report whose state was saved.
    saved: u64,
}

impl Lane {
    /// Whether the store knows all that is known here.
    fn is_idle(&self) -> bool {
        let is_fetched = self.account.as_ref().is_some_and(|account| {
            matches!(account.state(), atproto_repo::sync::Sync::Resynchronizing { .. })
        });
        !self.is_running && self.waiting.is_empty() && self.unhandled == 0 && !is_fetched
    }
}

impl<C, K, I, A, S> Firehose<C, K, I, A, S>
where
    C: Connect,
    K: Clock + MaybeSend + MaybeSync + 'static,
    I: Identities,
    A: AccountStore,
    S: CursorStore,
{
    /// The events of a stream, with the keys that `identities` knows, on what `accounts` knows. `clock` also says which revisions are of
    /// the future.
    pub fn new(stream: Subscription<SubscribeRepos, C, K, S>, identities: I, accounts: A, clock: K) -> Self {
        Self::with_config(stream, identities, accounts, clock, Config::default())
    }

    /// With other limits, another policy, or directly from a PDS.
    pub fn with_config(
        stream: Subscription<SubscribeRepos, C, K, S>,
        identities: I,
        accounts: A,
        clock: K,
        config: Config,
    ) -> Self {
        let host = stream.protocol().host();
        // As identities write it: `wss` is `https`.
        let pds = config.is_pds.then(|| format!("http{}", host.strip_prefix("ws").unwrap_or(host)));
        let verifier = Verifier {
            identities,
            accounts,
            clock,
            policy: config.policy,
            max_queue: config.max_queue,
            pds,
            refreshes: Refreshes::default(),
        };
        Self {
            progress: stream.progress(),
            stream,
            verifier: Arc::new(verifier),
            config,
            lanes: HashMap::new(),
            running: FuturesUnordered::new(),
            stalled: Vec::new(),
            held: (0, 0),
            unhandled: 0,
            turn: 0,
            end: None,
        }
    }

    /// The accounts' store.
    pub fn accounts(&self) -> &A {
        &self.verifier.accounts
    }

    /// The identities.
    pub fn identities(&self) -> &I {
        &self.verifier.identities
    }

    /// What comes next. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`FirehoseError`]; after [`FirehoseError::Stream`] there is nothing more, and all events before were reported.
    pub async fn next(&mut self) -> Result<FirehoseEvent, FirehoseError> {
        for did in std::mem::take(&mut self.stalled) {
            self.start(&did);
        }
        loop {
            let has_room = self.end.is_none() && self.has_room();
            if !has_room && self.running.is_empty() {
                return Err(self.end.clone().map_or(FirehoseError::Unhandled, FirehoseError::Stream));
            }
            let event = match self.step(has_room).await {
                Next::Done(done) => self.finish(*done)?,
                Next::Stream(Ok(event)) => self.take(event),
                Next::Stream(Err(end)) if matches!(end, StreamError::Cursor(_)) => return Err(end.into()),
                Next::Stream(Err(end)) => {
                    self.end = Some(end);
                    None
                }
            };
            if let Some(event) = event {
                return Ok(event);
            }
        }
    }

    /// Says that a report was handled. Saves the account's state, if it has changed. Where the future is dropped, the report is not
    /// handled.
    ///
    /// # Errors
    /// [`AccountError`]: it is not handled.
    pub async fn handled(&mut self, report: &Report) -> Result<(), AccountError> {
        if let (Some(lane), Some(state)) = (self.lanes.get_mut(&report.did), &report.state)
            && report.turn > lane.saved
        {
            self.verifier.accounts.save(&report.did, state).await?;
            lane.saved = report.turn;
        }
        if let Some(seq) = report.seq {
            self.progress.handled(seq);
        }
        self.unhandled = self.unhandled.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(&report.did) {
            lane.unhandled = lane.unhandled.saturating_sub(1);
        }
        self.forget_if_idle(&report.did);
        Ok(())
    }

    /// Says that the account's repository is being fetched: its events wait from now on.
    pub fn begin_resync(&mut self, did: &Did) {
        self.add(did, Job::BeginResync);
    }

    /// Says where the repository that was fetched and verified is, or that it could not be fetched. The next report on the account is
    /// [`Resynchronized`](super::Verdict::Resynchronized), and then come those on events that waited; or it is
    /// [`Desynchronized`](super::Verdict::Desynchronized) again, where it could not be fetched, is older than what was known, or too
    /// many events came meanwhile. Until the last of those that waited was reported, the account counts as desynchronized: a process that
    /// ends before has to fetch it again.
    pub fn end_resync(&mut self, did: &Did, fetched: Option<Head>) {
        self.add(did, Job::EndResync(fetched));
    }

    /// Saves the cursor now, if it has come further.
    ///
    /// # Errors
    /// [`CursorError`].
    pub async fn save(&mut self) -> Result<(), CursorError> {
        self.stream.save().await
    }

    /// Saves the cursor, and closes the connection. Events that were not reported come again.
    ///
    /// # Errors
    /// [`CursorError`] where the cursor was not saved.
    pub async fn close(self) -> Result<(), CursorError> {
        self.stream.close().await
    }

    fn has_room(&self) -> bool {
        let (events, bytes) = self.held;
        let unhandled = self.unhandled.max(self.progress.unhandled());
        events < self.config.max_events.max(1)
            && bytes < self.config.max_bytes
            && unhandled < self.config.max_unhandled
    }

    /// What is done, or what comes from the stream where there is room for it.
    async fn step(&mut self, has_room: bool) -> Next {
        let Self { stream, running, .. } = self;
        let mut next = pin!(stream.next());
        std::future::poll_fn(|context| {
            if let Poll::Ready(Some(done)) = running.poll_next_unpin(context) {
                return Poll::Ready(Next::Done(Box::new(done)));
            }
            match has_room {
                true => next.as_mut().poll(context).map(Next::Stream),
                false => Poll::Pending,
            }
        })
        .await
    }

    fn take(&mut self, event: StreamEvent<RepoMessage, EventError>) -> Option<FirehoseEvent> {
        Some(match event {
            StreamEvent::Message { message, .. } => {
                let (events, bytes) = self.held;
                self.held = (events.saturating_add(1), bytes.saturating_add(message.body.len()));
                let did = message.did.clone();
                self.add(&did, Job::Event(message));
                return None;
            }
            StreamEvent::Invalid { seq, fault } => {
                seq.iter().for_each(|seq| self.progress.handled(*seq));
                FirehoseEvent::Invalid { seq, fault }
            }
            StreamEvent::OutdatedCursor { message } => FirehoseEvent::OutdatedCursor { message },
            StreamEvent::Lost { reason, retry_in } => FirehoseEvent::Lost { reason, retry_in },
            StreamEvent::NotSaved(error) => FirehoseEvent::NotSaved(error),
        })
    }

    fn add(&mut self, did: &Did, job: Job) {
        match self.lanes.get_mut(did) {
            Some(lane) => lane.waiting.push_back(job),
            None => {
                let lane = Lane { waiting: VecDeque::from([job]), ..Lane::default() };
                self.lanes.insert(did.clone(), lane);
            }
        }
        self.start(did);
    }

    /// The store knows the account now.
    fn forget_if_idle(&mut self, did: &Did) {
        if self.lanes.get(did).is_some_and(Lane::is_idle) {
            self.lanes.remove(did);
        }
    }

    /// Begins what is next for an account, unless something is being done.
    fn start(&mut self, did: &Did) {
        let Some(lane) = self.lanes.get_mut(did).filter(|lane| !lane.is_running) else { return };
        if let Some(job) = lane.waiting.pop_front() {
            lane.is_running = true;
            let run = self.verifier.clone().run(did.clone(), lane.account.take(), job);
            self.running.push(Box::pin(run));
        }
    }

    fn finish(&mut self, done: Done) -> Result<Option<FirehoseEvent>, AccountError> {
        let Some(lane) = self.lanes.get_mut(&done.did) else { return Ok(None) };
        lane.is_running = false;
        let finished = match done.result {
            Ok(finished) => finished,
            Err((job, error)) => {
                lane.waiting.push_front(job);
                self.stalled.push(done.did);
                return Err(error);
            }
        };
        let Finished { account, seq, verdict, received, state, first } = finished;
        lane.account = Some(account);
        for job in first.into_iter().rev() {
            lane.waiting.push_front(job);
        }
        if seq.is_some() {
            let (events, bytes) = self.held;
            self.held = (events.saturating_sub(1), bytes.saturating_sub(done.bytes));
        }
        let report = verdict.map(|verdict| {
            lane.unhandled = lane.unhandled.saturating_add(1);
            self.unhandled = self.unhandled.saturating_add(1);
            self.turn = self.turn.saturating_add(1);
            let did = done.did.clone();
            FirehoseEvent::Report(Box::new(Report { seq, did, verdict, received, state, turn: self.turn }))
        });
        self.start(&done.did);
        self.forget_if_idle(&done.did);
        Ok(report)
    }
}

enum Next {
    Done(Box<Done>),
    Stream(Result<StreamEvent<RepoMessage, EventError>, StreamError>),
}
