use super::fields::{Fields, Scalar};
use super::{EventError, FieldReason as Reason, Place};
use atproto_lexicon::data::frame::{self, Frame};
use atproto_lexicon::data::{self, Cid};
use atproto_lexicon::syntax::{Datetime, Did, Handle, SyntaxError, Tid};
use std::str::FromStr;

/// An event of a repository stream; texts and blocks are those of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// `#commit`: a repository has a new commit.
    Commit(CommitEvent<'a>),
    /// `#sync`: a repository is in this state, whatever came before.
    Sync(SyncEvent<'a>),
    /// `#account`: the hosting of an account may have changed.
    Account(AccountEvent<'a>),
    /// `#identity`: a DID document or a handle may have changed.
    Identity(IdentityEvent<'a>),
    /// `#info`: about the stream itself.
    Info(InfoEvent<'a>),
}

/// A new commit and the part of the repository that it changed
/// (<https://atproto.com/specs/sync#commit-events>).
///
/// `blobs` is not read, as the specification asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommitEvent<'a> {
    /// Number of the event in its stream.
    pub seq: u64,
    /// The account.
    pub repo: Did,
    /// CID of the commit.
    pub commit: Cid,
    /// The commit's revision.
    pub rev: Tid,
    /// Revision of the commit before; null in the first one. The field is always there.
    pub since: Option<Tid>,
    /// Root of the tree before; absent, never null, where the host does not say it.
    pub prev_data: Option<Cid>,
    /// A CAR.
    pub blocks: &'a [u8],
    /// What changed.
    pub ops: Vec<RepoOp<'a>>,
    /// When the event was sent, in the `datetime` format; nothing relies on it.
    pub time: &'a str,
    /// Deprecated, without a meaning; absent is `false`.
    pub too_big: bool,
    /// Deprecated, without a meaning; absent is `false`.
    pub rebase: bool,
}

/// A change of one record, as the host tells it.
///
/// Whether `cid` and `prev` are there where the action asks for them is not checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepoOp<'a> {
    /// What was done.
    pub action: Action,
    /// `COLLECTION/RECORD-KEY`, as it came.
    pub path: &'a str,
    /// The record after; null in a deletion. The field is always there.
    pub cid: Option<Cid>,
    /// The record before; absent, never null, in a creation.
    pub prev: Option<Cid>,
}

/// What was done to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// `create`.
    Create,
    /// `update`.
    Update,
    /// `delete`.
    Delete,
}

impl Action {
    /// The text that stands for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A repository's state (<https://atproto.com/specs/sync#sync-events>).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncEvent<'a> {
    /// Number of the event in its stream.
    pub seq: u64,
    /// The account.
    pub did: Did,
    /// A CAR of the commit alone.
    pub blocks: &'a [u8],
    /// The commit's revision.
    pub rev: Tid,
    /// When the event was sent, in the `datetime` format; nothing relies on it.
    pub time: &'a str,
}

/// How the host that sends it hosts an account (<https://atproto.com/specs/sync#account-events>).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountEvent<'a> {
    /// Number of the event in its stream.
    pub seq: u64,
    /// The account.
    pub did: Did,
    /// Whether the repository can be had from the host.
    pub active: bool,
    /// Why not.
    pub status: Option<AccountStatus<'a>>,
    /// When the event was sent, in the `datetime` format; nothing relies on it.
    pub time: &'a str,
}

/// Why an account is not active (<https://atproto.com/specs/account#hosting-status>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AccountStatus<'a> {
    /// `takendown`: removed by a service.
    Takendown,
    /// `suspended`: removed by a service for some time.
    Suspended,
    /// `deleted`: removed by its owner, perhaps for ever.
    Deleted,
    /// `deactivated`: removed by its owner for some time.
    Deactivated,
    /// `desynchronized`: the host has lost track of the repository.
    Desynchronized,
    /// `throttled`: the host passes on no more events for now.
    Throttled,
    /// Any other text.
    Other(&'a str),
}

/// A sign that the identity of an account is to be resolved anew (<https://atproto.com/specs/sync#identity-events>).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityEvent<'a> {
    /// Number of the event in its stream.
    pub seq: u64,
    /// The account.
    pub did: Did,
    /// The handle, which was not verified.
    pub handle: Option<Handle>,
    /// When the event was sent, in the `datetime` format; nothing relies on it.
    pub time: &'a str,
}

/// A notice about the stream; it has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InfoEvent<'a> {
    /// Its name: `OutdatedCursor` where events were missed.
    pub name: &'a str,
    /// A text for people.
    pub message: Option<&'a str>,
}

/// How large events may be (<https://atproto.com/specs/sync#commit-events>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Greatest length of a message in bytes: 5,000,000.
    pub frame: usize,
    /// Greatest number of operations in a commit: 200.
    pub ops: usize,
    /// Greatest length of a commit's `blocks` in bytes: 2,000,000.
    pub commit_blocks: usize,
    /// Greatest length of a `#sync` event's `blocks` in bytes: 2,000,000. The lexicon says 10,000.
    pub sync_blocks: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { frame: 5_000_000, ops: 200, commit_blocks: 2_000_000, sync_blocks: 2_000_000 }
    }
}

impl Limits {
    /// Limits of the encoding: a message holds whatever fits into it.
    pub(super) fn cbor(&self) -> data::Limits {
        data::Limits { bytes: self.frame, ..data::Limits::OBJECT }
    }

    fn check_frame(&self, bytes: &[u8]) -> Result<(), EventError> {
        if bytes.len() > self.frame {
            return Err(EventError::FrameSize { length: bytes.len(), limit: self.frame });
        }
        Ok(())
    }
}

impl<'a> Event<'a> {
    /// Reads a message's body, of which the header said that it is of type `t`, such as `#commit`. `None` for a type that is
    /// not known: such a message is to be ignored.
    ///
    /// Every byte must be strict DAG-CBOR; fields that are not known may hold anything.
    ///
    /// # Errors
    /// [`EventError`]; whether the connection is to be dropped says [`EventError::ends_stream`].
    pub fn parse(t: &str, body: &'a [u8]) -> Result<Option<Self>, EventError> {
        Self::parse_with(t, body, &Limits::default())
    }

    /// [`parse`](Self::parse) in other limits.
    ///
    /// # Errors
    /// [`EventError`].
    pub fn parse_with(t: &str, body: &'a [u8], limits: &Limits) -> Result<Option<Self>, EventError> {
        limits.check_frame(body)?;
        let event = match t {
            "#commit" => Self::Commit(CommitEvent::parse(body, limits)?),
            "#sync" => Self::Sync(SyncEvent::parse(body, limits)?),
            "#account" => Self::Account(AccountEvent::parse(body, limits)?),
            "#identity" => Self::Identity(IdentityEvent::parse(body, limits)?),
            "#info" => Self::Info(InfoEvent::parse(body, limits)?),
            _ => {
                frame::check_body(body, &limits.cbor())?;
                return Ok(None);
            }
        };
        Ok(Some(event))
    }

    /// Reads a message of a WebSocket: a header and a body, and nothing more
    /// (<https://atproto.com/specs/event-stream#framing>). `None` for an operation or a type that is not known.
    ///
    /// # Errors
    /// [`EventError`]; [`EventError::Stream`] for a message by which the server reports an error.
    pub fn from_frame(frame: &'a [u8]) -> Result<Option<Self>, EventError> {
        Self::from_frame_with(frame, &Limits::default())
    }

    /// [`from_frame`](Self::from_frame) in other limits.
    ///
    /// # Errors
    /// [`EventError`].
    pub fn from_frame_with(frame: &'a [u8], limits: &Limits) -> Result<Option<Self>, EventError> {
        match Frame::parse_header(frame, &limits.cbor())? {
            Frame::Message { t, body } => Self::parse_with(t, body, limits),
            Frame::Error { error, message } => {
                Err(EventError::Stream { error: error.into(), message: message.map(Into::into) })
            }
            _ => Ok(None),
        }
    }

    /// Number of the event in its stream; `#info` has none.
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::Commit(event) => Some(event.seq),
            Self::Sync(event) => Some(event.seq),
            Self::Account(event) => Some(event.seq),
            Self::Identity(event) => Some(event.seq),
            Self::Info(_) => None,
        }
    }

    /// The account; `#info` is of none.
    pub fn did(&self) -> Option<&Did> {
        match self {
            Self::Commit(event) => Some(&event.repo),
            Self::Sync(event) => Some(&event.did),
            Self::Account(event) => Some(&event.did),
            Self::Identity(event) => Some(&event.did),
            Self::Info(_) => None,
        }
    }
}

impl<'a> CommitEvent<'a> {
    fn parse(body: &'a [u8], limits: &Limits) -> Result<Self, EventError> {
        const FIELDS: [&str; 10] =
            ["seq", "repo", "commit", "rev", "since", "prevData", "blocks", "time", "tooBig", "rebase"];
        let (fields, ops) = Fields::read_with_ops(body, FIELDS, limits)?;
        Ok(Self {
            seq: fields.required("seq", seq)?,
            repo: fields.required("repo", syntax)?,
            commit: fields.required("commit", cid)?,
            rev: fields.required("rev", syntax)?,
            since: fields.nullable("since", syntax)?,
            prev_data: fields.optional("prevData", cid)?,
            blocks: within(fields.required("blocks", bytes)?, limits.commit_blocks)?,
            ops,
            time: fields.required("time", datetime)?,
            too_big: fields.optional("tooBig", boolean)?.unwrap_or_default(),
            rebase: fields.optional("rebase", boolean)?.unwrap_or_default(),
        })
    }
}

impl<'a> RepoOp<'a> {
    pub(super) const FIELDS: [&'static str; 4] = ["action", "path", "cid", "prev"];

    pub(super) fn of(fields: &Fields<'a, 4>) -> Result<Self, EventError> {
        Ok(Self {
            action: fields.required("action", action)?,
            path: fields.required("path", text)?,
            cid: fields.nullable("cid", cid)?,
            prev: fields.optional("prev", cid)?,
        })
    }
}

impl<'a> SyncEvent<'a> {
    fn parse(body: &'a [u8], limits: &Limits) -> Result<Self, EventError> {
        let fields = Fields::read(body, Place::Body, ["seq", "did", "blocks", "rev", "time"], limits)?;
        Ok(Self {
            seq: fields.required("seq", seq)?,
            did: fields.required("did", syntax)?,
            blocks: within(fields.required("blocks", bytes)?, limits.sync_blocks)?,
            rev: fields.required("rev", syntax)?,
            time: fields.required("time", datetime)?,
        })
    }
}

impl<'a> AccountEvent<'a> {
    fn parse(body: &'a [u8], limits: &Limits) -> Result<Self, EventError> {
        let fields = Fields::read(body, Place::Body, ["seq", "did", "active", "status", "time"], limits)?;
        Ok(Self {
            seq: fields.required("seq", seq)?,
            did: fields.required("did", syntax)?,
            active: fields.required("active", boolean)?,
            status: fields.optional("status", text)?.map(AccountStatus::from),
            time: fields.required("time", datetime)?,
        })
    }
}

impl<'a> AccountStatus<'a> {
    /// The text that stands for it.
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Takendown => "takendown",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::Deactivated => "deactivated",
            Self::Desynchronized => "desynchronized",
            Self::Throttled => "throttled",
            Self::Other(other) => other,
        }
    }
}

impl<'a> From<&'a str> for AccountStatus<'a> {
    fn from(text: &'a str) -> Self {
        match text {
            "takendown" => Self::Takendown,
            "suspended" => Self::Suspended,
            "deleted" => Self::Deleted,
            "deactivated" => Self::Deactivated,
            "desynchronized" => Self::Desynchronized,
            "throttled" => Self::Throttled,
            other => Self::Other(other),
        }
    }
}

impl<'a> IdentityEvent<'a> {
    fn parse(body: &'a [u8], limits: &Limits) -> Result<Self, EventError> {
        let fields = Fields::read(body, Place::Body, ["seq", "did", "handle", "time"], limits)?;
        Ok(Self {
            seq: fields.required("seq", seq)?,
            did: fields.required("did", syntax)?,
            handle: fields.optional("handle", syntax)?,
            time: fields.required("time", datetime)?,
        })
    }
}

impl<'a> InfoEvent<'a> {
    fn parse(body: &'a [u8], limits: &Limits) -> Result<Self, EventError> {
        let fields = Fields::read(body, Place::Body, ["name", "message"], limits)?;
        Ok(Self { name: fields.required("name", text)?, message: fields.optional("message", text)? })
    }
}

fn within(blocks: &[u8], limit: usize) -> Result<&[u8], EventError> {
    let length = blocks.len();
    if length > limit { Err(EventError::Blocks { length, limit }) } else { Ok(blocks) }
}

fn integer(value: Scalar<'_>) -> Result<i64, Reason> {
    if let Scalar::Integer(number) = value { Ok(number) } else { Err(Reason::Type) }
}

fn boolean(value: Scalar<'_>) -> Result<bool, Reason> {
    if let Scalar::Boolean(value) = value { Ok(value) } else { Err(Reason::Type) }
}

fn text(value: Scalar<'_>) -> Result<&str, Reason> {
    if let Scalar::Text(text) = value { Ok(text) } else { Err(Reason::Type) }
}

fn bytes(value: Scalar<'_>) -> Result<&[u8], Reason> {
    if let Scalar::Bytes(bytes) = value { Ok(bytes) } else { Err(Reason::Type) }
}

fn cid(value: Scalar<'_>) -> Result<Cid, Reason> {
    if let Scalar::Link(bytes) = value {
        Cid::from_bytes(bytes).map_err(Reason::Link)
    } else {
        Err(Reason::Type)
    }
}

fn syntax<T: FromStr<Err = SyntaxError>>(value: Scalar<'_>) -> Result<T, Reason> {
    text(value)?.parse().map_err(Reason::Syntax)
}

fn datetime(value: Scalar<'_>) -> Result<&str, Reason> {
    let text = text(value)?;
    Datetime::check(text).map(|()| text).map_err(Reason::Syntax)
}

/// A number that is exact in JavaScript, and not zero.
fn seq(value: Scalar<'_>) -> Result<u64, Reason> {
    let number = integer(value)?;
    let seq = u64::try_from(number).ok().filter(|seq| (1..=frame::MAX_SEQ).contains(seq));
    seq.ok_or(Reason::Seq(number))
}

fn action(value: Scalar<'_>) -> Result<Action, Reason> {
    match text(value)? {
        "create" => Ok(Action::Create),
        "update" => Ok(Action::Update),
        "delete" => Ok(Action::Delete),
        _ => Err(Reason::Action),
    }
}
