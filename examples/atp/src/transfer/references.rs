use super::MAX_LISTED;
use atproto_lexicon::data::{Cid, Object, blob_links};
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
        for (cid, media_type) in blob_links(record) {
            if self.0.len() <= MAX_LISTED {
                self.0.entry(cid).or_insert_with(|| is_type(media_type).then(|| media_type.into()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use atproto_lexicon::data::{Codec, json};

    #[test]
    fn a_media_type_is_kept_that_a_header_can_say() {
        let (first, second) = (Cid::of(Codec::Raw, b"1"), Cid::of(Codec::Raw, b"2"));
        let record = format!(
            r#"{{"$type":"a.b.c","x":{{"cid":"{first}","mimeType":"image/png"}},
                "y":{{"cid":"{second}","mimeType":"no type\n"}}}}"#
        );
        let mut found = References::default();
        found.add(&json::to_record(record.as_bytes()).unwrap());
        assert_eq!(found.len(), 2);
        assert_eq!((found.media_type(&first), found.media_type(&second)), ("image/png", ANY));
        assert!(found.contains(&first) && !found.contains(&Cid::of(Codec::Raw, b"3")));
    }
}
