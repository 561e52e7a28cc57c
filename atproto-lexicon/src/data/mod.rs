//! The data model (<https://atproto.com/specs/data-model>): CIDs and links, any [`Value`], blobs, strict DAG-CBOR, and
//! its mapping to JSON.

mod blob;
mod blob_links;
mod builder;
mod bytes;
pub mod cbor;
mod cid;
mod error;
pub mod frame;
mod hash;
#[cfg(feature = "ipld")]
mod ipld;
pub mod json;
mod limits;
mod link;
mod object;
mod value;
mod value_serde;

pub use blob::{Blob, BlobRef, LegacyBlob};
pub use blob_links::blob_links;
pub use bytes::Bytes;
pub use cid::{Cid, Codec};
pub use error::{CidError, LimitError, ModelError};
pub use hash::{sha256, sha256_each};
#[cfg(feature = "ipld")]
pub use ipld::IpldError;
pub use limits::Limits;
pub use link::{Link, OtherCid};
pub use object::Object;
pub use value::Value;

#[cfg(feature = "validate")]
pub(crate) use value::check_object_lenient;
#[cfg(feature = "typed")]
pub(crate) use {
    cid::NEWTYPE,
    object::Iter as Fields,
    value::{check_object, has_no_json_form, object_from_json},
    value_serde::read_link,
};
