use super::from_value::FromValue;
use crate::data::{Object, Value, check_object, has_no_json_form};
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The entries of an object while a type reads them.
///
/// An error is kept, and ends the entries: so that generated code, of which there is much, need not look at each call.
pub struct Reader<'de, A: MapAccess<'de>> {
    map: A,
    error: Option<A::Error>,
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
    lifetime: PhantomData<&'de ()>,
}

const TYPE: &str = "$type";

impl<'de, A: MapAccess<'de>> Reader<'de, A> {
    pub(super) fn new(map: A, expected: Option<&'static str>, json: bool) -> Self {
        Self {
            map,
            error: None,
            early: Vec::new(),
            current: None,
            extra: Vec::new(),
            hint: 0,
            expected,
            has_type: false,
            json,
            lifetime: PhantomData,
        }
    }

    /// Moves to the next entry with one of these names, and returns which; keeps the entries before it that have another one.
    /// `None` after the last one, and after an error.
    #[allow(clippy::should_implement_trait, reason = "the names come from outside")]
    pub fn next(&mut self, names: &'static [&'static str]) -> Option<usize> {
        if self.error.is_some() {
            return None;
        }
        self.try_next(names).unwrap_or_else(|error| {
            self.error = Some(error);
            None
        })
    }

    fn try_next(&mut self, names: &'static [&'static str]) -> Result<Option<usize>, A::Error> {
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
    pub fn next_ignoring(&mut self, names: &'static [&'static str]) -> Option<usize> {
        let next = self.next(names);
        self.extra.clear();
        next
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

    /// Reads the value of the entry; it is an error where the field was read before.
    pub fn set<T: DeserializeOwned>(&mut self, field: &mut Option<T>, name: &'static str) {
        let read = if field.is_some() { Err(A::Error::duplicate_field(name)) } else { self.value() };
        match read {
            Ok(value) => *field = Some(value),
            Err(error) => self.error = Some(error),
        }
    }

    /// The error, where there was one.
    ///
    /// # Errors
    /// It.
    pub fn check(&mut self) -> Result<(), A::Error> {
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// The error of fields that have to be there, of which not all are.
    #[cold]
    pub fn missing(&mut self, fields: &[(&'static str, bool)]) -> A::Error {
        let missing = fields.iter().find(|(_, is_missing)| *is_missing);
        A::Error::missing_field(missing.map_or("", |(name, _)| name))
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
        while self.next(&[]).is_some() {}
        self.check()?;
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
