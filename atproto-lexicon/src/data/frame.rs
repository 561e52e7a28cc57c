//! Frames of event streams (<https://atproto.com/specs/event-stream#framing>): the binary message of a WebSocket, which is a header
//! and a body, each one object of strict DAG-CBOR. Read without copying; there is no IO here.
//!
//! ```
//! use atproto_lexicon::data::frame::{Frame, to_error_frame, to_frame};
//! use atproto_lexicon::data::Limits;
//!
//! let bytes = to_frame("#info", b"\xa1\x64name\x6eOutdatedCursor");
//! match Frame::parse(&bytes, &Limits::OBJECT)? {
//!     Frame::Message { t, body } => assert_eq!((t, body.len()), ("#info", 21)),
//!     Frame::Error { .. } => {}      // the server sends nothing more
//!     Frame::Unknown { .. } => {}    // to be ignored
//! }
//! let bytes = to_error_frame("FutureCursor", None);
//! assert_eq!(Frame::parse(&bytes, &Limits::OBJECT)?, Frame::Error { error: "FutureCursor", message: None });
//! # Ok::<(), atproto_lexicon::data::frame::FrameError>(())
//! ```

use super::cbor::{self, CborError, Profile, RawFields};
use super::{Limits, Object, Value};
use serde::Deserialize;
use std::fmt;

/// The greatest number of an event, 2⁵³ − 1: numbers up to it are exact in JavaScript. The least is 1
/// (<https://atproto.com/specs/event-stream#sequence-numbers>).
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// A frame, whose parts are those of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// `op` is 1: a message.
    Message {
        /// Its type: the fragment of a name, such as `#commit`.
        t: &'a str,
        /// An object.
        body: &'a [u8],
    },
    /// `op` is −1: an error, after which the server sends nothing more.
    Error {
        /// Its name, such as `FutureCursor`.
        error: &'a str,
        /// A text for people.
        message: Option<&'a str>,
    },
    /// An `op` of the future: to be ignored.
    Unknown {
        /// The `op`.
        op: i64,
    },
}

/// A part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The header.
    Header,
    /// The body.
    Body,
    /// The body of an error.
    ErrorBody,
}

/// Why a message is no frame: the connection is to be dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is longer than the limit.
    #[error("frame of {length} bytes, where {limit} are allowed")]
    Size {
        /// Its length in bytes.
        length: usize,
        /// The greatest one.
        limit: usize,
    },
    /// A part is not strict DAG-CBOR. The offset in the error counts from where the part begins.
    #[error("{part}: {error}")]
    Cbor {
        /// The part.
        part: Part,
        /// What is wrong.
        error: CborError,
    },
    /// A part is no object.
    #[error("{0} is not an object")]
    NotObject(Part),
    /// A part has not the field.
    #[error("{part}: field {field} is missing")]
    Missing {
        /// The part.
        part: Part,
        /// The field.
        field: &'static str,
    },
    /// A field is of another type.
    #[error("{part}: field {field} is of the wrong type")]
    Type {
        /// The part.
        part: Part,
        /// The field.
        field: &'static str,
    },
}

impl<'a> Frame<'a> {
    /// Reads a frame, and checks every byte of it. Fields that are not known may hold anything.
    ///
    /// # Errors
    /// [`FrameError`]; a type that is not known is none.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, FrameError> {
        let frame = Self::parse_header(bytes, limits)?;
        if let Self::Message { body, .. } = frame {
            check_body(body, limits)?;
        }
        Ok(frame)
    }

    /// [`parse`](Self::parse), but the body of a message is whatever follows on the header: for who reads it with what checks
    /// every byte anyway, or calls [`check_body`].
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn parse_header(bytes: &'a [u8], limits: &Limits) -> Result<Self, FrameError> {
        if bytes.len() > limits.bytes {
            return Err(FrameError::Size { length: bytes.len(), limit: limits.bytes });
        }
        let (header, body) = cbor::split_first(bytes, Profile::Atproto, limits)
            .map_err(|error| FrameError::Cbor { part: Part::Header, error })?;
        let header = Fields::read(header, Part::Header)?;
        match header.required::<i64>("op")? {
            1 => Ok(Self::Message { t: header.required("t")?, body }),
            -1 => {
                let fields = Fields::read(body, Part::ErrorBody)?;
                Ok(Self::Error { error: fields.required("error")?, message: fields.optional("message")? })
            }
            op => check_body(body, limits).map(|()| Self::Unknown { op }),
        }
    }
}

/// Checks that bytes are the body of a message: one object.
///
/// # Errors
/// [`FrameError`].
pub fn check_body(body: &[u8], limits: &Limits) -> Result<(), FrameError> {
    let checked = cbor::validate_with(body, Profile::Atproto, limits);
    checked.map_err(|error| FrameError::Cbor { part: Part::Body, error })?;
    // The three bits that say what an item is.
    if body.first().is_some_and(|byte| byte >> 5 == 5) {
        Ok(())
    } else {
        Err(FrameError::NotObject(Part::Body))
    }
}

/// Fields of the body of a message.
#[derive(Debug, Clone)]
pub struct Body<'a>(Fields<'a>);

impl<'a> Body<'a> {
    /// Splits a body into its fields, and checks every byte of it.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn parse(body: &'a [u8]) -> Result<Self, FrameError> {
        Fields::read(body, Part::Body).map(Self)
    }

    /// The number of the message in its stream, from 1 to [`MAX_SEQ`]; `None` where the message has none.
    ///
    /// # Errors
    /// [`FrameError::Type`] where it is another number, or no number.
    pub fn seq(&self) -> Result<Option<u64>, FrameError> {
        let seq = self.0.optional::<u64>("seq")?;
        match seq {
            Some(seq) if !(1..=MAX_SEQ).contains(&seq) => {
                Err(FrameError::Type { part: Part::Body, field: "seq" })
            }
            seq => Ok(seq),
        }
    }

    /// A field that is a text; `None` where there is none of the name.
    ///
    /// # Errors
    /// [`FrameError::Type`] where it is something else.
    pub fn text(&self, name: &'static str) -> Result<Option<&'a str>, FrameError> {
        self.0.optional(name)
    }
}

/// The frame of a message: its type, such as `#commit`, and its body, which must be an object.
pub fn to_frame(t: &str, body: &[u8]) -> Vec<u8> {
    let header = Object::from([("op".into(), Value::Integer(1)), ("t".into(), t.into())]);
    [&to_vec(&header), body].concat()
}

/// The body of a message with another number, for a service that sends it on in a stream of its own. All else is as it was.
///
/// # Errors
/// [`FrameError`]; [`FrameError::Missing`] where it has no number, [`FrameError::Type`] where the other one is not from 1 to
/// [`MAX_SEQ`].
pub fn renumber(body: &[u8], seq: u64) -> Result<Vec<u8>, FrameError> {
    if !(1..=MAX_SEQ).contains(&seq) {
        return Err(FrameError::Type { part: Part::Body, field: "seq" });
    }
    let fields = Fields::read(body, Part::Body)?;
    let missing = FrameError::Missing { part: Part::Body, field: "seq" };
    let (_, value) = fields.fields.iter().find(|(name, _)| *name == "seq").ok_or(missing)?;
    // The value is a part of the body.
    let start = value.as_ptr().addr().saturating_sub(body.as_ptr().addr());
    let (before, rest) = body.split_at_checked(start).ok_or(missing)?;
    let after = rest.get(value.len()..).ok_or(missing)?;
    let seq = cbor::to_vec(&seq).map_err(|_| FrameError::Type { part: Part::Body, field: "seq" })?;
    Ok([before, &seq, after].concat())
}

/// The frame of an error, after which nothing more may be sent.
pub fn to_error_frame(error: &str, message: Option<&str>) -> Vec<u8> {
    let header = Object::from([("op".into(), Value::Integer(-1))]);
    let mut body = Object::from([("error".into(), error.into())]);
    body.extend(message.map(|message| ("message".into(), message.into())));
    [to_vec(&header), to_vec(&body)].concat()
}

/// Numbers and texts can be written.
fn to_vec(object: &Object) -> Vec<u8> {
    cbor::to_vec_with(object, Profile::Atproto, &Limits { bytes: usize::MAX, ..Limits::OBJECT })
        .unwrap_or_default()
}

/// An object's fields, as their bytes.
#[derive(Debug, Clone)]
struct Fields<'a> {
    part: Part,
    fields: RawFields<'a>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8], part: Part) -> Result<Self, FrameError> {
        let fields = cbor::split_object(bytes).map_err(|error| FrameError::Cbor { part, error })?;
        Ok(Self { part, fields: fields.ok_or(FrameError::NotObject(part))? })
    }

    /// A field that may be absent, but not null.
    fn optional<T: Deserialize<'a>>(&self, field: &'static str) -> Result<Option<T>, FrameError> {
        let found = self.fields.iter().find(|(name, _)| *name == field);
        let value = found.map(|(_, value)| cbor::from_slice(value)).transpose();
        value.map_err(|_| FrameError::Type { part: self.part, field })
    }

    fn required<T: Deserialize<'a>>(&self, field: &'static str) -> Result<T, FrameError> {
        self.optional(field)?.ok_or(FrameError::Missing { part: self.part, field })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Body => "body",
            Self::ErrorBody => "body of an error",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_gets_another_number() {
        let body = |seq: i64| {
            let blocks = Value::Bytes(vec![0x63; 40].into());
            to_vec(&Object::from([
                ("did".into(), "seq".into()),
                ("seq".into(), seq.into()),
                ("blocks".into(), blocks),
            ]))
        };
        for (from, to) in [(1, 2), (23, 24), (70_000, 3), (5, 1 << 40), (9, 9)] {
            assert_eq!(renumber(&body(from), to.try_into().unwrap()), Ok(body(to)), "{from} {to}");
        }
        let field = FrameError::Type { part: Part::Body, field: "seq" };
        assert_eq!(renumber(&body(1), 0), Err(field));
        assert_eq!(renumber(&body(1), MAX_SEQ + 1), Err(field));
        let without = to_vec(&Object::from([("did".into(), "seq".into())]));
        assert_eq!(renumber(&without, 1), Err(FrameError::Missing { part: Part::Body, field: "seq" }));
        assert!(matches!(renumber(&body(1)[..5], 1), Err(FrameError::Cbor { .. })));
        assert!(renumber(&[body(1), body(1)].concat(), 1).is_err());
    }
}
