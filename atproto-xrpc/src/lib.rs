//! XRPC, the HTTP and WebSocket conventions of AT Protocol (<https://atproto.com/specs/xrpc>).
//!
//! Today it holds the types of the network's own lexicons ([`api`]): records, requests, responses and messages, to be read
//! and written as JSON by `serde_json` and as DAG-CBOR by [`atproto_lexicon::data::cbor`]. It sends no requests yet.
//!
//! ```
//! use atproto_lexicon::data::cbor;
//! use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
//!
//! let json = r#"{"uri":"at://did:web:example.com/com.example.note/1","cid":"bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u"}"#;
//! let reference: StrongRef = serde_json::from_str(json)?;
//! assert_eq!(reference.uri.record_key().unwrap().as_str(), "1");
//! assert_eq!(cbor::from_slice::<StrongRef>(&cbor::to_vec(&reference)?)?, reference);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! `com-atproto` (on by default), `app-bsky`, `chat-bsky` and `tools-ozone` each add the types of their namespace, and turn on
//! those which they refer to.

/// The types of the network's lexicons, by the segments of their NSIDs: `com.atproto.repo.createRecord` is
/// [`com::atproto::repo::CreateRecord`](api::com::atproto::repo::CreateRecord). They are generated; what comes out of what, the
/// documentation of `atproto_lexicon::codegen` says.
// Laid out by the generator; its own test says that it is what the generator makes.
#[rustfmt::skip]
pub mod api;

#[cfg(feature = "stream")]
pub mod stream;
