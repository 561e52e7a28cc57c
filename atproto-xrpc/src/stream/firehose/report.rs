//! What the firehose says of its events.

use super::accounts::AccountState;
use atproto_identity::{Missing, ResolveError};
use atproto_lexicon::data::Cid;
use atproto_lexicon::data::frame::{FrameError, renumber, to_frame};
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::{Did, Handle, Tid};
use atproto_repo::sync::{Action, Head, VerifiedCommit, VerifyError};

/// What has become of an event, or of the fetching of a repository.
#[derive(Debug)]
#[non_exhaustive]
pub struct Report {
    /// The event's number; `None` where the report is not of an event that just came.
    pub seq: Option<u64>,
    /// The account.
    pub did: Did,
    /// What it has come to.
    pub verdict: Verdict,
    /// The event as it was received; `None` where the report is not of an event. It is in memory as long as the report.
    pub received: Option<Received>,
    /// What is known of the account now, where that has changed: [`Firehose::handled`](super::Firehose::handled) saves it.
    pub state: Option<AccountState>,
    /// Reports are made in this order.
    pub(super) turn: u64,
}

/// An event as it was received, for who sends it on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Its type, such as `#commit`.
    pub kind: &'static str,
    /// Its body, with the number that the host gave it.
    pub body: Bytes,
}

impl Received {
    /// An event of a type, such as `#commit`, with its body.
    pub fn new(kind: &'static str, body: Bytes) -> Self {
        Self { kind, body }
    }

    /// The frame of the event in another stream, where it has this number.
    ///
    /// # Errors
    /// [`FrameError`] where the body is none of an event, which none is that was received.
    pub fn to_frame(&self, seq: u64) -> Result<Vec<u8>, FrameError> {
        Ok(to_frame(self.kind, &renumber(&self.body, seq)?))
    }
}

/// What an event has come to (<https://atproto.com/specs/sync#message-validation-checklist>).
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// The repository has gone on, and this is all that changed in it.
    Commit(Commit),
    /// The repository is where it was known to be.
    Unchanged,
    /// The host hosts the account like this: its own word.
    Account {
        /// Whether the repository can be had.
        is_active: bool,
        /// Why not, such as `deactivated`.
        status: Option<String>,
    },
    /// The identity may have changed. What was remembered of it is forgotten.
    Identity {
        /// The handle that the host says, which was not verified.
        handle: Option<Handle>,
    },
    /// It counts for nothing.
    Ignored(Ignored),
    /// It waits until the repository was fetched, and comes again then.
    Queued,
    /// It is not what the host may send. The account is as it was.
    Invalid(Invalid),
    /// Whether it is valid cannot be said, since the identity cannot be resolved now. The account is as it was, so that its next event
    /// will not follow on what is known.
    Incomplete(ResolveError),
    /// The repository has to be fetched; why, unless the host said so. Until [`Firehose::begin_resync`](super::Firehose::begin_resync)
    /// all events of the account are ignored.
    Desynchronized(Option<VerifyError>),
    /// The repository that was fetched counts. The events that waited follow, each with a report of its own.
    Resynchronized(Head),
}

/// Why an event counts for nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Ignored {
    /// It is not newer than what is known.
    #[error("it is not newer than what is known")]
    Stale,
    /// The account is not active at the host.
    #[error("the account is not active")]
    Inactive,
    /// The repository has to be fetched in any case.
    #[error("the repository has to be fetched")]
    Desynchronized,
    /// The account has no identity: there is none, or it has ended.
    #[error("the account has no identity: {0}")]
    NoIdentity(#[source] ResolveError),
    /// The account's identity has no key, or no PDS.
    #[error(transparent)]
    Incapable(Missing),
}

/// Why an event is not what the host may send.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// It does not verify.
    #[error(transparent)]
    Event(VerifyError),
    /// The account is hosted elsewhere.
    #[error("the account is hosted at {0}")]
    Host(String),
}

/// A commit that was verified: it is signed, and its operations are all that changed, unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// The commit's CID.
    pub cid: Cid,
    /// The revision, and the root of the tree.
    pub head: Head,
    /// The revision before.
    pub since: Option<Tid>,
    /// What changed.
    pub ops: Vec<Op>,
    /// Whether it is proven that the operations are all that changed: false only where a
    /// [`Policy`](atproto_repo::sync::Policy) lets it pass.
    pub is_proven: bool,
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Op {
    /// What was done.
    pub action: Action,
    /// `COLLECTION/RECORD-KEY`.
    pub path: String,
    /// The record after; `None` in a deletion.
    pub cid: Option<Cid>,
    /// The record before; `None` in a creation.
    pub prev: Option<Cid>,
    /// The record's bytes, which hash to `cid`; `None` in a deletion. They hold the whole event in memory. Whether they keep the data
    /// model is their own matter.
    pub record: Option<Bytes>,
}

impl Op {
    /// The collection.
    pub fn collection(&self) -> &str {
        self.path.split_once('/').map_or("", |(collection, _)| collection)
    }

    /// The record's key in the collection.
    pub fn record_key(&self) -> &str {
        self.path.split_once('/').map_or("", |(_, key)| key)
    }
}

impl Commit {
    /// Of a commit whose blocks are in `body`.
    pub(super) fn new(commit: &VerifiedCommit<'_>, body: &Bytes) -> Self {
        let ops = commit.ops().iter().map(|op| Op {
            action: op.action,
            path: op.path.to_owned(),
            cid: op.cid,
            prev: op.prev,
            record: commit.record(op).map(|record| body.slice_ref(record.bytes)),
        });
        Self {
            cid: commit.event().commit,
            head: commit.head(),
            since: commit.event().since,
            ops: ops.collect(),
            is_proven: commit.is_proven(),
        }
    }
}
