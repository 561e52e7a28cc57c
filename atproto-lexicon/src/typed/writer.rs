use crate::data::{Object, Value, check_object, has_no_json_form};
use serde::Serialize;
use serde::ser::{Error as _, SerializeMap};

/// The entries of an object while a type writes them.
///
/// An error is kept, and nothing is written after it: so that generated code, of which there is much, need not look at each call.
pub struct Writer<M: SerializeMap> {
    map: M,
    error: Option<M::Error>,
    /// Whether `$type` is written already.
    has_type: bool,
    json: bool,
}

impl<M: SerializeMap> Writer<M> {
    pub(super) fn new(map: M, type_name: Option<&str>, json: bool) -> Self {
        let mut writer = Self { map, error: None, has_type: type_name.is_some(), json };
        if let Some(name) = type_name {
            writer.put("$type", name);
        }
        writer
    }

    fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        if self.error.is_none() {
            self.error = self.map.serialize_entry(name, value).err();
        }
    }

    /// Writes a field.
    pub fn required<T: Serialize>(&mut self, name: &'static str, value: &T) {
        self.put(name, value);
    }

    /// Writes a field where it is there.
    pub fn optional<T: Serialize>(&mut self, name: &'static str, value: &Option<T>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Writes the fields that the type does not know. It is an error where one of them has the name of a field that it knows.
    pub fn extra(&mut self, extra: &Object, names: &[&str]) {
        if !extra.is_empty() && self.error.is_none() {
            self.error = self.try_extra(extra, names).err();
        }
    }

    fn try_extra(&mut self, extra: &Object, names: &[&str]) -> Result<(), M::Error> {
        if self.json && has_no_json_form(extra) {
            return Err(M::Error::custom(crate::data::json::NoJsonForm));
        }
        check_object(extra).map_err(M::Error::custom)?;
        for (name, value) in extra {
            if names.contains(&name) {
                let message = format_args!("extra holds {name:?}, which is a field of the type");
                return Err(M::Error::custom(message));
            }
            self.entry(name, value)?;
        }
        Ok(())
    }

    pub(super) fn end(self) -> Result<M::Ok, M::Error> {
        match self.error {
            Some(error) => Err(error),
            None => self.map.end(),
        }
    }

    fn entry(&mut self, name: &str, value: &Value) -> Result<(), M::Error> {
        // What a union or a record has written is what the object is.
        if self.has_type && name == "$type" {
            return Ok(());
        }
        self.map.serialize_entry(name, value)
    }
}
