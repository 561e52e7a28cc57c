//! What generated types are made of: the code that `codegen` emits is tables over what stands here.
//!
//! A type's fields are declared once, by [`object!`](crate::object); both directions of `serde` follow from it. Fields that
//! a type does not know are kept in its `extra` and written again, in JSON and in DAG-CBOR. A union ([`union!`](crate::union))
//! looks for `$type` wherever it stands, and keeps an object that it does not know as [`Unknown`].
//!
//! ```
//! use atproto_lexicon::typed::{Datetime, Object};
//!
//! #[derive(Debug, Clone, PartialEq)]
//! struct Note { text: String, created_at: Datetime, pinned: Option<bool>, extra: Object }
//!
//! atproto_lexicon::object! { Note: "com.example.note" {
//!     required 0 text = "text";
//!     required 1 created_at = "createdAt";
//!     optional 2 pinned = "pinned";
//! } }
//!
//! let json = r#"{"$type":"com.example.note","text":"hi","createdAt":"2026-01-02T03:04:05Z","new":[1]}"#;
//! let note: Note = serde_json::from_str(json)?;
//! assert!(note.extra.contains_key("new"));
//! assert_eq!(serde_json::to_string(&note)?, json);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod convert;
mod endpoint;
mod from_value;
mod lenient;
mod object;
mod permission;
mod reader;
mod union;
mod values;
mod writer;

pub use convert::{JsonTypeError, from_json, from_value, read_body, to_object};
pub use endpoint::{Endpoint, Method, NoBody, Paged, RawBody};
pub use from_value::ValueError;
pub use lenient::{Bad, Lenient};
pub use object::{Record, TypedObject, deserialize_object, serialize_object};
pub use permission::{Permission, PermissionSet};
pub use reader::Reader;
pub use union::{Union, Unknown, deserialize_union, read_boxed, read_message, serialize_variant};
pub use values::{AnyError, NotAllowed, deserialize_values};
pub use writer::Writer;

pub use crate::check::{Checker, Failures, Validate};
pub use crate::data::{Blob, BlobRef, Bytes, Link, Object, Value};
pub use crate::syntax::{
    AtIdentifier, AtUri, CidString, Datetime, Did, Handle, Language, Nsid, RecordKey, Tid, Uri,
};
pub use crate::{closed_values, known_values, object, paged, params, union};

#[doc(hidden)]
pub use serde;
