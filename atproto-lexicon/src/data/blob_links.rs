use super::{Cid, Codec, Link, Object, Value, blob};

/// The blobs that a record names, wherever in it, in either form ([`BlobRef`](super::BlobRef)): their CIDs, of codec `raw`, and media
/// types, which are what the record says. A blob that it names twice comes twice. It takes no recursion and no more memory than the
/// record's own lists have entries.
///
/// ```
/// use atproto_lexicon::data::{blob_links, json};
///
/// let record = json::to_record(br#"{"$type": "com.example.note", "files": [{
///     "$type": "blob", "ref": {"$link": "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"},
///     "mimeType": "text/plain", "size": 5}]}"#)?;
/// assert_eq!(blob_links(&record).map(|(_, media_type)| media_type).collect::<Vec<_>>(), ["text/plain"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn blob_links(record: &Object) -> impl Iterator<Item = (Cid, &str)> {
    let (mut objects, mut arrays) = (vec![record], Vec::<&Vec<Value>>::new());
    std::iter::from_fn(move || {
        loop {
            let (values, found): (Box<dyn Iterator<Item = &Value>>, _) = if let Some(object) = objects.pop() {
                (Box::new(object.values()), link(object))
            } else {
                (Box::new(arrays.pop()?.iter()), None)
            };
            for value in values {
                match value {
                    Value::Object(object) => objects.push(object),
                    Value::Array(array) => arrays.push(array),
                    _ => {}
                }
            }
            if found.is_some() {
                return found;
            }
        }
    })
}

/// The blob that an object is.
fn link(object: &Object) -> Option<(Cid, &str)> {
    let media_type = object.get("mimeType")?.as_str()?;
    let cid = match (object.get("$type"), object.get("ref")) {
        (Some(name), Some(Value::Link(Link::Cid(cid)))) if name.as_str() == Some(blob::TYPE) => *cid,
        // That of records made before 2023.
        (None, None) if object.len() == 2 => object.get("cid")?.as_str()?.parse().ok()?,
        _ => return None,
    };
    (cid.codec() == Codec::Raw).then_some((cid, media_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::json;

    #[test]
    fn blobs_are_found_wherever_they_are() {
        let (first, second) = (Cid::of(Codec::Raw, b"1"), Cid::of(Codec::Raw, b"2"));
        let block = Cid::of_dag_cbor(b"3");
        let blob =
            format!(r#"{{"$type":"blob","ref":{{"$link":"{first}"}},"mimeType":"image/png","size":1}}"#);
        let record = format!(
            r#"{{"$type":"a.b.c","x":[[{blob}],{{"cid":"{second}","mimeType":"a/b"}}],"w":{{"v":{{"u":{blob}}}}},
                "y":{{"cid":"{block}","mimeType":"a/b"}},"z":{{"cid":"{first}","mimeType":"a/b","other":1}}}}"#,
        );
        let record = json::to_record(record.as_bytes()).unwrap();
        let mut found: Vec<_> = blob_links(&record).collect();
        found.sort();
        let mut all = [(first, "image/png"), (first, "image/png"), (second, "a/b")];
        all.sort();
        assert_eq!(found, all);
    }
}
