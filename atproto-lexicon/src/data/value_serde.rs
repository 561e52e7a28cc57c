//! `serde` for [`Value`], in the format's own form: CBOR's links and byte strings, JSON's `$link` and `$bytes`.

use super::object::read_map;
use super::{Bytes, Link, Value};
use serde::de::{MapAccess, SeqAccess};
use std::fmt;

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => bytes.serialize(serializer),
            Self::Link(link) => link.serialize(serializer),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = deserializer.is_human_readable();
        deserializer.deserialize_any(Visitor { json })
    }
}

struct Visitor {
    /// Whether `$link` and `$bytes` mean something.
    json: bool,
}

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the data model")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value, E> {
        i64::try_from(number).map(Value::Integer).map_err(|_| E::custom("integer outside 64 bits"))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        // How `serde_json` reads `-0`. Of other floats nobody can tell what was written: 0.99999999999999999999 is 1 here.
        if self.json && number == 0.0 && number.is_sign_negative() {
            return Ok(Value::Integer(0));
        }
        Err(E::custom("the data model has no floats"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(Bytes(bytes.into())))
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        read_link(deserializer).map(Value::Link)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        read_map(map, self.json)
    }
}

/// Reads what is inside of the newtype by which `serde_ipld_dagcbor` announces a link, and our own reader too.
pub(crate) fn read_link<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Link, D::Error> {
    struct Binary;

    impl serde::de::Visitor<'_> for Binary {
        type Value = Link;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a link")
        }

        fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Link, E> {
            Link::from_bytes(bytes).map_err(E::custom)
        }
    }

    deserializer.deserialize_bytes(Binary)
}
