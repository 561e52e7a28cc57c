//! Identity in AT Protocol (<https://atproto.com/specs/did>): what a DID document says of an account.
//!
//! It does not resolve anything yet: [`document`] reads documents that the caller has. The syntax of DIDs and handles is in
//! `atproto_lexicon::syntax`, keys are in `atproto_crypto`.
//!
//! ```
//! use atproto_identity::document::DidDocument;
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
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod document;
pub mod plc;
