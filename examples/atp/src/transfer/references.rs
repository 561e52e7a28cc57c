use super::MAX_LISTED;
use atproto_lexicon::data::{Cid, Codec, Link, Object, Value};
use std::collections::BTreeMap;

/// What is said of a blob whose media type nobody says.
const ANY: &str = "application/octet-stream";

/// The longest media type that is kept, in bytes.
const MAX_MEDIA_TYPE: usize = 127;

/// The blobs that records link, with their media types. Of more than a host may list, one more is kept.
#[derive(Debug, Default)]
pub(crate) struct References(BTreeMap<Cid, Option<Box<str>>>);

impl References {
    /// Adds those of a record.
    pub(super) fn add(&mut self, record: &Object) {
        let mut objects = vec![record];
        let mut arrays: Vec<&Vec<Value>> = Vec::new();
        loop {
            if let Some(object) = objects.pop() {
                if let Some((cid, media_type)) = blob(object)
                    && self.0.len() <= MAX_LISTED
                {
                    self.0.entry(cid).or_insert_with(|| is_type(media_type).then(|| media_type.into()));
                }
                object.values().for_each(|value| sort(value, &mut objects, &mut arrays));
            } else if let Some(array) = arrays.pop() {
                array.iter().for_each(|value| sort(value, &mut objects, &mut arrays));
            } else {
                return;
            }
        }
    }

    pub(super) fn cids(&self) -> impl Iterator<Item = &Cid> {
        self.0.keys()
    }

    pub(super) fn contains(&self, cid: &Cid) -> bool {
        self.0.contains_key(cid)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The media type, as far as a header can say it.
    pub(super) fn media_type(&self, cid: &Cid) -> &str {
        self.0.get(cid).and_then(Option::as_deref).unwrap_or(ANY)
    }
}

fn is_type(text: &str) -> bool {
    text.len() <= MAX_MEDIA_TYPE && text.contains('/') && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn sort<'v>(value: &'v Value, objects: &mut Vec<&'v Object>, arrays: &mut Vec<&'v Vec<Value>>) {
    match value {
        Value::Object(object) => objects.push(object),
        Value::Array(array) => arrays.push(array),
        _ => {}
    }
}

/// The blob that an object is, in either form.
fn blob(object: &Object) -> Option<(Cid, &str)> {
    let media_type = object.get("mimeType")?.as_str()?;
    let cid = match (object.get("$type"), object.get("ref")) {
        (Some(name), Some(Value::Link(Link::Cid(cid)))) if name.as_str() == Some("blob") => *cid,
        // That of records made before 2023.
        (None, None) if object.len() == 2 => object.get("cid")?.as_str()?.parse().ok()?,
        _ => return None,
    };
    (cid.codec() == Codec::Raw).then_some((cid, media_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use atproto_lexicon::data::json;

    #[test]
    fn blobs_are_found_wherever_they_are() {
        let (first, second) = (Cid::of(Codec::Raw, b"1"), Cid::of(Codec::Raw, b"2"));
        let block = Cid::of_dag_cbor(b"3");
        let blob = |cid: &Cid| {
            format!(r#"{{"$type":"blob","ref":{{"$link":"{cid}"}},"mimeType":"image/png","size":1}}"#)
        };
        let record = format!(
            r#"{{"$type":"a.b.c","x":[[{}],{{"cid":"{second}","mimeType":"no type\n"}}],
                "y":{{"cid":"{block}","mimeType":"a/b"}},"z":{{"cid":"{first}","mimeType":"a/b","other":1}}}}"#,
            blob(&first)
        );
        let mut found = References::default();
        found.add(&json::to_record(record.as_bytes()).unwrap());
        let mut all = [first, second];
        all.sort();
        assert!(found.cids().eq(&all));
        assert_eq!((found.media_type(&first), found.media_type(&second)), ("image/png", ANY));
        assert!(found.contains(&first) && !found.contains(&block));
    }
}
