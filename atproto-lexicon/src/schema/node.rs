use super::place::Place;
use super::{DocumentError, Rule};
use crate::data::{Object, Value};

/// A value in a document, and how one gets there.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) value: &'a Value,
    place: Place<'a>,
}

impl<'a> Node<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, place: Place::root() }
    }

    /// The JSON pointer to it.
    pub(super) fn pointer(&self) -> String {
        self.place.pointer()
    }

    pub(super) fn error(&self, rule: Rule) -> DocumentError {
        DocumentError { pointer: self.pointer(), rule }
    }

    pub(super) fn expected<T>(&self, what: &'static str, found: Option<T>) -> Result<T, DocumentError> {
        found.ok_or_else(|| self.error(Rule::Expected(what)))
    }

    pub(super) fn object(&self) -> Result<&'a Object, DocumentError> {
        self.expected("an object", self.value.as_object())
    }

    pub(super) fn str(&self) -> Result<&'a str, DocumentError> {
        self.expected("a string", self.value.as_str())
    }

    /// The field of an object, where it is there.
    pub(super) fn get(&'a self, name: &'a str) -> Option<Self> {
        let value = self.value.get(name)?;
        Some(Self { value, place: self.place.name(name) })
    }

    /// The field of an object, which must be there.
    pub(super) fn need(&'a self, name: &'static str) -> Result<Self, DocumentError> {
        self.object()?;
        self.get(name).ok_or_else(|| self.error(Rule::MissingField(name)))
    }

    /// Reads a field where it is there.
    pub(super) fn optional<T>(
        &'a self,
        name: &'a str,
        read: impl FnOnce(&Node<'_>) -> Result<T, DocumentError>,
    ) -> Result<Option<T>, DocumentError> {
        self.get(name).map(|node| read(&node)).transpose()
    }

    /// Reads each item of an array.
    pub(super) fn array<T>(
        &self,
        mut read: impl FnMut(&Node<'_>) -> Result<T, DocumentError>,
    ) -> Result<Vec<T>, DocumentError> {
        let Value::Array(items) = self.value else {
            return Err(self.error(Rule::Expected("an array")));
        };
        let step = |(index, value)| Node { value, place: self.place.index(index) };
        items.iter().enumerate().map(|item| read(&step(item))).collect()
    }

    /// Reads each field of an object.
    pub(super) fn fields<T, C: FromIterator<(String, T)>>(
        &self,
        mut read: impl FnMut(&str, &Node<'_>) -> Result<T, DocumentError>,
    ) -> Result<C, DocumentError> {
        let entry = |(name, value): (&str, &Value)| {
            let node = Node { value, place: self.place.name(name) };
            Ok((name.to_owned(), read(name, &node)?))
        };
        self.object()?.iter().map(entry).collect()
    }
}
