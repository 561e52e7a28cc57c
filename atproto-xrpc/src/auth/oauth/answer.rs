//! What the servers of OAuth answer.

use atproto_lexicon::data::{Object, Value};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// Reads an object of at most so many bytes that is an answer: of what is in it, texts and whole numbers at the top are kept. What is
/// anything else, null too, counts as absent: a token that was given once must not be lost for a member that nobody asked for (RFC 6749,
/// section 5.1). `None` where it is no object, or has a key twice at the top.
pub(super) fn read(bytes: &[u8], max_bytes: usize) -> Option<Object> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::fields::{FieldFault, number, object, text};

    #[test]
    fn what_nobody_asked_for_loses_no_answer() {
        let json =
            br#"{"a":"text","b":-3,"c":null,"d":1.5,"e":{"f":[0.1,null]},"g":99999999999999999999,"h":true}"#;
        let answer = read(json, 200).unwrap();
        assert_eq!(answer, Object::from([("a".into(), "text".into()), ("b".into(), (-3).into())]));
        assert_eq!(text(&answer, "c"), Ok(None));
        assert_eq!(number(&answer, "b"), Err(FieldFault::Malformed("b")));
        assert_eq!(object(json, 200), None, "where it is signed or promised, it is strict");
        for bad in
            [&br#"{"a":"1","a":"2"}"#[..], br#"{"a":null,"a":"2"}"#, b"[]", b"{", br#"{"a":1} {}"#, b""]
        {
            assert_eq!(read(bad, 200), None, "{}", String::from_utf8_lossy(bad));
        }
        assert!(read(json, json.len()).is_some() && read(json, json.len() - 1).is_none());
        let deep = [br#"{"a":"#.as_slice(), &b"[".repeat(10_000)].concat();
        assert_eq!(read(&deep, usize::MAX), None);
    }
}
