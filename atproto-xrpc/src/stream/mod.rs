//! Event streams (<https://atproto.com/specs/event-stream>): [frames](frame), and [subscriptions](Subscription) that connect again
//! and keep their place.
//!
//! The network, the clock, the store and the randomness are the program's: [`Connect`], [`Clock`](atproto_lexicon::clock::Clock),
//! [`CursorStore`], and a seed. With the feature `websocket`, `WebSockets` connects over `tokio`. [`Machine`] is the same without any of
//! them.
//!
//! ```no_run
//! # use atproto_lexicon::clock::Clock;
//! # use atproto_xrpc::stream::Connect;
//! use atproto_xrpc::api::com::atproto::label::subscribe_labels::{SubscribeLabels, SubscribeLabelsMessage};
//! use atproto_xrpc::stream::{FileCursor, Lexicon, StreamEvent, Subscription};
//!
//! # async fn watch(sockets: impl Connect, clock: impl Clock, seed: u64) -> Result<(), Box<dyn std::error::Error>> {
//! let labels = Lexicon::new("https://labeler.example.com", &SubscribeLabels::default())?;
//! let mut labels = Subscription::with_store(labels, sockets, clock, FileCursor::new("cursor"), seed);
//! loop {
//!     match labels.next().await? {
//!         StreamEvent::Message { seq, message: SubscribeLabelsMessage::Labels(event) } => {
//!             println!("{} labels", event.labels.len());
//!             seq.iter().for_each(|seq| labels.handled(*seq));
//!         }
//!         StreamEvent::OutdatedCursor { .. } => eprintln!("some were missed"),
//!         StreamEvent::Lost { reason, retry_in } => eprintln!("{reason}; again in {retry_in:?}"),
//!         StreamEvent::Message { seq, .. } | StreamEvent::Invalid { seq, .. } => {
//!             seq.iter().for_each(|seq| labels.handled(*seq));
//!         }
//!         _ => {}
//!     }
//! }
//! # }
//! ```

mod cursor;
#[cfg(feature = "repo")]
pub mod firehose;
pub mod frame;
pub mod jetstream;
mod machine;
mod protocol;
mod socket;
mod subscription;
mod url;
#[cfg(feature = "websocket")]
mod websocket;

pub use cursor::{CursorError, CursorStore, FileCursor, MemoryCursor, NoCursor, Progress};
pub use machine::{Machine, SeqError, Step, Times};
pub use protocol::{Lexicon, Lost, Protocol, Read, Untyped, UntypedMessage};
pub use socket::{Connect, Message, Socket, SocketError};
pub use subscription::{Config, EventOf, StreamError, StreamEvent, Subscription};
pub use url::UrlError;
#[cfg(feature = "websocket")]
pub use websocket::WebSockets;
