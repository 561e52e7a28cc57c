//! Jetstream: what happens in the network as JSON, by the word of a server (<https://bsky.network/docs/jetstream/>). Nothing of it can be
//! verified; the firehose can.
//!
//! ```no_run
//! # use atproto_lexicon::clock::Clock;
//! # use atproto_xrpc::stream::Connect;
//! use atproto_xrpc::api::app::bsky::feed::Post;
//! use atproto_xrpc::stream::jetstream::{Jetstream, JetstreamKind};
//! use atproto_xrpc::stream::{FileCursor, StreamEvent, Subscription};
//!
//! # async fn watch(sockets: impl Connect, clock: impl Clock, seed: u64) -> Result<(), Box<dyn std::error::Error>> {
//! let posts = Jetstream::new("https://jetstream.example.com")?.with_collections(["app.bsky.feed.post"])?;
//! let mut posts = Subscription::with_store(posts, sockets, clock, FileCursor::new("cursor"), seed);
//! loop {
//!     if let StreamEvent::Message { seq, message } = posts.next().await? {
//!         if let JetstreamKind::Commit(commit) = &message.kind {
//!             if let Some(Ok(post)) = commit.record::<Post>() {
//!                 println!("{}: {}", message.did, post.text);
//!             }
//!         }
//!         seq.iter().for_each(|seq| posts.handled(*seq));
//!     }
//! }
//! # }
//! ```

use super::frame::MAX_FRAME;
use super::protocol::{Lost, Protocol, Read};
use super::socket::Message;
use super::url::{UrlError, socket_url};
use atproto_lexicon::data::Limits;
use atproto_lexicon::data::json::{self, JsonError};
use atproto_lexicon::syntax::{CidString, Did, Handle, Nsid, RecordKey, Tid};
use atproto_lexicon::typed::{self, Object, Value, ValueError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// The most bytes of a message, as it is sent: what a subscription takes, unless its configuration says otherwise.
const MAX_MESSAGE: usize = MAX_FRAME;
/// The most accounts and collections that a URL names, in bytes of it.
const MAX_QUERY: usize = 8192;

/// A Jetstream server, as a [`Protocol`] of a [`Subscription`](super::Subscription).
///
/// Its cursors are times, in microseconds since 1970. Two events may have the same time, and a server does not promise to go on exactly
/// where a connection broke: each connection begins a few seconds earlier, and what happened in them comes again.
#[derive(Debug)]
pub struct Jetstream {
    server: String,
    query: Vec<(&'static str, String)>,
    cursor: Option<u64>,
    rewind: Duration,
    #[cfg(feature = "zstd")]
    decoder: Option<zstd::Decoder>,
}

/// An event of a Jetstream.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JetstreamEvent {
    /// The account.
    pub did: Did,
    /// When the server saw it, in microseconds since 1970.
    pub time_us: u64,
    /// What happened.
    pub kind: JetstreamKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum JetstreamKind {
    /// A record changed.
    Commit(Box<JetstreamCommit>),
    /// The identity may have changed.
    Identity {
        /// The handle, unverified.
        handle: Option<Handle>,
    },
    /// The account is hosted like this.
    Account {
        /// Whether its repository can be had.
        is_active: bool,
        /// Why not, such as `deactivated`.
        status: Option<String>,
    },
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JetstreamCommit {
    /// The revision of the repository.
    pub rev: Tid,
    /// What was done.
    pub operation: Operation,
    /// The record's collection.
    pub collection: Nsid,
    /// The record's key.
    pub rkey: RecordKey,
    /// The record's CID, by the word of the server; `None` in a deletion.
    pub cid: Option<CidString>,
    /// The record; `None` in a deletion.
    pub value: Option<Object>,
}

/// What was done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// It is new.
    Create,
    /// It was there before.
    Update,
    /// It is gone.
    Delete,
}

impl JetstreamCommit {
    /// The record as a type; `None` in a deletion.
    pub fn record<T: DeserializeOwned>(&self) -> Option<Result<T, ValueError>> {
        self.value.clone().map(|value| typed::from_value(&Value::Object(value)))
    }
}

/// Why a text that is JSON is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JetstreamFault {
    /// A field is missing or malformed.
    #[error("no event: {0}")]
    Event(String),
    /// It is longer than an event may be, once it is no longer compressed.
    #[error("longer than an event may be")]
    TooLong,
    /// The record, or what else is in it, is not of the data model.
    #[error("not of the data model: {0}")]
    Model(JsonError),
}

impl Jetstream {
    /// All that happens, at a server such as `https://jetstream.example.com`.
    ///
    /// # Errors
    /// [`UrlError::Server`].
    pub fn new(server: &str) -> Result<Self, UrlError> {
        Ok(Self {
            server: socket_url(server)?,
            // What is longer is left out by the server: it would end each connection.
            query: vec![("maxMessageSizeBytes", MAX_MESSAGE.to_string())],
            cursor: None,
            rewind: Duration::from_secs(5),
            #[cfg(feature = "zstd")]
            decoder: None,
        })
    }

    /// Only commits of these collections, each by its NSID, or several by the beginning of theirs: `app.bsky.*`. Events of identities
    /// and accounts come all the same.
    ///
    /// # Errors
    /// [`UrlError::Params`] where one is neither, or all are too long for a URL.
    pub fn with_collections<'a>(
        mut self,
        collections: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, UrlError> {
        for collection in collections {
            // What stands for the rest of a name is as good as a name in its place.
            let name = collection.strip_suffix(".*").map(|prefix| format!("{prefix}.x.x"));
            if name.as_deref().unwrap_or(collection).parse::<Nsid>().is_err() {
                return Err(UrlError::Params);
            }
            self.query.push(("wantedCollections", collection.to_owned()));
        }
        self.checked()
    }

    /// Only what is of these accounts.
    ///
    /// # Errors
    /// [`UrlError::Params`] where they are too many for a URL: about 200.
    pub fn with_accounts<'a>(mut self, dids: impl IntoIterator<Item = &'a Did>) -> Result<Self, UrlError> {
        self.query.extend(dids.into_iter().map(|did| ("wantedDids", did.to_string())));
        self.checked()
    }

    /// Begins at a time in microseconds since 1970, when no store says it.
    #[must_use]
    pub fn with_cursor(mut self, time_us: u64) -> Self {
        self.cursor = Some(time_us);
        self
    }

    /// How much earlier each connection begins: 5 s.
    #[must_use]
    pub fn with_rewind(mut self, rewind: Duration) -> Self {
        self.rewind = rewind;
        self
    }

    /// Takes events compressed, by the dictionary that all Jetstream servers have: `zstd_dictionary` of their source.
    ///
    /// # Errors
    /// [`UrlError::Params`] where it is no dictionary.
    #[cfg(feature = "zstd")]
    pub fn with_dictionary(mut self, dictionary: &[u8]) -> Result<Self, UrlError> {
        self.decoder = Some(zstd::Decoder::new(dictionary).ok_or(UrlError::Params)?);
        self.query.push(("compress", "true".to_owned()));
        self.checked()
    }

    fn checked(self) -> Result<Self, UrlError> {
        self.url(Some(u64::MAX)).map(|_| self)
    }

    #[cfg(feature = "zstd")]
    fn text(&self, message: Message) -> Result<Option<Vec<u8>>, Lost> {
        match (message, &self.decoder) {
            (Message::Text(text), _) => Ok(Some(text.into_bytes())),
            (Message::Binary(bytes), Some(decoder)) => decoder.decode(&bytes),
            _ => Err(Lost::Kind),
        }
    }

    #[cfg(not(feature = "zstd"))]
    fn text(&self, message: Message) -> Result<Option<Vec<u8>>, Lost> {
        match message {
            Message::Text(text) => Ok(Some(text.into_bytes())),
            _ => Err(Lost::Kind),
        }
    }
}

impl Protocol for Jetstream {
    type Message = JetstreamEvent;
    type Fault = JetstreamFault;

    fn url(&self, cursor: Option<u64>) -> Result<String, UrlError> {
        let rewind = u64::try_from(self.rewind.as_micros()).unwrap_or(u64::MAX);
        let mut query = self.query.clone();
        query.extend(cursor.map(|cursor| ("cursor", cursor.saturating_sub(rewind).to_string())));
        let query = serde_html_form::to_string(&query).map_err(|_| UrlError::Params)?;
        if query.len() > MAX_QUERY {
            return Err(UrlError::Params);
        }
        let separator = if query.is_empty() { "" } else { "?" };
        Ok(format!("{}/subscribe{separator}{query}", self.server))
    }

    fn cursor(&self) -> Option<u64> {
        self.cursor
    }

    fn is_timed(&self) -> bool {
        true
    }

    fn read(&self, message: Message) -> Result<Read<JetstreamEvent, JetstreamFault>, Lost> {
        let Some(text) = self.text(message)? else {
            // The next one is shorter again.
            return Ok(Read::Invalid { seq: None, fault: JetstreamFault::TooLong });
        };
        let value = match json::from_slice(&text, &Limits::OBJECT) {
            Ok(value) => value,
            Err(error) => return read_beyond_model(&text, error),
        };
        let seq = value.get("time_us").and_then(Value::as_integer).and_then(|time| u64::try_from(time).ok());
        if !value.get("kind").and_then(Value::as_str).is_some_and(|kind| KINDS.contains(&kind)) {
            return Ok(Read::Ignored);
        }
        Ok(match typed::from_value::<Wire>(&value).map_err(|error| error.to_string()).and_then(Wire::event) {
            Ok(message) => Read::Message { seq, message },
            Err(fault) => Read::Invalid { seq, fault: JetstreamFault::Event(fault) },
        })
    }
}

/// Reads a text with a record that is not of the data model. That is the fault of whoever wrote the record, of whom the server says
/// what there is: the connection stays.
fn read_beyond_model(text: &[u8], error: JsonError) -> Result<Read<JetstreamEvent, JetstreamFault>, Lost> {
    let outline: Outline = serde_json::from_slice(text).map_err(|_| Lost::Text)?;
    match outline.kind.as_deref() {
        Some(kind) if KINDS.contains(&kind) => {
            Ok(Read::Invalid { seq: outline.time_us, fault: JetstreamFault::Model(error) })
        }
        _ => Ok(Read::Ignored),
    }
}

const KINDS: [&str; 3] = ["commit", "identity", "account"];

/// What is looked at in any text.
#[derive(Deserialize)]
struct Outline {
    time_us: Option<u64>,
    kind: Option<String>,
}

/// An event as it is written.
#[derive(Deserialize)]
struct Wire {
    did: Did,
    time_us: u64,
    commit: Option<WireCommit>,
    identity: Option<WireIdentity>,
    account: Option<WireAccount>,
}

#[derive(Deserialize)]
struct WireCommit {
    rev: Tid,
    operation: Operation,
    collection: Nsid,
    rkey: RecordKey,
    cid: Option<CidString>,
    record: Option<Object>,
}

#[derive(Deserialize)]
struct WireIdentity {
    handle: Option<Handle>,
}

#[derive(Deserialize)]
struct WireAccount {
    active: bool,
    status: Option<String>,
}

impl Wire {
    fn event(self) -> Result<JetstreamEvent, String> {
        let kind = match (self.commit, self.identity, self.account) {
            (Some(commit), None, None) => {
                let is_there = commit.operation != Operation::Delete;
                if is_there != commit.record.is_some() {
                    return Err("a record that is there and gone".to_owned());
                }
                let WireCommit { rev, operation, collection, rkey, cid, record: value } = commit;
                JetstreamKind::Commit(Box::new(JetstreamCommit {
                    rev,
                    operation,
                    collection,
                    rkey,
                    cid,
                    value,
                }))
            }
            (None, Some(identity), None) => JetstreamKind::Identity { handle: identity.handle },
            (None, None, Some(account)) => {
                JetstreamKind::Account { is_active: account.active, status: account.status }
            }
            _ => return Err("not one of commit, identity and account".to_owned()),
        };
        Ok(JetstreamEvent { did: self.did, time_us: self.time_us, kind })
    }
}

#[cfg(feature = "zstd")]
mod zstd {
    use super::Lost;
    use ruzstd::decoding::{Dictionary, FrameDecoder, StreamingDecoder};
    use std::fmt;
    use std::io::Read as _;
    use std::sync::{Mutex, PoisonError};

    /// The most bytes that a message may become.
    const MAX_TEXT: usize = 5_000_000;
    /// The most memory that a message may ask for, in bytes.
    const MAX_WINDOW: u64 = 8 << 20;

    /// Made once: the dictionary takes longer to read than an event.
    pub(super) struct Decoder(Mutex<FrameDecoder>);

    impl fmt::Debug for Decoder {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Decoder")
        }
    }

    impl Decoder {
        pub(super) fn new(dictionary: &[u8]) -> Option<Self> {
            let mut decoder = FrameDecoder::new();
            decoder.set_max_window_size(MAX_WINDOW);
            decoder.add_dict(Dictionary::decode_dict(dictionary).ok()?).ok()?;
            Some(Self(Mutex::new(decoder)))
        }

        /// `None` where it becomes too long.
        pub(super) fn decode(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Lost> {
            let mut decoder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut text = Vec::new();
            let stream = StreamingDecoder::new_with_decoder(bytes, &mut *decoder).map_err(|_| Lost::Text)?;
            let limit = MAX_TEXT.saturating_add(1);
            let limit = u64::try_from(limit).unwrap_or(u64::MAX);
            stream.take(limit).read_to_end(&mut text).map_err(|_| Lost::Text)?;
            Ok((text.len() <= MAX_TEXT).then_some(text))
        }
    }
}
