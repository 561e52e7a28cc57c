//! Strict DAG-CBOR (<https://dasl.ing/drisl.html>): there is one encoding of a value, and only that is accepted.
//!
//! Everything is read in two passes. The first, [`validate`], builds nothing: canonical form, profile and limits, in every
//! field. The second, in [`from_slice`], makes a type of it. So what a type ignores is checked as strictly as what it reads.
//! The rules of the data model on objects (`$type`, blobs) are checked where a [`Value`] is made, and by
//! [`validate_record`].
//!
//! ```
//! use atproto_lexicon::data::{Cid, cbor};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Like { subject: Cid }
//!
//! let like = Like { subject: Cid::of_dag_cbor(b"") };
//! let bytes = cbor::to_vec(&like)?;
//! let again: Like = cbor::from_slice(&bytes)?;
//! assert_eq!(again.subject, like.subject);
//! assert!(cbor::validate(&bytes[1..]).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod de;
mod error;
mod head;
mod model;
mod parse;
mod ser;
mod sink;
mod tag;

pub use error::{CborError, CborReason, DecodeError, EncodeError, TypeError};

use super::{Limits, Object, Value};
use crate::data::builder::Builder;
use std::marker::PhantomData;

/// Which values are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// AT Protocol's data model: no floats, integers of 64 bits, links of any version-1 CID.
    #[default]
    Atproto,
    /// DRISL: finite floats of 64 bits except −0.0, integers from −2⁶⁴ to 2⁶⁴−1, links with codec `raw` or `dag-cbor`
    /// and a SHA-256 or BLAKE3 hash.
    Drisl,
}

/// Checks that `bytes` are exactly one value in canonical form, in the profile [`Profile::Atproto`] and the default
/// limits. Nothing is built, and memory is used for the nesting only.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn validate(bytes: &[u8]) -> Result<(), CborError> {
    validate_with(bytes, Profile::Atproto, &Limits::default())
}

/// [`validate`] in another profile and other limits.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn validate_with(bytes: &[u8], profile: Profile, limits: &Limits) -> Result<(), CborError> {
    parse::whole(bytes, profile, limits, &mut ())
}

/// Checks that `bytes` are a record: an object of at most 1,000,000 bytes which keeps every rule of the data model. Nothing is
/// built.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn validate_record(bytes: &[u8]) -> Result<(), CborError> {
    let mut rules = model::Rules::default();
    parse::whole(bytes, Profile::Atproto, &Limits::RECORD, &mut rules)?;
    if rules.is_object() { Ok(()) } else { Err(NOT_OBJECT) }
}

const NOT_OBJECT: CborError =
    CborError { reason: CborReason::Model(super::ModelError::NotObject), offset: 0 };

/// Splits one value off the beginning of `bytes`, checked as [`validate_with`] does: an event-stream frame is two of them.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault in the first value.
pub fn split_first<'a>(
    bytes: &'a [u8],
    profile: Profile,
    limits: &Limits,
) -> Result<(&'a [u8], &'a [u8]), CborError> {
    let length = parse::first(bytes, profile, limits, &mut ())?;
    Ok(bytes.split_at_checked(length).unwrap_or((bytes, &[])))
}

/// The fields of an object, each value as its bytes.
pub type RawFields<'a> = Vec<(&'a str, &'a [u8])>;

/// Splits an object into its fields in order, each value as its bytes; `None` where the value is not an object. Checked as
/// [`validate`] does, and nothing is built.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn split_object(bytes: &[u8]) -> Result<Option<RawFields<'_>>, CborError> {
    validate(bytes)?;
    Ok(de::split_object(bytes))
}

/// Splits an array into the bytes of its items; `None` where the value is not an array. Checked as [`validate`] does, and
/// nothing is built.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn split_array(bytes: &[u8]) -> Result<Option<Vec<&[u8]>>, CborError> {
    validate(bytes)?;
    Ok(de::split_array(bytes))
}

/// Reads a typed value from one block; the profile is [`Profile::Atproto`], the limits are the default ones.
///
/// # Errors
/// [`DecodeError::Cbor`] where the bytes are not canonical, [`DecodeError::Type`] where they are no `T`.
pub fn from_slice<'de, T: serde::Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    from_slice_with(bytes, Profile::Atproto, &Limits::default())
}

/// [`from_slice`] in another profile and other limits.
///
/// # Errors
/// [`DecodeError::Cbor`] where the bytes are not canonical, [`DecodeError::Type`] where they are no `T`.
pub fn from_slice_with<'de, T: serde::Deserialize<'de>>(
    bytes: &'de [u8],
    profile: Profile,
    limits: &Limits,
) -> Result<T, DecodeError> {
    from_slice_seed(PhantomData, bytes, profile, limits)
}

/// [`from_slice_with`] for what a type cannot know on its own, such as the greatest number of items that it may collect.
///
/// # Errors
/// [`DecodeError::Cbor`] where the bytes are not canonical, [`DecodeError::Type`] where the seed refuses them.
pub fn from_slice_seed<'de, S: serde::de::DeserializeSeed<'de>>(
    seed: S,
    bytes: &'de [u8],
    profile: Profile,
    limits: &Limits,
) -> Result<S::Value, DecodeError> {
    validate_with(bytes, profile, limits)?;
    de::from_validated(seed, bytes).map_err(DecodeError::Type)
}

/// Reads a record of a type: [`validate_record`], then as [`from_slice`].
///
/// # Errors
/// [`DecodeError::Cbor`] where it is no record, [`DecodeError::Type`] where it is no `T`.
pub fn from_record<'de, T: serde::Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, DecodeError> {
    validate_record(bytes)?;
    de::from_validated(PhantomData, bytes).map_err(DecodeError::Type)
}

/// Reads any value, in one pass, and checks the rules of the data model on objects too.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn to_value(bytes: &[u8]) -> Result<Value, CborError> {
    to_value_with(bytes, &Limits::default())
}

/// [`to_value`] in other limits.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn to_value_with(bytes: &[u8], limits: &Limits) -> Result<Value, CborError> {
    let mut builder = Builder::default();
    parse::whole(bytes, Profile::Atproto, limits, &mut builder)?;
    Ok(builder.finish())
}

/// Reads a record: an object of at most 1,000,000 bytes which keeps every rule of the data model.
///
/// # Errors
/// [`CborError`] with the reason and the place of the first fault.
pub fn to_record(bytes: &[u8]) -> Result<Object, CborError> {
    match to_value_with(bytes, &Limits::RECORD)? {
        Value::Object(object) => Ok(object),
        _ => Err(NOT_OBJECT),
    }
}

/// Writes a value in canonical form.
///
/// # Errors
/// [`EncodeError::Type`] where `T` cannot be written as DAG-CBOR, [`EncodeError::Cbor`] where what was written is not
/// in the data model, such as a float.
pub fn to_vec<T: serde::Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    to_vec_with(value, Profile::Atproto, &Limits::default())
}

/// [`to_vec`] in another profile and other limits.
///
/// # Errors
/// [`EncodeError::Type`] where `T` cannot be written as DAG-CBOR, [`EncodeError::Cbor`] where what was written is not
/// in the profile or the limits.
pub fn to_vec_with<T: serde::Serialize + ?Sized>(
    value: &T,
    profile: Profile,
    limits: &Limits,
) -> Result<Vec<u8>, EncodeError> {
    let bytes = ser::to_vec(value)?;
    validate_with(&bytes, profile, limits)?;
    Ok(bytes)
}
