//! Fields of JSON objects that others sent: read strictly, and named where something is wrong with them.

use atproto_lexicon::data::{Limits, Object, Value, json};

/// What is wrong with a field of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FieldFault {
    /// It has to be there and is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// It is of another type than it has to be, or too long, or its text is not what it has to be.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

/// Reads an object of at most so many bytes. `None` where it is no object, has a key twice, at any depth, or a number that is no
/// integer.
pub(crate) fn object(bytes: &[u8], max_bytes: usize) -> Option<Object> {
    let limits = Limits { bytes: max_bytes, depth: 16, items: 1024, key: 256 };
    match json::from_slice(bytes, &limits) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

pub(crate) fn text<'a>(object: &'a Object, name: &'static str) -> Result<Option<&'a str>, FieldFault> {
    optional(object, name, Value::as_str)
}

pub(crate) fn required_text<'a>(object: &'a Object, name: &'static str) -> Result<&'a str, FieldFault> {
    text(object, name)?.ok_or(FieldFault::Missing(name))
}

/// A number of seconds since 1970, or of something else that is not negative.
pub(crate) fn number(object: &Object, name: &'static str) -> Result<Option<u64>, FieldFault> {
    optional(object, name, |value| u64::try_from(value.as_integer()?).ok())
}

pub(crate) fn required_number(object: &Object, name: &'static str) -> Result<u64, FieldFault> {
    number(object, name)?.ok_or(FieldFault::Missing(name))
}

/// Text that is parsed in turn.
pub(crate) fn required<T: std::str::FromStr>(object: &Object, name: &'static str) -> Result<T, FieldFault> {
    required_text(object, name)?.parse().map_err(|_| FieldFault::Malformed(name))
}

/// A field that may be absent. Null is not absent.
pub(crate) fn optional<'a, T>(
    object: &'a Object,
    name: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, FieldFault> {
    object.get(name).map(|value| read(value).ok_or(FieldFault::Malformed(name))).transpose()
}
