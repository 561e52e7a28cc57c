use super::from_value::{FromValue, ValueError};
use super::{Endpoint, Union, read_message};
use crate::data::cbor::{DecodeError, EncodeError};
use crate::data::json::{self, JsonError};
use crate::data::{Limits, ModelError, Object, Value, cbor};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer};
use std::marker::PhantomData;

/// Reads a type from a value.
///
/// # Errors
/// [`ValueError`] where the value is not of the type.
pub fn from_value<T: DeserializeOwned>(value: &Value) -> Result<T, ValueError> {
    T::deserialize(FromValue::new(value))
}

/// Why JSON is not of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonTypeError {
    /// It is not JSON of the data model.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is not of the type.
    #[error(transparent)]
    Type(#[from] ValueError),
}

/// Reads a type from JSON by the rules of [`json`], so that `1.0` is an integer and no key comes twice, at any depth. It takes
/// two to three times as long as `serde_json`, which refuses the one and in fields of foreign types lets the other pass.
///
/// # Errors
/// [`JsonTypeError`] where the text is not JSON of the data model, and where the value is not of the type.
pub fn from_json<T: DeserializeOwned>(bytes: &[u8], limits: &Limits) -> Result<T, JsonTypeError> {
    Ok(from_value(&json::from_slice(bytes, limits)?)?)
}

/// The fields of an object that a type writes: what an endpoint takes as a record of any type.
///
/// # Errors
/// [`EncodeError`] where the type does not write an object of the data model.
pub fn to_object<T: Serialize + ?Sized>(value: &T) -> Result<Object, EncodeError> {
    match cbor::to_value(&cbor::to_vec(value)?).map_err(EncodeError::Cbor)? {
        Value::Object(object) => Ok(object),
        _ => Err(serde::ser::Error::custom(ModelError::NotObject)),
    }
}

/// Reads a message of a subscription from the body of a frame, whose header says `t`; `None` where the schema has no message of
/// that name, which is to be ignored (<https://atproto.com/specs/event-stream#framing>).
///
/// # Errors
/// [`DecodeError`] where the bytes are not canonical, and where they are no message of that name.
pub fn read_body<E>(t: &str, bytes: &[u8], limits: &Limits) -> Result<Option<E::Output>, DecodeError>
where
    E: Endpoint,
    E::Output: Union,
{
    struct Seed<'t, U>(&'t str, PhantomData<U>);

    impl<'de, U: Union> DeserializeSeed<'de> for Seed<'_, U> {
        type Value = Option<U>;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<U>, D::Error> {
            read_message(self.0, deserializer)
        }
    }

    let name = if t.starts_with('#') { format!("{}{t}", E::NSID) } else { t.to_owned() };
    if !E::Output::TYPES.contains(&&*name) {
        return Ok(None);
    }
    cbor::from_slice_seed(Seed(&name, PhantomData), bytes, cbor::Profile::Atproto, limits)
}
