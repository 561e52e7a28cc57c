//! The stream's messages, as far as they are read before they are verified.

use crate::stream::frame::{Body, check_body};
use crate::stream::protocol::{Lost, Protocol, Read, read_frame};
use crate::stream::socket::Message;
use crate::stream::url::{UrlError, socket_url, url_of};
use atproto_lexicon::data::Limits;
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::Did;
use atproto_lexicon::typed::Object;
use atproto_repo::sync::{CommitOutline, Event, EventError};

/// `com.atproto.sync.subscribeRepos` at a host (<https://atproto.com/specs/sync#repository-event-stream>).
///
/// [`Firehose`](super::Firehose) verifies what it gives. By itself, in a [`Subscription`](crate::stream::Subscription), it is the
/// stream without any verification: the word of its host.
#[derive(Debug, Clone)]
pub struct SubscribeRepos {
    host: String,
}

/// A message about an account. Its form was checked, and nothing else of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoMessage {
    pub(super) kind: &'static str,
    pub(super) seq: u64,
    pub(super) did: Did,
    pub(super) body: Bytes,
    /// Of a commit, what was read of it.
    pub(super) commit: Option<Box<CommitOutline>>,
}

impl SubscribeRepos {
    /// At a relay or a PDS, such as `https://relay.example.com`.
    ///
    /// # Errors
    /// [`UrlError::Server`].
    pub fn new(host: &str) -> Result<Self, UrlError> {
        socket_url(host).map(|host| Self { host })
    }

    /// The host, with the scheme `wss` or `ws` and without a path.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl RepoMessage {
    /// Its type, such as `#commit`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its number.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The account that it is about.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Its body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The event, unverified.
    ///
    /// # Errors
    /// None: it was read before.
    pub fn event(&self) -> Result<Option<Event<'_>>, EventError> {
        Event::parse(self.kind, &self.body)
    }

    /// [`event`](Self::event), once: what was read of a commit is taken.
    pub(super) fn take_event(&mut self) -> Option<Event<'_>> {
        let outline = self.commit.take();
        let commit = outline.and_then(|outline| outline.into_event(&self.body)).map(Event::Commit);
        commit.or_else(|| self.event().ok().flatten())
    }
}

impl Protocol for SubscribeRepos {
    type Message = RepoMessage;
    type Fault = EventError;

    fn url(&self, cursor: Option<u64>) -> Result<String, UrlError> {
        url_of(&self.host, "com.atproto.sync.subscribeRepos", &Object::new(), cursor)
    }

    fn read(&self, message: Message) -> Result<Read<RepoMessage, EventError>, Lost> {
        read_frame(&message, |t, body, frame| {
            let event = match Event::parse(t, body) {
                Ok(event) => event,
                Err(fault) => {
                    // What is wrong with the frame is said before what is wrong with the event.
                    check_body(body, &Limits::OBJECT)?;
                    let seq = Body::parse(body)?.seq()?;
                    return Ok(Read::Invalid { seq, fault });
                }
            };
            let kind = match &event {
                Some(Event::Commit(_)) => "#commit",
                Some(Event::Sync(_)) => "#sync",
                Some(Event::Account(_)) => "#account",
                Some(Event::Identity(_)) => "#identity",
                _ => return Ok(Read::Ignored),
            };
            let parts = event.as_ref().and_then(|event| Some((event.seq()?, event.did()?.clone())));
            let Some((seq, did)) = parts else { return Ok(Read::Ignored) };
            let commit = match event {
                Some(Event::Commit(event)) => CommitOutline::new(event, body).map(Box::new),
                _ => None,
            };
            let message = RepoMessage { kind, seq, did, body: frame.slice_ref(body), commit };
            Ok(Read::Message { seq: Some(seq), message })
        })
    }
}
