//! The query of a URL, as `serde` sees it: which of its texts are numbers, the type that is read says.

use crate::auth::percent;
use serde::de::value::Error;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use std::collections::{BTreeMap, btree_map};

/// Names with their values, in the order in which those came.
#[derive(Debug)]
pub(super) struct Query(BTreeMap<String, Vec<String>>);

impl Query {
    /// Takes a query apart; `None` where it is not encoded as one.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // A name without a value says nothing, as the reference implementation has it.
        for (name, value) in percent::decode_form(query)?.into_iter().filter(|(_, value)| !value.is_empty()) {
            names.entry(name).or_default().push(value);
        }
        Some(Self(names))
    }
}

impl<'de> Deserializer<'de> for Query {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Names { names: self.0.into_iter(), values: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Names {
    names: btree_map::IntoIter<String, Vec<String>>,
    values: Option<(String, Vec<String>)>,
}

impl<'de> MapAccess<'de> for Names {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.values = self.names.next();
        let name = self.values.as_ref().map(|(name, _)| name.as_str());
        name.map(|name| seed.deserialize(name.into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (name, values) = self.values.take().unwrap_or_default();
        seed.deserialize(Values(values)).map_err(|error| Error::custom(format_args!("{name}: {error}")))
    }
}

/// The values of one name: one of them, unless an array is read.
struct Values(Vec<String>);

impl Values {
    fn one(self) -> Result<String, Error> {
        let mut values = self.0.into_iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Error::custom("there is more than one")),
        }
    }
}

impl<'de> Deserializer<'de> for Values {
    type Error = Error;

    /// Where nothing says what it is, as of names that mean nothing.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.0.into_iter().next().unwrap_or_default())
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.one()?.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error::custom("neither true nor false")),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = self.one()?;
        // The standard library reads a plus as well.
        let number = if text.starts_with('+') { None } else { text.parse().ok() };
        visitor.visit_i64(number.ok_or_else(|| Error::custom("not an integer"))?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_string(self.one()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Items(self.0.into_iter()))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct map struct
        enum identifier ignored_any
    }
}

struct Items(std::vec::IntoIter<String>);

impl<'de> SeqAccess<'de> for Items {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| seed.deserialize(Values(vec![item]))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}
