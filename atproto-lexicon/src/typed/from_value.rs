//! `serde` over a [`Value`]. It announces links and bytes as DAG-CBOR does, whatever the value was read from.

use crate::data::{Link, NEWTYPE as LINK, Value};
use serde::de::{
    DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use std::fmt;
use std::marker::PhantomData;

/// Why a value is not of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(Box<str>);

impl serde::de::Error for ValueError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string().into())
    }
}

/// Reads a type from a value; errors are those of the format around it.
pub(super) struct FromValue<'de, E> {
    value: &'de Value,
    error: PhantomData<E>,
}

impl<'de, E> FromValue<'de, E> {
    pub(super) fn new(value: &'de Value) -> Self {
        Self { value, error: PhantomData }
    }
}

impl<'de, E: serde::de::Error> FromValue<'de, E> {
    #[cold]
    fn mismatch<T>(self, expected: &dyn serde::de::Expected) -> Result<T, E> {
        let found = match self.value {
            Value::Null => Unexpected::Unit,
            Value::Boolean(value) => Unexpected::Bool(*value),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::String(text) => Unexpected::Str(text),
            Value::Bytes(_) => Unexpected::Other("a byte string"),
            Value::Link(_) => Unexpected::Other("a link"),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Err(E::invalid_type(found, expected))
    }
}

/// Methods that take one variant of [`Value`] only, so that nothing is taken for something else.
macro_rules! only {
    ($($method:ident $variant:ident),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
            match self.value {
                Value::$variant(_) => self.deserialize_any(visitor),
                _ => self.mismatch(&visitor),
            }
        })*
    };
}

impl<'de, E: serde::de::Error> Deserializer<'de> for FromValue<'de, E> {
    type Error = E;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(*number),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Bytes(bytes) => visitor.visit_borrowed_bytes(&bytes.0),
            Value::Link(link) => visitor.visit_newtype_struct(LinkBytes { link, error: PhantomData }),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter(), error: PhantomData }),
            Value::Object(object) => {
                visitor.visit_map(Entries { fields: object.iter(), value: None, error: PhantomData })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.value {
            Value::Link(_) if name == LINK => self.deserialize_any(visitor),
            _ if name == LINK => self.mismatch(&visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, E> {
        match self.value {
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Object(object) if object.len() == 1 => {
                let entries = Entries { fields: object.iter(), value: None, error: PhantomData };
                visitor.visit_enum(serde::de::value::MapAccessDeserializer::new(entries))
            }
            _ => self.mismatch(&visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, E> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, E> {
        self.deserialize_seq(visitor)
    }

    only!(deserialize_str String, deserialize_string String, deserialize_identifier String, deserialize_char String);
    only!(deserialize_bytes Bytes, deserialize_byte_buf Bytes, deserialize_seq Array, deserialize_map Object);

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 unit unit_struct ignored_any
    }
}

/// The bytes of a link, inside of its newtype.
struct LinkBytes<'de, E> {
    link: &'de Link,
    error: PhantomData<E>,
}

impl<'de, E: serde::de::Error> Deserializer<'de> for LinkBytes<'de, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_borrowed_bytes(self.link.as_bytes())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Items<'de, E> {
    items: std::slice::Iter<'de, Value>,
    error: PhantomData<E>,
}

impl<'de, E: serde::de::Error> SeqAccess<'de> for Items<'de, E> {
    type Error = E;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, E> {
        self.items.next().map(|value| seed.deserialize(FromValue::new(value))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'de, E> {
    fields: crate::data::Fields<'de>,
    value: Option<&'de Value>,
    error: PhantomData<E>,
}

impl<'de, E: serde::de::Error> MapAccess<'de> for Entries<'de, E> {
    type Error = E;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, E> {
        let Some((name, value)) = self.fields.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(serde::de::value::BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, E> {
        let value = self.value.take().ok_or_else(|| E::custom("a value without its key"))?;
        seed.deserialize(FromValue::new(value))
    }
}
