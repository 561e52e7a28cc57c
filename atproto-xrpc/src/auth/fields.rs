//! Fields of JSON objects that others sent: read strictly, and named where something is wrong with them.

use atproto_lexicon::data::{Limits, Object, Value, json};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// What is wrong with a field of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum FieldFault {
    /// It has to be there and is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// It is of another type than it has to be, or too long, or its text is not what it has to be.
    #[error("{0} is malformed")]
    Malformed(&'static str),
}

/// Reads an object of at most so many bytes. `None` where it is no object, has a key twice, at any depth, or a number that is no
/// integer.
pub(crate) fn object(bytes: &[u8], max_bytes: usize) -> Option<Object> {
    let limits = Limits { bytes: max_bytes, depth: 16, items: 1024, key: 256 };
    match json::from_slice(bytes, &limits) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Reads an object of at most so many bytes that is an answer: of what is in it, texts and whole numbers at the top are kept. What is
/// anything else, null too, counts as absent: a token that was given once must not be lost for a member that nobody asked for (RFC 6749,
/// section 5.1). `None` where it is no object, or has a key twice at the top.
pub(crate) fn answer(bytes: &[u8], max_bytes: usize) -> Option<Object> {
    let bytes = Some(bytes).filter(|bytes| bytes.len() <= max_bytes)?;
    serde_json::from_slice(bytes).ok().map(|Answer(object)| object)
}

struct Answer(Object);

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Answer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
                let (mut object, mut seen) = (Object::default(), HashSet::new());
                while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                    let kept = match &value {
                        serde_json::Value::String(text) => Some(Value::from(text.as_str())),
                        serde_json::Value::Number(number) => number.as_i64().map(Value::from),
                        _ => None,
                    };
                    if let Some(kept) = kept {
                        object.insert(name.clone(), kept);
                    }
                    if !seen.insert(name) {
                        return Err(A::Error::custom("a key stands twice"));
                    }
                }
                Ok(Answer(object))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

pub(crate) fn text<'a>(object: &'a Object, name: &'static str) -> Result<Option<&'a str>, FieldFault> {
    optional(object, name, Value::as_str)
}

pub(crate) fn required_text<'a>(object: &'a Object, name: &'static str) -> Result<&'a str, FieldFault> {
    text(object, name)?.ok_or(FieldFault::Missing(name))
}

/// A number of seconds since 1970, or of something else that is not negative.
pub(crate) fn number(object: &Object, name: &'static str) -> Result<Option<u64>, FieldFault> {
    optional(object, name, |value| u64::try_from(value.as_integer()?).ok())
}

pub(crate) fn required_number(object: &Object, name: &'static str) -> Result<u64, FieldFault> {
    number(object, name)?.ok_or(FieldFault::Missing(name))
}

/// Text that is parsed in turn.
pub(crate) fn required<T: std::str::FromStr>(object: &Object, name: &'static str) -> Result<T, FieldFault> {
    required_text(object, name)?.parse().map_err(|_| FieldFault::Malformed(name))
}

/// A field that may be absent. Null is not absent.
pub(crate) fn optional<'a, T>(
    object: &'a Object,
    name: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<Option<T>, FieldFault> {
    object.get(name).map(|value| read(value).ok_or(FieldFault::Malformed(name))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_loses_no_answer() {
        let json =
            br#"{"a":"text","b":-3,"c":null,"d":1.5,"e":{"f":[0.1,null]},"g":99999999999999999999,"h":true}"#;
        let read = answer(json, 200).unwrap();
        assert_eq!(read, Object::from([("a".into(), "text".into()), ("b".into(), (-3).into())]));
        assert_eq!(text(&read, "c"), Ok(None));
        assert_eq!(number(&read, "b"), Err(FieldFault::Malformed("b")));
        assert_eq!(object(json, 200), None, "where it is signed or promised, it is strict");
        for bad in
            [&br#"{"a":"1","a":"2"}"#[..], br#"{"a":null,"a":"2"}"#, b"[]", b"{", br#"{"a":1} {}"#, b""]
        {
            assert_eq!(answer(bad, 200), None, "{}", String::from_utf8_lossy(bad));
        }
        assert!(answer(json, json.len()).is_some() && answer(json, json.len() - 1).is_none());
        let deep = [br#"{"a":"#.as_slice(), &b"[".repeat(10_000)].concat();
        assert_eq!(answer(&deep, usize::MAX), None);
    }
}
