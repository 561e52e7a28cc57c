use crate::data::{Object, Value, check_object, has_no_json_form};
use serde::Serialize;
use serde::ser::{Error as _, SerializeMap};

/// The entries of an object while a type writes them.
pub struct Writer<M> {
    pub(super) map: M,
    /// Whether `$type` is written already.
    pub(super) has_type: bool,
    pub(super) json: bool,
}

impl<M: SerializeMap> Writer<M> {
    /// Writes a field.
    ///
    /// # Errors
    /// What the format says.
    pub fn required<T: Serialize>(&mut self, name: &'static str, value: &T) -> Result<(), M::Error> {
        self.map.serialize_entry(name, value)
    }

    /// Writes a field where it is there.
    ///
    /// # Errors
    /// What the format says.
    pub fn optional<T: Serialize>(&mut self, name: &'static str, value: &Option<T>) -> Result<(), M::Error> {
        match value {
            Some(value) => self.map.serialize_entry(name, value),
            None => Ok(()),
        }
    }

    /// Writes the fields that the type does not know.
    ///
    /// # Errors
    /// Where one of them has the name of a field that the type knows, and what the format says.
    pub fn extra(&mut self, extra: &Object, names: &[&str]) -> Result<(), M::Error> {
        if extra.is_empty() {
            return Ok(());
        }
        if self.json && has_no_json_form(extra) {
            return Err(M::Error::custom(crate::data::json::NoJsonForm));
        }
        check_object(extra).map_err(M::Error::custom)?;
        for (name, value) in extra {
            if names.contains(&name) {
                return Err(M::Error::custom(format_args!(
                    "extra holds {name:?}, which is a field of the type"
                )));
            }
            self.entry(name, value)?;
        }
        Ok(())
    }

    fn entry(&mut self, name: &str, value: &Value) -> Result<(), M::Error> {
        // What a union or a record has written is what the object is.
        if self.has_type && name == "$type" {
            return Ok(());
        }
        self.map.serialize_entry(name, value)
    }
}
