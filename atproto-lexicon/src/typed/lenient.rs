use super::from_value::{FromValue, ValueError};
use crate::check::{Checker, Validate};
use crate::data::{Object, Value};
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A value of a type, or what stands in its place and why it is none: so one bad post does not lose the page that it is on.
///
/// It reads the value as it is first and makes the type from that, which takes about twice as long.
#[derive(Debug, Clone, PartialEq)]
pub enum Lenient<T> {
    /// It is of the type.
    Good(T),
    /// It is not.
    Bad(Box<Bad>),
}

/// A value that is not of its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Bad {
    /// The value as it was found; `None` where it is outside of the data model, such as a float, and cannot be kept.
    pub value: Option<Value>,
    /// Why it is not of the type.
    pub error: ValueError,
}

impl<T> Lenient<T> {
    /// The value, where it is of the type.
    pub fn good(&self) -> Option<&T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Bad(_) => None,
        }
    }

    /// The value, or why it is not of the type.
    ///
    /// # Errors
    /// [`Bad`] with the value that was found.
    pub fn into_result(self) -> Result<T, Box<Bad>> {
        match self {
            Self::Good(value) => Ok(value),
            Self::Bad(bad) => Err(bad),
        }
    }
}

impl<T: DeserializeOwned> Lenient<T> {
    /// Reads a value, and keeps it where it is not of the type.
    pub fn read(value: Value) -> Self {
        match T::deserialize(FromValue::new(&value)) {
            Ok(typed) => Self::Good(typed),
            Err(error) => Self::bad(Some(value), error),
        }
    }

    fn bad(value: Option<Value>, error: ValueError) -> Self {
        Self::Bad(Box::new(Bad { value, error }))
    }
}

impl<T> From<T> for Lenient<T> {
    fn from(value: T) -> Self {
        Self::Good(value)
    }
}

impl<T: Validate> Validate for Lenient<T> {
    fn check<'a>(&'a self, checker: &mut Checker<'a>) {
        match self {
            Self::Good(value) => value.check(checker),
            Self::Bad(_) => checker.fail(crate::check::Reason::Type { expected: "of its type" }),
        }
    }
}

impl<T: Serialize> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        match self {
            Self::Good(value) => value.serialize(serializer),
            Self::Bad(bad) => match &bad.value {
                Some(value) => value.serialize(serializer),
                None => Err(S::Error::custom("a value outside of the data model was not kept")),
            },
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = deserializer.is_human_readable();
        Ok(match deserializer.deserialize_any(Salvage { json })? {
            Err(error) => Self::bad(None, error),
            Ok(value) => Self::read(value),
        })
    }
}

/// Reads a value to its end, even where it turns out to be none of the data model.
#[derive(Clone, Copy)]
struct Salvage {
    json: bool,
}

type Salvaged = Result<Value, ValueError>;

impl<'de> serde::de::DeserializeSeed<'de> for Salvage {
    type Value = Salvaged;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Salvaged, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Salvage {
    type Value = Salvaged;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Salvaged, E> {
        Ok(Ok(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Salvaged, E> {
        Ok(Ok(Value::Boolean(value)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Salvaged, E> {
        Ok(Ok(Value::Integer(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Salvaged, E> {
        Ok(i64::try_from(number)
            .map(Value::Integer)
            .map_err(|_| ValueError::custom("integer outside 64 bits")))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Salvaged, E> {
        Ok(Err(ValueError::custom("integer outside 64 bits")))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Salvaged, E> {
        Ok(Err(ValueError::custom("the data model has no floats")))
    }

    fn visit_str<E>(self, text: &str) -> Result<Salvaged, E> {
        Ok(Ok(text.into()))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Salvaged, E> {
        Ok(Ok(Value::Bytes(bytes.to_vec().into())))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Salvaged, D::Error> {
        crate::data::read_link(deserializer).map(|link| Ok(Value::Link(link)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Salvaged, A::Error> {
        let mut items = Ok(Vec::new());
        while let Some(item) = seq.next_element_seed(self)? {
            keep(&mut items, item);
        }
        Ok(items.map(Value::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Salvaged, A::Error> {
        let mut fields = Ok(Vec::new());
        while let Some(name) = map.next_key::<String>()? {
            keep(&mut fields, map.next_value_seed(self)?.map(|value| (name, value)));
        }
        Ok(fields.and_then(|fields| self.object(fields)))
    }
}

/// Keeps an item, or the first error.
fn keep<T>(items: &mut Result<Vec<T>, ValueError>, item: Result<T, ValueError>) {
    match item {
        Ok(item) => {
            if let Ok(items) = items {
                items.push(item);
            }
        }
        Err(error) if items.is_ok() => *items = Err(error),
        Err(_) => {}
    }
}

impl Salvage {
    fn object(self, fields: Vec<(String, Value)>) -> Salvaged {
        let object = Object::from_fields(fields).map_err(|_| ValueError::custom("duplicate key"))?;
        let value = if self.json {
            crate::data::object_from_json(object, false).map_err(ValueError::custom)?
        } else {
            Value::Object(object)
        };
        if let Value::Object(object) = &value {
            crate::data::check_object(object).map_err(ValueError::custom)?;
        }
        Ok(value)
    }
}
