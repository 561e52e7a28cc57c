//! Sockets, as a program brings them.

use atproto_lexicon::http::{Bytes, MaybeSend, MaybeSync};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// Connects to WebSockets. With the feature `websocket`, `WebSockets` is one over `tokio`.
pub trait Connect: MaybeSend + MaybeSync + 'static {
    /// What a connection is.
    type Socket: Socket;

    /// Connects to a URL of the scheme `wss`, or `ws` where the program allows it. Messages have at most `max_message` bytes.
    /// Dropping the future gives the connection up.
    ///
    /// # Errors
    /// [`SocketError`].
    fn connect(
        &self,
        url: &str,
        max_message: usize,
    ) -> impl Future<Output = Result<Self::Socket, SocketError>> + MaybeSend;
}

impl<C: Connect + ?Sized> Connect for Arc<C>
where
    Self: MaybeSend + MaybeSync,
{
    type Socket = C::Socket;

    fn connect(
        &self,
        url: &str,
        max_message: usize,
    ) -> impl Future<Output = Result<Self::Socket, SocketError>> + MaybeSend {
        (**self).connect(url, max_message)
    }
}

/// A connection. It reads no further than what it was asked for, or little further: so a slow consumer slows the server.
pub trait Socket: MaybeSend + 'static {
    /// The next message; `None` where the server closed and says nothing of it. Answers pings meanwhile. Dropping the future loses
    /// no message.
    ///
    /// # Errors
    /// [`SocketError`].
    fn recv(&mut self) -> impl Future<Output = Result<Option<Message>, SocketError>> + MaybeSend;

    /// Asks the server whether it is there, whose answer is [`Message::Alive`]. Does nothing where that cannot be asked.
    ///
    /// # Errors
    /// [`SocketError`].
    fn ping(&mut self) -> impl Future<Output = Result<(), SocketError>> + MaybeSend {
        std::future::ready(Ok(()))
    }

    /// Says that nothing more is wanted. Dropping the socket does as well, less politely.
    fn close(&mut self) -> impl Future<Output = ()> + MaybeSend {
        std::future::ready(())
    }
}

/// What a server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Bytes: a frame of an event stream.
    Binary(Bytes),
    /// A text.
    Text(String),
    /// Only a sign that the server is there: a ping, or the answer to one.
    Alive,
}

impl Message {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Binary(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
            Self::Alive => 0,
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why there is no connection, or no longer one.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// The program's own rules forbid it: it is not tried again.
    #[error("not allowed")]
    Refused(#[source] Arc<dyn Error + Send + Sync>),
    /// The server answered with a status instead of a WebSocket.
    #[error("status {status}")]
    Status {
        /// The status.
        status: u16,
        /// After which time another attempt is worth it, as the server says in `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The host cannot be reached, or the connection broke.
    #[error("unreachable")]
    Unreachable(#[source] Arc<dyn Error + Send + Sync>),
    /// A time limit passed.
    #[error("no answer within the time limit")]
    TimedOut,
    /// A message has more bytes than the limit.
    #[error("a message of more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// What came is no WebSocket.
    #[error("malformed")]
    Malformed,
    /// The server closed.
    #[error("closed by the server: {code} {reason:?}")]
    Closed {
        /// The code (RFC 6455, section 7.4).
        code: u16,
        /// What the server said to it.
        reason: String,
    },
}

impl SocketError {
    /// Whether another attempt would come to the same: what is not allowed, and a status that is not about the moment. By the
    /// specification (<https://atproto.com/specs/event-stream#connection>) these are 405, 426 and 501; of the others, those that say that
    /// the request is wrong.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Status { status, .. } => !matches!(status, 408 | 425 | 429 | 500 | 502..=599),
            _ => false,
        }
    }

    /// For how long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
