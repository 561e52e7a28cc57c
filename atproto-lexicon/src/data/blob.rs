use super::cid::Codec;
use super::{Cid, Link, ModelError, Object, Value};
use serde::{de::Error as _, ser::Error as _};

/// The `$type` of a blob.
pub(super) const TYPE: &str = "blob";

/// A reference to a blob: media or another file, stored outside the repository
/// (<https://atproto.com/specs/data-model#blob-type>).
///
/// Fields that are not known are kept in `extra` and written again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BlobRef {
    /// The current form: an object with `$type: "blob"`.
    Blob(Blob),
    /// The form of records made before 2023, `{cid, mimeType}`: read, and written again unchanged.
    Legacy(LegacyBlob),
}

/// The current form of a blob reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Blob {
    /// CID of the blob's bytes, with codec `raw`.
    pub cid: Cid,
    /// Media type, not empty.
    pub mime_type: String,
    /// Length in bytes; at most `i64::MAX`.
    pub size: u64,
    /// Fields besides `$type`, `ref`, `mimeType` and `size`.
    pub extra: Object,
}

/// The legacy form of a blob reference, which is never made anew.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct LegacyBlob {
    /// The CID's text, as it was found.
    pub cid: String,
    /// Media type.
    pub mime_type: String,
    /// Fields besides `cid` and `mimeType`.
    pub extra: Object,
}

/// Checks an object which says that it is a blob.
pub(super) fn check(object: &Object) -> Result<(), ModelError> {
    match object.get("ref") {
        Some(Value::Link(Link::Cid(cid))) if cid.codec() == Codec::Raw => check_lenient(object),
        _ => Err(ModelError::BlobRef),
    }
}

/// [`check`], which lets `ref` be any link.
pub(super) fn check_lenient(object: &Object) -> Result<(), ModelError> {
    match object.get("ref") {
        Some(Value::Link(_)) => {}
        _ => return Err(ModelError::BlobRef),
    }
    match object.get("mimeType") {
        Some(Value::String(text)) if !text.is_empty() => {}
        _ => return Err(ModelError::BlobMimeType),
    }
    match object.get("size") {
        Some(Value::Integer(0..)) => Ok(()),
        _ => Err(ModelError::BlobSize),
    }
}

impl TryFrom<Object> for BlobRef {
    type Error = ModelError;

    fn try_from(mut object: Object) -> Result<Self, ModelError> {
        if object.get("$type").is_some_and(|name| name.as_str() != Some(TYPE)) {
            return Err(ModelError::Type);
        }
        if object.remove("$type").is_none() {
            let (Some(Value::String(cid)), Some(Value::String(mime_type))) =
                (object.remove("cid"), object.remove("mimeType"))
            else {
                return Err(ModelError::Type);
            };
            return Ok(Self::Legacy(LegacyBlob { cid, mime_type, extra: object }));
        }
        check(&object)?;
        let (Some(Value::Link(Link::Cid(cid))), Some(Value::String(mime_type)), Some(Value::Integer(size))) =
            (object.remove("ref"), object.remove("mimeType"), object.remove("size"))
        else {
            return Err(ModelError::BlobRef);
        };
        Ok(Self::Blob(Blob { cid, mime_type, size: size.unsigned_abs(), extra: object }))
    }
}

impl TryFrom<&BlobRef> for Object {
    type Error = ModelError;

    /// Fails where the fields are not those of a blob: another codec, an empty media type, a size above `i64::MAX`.
    fn try_from(blob: &BlobRef) -> Result<Self, ModelError> {
        let object = match blob {
            BlobRef::Blob(blob) => {
                let size = i64::try_from(blob.size).map_err(|_| ModelError::BlobSize)?;
                let mut object = blob.extra.clone();
                object.insert("$type".into(), TYPE.into());
                object.insert("ref".into(), blob.cid.into());
                object.insert("mimeType".into(), blob.mime_type.as_str().into());
                object.insert("size".into(), size.into());
                object
            }
            BlobRef::Legacy(blob) => {
                let mut object = blob.extra.clone();
                object.insert("cid".into(), blob.cid.as_str().into());
                object.insert("mimeType".into(), blob.mime_type.as_str().into());
                object
            }
        };
        super::value::check_object(&object)?;
        Ok(object)
    }
}

impl From<Blob> for BlobRef {
    fn from(blob: Blob) -> Self {
        Self::Blob(blob)
    }
}

impl serde::Serialize for BlobRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Value::Object(self.try_into().map_err(S::Error::custom)?).serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for BlobRef {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(object) => Self::try_from(object).map_err(D::Error::custom),
            _ => Err(D::Error::custom(ModelError::NotObject)),
        }
    }
}
