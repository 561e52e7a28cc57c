use atproto_lexicon::data::CidError;
use atproto_lexicon::data::cbor::CborError;
use atproto_lexicon::data::frame::{FrameError, Part};
use atproto_lexicon::syntax::SyntaxError;
use std::fmt;

/// Why a message is not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The message is longer than [`Limits::frame`](super::Limits::frame); of a body alone, the body.
    #[error("message of {length} bytes, where {limit} are allowed")]
    FrameSize {
        /// Its length in bytes.
        length: usize,
        /// The greatest one.
        limit: usize,
    },
    /// Header or body are not strict DAG-CBOR; the offset in the error counts from where the part begins.
    #[error("{place}: {error}")]
    Cbor {
        /// The part.
        place: Place,
        /// What is wrong.
        error: CborError,
    },
    /// What must be an object is none.
    #[error("{0} is not an object")]
    NotObject(Place),
    /// A field.
    #[error("{place}: field {field}: {reason}")]
    Field {
        /// What the field belongs to.
        place: Place,
        /// Its name.
        field: &'static str,
        /// What is wrong.
        reason: FieldReason,
    },
    /// A commit lists more operations than [`Limits::ops`](super::Limits::ops).
    #[error("{count} operations, where {limit} are allowed")]
    Ops {
        /// Their number.
        count: usize,
        /// The greatest one.
        limit: usize,
    },
    /// `blocks` is longer than [`Limits::commit_blocks`](super::Limits::commit_blocks) or
    /// [`Limits::sync_blocks`](super::Limits::sync_blocks).
    #[error("blocks of {length} bytes, where {limit} are allowed")]
    Blocks {
        /// Their length in bytes.
        length: usize,
        /// The greatest one.
        limit: usize,
    },
    /// The server reports an error, and sends nothing more (<https://atproto.com/specs/event-stream#framing>).
    #[error("server: {error}")]
    Stream {
        /// The error's name, such as `FutureCursor`.
        error: String,
        /// What the server says of it.
        message: Option<String>,
    },
}

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// The header.
    Header,
    /// The body.
    Body,
    /// The body of a message which reports an error.
    ErrorBody,
    /// The operation of this index in a commit's `ops`.
    Op(usize),
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FieldReason {
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// It is of another type, or null where the lexicon does not allow that.
    #[error("is of the wrong type")]
    Type,
    /// The number is not a sequence number: 1 to 2⁵³ − 1.
    #[error("{0} is not a sequence number")]
    Seq(i64),
    /// The text is not of its format.
    #[error(transparent)]
    Syntax(SyntaxError),
    /// The link is not of the form that repositories use.
    #[error(transparent)]
    Link(CidError),
    /// The action is not `create`, `update` or `delete`.
    #[error("unknown action")]
    Action,
}

impl EventError {
    /// Whether the connection is to be dropped: the message is no frame, or the server reports an error. Otherwise the frame
    /// is well formed, only this event is refused, and the next one can be read.
    pub fn ends_stream(&self) -> bool {
        match self {
            Self::FrameSize { .. } | Self::Cbor { .. } | Self::Stream { .. } => true,
            Self::NotObject(place) => !matches!(place, Place::Op(_)),
            Self::Field { place, .. } => matches!(place, Place::Header | Place::ErrorBody),
            Self::Ops { .. } | Self::Blocks { .. } => false,
        }
    }
}

impl From<FrameError> for EventError {
    fn from(error: FrameError) -> Self {
        let in_field = |part: Part, field, reason| Self::Field { place: part.into(), field, reason };
        match error {
            FrameError::Size { length, limit } => Self::FrameSize { length, limit },
            FrameError::Cbor { part, error } => Self::Cbor { place: part.into(), error },
            FrameError::NotObject(part) => Self::NotObject(part.into()),
            FrameError::Missing { part, field } => in_field(part, field, FieldReason::Missing),
            FrameError::Type { part, field } => in_field(part, field, FieldReason::Type),
        }
    }
}

impl From<Part> for Place {
    fn from(part: Part) -> Self {
        match part {
            Part::Header => Self::Header,
            Part::Body => Self::Body,
            Part::ErrorBody => Self::ErrorBody,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("header"),
            Self::Body => f.write_str("body"),
            Self::ErrorBody => f.write_str("body of an error"),
            Self::Op(index) => write!(f, "operation {index}"),
        }
    }
}
