use super::bytes::{BYTES, from_base64, from_base64_lenient};
use super::cid::LINK;
use super::{Bytes, Link, ModelError, Object};
use std::{fmt, str::FromStr};

/// Any value of the data model (<https://atproto.com/specs/data-model>), as DAG-CBOR and JSON both can hold it.
///
/// There are no floats, and integers are of 64 bits. A value that [`cbor`](super::cbor) or [`json`](super::json) read
/// also keeps the rules on objects: `$type` is a non-empty string, a blob is complete. A value put together by hand may
/// break them: [`Value::check`] tells.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// An integer of 64 bits with a sign.
    Integer(i64),
    /// Text.
    String(String),
    /// A byte string.
    Bytes(Bytes),
    /// A link to a block, in Lexicon `cid-link`.
    Link(Link),
    /// Values in order.
    Array(Vec<Value>),
    /// Values by name; a blob is one of these, see [`BlobRef`](super::BlobRef).
    Object(Object),
}

impl Value {
    /// The fields, where this is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The text, where this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, where this is an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The link, where this is one.
    pub fn as_link(&self) -> Option<&Link> {
        match self {
            Self::Link(link) => Some(link),
            _ => None,
        }
    }

    /// The field of this name, where this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// The `$type`, where this is an object that has one.
    pub fn type_name(&self) -> Option<&str> {
        self.get("$type")?.as_str()
    }

    /// Checks the rules on objects in this value and in all that it holds.
    ///
    /// # Errors
    /// The first [`ModelError`].
    pub fn check(&self) -> Result<(), ModelError> {
        self.check_with(check_object)
    }

    /// Checks in this value and in all that it holds what is asked of each object.
    pub(crate) fn check_with(
        &self,
        check_object: impl Fn(&Object) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let mut todo = vec![self];
        while let Some(value) = todo.pop() {
            match value {
                Self::Array(items) => todo.extend(items),
                Self::Object(object) => {
                    check_object(object)?;
                    todo.extend(object.values());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Checks the rules on the fields of one object.
pub(crate) fn check_object(object: &Object) -> Result<(), ModelError> {
    match object.get("$type") {
        None => Ok(()),
        Some(Value::String(name)) if name == super::blob::TYPE => super::blob::check(object),
        Some(Value::String(name)) if !name.is_empty() => Ok(()),
        Some(_) => Err(ModelError::Type),
    }
}

/// [`check_object`], which lets the `ref` of a blob be any link.
pub(crate) fn check_object_lenient(object: &Object) -> Result<(), ModelError> {
    match object.get("$type") {
        Some(Value::String(name)) if name == super::blob::TYPE => super::blob::check_lenient(object),
        _ => check_object(object),
    }
}

/// What an object read from JSON is: a link or bytes where it has their field, and then that field alone. `lenient` lets spare
/// bits of base64 pass.
pub(crate) fn object_from_json(object: Object, lenient: bool) -> Result<Value, ReservedField> {
    let special = if object.contains_key(LINK) {
        LINK
    } else if object.contains_key(BYTES) {
        BYTES
    } else {
        return Ok(Value::Object(object));
    };
    let (1, Some(Value::String(text))) = (object.len(), object.get(special)) else {
        return Err(if special == LINK { ReservedField::Link } else { ReservedField::Bytes });
    };
    if special == LINK {
        Link::from_str(text).map(Value::Link).map_err(|_| ReservedField::Link)
    } else {
        let bytes = if lenient { from_base64_lenient(text) } else { from_base64(text) };
        bytes.map(|bytes| Value::Bytes(Bytes(bytes))).ok_or(ReservedField::Bytes)
    }
}

/// An object with a reserved field is not what that field makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum ReservedField {
    #[error("an object with $link is not a link")]
    Link,
    #[error("an object with $bytes is not bytes")]
    Bytes,
}

/// Whether JSON would take the object for a link or for bytes.
pub(crate) fn has_no_json_form(object: &Object) -> bool {
    object.contains_key(LINK) || object.contains_key(BYTES)
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::String(text) => text.fmt(f),
            Self::Bytes(bytes) => bytes.fmt(f),
            Self::Link(link) => link.fmt(f),
            Self::Array(items) => items.fmt(f),
            Self::Object(object) => object.fmt(f),
        }
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident),*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}
from!(bool => Boolean, i64 => Integer, i32 => Integer, u32 => Integer, &str => String, String => String,
    Bytes => Bytes, Link => Link, super::Cid => Link, Vec<Value> => Array, Object => Object);
