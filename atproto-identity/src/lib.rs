//! Identity in AT Protocol: from a handle or DID to a proven identity (<https://atproto.com/specs/did>,
//! <https://atproto.com/specs/handle>), and the operations by which a did:plc is owned ([`plc`]).
//!
//! The core asks for nothing itself. A [`Directory`] resolves over an HTTP client, DNS and a clock that the program brings; the
//! adapters are features. It logs nobody in and reads no repositories: `atproto-xrpc` and `atproto-repo` do. The syntax of DIDs and
//! handles is in `atproto_lexicon::syntax`, keys are in `atproto_crypto`.
//!
//! ```
//! use atproto_identity::DidDocument;
//!
//! let document = DidDocument::from_json(br##"{
//!     "id": "did:web:example.com",
//!     "alsoKnownAs": ["at://alice.example.com"],
//!     "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": "https://pds.example.com"}]
//! }"##)?;
//! assert_eq!(document.pds(), Some("https://pds.example.com"));
//! assert_eq!(document.handle().unwrap().as_str(), "alice.example.com");
//! assert_eq!(document.signing_key(), None);
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! # Features
//!
//! `cache` remembers identities for as long as they are believed ([`cache`]).
//!
//! The others are [`adapters`]: `reqwest` is an HTTP client that checks each address before it dials it, `hickory` is DNS,
//! `websocket` reads messages from a WebSocket, and `tokio`, which all of them bring, has a clock and the addresses that
//! the system knows. `testing` makes documents and logs for property tests and fuzzers.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

#[cfg(feature = "tokio")]
pub mod adapters;
#[cfg(feature = "cache")]
pub mod cache;
mod directory;
pub mod dns;
pub mod document;
mod error;
mod identity;
pub mod plc;
mod rate;
pub mod resolve;
#[cfg(feature = "testing")]
pub mod testing;
pub mod web;

pub use atproto_lexicon::clock;
pub use atproto_lexicon::fetch_policy;
pub use directory::Directory;
pub use document::DidDocument;
pub use error::{Malformed, ResolveError};
pub use fetch_policy::FetchPolicy;
pub use identity::{HandleFault, HandleState, Identity, Missing};
pub use resolve::Config;
