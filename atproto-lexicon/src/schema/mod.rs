//! Lexicon documents (<https://atproto.com/specs/lexicon>): reading them ([`Document`]), and a set of them in which
//! references lead from one to another ([`Catalog`]).
//!
//! A document that parses keeps every rule which it can break on its own. Whether what it refers to is there is for the
//! catalog to say, and what is unwise though allowed for `lint`.
//!
//! ```
//! use atproto_lexicon::schema::{Catalog, DefKind, Document};
//!
//! let document = Document::from_json(br##"{
//!     "lexicon": 1,
//!     "id": "com.example.note",
//!     "defs": {"main": {"type": "record", "key": "tid", "record": {
//!         "type": "object",
//!         "required": ["text"],
//!         "properties": {"text": {"type": "string", "maxLength": 3000}}
//!     }}}
//! }"##)?;
//! assert!(matches!(document.defs["main"].kind, DefKind::Record(_)));
//!
//! let mut catalog = Catalog::new();
//! catalog.insert(document)?;
//! assert!(catalog.missing().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalog;
mod document;
mod endpoint;
mod error;
mod field;
mod files;
mod node;
mod parse;
mod permission;
mod place;
mod reference;

#[cfg(test)]
mod tests;

pub use catalog::{Catalog, Duplicate, Misdirected, Missing};
pub use document::{Def, DefKind, Document, Record, RecordKeyKind};
pub use endpoint::{Body, EndpointError, EndpointType, SubscriptionType};
pub use error::{DocumentError, Rule};
pub use field::{
    ArrayType, BlobType, BooleanType, BytesType, IntegerType, ObjectType, Schema, StringType, Type, UnionType,
};
pub use files::{FileError, FileFault};
pub use permission::{Action, Audience, Permission, PermissionSet};
#[cfg(feature = "lint")]
pub(crate) use place::Place;
pub use reference::{BadReference, Reference};
