//! The data model as JSON (<https://atproto.com/specs/data-model#json-representation>): `{"$link": "b…"}` is a link,
//! `{"$bytes": "base64"}` is bytes.
//!
//! Numbers are exact: `123.0` and `1e3` are integers, `0.5` is an error, and so is what does not fit into 64 bits.
//! Duplicate keys and lone surrogates are errors.
//!
//! ```
//! use atproto_lexicon::data::{cbor, json};
//! let value = json::from_str(r#"{"text": "hello", "data": {"$bytes": "AAEC"}, "big": 9007199254740993}"#)?;
//! let again = cbor::to_value(&cbor::to_vec(&value)?)?;
//! assert_eq!(json::to_string(&again)?, r#"{"big":9007199254740993,"data":{"$bytes":"AAEC"},"text":"hello"}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod number;
mod read;
mod string;
mod write;

pub use write::{NoJsonForm, to_string};

use super::{LimitError, Limits, ModelError, Object, Value};

/// Reads any value in the default limits.
///
/// # Errors
/// [`JsonError`] with the reason and the place of the first fault.
pub fn from_str(text: &str) -> Result<Value, JsonError> {
    from_slice(text.as_bytes(), &Limits::default())
}

/// Reads any value in these limits.
///
/// # Errors
/// [`JsonError`] with the reason and the place of the first fault.
pub fn from_slice(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    read::whole(bytes, limits, false)
}

/// [`from_slice`], which also lets two things pass that the vectors of Lexicon hold, and most decoders take:
///
/// - base64 whose last digit has bits set that are no part of a byte, such as `"123"`; they are zero when it is written again;
/// - a blob whose `ref` is not the link of a `raw` block, which [`Value::check`] and [`BlobRef`](super::BlobRef) refuse.
///
/// # Errors
/// [`JsonError`] with the reason and the place of the first fault.
pub fn from_slice_lenient(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    read::whole(bytes, limits, true)
}

/// Reads a record: an object of at most 2 MiB which keeps every rule of the data model.
///
/// # Errors
/// [`JsonError`] with the reason and the place of the first fault.
pub fn to_record(bytes: &[u8]) -> Result<Object, JsonError> {
    match from_slice(bytes, &Limits::JSON_RECORD)? {
        Value::Object(object) => Ok(object),
        _ => Err(JsonError { reason: JsonReason::Model(ModelError::NotObject), offset: 0 }),
    }
}

/// Why a text is not JSON of the data model, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct JsonError {
    /// What is wrong.
    pub reason: JsonReason,
    /// Where, in bytes; for a fault of an object as a whole, its end.
    pub offset: usize,
}

/// What is wrong with JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum JsonReason {
    /// The text ends within a value.
    #[error("unexpected end")]
    End,
    /// Something else stands here than JSON has.
    #[error("unexpected character")]
    Character,
    /// Something follows the value.
    #[error("text after the value")]
    Trailing,
    /// Not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// Half of a surrogate pair.
    #[error("lone surrogate")]
    Surrogate,
    /// A number with a fraction.
    #[error("the data model has no floats")]
    Float,
    /// An integer does not fit into 64 bits with a sign.
    #[error("integer outside 64 bits")]
    IntegerRange,
    /// An object holds a key twice.
    #[error("duplicate key")]
    DuplicateKey,
    /// An object with `$link` is not exactly that, or its CID is not one.
    #[error("an object with $link is not a link")]
    Link,
    /// An object with `$bytes` is not exactly that, or its text is not base64.
    #[error("an object with $bytes is not bytes")]
    Bytes,
    /// A limit is exceeded.
    #[error(transparent)]
    Limit(LimitError),
    /// A rule of the data model on objects is broken.
    #[error(transparent)]
    Model(ModelError),
}
