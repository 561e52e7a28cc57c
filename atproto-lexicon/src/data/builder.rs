use super::object::DuplicateKey;
use super::{Object, Value};

/// Puts a [`Value`] together from its parts in order, without recursion: for the CBOR and the JSON reader.
#[derive(Default)]
pub(super) struct Builder {
    /// The arrays and objects which are not complete yet, outermost first.
    open: Vec<Open>,
    /// The value, once the outermost is complete.
    done: Option<Value>,
}

enum Open {
    Array(Vec<Value>),
    Object { fields: Vec<(String, Value)>, key: String },
}

impl Builder {
    /// Adds a complete value to the innermost array or object.
    pub(super) fn push(&mut self, value: Value) {
        match self.open.last_mut() {
            None => self.done = Some(value),
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object { fields, key }) => {
                fields.push((std::mem::take(key), value));
            }
        }
    }

    /// Begins an array; `len` is a hint which the input declares, and is not believed.
    pub(super) fn open_array(&mut self, len: usize) {
        self.open.push(Open::Array(Vec::with_capacity(len.min(16))));
    }

    /// Begins an object; `len` as for an array.
    pub(super) fn open_object(&mut self, len: usize) {
        self.open.push(Open::Object { fields: Vec::with_capacity(len.min(16)), key: String::new() });
    }

    /// Sets the key of the next value.
    pub(super) fn key(&mut self, name: String) {
        if let Some(Open::Object { key, .. }) = self.open.last_mut() {
            *key = name;
        }
    }

    /// Ends the innermost array or object and returns it; the caller pushes what it is to become.
    pub(super) fn close(&mut self) -> Result<Value, DuplicateKey> {
        Ok(match self.open.pop() {
            Some(Open::Array(items)) => Value::Array(items),
            Some(Open::Object { fields, .. }) => Value::Object(Object::from_fields(fields)?),
            None => Value::Null,
        })
    }

    /// The value; what a parser that ended without an error has built.
    pub(super) fn finish(self) -> Value {
        self.done.unwrap_or(Value::Null)
    }
}
