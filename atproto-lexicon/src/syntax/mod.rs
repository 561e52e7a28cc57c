//! The string formats of Lexicon (<https://atproto.com/specs/lexicon#string-formats>).
//!
//! Each type is proof: a [`Did`] can only be made from text which is a DID. The text is kept as it came, so that what
//! is decoded is encoded again without a change; comparison is by text, and [`Handle::to_normalized`] and
//! [`Nsid::to_normalized`] give the form to compare names in.
//!
//! ```
//! use atproto_lexicon::syntax::{AtUri, Did, Format};
//! let did: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse()?;
//! assert_eq!(did.method(), "plc");
//! let uri: AtUri = "at://alice.example.com/app.bsky.feed.post/3jzfcijpj2z2a".parse()?;
//! assert_eq!(uri.collection().unwrap().name(), "post");
//! assert!(Format::Handle.check("not a handle").is_err());
//! # Ok::<(), atproto_lexicon::syntax::SyntaxError>(())
//! ```

mod at_identifier;
mod at_uri;
mod cid_string;
mod datetime;
mod did;
mod error;
mod handle;
mod language;
mod nsid;
mod record_key;
mod string_type;
mod tid;
mod uri;

pub use at_identifier::AtIdentifier;
pub use at_uri::{AtUri, AtUriRef};
pub use cid_string::CidString;
pub use datetime::Datetime;
pub use did::Did;
pub use error::{Format, Reason, SyntaxError, UnknownFormat};
pub use handle::Handle;
pub use language::Language;
pub use nsid::Nsid;
pub use record_key::RecordKey;
pub use tid::{Tid, TidSource};
pub use uri::Uri;
