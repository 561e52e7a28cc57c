use super::value::{check_object, has_no_json_form, object_from_json};
use super::{ModelError, Value};
use std::fmt;

/// The fields of an object by name.
///
/// They are kept in the order that DAG-CBOR writes them in, shorter names first, in one piece of memory: an object of a few
/// fields costs little more than these. Inserting and removing take time proportional to the number of fields; collecting
/// from an iterator sorts once, and of two fields with one name keeps the last.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Object(Vec<(String, Value)>);

/// A name occurs twice.
#[derive(Debug)]
pub(crate) struct DuplicateKey;

/// The order of DAG-CBOR: by length, then by bytes.
fn order(a: &str, b: &str) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl Object {
    /// An object without fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// From fields in any order, each name once.
    pub(crate) fn from_fields(mut fields: Vec<(String, Value)>) -> Result<Self, DuplicateKey> {
        let is_sorted =
            |fields: &[(String, Value)]| fields.is_sorted_by(|(a, _), (b, _)| order(a, b).is_lt());
        if !is_sorted(&fields) {
            fields.sort_by(|(a, _), (b, _)| order(a, b));
            if !is_sorted(&fields) {
                return Err(DuplicateKey);
            }
        }
        Ok(Self(fields))
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| order(other, name))
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The field of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        // Most objects are so small that looking at all is quicker than halving.
        const SMALL: usize = 32;
        if self.0.len() <= SMALL {
            return self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value);
        }
        self.0.get(self.find(name).ok()?).map(|(_, value)| value)
    }

    /// The field of this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        let at = self.find(name).ok()?;
        self.0.get_mut(at).map(|(_, value)| value)
    }

    /// Whether there is a field of this name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a field, and returns what it was before.
    pub fn insert(&mut self, name: String, value: Value) -> Option<Value> {
        match self.find(&name) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.find(name).ok().map(|at| self.0.remove(at).1)
    }

    /// The fields, shorter names first.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// The names, shorter ones first.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The values, in the order of their names.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> {
        self.0.iter().map(|(_, value)| value)
    }

    /// Checks the rules on this object, and on all that it holds: see [`Value::check`].
    ///
    /// # Errors
    /// The first [`ModelError`].
    pub fn check(&self) -> Result<(), ModelError> {
        check_object(self)?;
        self.values().try_for_each(Value::check)
    }
}

/// The fields of an [`Object`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(std::slice::Iter<'a, (String, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.as_str(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Object {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Object {
    type Item = (String, Value);
    type IntoIter = std::vec::IntoIter<(String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(String, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(fields: I) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        // The last of each name is to stay: it comes first here, and sorting keeps the order of equals.
        fields.reverse();
        fields.sort_by(|(a, _), (b, _)| order(a, b));
        fields.dedup_by(|(later, _), (first, _)| later == first);
        Self(fields)
    }
}

impl Extend<(String, Value)> for Object {
    fn extend<I: IntoIterator<Item = (String, Value)>>(&mut self, fields: I) {
        *self = std::mem::take(self).into_iter().chain(fields).collect();
    }
}

impl<const N: usize> From<[(String, Value); N]> for Object {
    fn from(fields: [(String, Value); N]) -> Self {
        fields.into_iter().collect()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl serde::Serialize for Object {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        if serializer.is_human_readable() && has_no_json_form(self) {
            return Err(S::Error::custom(super::json::NoJsonForm));
        }
        check_object(self).map_err(S::Error::custom)?;
        serializer.collect_map(self)
    }
}

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        match Value::deserialize(deserializer)? {
            Value::Object(object) => Ok(object),
            _ => Err(D::Error::custom(ModelError::NotObject)),
        }
    }
}

/// Reads a map's entries to an object, or in JSON to what `$link` and `$bytes` make of it, and checks the rules on it.
pub(super) fn read_map<'de, A: serde::de::MapAccess<'de>>(mut map: A, json: bool) -> Result<Value, A::Error> {
    use serde::de::Error as _;
    let mut fields = Vec::new();
    while let Some((name, value)) = map.next_entry::<String, Value>()? {
        // What `serde_json` makes of a float where any crate in the build turns its `arbitrary_precision` on.
        if json && name == "$serde_json::private::Number" {
            return Err(A::Error::custom("the data model has no floats"));
        }
        fields.push((name, value));
    }
    let object = Object::from_fields(fields).map_err(|_| A::Error::custom("duplicate key"))?;
    let value =
        if json { object_from_json(object, false).map_err(A::Error::custom)? } else { Value::Object(object) };
    if let Value::Object(object) = &value {
        check_object(object).map_err(A::Error::custom)?;
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(names: &[&str]) -> Object {
        names.iter().zip(0_u32..).map(|(name, number)| ((*name).to_owned(), number.into())).collect()
    }

    #[test]
    fn is_a_map_in_canonical_order() {
        let mut map = object(&["bb", "a", "", "ab", "a"]);
        assert_eq!(map.keys().collect::<Vec<_>>(), ["", "a", "ab", "bb"]);
        assert_eq!(map.get("a"), Some(&4.into()), "the last one stays");
        assert_eq!((map.len(), map.is_empty(), map.contains_key("b")), (4, false, false));
        assert_eq!(map.insert("b".into(), 7.into()), None);
        assert_eq!(map.insert("b".into(), 8.into()), Some(7.into()));
        assert_eq!(map.keys().collect::<Vec<_>>(), ["", "a", "b", "ab", "bb"]);
        *map.get_mut("ab").unwrap() = Value::Null;
        assert_eq!(map.remove("ab"), Some(Value::Null));
        assert_eq!((map.remove("ab"), map.get_mut("ab")), (None, None));
        assert_eq!(map.values().len(), 4);
        assert_eq!(map.clone().into_iter().collect::<Object>(), map);
        assert_eq!(format!("{:?}", object(&["x"])), r#"{"x": 0}"#);
        for count in [32, 33, 300] {
            let names: Vec<_> = (0..count).map(|number| number.to_string()).collect();
            let large = object(&names.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(names.iter().zip(0_u32..).all(|(name, number)| large.get(name) == Some(&number.into())));
            assert_eq!((large.get(""), large.get("x"), large.get("0001")), (None, None, None));
        }
    }
}
