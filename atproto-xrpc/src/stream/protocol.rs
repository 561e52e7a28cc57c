//! What a stream's messages mean.

use super::frame::{Body, Frame, FrameError};
use super::machine::SeqError;
use super::socket::{Message, SocketError};
use super::url::{UrlError, params_of, url_of};
use atproto_lexicon::data::cbor::{self, DecodeError};
use atproto_lexicon::data::{Limits, frame::Part};
use atproto_lexicon::http::{Bytes, MaybeSend};
use atproto_lexicon::syntax::Nsid;
use atproto_lexicon::typed::{self, Endpoint, Object, Union, Value};
use serde::Serialize;
use std::convert::Infallible;
use std::marker::PhantomData;

/// A stream: where it is, and what its messages mean. [`Lexicon`] is that of any subscription of a lexicon.
pub trait Protocol: MaybeSend {
    /// What a message is read as.
    type Message: MaybeSend;
    /// Why a message that is well formed is not of the stream.
    type Fault: MaybeSend;

    /// The URL to connect to, for events from a cursor on.
    ///
    /// # Errors
    /// [`UrlError`].
    fn url(&self, cursor: Option<u64>) -> Result<String, UrlError>;

    /// Where to begin when no store says it.
    fn cursor(&self) -> Option<u64> {
        None
    }

    /// Whether the events have times in place of numbers, which may be equal: then none is taken for one that came before, and some
    /// come again after each connection.
    fn is_timed(&self) -> bool {
        false
    }

    /// Reads a message.
    ///
    /// # Errors
    /// [`Lost`]: the connection is to be dropped.
    fn read(&self, message: Message) -> Result<Read<Self::Message, Self::Fault>, Lost>;
}

/// What a message says.
#[derive(Debug)]
pub enum Read<M, F> {
    /// A message.
    Message {
        /// Its number, if it has one.
        seq: Option<u64>,
        /// The message.
        message: M,
    },
    /// A message that is well formed, but not of the stream.
    Invalid {
        /// Its number, if it has one.
        seq: Option<u64>,
        /// What is wrong.
        fault: F,
    },
    /// The server no longer has all events from the cursor on.
    OutdatedCursor {
        /// A text for people.
        message: Option<String>,
    },
    /// The server reports an error, and sends nothing more.
    Error {
        /// Its name.
        error: String,
        /// A text for people.
        message: Option<String>,
    },
    /// To be ignored.
    Ignored,
}

/// Why a connection was given up.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The connection, or that there is none.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The server closed, and said nothing of it.
    #[error("closed by the server")]
    Closed,
    /// The server was silent for too long.
    #[error("nothing came for too long")]
    Idle,
    /// A text where bytes belong, or bytes where a text belongs.
    #[error("a message of the wrong kind")]
    Kind,
    /// A message has more bytes than the limit.
    #[error("a message of {length} bytes, where {limit} are allowed")]
    TooLarge {
        /// Its length in bytes.
        length: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A message is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A text is not JSON of the stream.
    #[error("a text that is no event")]
    Text,
    /// The numbers of the events do not rise.
    #[error(transparent)]
    Seq(#[from] SeqError),
    /// The server reports an error, such as `ConsumerTooSlow`.
    #[error("server: {error}")]
    Server {
        /// Its name.
        error: String,
        /// A text for people.
        message: Option<String>,
    },
}

/// Any subscription of a lexicon, whose messages are read as the types of its union.
#[derive(Debug, Clone)]
pub struct Lexicon<E> {
    server: String,
    params: Object,
    endpoint: PhantomData<fn() -> E>,
}

impl<E> Lexicon<E>
where
    E: Endpoint,
    E::Params: Serialize,
{
    /// The subscription at a server, such as `https://pds.example.com`, with the parameters of `endpoint`. Its cursor is where to begin
    /// when no store says it.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn new(server: &str, endpoint: &E) -> Result<Self, UrlError> {
        let params = params_of(endpoint)?;
        url_of(server, E::NSID, &params, None)?;
        Ok(Self { server: server.to_owned(), params, endpoint: PhantomData })
    }
}

impl<E> Protocol for Lexicon<E>
where
    E: Endpoint,
    E::Output: Union + MaybeSend,
{
    type Message = E::Output;
    type Fault = DecodeError;

    fn url(&self, cursor: Option<u64>) -> Result<String, UrlError> {
        url_of(&self.server, E::NSID, &self.params, cursor)
    }

    fn cursor(&self) -> Option<u64> {
        cursor_of(&self.params)
    }

    fn read(&self, message: Message) -> Result<Read<E::Output, DecodeError>, Lost> {
        read_frame(&message, |t, body, _| {
            let seq = Body::parse(body)?.seq()?;
            match typed::read_body::<E>(t, body, &Limits::OBJECT) {
                Ok(Some(message)) => Ok(Read::Message { seq, message }),
                Ok(None) => Ok(Read::Ignored),
                Err(DecodeError::Cbor(error)) => Err(FrameError::Cbor { part: Part::Body, error }.into()),
                Err(fault) => Ok(Read::Invalid { seq, fault }),
            }
        })
    }
}

/// A subscription whose messages are not known when the program is compiled.
#[derive(Debug, Clone)]
pub struct Untyped {
    server: String,
    nsid: Nsid,
    params: Object,
}

/// A message of any subscription.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UntypedMessage {
    /// Its type: a fragment such as `#commit`, or an NSID.
    pub t: String,
    /// What it says.
    pub body: Object,
}

impl Untyped {
    /// The subscription at a server, such as `https://pds.example.com`. The parameters are booleans, integers, texts and arrays of
    /// them; `cursor` is where to begin when no store says it.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn new(server: &str, nsid: Nsid, params: Object) -> Result<Self, UrlError> {
        url_of(server, nsid.as_str(), &params, None)?;
        Ok(Self { server: server.to_owned(), nsid, params })
    }
}

impl Protocol for Untyped {
    type Message = UntypedMessage;
    type Fault = Infallible;

    fn url(&self, cursor: Option<u64>) -> Result<String, UrlError> {
        url_of(&self.server, self.nsid.as_str(), &self.params, cursor)
    }

    fn cursor(&self) -> Option<u64> {
        cursor_of(&self.params)
    }

    fn read(&self, message: Message) -> Result<Read<UntypedMessage, Infallible>, Lost> {
        read_frame(&message, |t, body, _| {
            let seq = Body::parse(body)?.seq()?;
            let error = |error| FrameError::Cbor { part: Part::Body, error };
            let body = match cbor::to_value_with(body, &Limits::OBJECT).map_err(error)? {
                Value::Object(body) => body,
                _ => Object::new(),
            };
            Ok(Read::Message { seq, message: UntypedMessage { t: t.to_owned(), body } })
        })
    }
}

fn cursor_of(params: &Object) -> Option<u64> {
    match params.get("cursor") {
        Some(Value::Integer(cursor)) => u64::try_from(*cursor).ok(),
        Some(Value::String(cursor)) => cursor.parse().ok(),
        _ => None,
    }
}

/// What all streams of frames have in common. `read` checks every byte of the body.
pub(super) fn read_frame<M, F>(
    message: &Message,
    read: impl FnOnce(&str, &[u8], &Bytes) -> Result<Read<M, F>, Lost>,
) -> Result<Read<M, F>, Lost> {
    let Message::Binary(bytes) = message else { return Err(Lost::Kind) };
    match Frame::parse_header(bytes, &Limits::OBJECT)? {
        Frame::Message { t: "#info", body } => {
            let fields = Body::parse(body)?;
            match fields.text("name") {
                Ok(Some("OutdatedCursor")) => {
                    let message = fields.text("message").ok().flatten().map(Into::into);
                    Ok(Read::OutdatedCursor { message })
                }
                _ => read("#info", body, bytes),
            }
        }
        Frame::Message { t, body } => read(t, body, bytes),
        Frame::Error { error, message } => {
            Ok(Read::Error { error: error.into(), message: message.map(Into::into) })
        }
        Frame::Unknown { .. } => Ok(Read::Ignored),
    }
}
