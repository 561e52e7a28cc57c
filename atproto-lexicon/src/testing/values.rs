//! Values of the data model.

use crate::data::{Blob, BlobRef, Bytes, Cid, Codec, LegacyBlob, Link, Object, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// CIDs of blocks and of blobs.
pub fn cid() -> impl Strategy<Value = Cid> {
    (any::<bool>(), any::<[u8; 32]>()).prop_map(|(is_block, digest)| {
        Cid::from_digest(if is_block { Codec::DagCbor } else { Codec::Raw }, digest)
    })
}

/// Links as they stand in records: most are CIDs of this network, some have another hash or codec.
pub fn link() -> impl Strategy<Value = Link> {
    // BLAKE3, and an identity hash.
    let foreign = prop_oneof![
        any::<[u8; 32]>().prop_map(|digest| [&[1, 0x71, 0x1e, 32], &digest[..]].concat()),
        vec(any::<u8>(), 0..20).prop_map(|bytes| [&[1, 0x55, 0, bytes.len() as u8], &bytes[..]].concat()),
    ];
    prop_oneof![
        7 => cid().prop_map(Link::from),
        1 => foreign.prop_map(|bytes| Link::from_bytes(&bytes).unwrap()),
    ]
}

/// Bytes, few of them.
pub fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..80).prop_map(Bytes)
}

/// Blobs as they are made, and as they once were.
pub fn blob_ref() -> impl Strategy<Value = BlobRef> {
    let mime = select(&["image/png", "video/mp4", "*/*", "text/plain; charset=\"utf-8\""][..]);
    let cid = any::<[u8; 32]>().prop_map(|digest| Cid::from_digest(Codec::Raw, digest));
    (any::<bool>(), cid, mime, 0..2_000_000_u64).prop_map(|(is_legacy, cid, mime, size)| {
        let mime_type = mime.to_owned();
        if is_legacy {
            BlobRef::Legacy(LegacyBlob { cid: cid.to_string(), mime_type, extra: Object::new() })
        } else {
            BlobRef::Blob(Blob { cid, mime_type, size, extra: Object::new() })
        }
    })
}

fn integer() -> impl Strategy<Value = i64> {
    // Where the length of their encoding changes.
    let edges =
        &[0, 23, 24, 255, 256, 65_535, 65_536, u32::MAX as i64, u32::MAX as i64 + 1, i64::MAX, i64::MIN];
    prop_oneof![select(&edges[..]), select(&edges[..]).prop_map(|edge: i64| !edge), any::<i64>()]
}

/// Names of fields: also those that sort by length first, or are empty, or look as if they meant something.
fn name() -> impl Strategy<Value = String> {
    let names =
        &["", "a", "b", "aa", "ab", "text", "createdAt", "größe", "🦋", "$x", "ref", "cid", "mimeType"];
    prop_oneof![3 => select(&names[..]).prop_map(String::from), 1 => ".{0,12}"]
        // These two mean something, and `$type` has a text.
        .prop_map(|name| if ["$link", "$bytes", "$type"].contains(&&*name) { name + "_" } else { name })
}

/// Values of any type, nested up to five deep.
pub fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        integer().prop_map(Value::from),
        ".{0,24}".prop_map(|text| Value::from(text.as_str())),
        bytes().prop_map(Value::Bytes),
        link().prop_map(Value::Link),
        blob_ref().prop_map(|blob| Value::Object(Object::try_from(&blob).unwrap())),
    ];
    leaf.prop_recursive(5, 48, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::Array),
            vec((name(), inner), 0..8).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Objects of such values, without a type.
pub fn object() -> impl Strategy<Value = Object> {
    vec((name(), value()), 0..6).prop_map(|fields| fields.into_iter().collect())
}

/// Records: such objects with a `$type`.
pub fn record() -> impl Strategy<Value = Object> {
    (super::strings::nsid(), object()).prop_map(|(nsid, mut record)| {
        record.insert("$type".into(), nsid.as_str().into());
        record
    })
}
