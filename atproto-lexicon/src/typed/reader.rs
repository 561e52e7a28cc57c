use super::from_value::FromValue;
use crate::data::{Object, Value, check_object, has_no_json_form};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, Visitor};
use std::fmt;

/// The entries of an object while a type reads them.
pub struct Reader<A> {
    map: A,
    /// Entries that came before the `$type` of a union, the last one first.
    early: Vec<(String, Value)>,
    /// The value of the entry which the type is at, where it is one of the early ones.
    current: Option<Value>,
    /// Entries that the type does not know.
    extra: Vec<(String, Value)>,
    /// Where in the list of names the next one probably is.
    hint: usize,
    /// What `$type` has to be; after it was read, nothing.
    expected: Option<&'static str>,
    /// Whether `$type` was read and is not kept.
    has_type: bool,
    /// Whether `$link` and `$bytes` mean something.
    json: bool,
}

const TYPE: &str = "$type";

impl<'de, A: MapAccess<'de>> Reader<A> {
    pub(super) fn new(map: A, expected: Option<&'static str>, json: bool) -> Self {
        let (early, extra) = (Vec::new(), Vec::new());
        Self { map, early, current: None, extra, hint: 0, expected, has_type: false, json }
    }

    /// Moves to the next entry with one of these names, and returns which; keeps the entries before it that have another one.
    ///
    /// # Errors
    /// What the format says, and where `$type` is another than that of the type.
    pub fn next(&mut self, names: &'static [&'static str]) -> Result<Option<usize>, A::Error> {
        loop {
            let seed = KeySeed { names, hint: self.hint };
            let key = match self.early.pop() {
                Some((name, value)) => {
                    self.current = Some(value);
                    Some(seed.find(&name))
                }
                None => self.map.next_key_seed(seed)?,
            };
            match key {
                None => return Ok(None),
                Some(Key::Known(at)) => {
                    self.hint = at.saturating_add(1);
                    return Ok(Some(at));
                }
                Some(Key::Other(name)) if name == TYPE && (self.expected.is_some() || self.has_type) => {
                    self.own_type()?;
                }
                Some(Key::Other(name)) => {
                    let value = self.value()?;
                    self.extra.push((name, value));
                }
            }
        }
    }

    /// [`next`](Self::next) where entries of other names mean nothing.
    ///
    /// # Errors
    /// What the format says.
    pub fn next_ignoring(&mut self, names: &'static [&'static str]) -> Result<Option<usize>, A::Error> {
        let next = self.next(names)?;
        self.extra.clear();
        Ok(next)
    }

    fn own_type(&mut self) -> Result<(), A::Error> {
        let name: String = self.value()?;
        match self.expected.take() {
            _ if self.has_type => Err(A::Error::duplicate_field(TYPE)),
            Some(expected) if name != expected => {
                Err(A::Error::custom(format_args!("$type is {name:?} instead of {expected:?}")))
            }
            _ => {
                self.has_type = true;
                Ok(())
            }
        }
    }

    fn value<T: DeserializeOwned>(&mut self) -> Result<T, A::Error> {
        match self.current.take() {
            None => self.map.next_value(),
            Some(value) => T::deserialize(FromValue::new(&value)),
        }
    }

    /// Reads the value of the entry.
    ///
    /// # Errors
    /// What the format says, and where the field was read before.
    pub fn set<T: DeserializeOwned>(
        &mut self,
        field: &mut Option<T>,
        name: &'static str,
    ) -> Result<(), A::Error> {
        if field.is_some() {
            return Err(A::Error::duplicate_field(name));
        }
        *field = Some(self.value()?);
        Ok(())
    }

    /// A field that has to be there.
    ///
    /// # Errors
    /// Where it is not.
    pub fn required<T>(&self, field: Option<T>, name: &'static str) -> Result<T, A::Error> {
        field.ok_or_else(|| A::Error::missing_field(name))
    }

    /// A field that need not be there.
    ///
    /// # Errors
    /// None.
    pub fn optional<T>(&self, field: Option<T>, _name: &'static str) -> Result<Option<T>, A::Error> {
        Ok(field)
    }

    /// The entries that the type does not know, once all are read.
    ///
    /// # Errors
    /// Where a name occurs twice, and where `$type` is missing though the type needs it.
    pub fn extra(&mut self) -> Result<Object, A::Error> {
        if self.expected.is_some() && !self.has_type {
            return Err(A::Error::missing_field(TYPE));
        }
        if self.extra.is_empty() {
            return Ok(Object::new());
        }
        let extra = Object::from_fields(std::mem::take(&mut self.extra))
            .map_err(|_| A::Error::custom("duplicate key"))?;
        if self.json && has_no_json_form(&extra) {
            return Err(A::Error::custom("an object with $link or $bytes has other fields"));
        }
        check_object(&extra).map_err(A::Error::custom)?;
        Ok(extra)
    }

    /// Reads up to `$type`, which is one of these or another one.
    pub(super) fn find_type(&mut self, names: &'static [&'static str]) -> Result<Key, A::Error> {
        while let Some(key) = self.map.next_key_seed(KeySeed { names: &[TYPE], hint: 0 })? {
            match key {
                Key::Known(_) => {
                    self.early.reverse();
                    self.has_type = true;
                    return self.map.next_value_seed(KeySeed { names, hint: 0 });
                }
                Key::Other(name) => {
                    let value = self.map.next_value()?;
                    self.early.push((name, value));
                }
            }
        }
        Err(A::Error::custom("an object without $type in a union"))
    }

    /// All entries that are left, and the `$type` that was read.
    pub(super) fn rest(&mut self, type_name: String) -> Result<Object, A::Error> {
        while self.next(&[])?.is_some() {}
        self.extra.push((TYPE.into(), Value::String(type_name)));
        self.extra()
    }
}

/// One of a list of names, or another one.
pub(super) enum Key {
    Known(usize),
    Other(String),
}

struct KeySeed {
    names: &'static [&'static str],
    hint: usize,
}

impl KeySeed {
    fn find(&self, name: &str) -> Key {
        if self.names.get(self.hint).is_some_and(|known| *known == name) {
            return Key::Known(self.hint);
        }
        match self.names.iter().position(|known| *known == name) {
            Some(at) => Key::Known(at),
            None => Key::Other(name.into()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        Ok(self.find(name))
    }
}
