//! did:plc (<https://web.plc.directory/spec/v0.1/did-plc>): operations made and signed, logs verified.
//!
//! A DID is the hash of its first operation; each later one names the one before it and is signed by one of the *rotation
//! keys* that stood there. Within 72 hours, a key that stands before another in that list can undo what the other signed.
//!
//! ```
//! use atproto_crypto::{Curve, SecretKey};
//! use atproto_identity::plc::{Data, History, UnsignedOperation};
//!
//! // A DID of one's own: two rotation keys, of which the first, kept offline, can undo what the second does.
//! let offline = SecretKey::from_hex(Curve::K256, &"17".repeat(32))?;
//! let server = SecretKey::from_hex(Curve::K256, &"18".repeat(32))?;
//! let mut data = Data {
//!     rotation_keys: [&offline, &server].map(|key| key.public_key().to_did_key()).into(),
//!     also_known_as: vec!["at://alice.example.com".to_owned()],
//!     ..Data::default()
//! };
//! let genesis = UnsignedOperation::Update { data: data.clone(), prev: None }.sign(&server)?;
//! let did = genesis.did().unwrap();
//! assert_eq!(did.as_str(), "did:plc:ipbyopthyxgin7k4c4e7u5bp");
//!
//! let mut history = History::new(did);
//! history.apply(&genesis, &"2026-01-01T00:00:00Z".parse()?, None)?;
//!
//! // A new handle, signed by the server; it goes to the directory once `check` has said what that will say.
//! data.also_known_as = vec!["at://alice.example.org".to_owned()];
//! let update = UnsignedOperation::Update { data, prev: history.head().copied() }.sign(&server)?;
//! history.check(&update, &"2026-01-02T00:00:00Z".parse()?)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod client;
mod data;
mod export;
mod history;
mod log;
mod operation;
mod text;

pub use client::{Client, ClientError};
pub use data::{Change, Data, DataFault, Endpoint, List, Map, Part};
pub use export::{Cursor, ExportEntry, Replay};
pub use history::{Applied, Entry, Fault, History};
pub use log::{LogEntry, LogError, verify_log, verify_operations};
pub use operation::{LegacyCreate, Operation, SignError, UnsignedOperation};

use atproto_lexicon::syntax::Did;

/// Whether a DID is one of did:plc: 24 characters of base32 in lower case.
pub fn is_did(did: &Did) -> bool {
    let identifier = did.identifier();
    did.method() == "plc"
        && identifier.len() == 24
        && identifier.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
}
