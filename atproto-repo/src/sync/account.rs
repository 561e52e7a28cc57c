use super::{
    AccountEvent, CommitEvent, ErrorKind, Event, EventError, Head, Limits, Policy, SyncEvent, VerifiedCommit,
    VerifyError,
};
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::Did;

/// What is known of an account and its repository, and what each event makes of it: without IO, the time is passed in
/// (<https://atproto.com/specs/sync>).
///
/// Events go to [`commit`](Self::commit), [`sync`](Self::sync) and [`account`](Self::account). When the repository is
/// [`Sync::Desynchronized`], fetch it: [`begin_resync`](Self::begin_resync), verify what was fetched, compare it with what is stored
/// ([`Reconcile`](super::Reconcile)), then [`end_resync`](Self::end_resync) and give it the events that it returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    did: Did,
    is_active: bool,
    status: Option<String>,
    sync: Sync,
    policy: Policy,
    max_queue: usize,
}

/// How what is known of a repository relates to the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sync {
    /// Nothing is known; the first commit that verifies by itself is believed.
    Unknown,
    /// It was here at the last event.
    Synchronized(Head),
    /// It is somewhere else, and has to be fetched.
    Desynchronized(Option<Head>),
    /// It is being fetched, and commits wait.
    Resynchronizing {
        /// Where it was last known to be.
        last: Option<Head>,
        /// The bodies of the `#commit` and `#sync` events that came meanwhile.
        queue: Vec<Queued>,
        /// Bytes in the queue.
        bytes: usize,
        /// Whether any were lost: there were more than fit in, or the account was not active.
        is_over: bool,
    },
}

/// An event that waits, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    kind: &'static str,
    body: Vec<u8>,
}

impl Queued {
    /// The event.
    ///
    /// # Errors
    /// None that the event had not when it came first.
    pub fn event(&self) -> Result<Option<Event<'_>>, EventError> {
        self.event_with(&Limits::default())
    }

    /// The event, in the limits in which it came first.
    ///
    /// # Errors
    /// None that the event had not when it came first.
    pub fn event_with(&self, limits: &Limits) -> Result<Option<Event<'_>>, EventError> {
        Event::parse_with(self.kind, &self.body, limits)
    }

    /// Its type, `#commit` or `#sync`, and its body.
    pub fn into_parts(self) -> (&'static str, Vec<u8>) {
        (self.kind, self.body)
    }
}

/// What an event has come to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// The repository has gone on: these are its changes.
    Commit(Box<VerifiedCommit<'a>>),
    /// Nothing has changed.
    Unchanged,
    /// Old, of an account that is not active, or of a repository which has to be fetched in any case.
    Ignored,
    /// It waits until the repository was fetched.
    Queued,
    /// Not what a host may send; nothing has changed.
    Invalid(VerifyError),
    /// The signature is not of the key given. Resolve the identity anew and try the event once more; when it comes to this again, it is
    /// invalid.
    RefreshIdentity(VerifyError),
    /// The repository has to be fetched; why, unless the host said so.
    Desynchronized(Option<VerifyError>),
}

impl Account {
    /// An account of which nothing is known, or where its repository was last.
    pub fn new(did: Did, head: Option<Head>) -> Self {
        let sync = head.map_or(Sync::Unknown, Sync::Synchronized);
        Self { did, is_active: true, status: None, sync, policy: Policy::default(), max_queue: 16 << 20 }
    }

    /// The same account with another policy.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// The same account with room for this many bytes of events that wait, 16 MiB by default.
    #[must_use]
    pub fn with_max_queue(self, bytes: usize) -> Self {
        Self { max_queue: bytes, ..self }
    }

    /// The same account where its host was known to host it like this, as [`is_active`](Self::is_active) and [`status`](Self::status)
    /// said.
    #[must_use]
    pub fn with_hosting(self, is_active: bool, status: Option<String>) -> Self {
        Self { is_active, status, ..self }
    }

    /// The same account where its repository was known to be somewhere else, and has to be fetched.
    #[must_use]
    pub fn desynchronized(self) -> Self {
        let sync = Sync::Desynchronized(self.head().copied());
        Self { sync, ..self }
    }

    /// The account's DID.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Whether the host says that the account is active. Commits of one that is not are ignored.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// Why it is not active, as the host says.
    pub fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// How what is known of the repository relates to it.
    pub fn state(&self) -> &Sync {
        &self.sync
    }

    /// Where the repository was last known to be.
    pub fn head(&self) -> Option<&Head> {
        match &self.sync {
            Sync::Unknown => None,
            Sync::Synchronized(head) => Some(head),
            Sync::Desynchronized(last) | Sync::Resynchronizing { last, .. } => last.as_ref(),
        }
    }

    /// Takes a `#commit`, whose body is `body`, at a time in microseconds since 1970.
    pub fn commit<'a>(
        &mut self,
        event: CommitEvent<'a>,
        body: &[u8],
        key: &PublicKey,
        now: u64,
    ) -> Outcome<'a> {
        if let Some(outcome) = self.hold(&event.repo, "#commit", body) {
            return outcome;
        }
        match event.verify(key, self.head(), now, &self.policy) {
            Ok(commit) => {
                self.sync = Sync::Synchronized(commit.head());
                Outcome::Commit(Box::new(commit))
            }
            Err(error) => self.refuse(error),
        }
    }

    /// Takes a `#sync`, whose body is `body`, at a time in microseconds since 1970.
    pub fn sync(
        &mut self,
        event: &SyncEvent<'_>,
        body: &[u8],
        key: &PublicKey,
        now: u64,
    ) -> Outcome<'static> {
        if let Some(outcome) = self.hold(&event.did, "#sync", body) {
            return outcome;
        }
        let found = match event.verify(key, now, &self.policy) {
            Ok(found) => found,
            Err(error) => return self.refuse(error),
        };
        match self.head() {
            Some(head) if *head == found => Outcome::Unchanged,
            Some(head) if found.rev <= head.rev => Outcome::Ignored,
            _ => self.desynchronize(None),
        }
    }

    /// Takes an `#account`: the word of the host that sent it. Whether anything has changed. Of a repository that was deleted with its
    /// account nothing is known any more: another one may begin anew, also with earlier revisions. One that is being fetched then is none.
    pub fn account(&mut self, event: &AccountEvent<'_>) -> bool {
        if event.did != self.did {
            return false;
        }
        let status = event.status.map(|status| status.as_str().to_owned());
        let has_changed = (self.is_active, &self.status) != (event.active, &status);
        (self.is_active, self.status) = (event.active, status);
        if !self.is_active && self.status.as_deref() == Some("deleted") {
            self.sync = Sync::Unknown;
        }
        has_changed
    }

    /// Says that the repository is being fetched. Events that come from now on wait.
    pub fn begin_resync(&mut self) {
        if !matches!(self.sync, Sync::Resynchronizing { .. }) {
            let last = self.head().copied();
            self.sync = Sync::Resynchronizing { last, queue: Vec::new(), bytes: 0, is_over: false };
        }
    }

    /// Says where the repository that was fetched and verified is, or that it could not be fetched. Returns the events that have
    /// waited, to be given to it one after the other; those that are older than what was fetched are ignored then. Where events were
    /// lost meanwhile, since more had come than fit in or the account was not active, it stays desynchronized, at what was fetched.
    ///
    /// A revision in the future is the caller's to refuse, as [`Policy::future`] does for events.
    pub fn end_resync(&mut self, fetched: Option<Head>) -> Vec<Queued> {
        let Sync::Resynchronizing { last, queue, is_over, .. } = &mut self.sync else { return Vec::new() };
        // A host cannot lead back to an old state.
        match fetched.filter(|head| last.is_none_or(|last| head.rev >= last.rev)) {
            Some(head) if !*is_over => {
                let queue = std::mem::take(queue);
                self.sync = Sync::Synchronized(head);
                queue
            }
            head => {
                self.sync = Sync::Desynchronized(head.or(*last));
                Vec::new()
            }
        }
    }

    /// What becomes of an event whose account or repository is not ready for it.
    fn hold(&mut self, did: &Did, kind: &'static str, body: &[u8]) -> Option<Outcome<'static>> {
        if *did != self.did {
            return Some(Outcome::Invalid(VerifyError::FieldMismatch("did")));
        }
        if !self.is_active {
            // What is ignored now may have come after what is being fetched.
            if let Sync::Resynchronizing { is_over, .. } = &mut self.sync {
                *is_over = true;
            }
            return Some(Outcome::Ignored);
        }
        match &mut self.sync {
            Sync::Unknown | Sync::Synchronized(_) => None,
            Sync::Desynchronized(_) => Some(Outcome::Ignored),
            Sync::Resynchronizing { queue, bytes, is_over, .. } => {
                *bytes = bytes.saturating_add(body.len());
                *is_over |= *bytes > self.max_queue;
                if *is_over {
                    queue.clear();
                } else {
                    queue.push(Queued { kind, body: body.to_vec() });
                }
                Some(Outcome::Queued)
            }
        }
    }

    fn refuse<'a>(&mut self, error: VerifyError) -> Outcome<'a> {
        match error.kind() {
            ErrorKind::Stale => Outcome::Ignored,
            ErrorKind::Invalid => Outcome::Invalid(error),
            ErrorKind::RefreshIdentity => Outcome::RefreshIdentity(error),
            ErrorKind::Desynchronized => self.desynchronize(Some(error)),
        }
    }

    fn desynchronize<'a>(&mut self, why: Option<VerifyError>) -> Outcome<'a> {
        self.sync = Sync::Desynchronized(self.head().copied());
        Outcome::Desynchronized(why)
    }
}
