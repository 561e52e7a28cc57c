//! Types of a user's own, through `serde`.

use atproto_lexicon::data::cbor::{CborReason, DecodeError, EncodeError, from_slice, to_vec};
use atproto_lexicon::data::{BlobRef, Bytes, Cid, CidError, LimitError, Link, Value, cbor, json};
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    cid: Cid,
    link: Link,
    bytes: Bytes,
    blob: BlobRef,
    old: BlobRef,
    maybe: Option<Cid>,
    value: Value,
    list: Vec<Link>,
}

fn everything() -> Everything {
    let raw = Cid::of(atproto_lexicon::data::Codec::Raw, b"picture");
    let other = [&[1, 0x71, 0x1e, 32][..], &[7; 32]].concat();
    Everything {
        cid: raw,
        link: Link::from_bytes(&other).unwrap(),
        bytes: Bytes(vec![0, 1, 2]),
        blob: json_as(&format!(
            r#"{{"$type":"blob","ref":{{"$link":"{raw}"}},"mimeType":"image/png","size":0,"extra":{{"a":1}}}}"#
        )),
        old: json_as(&format!(r#"{{"cid":"{raw}","mimeType":"image/png","extra":null}}"#)),
        maybe: None,
        value: json::from_str(&format!(r#"{{"x":[{{"$link":"{raw}"}},{{"$bytes":"AA"}},null,-1]}}"#))
            .unwrap(),
        list: vec![raw.into()],
    }
}

fn json_as<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_type_goes_both_ways_in_both_formats() {
    for maybe in [None, Some(Cid::of_dag_cbor(b""))] {
        go_both_ways(&Everything { maybe, ..everything() });
    }
}

fn go_both_ways(before: &Everything) {
    let bytes = to_vec(before).unwrap();
    assert_eq!(from_slice::<Everything>(&bytes).unwrap(), *before);
    let text = serde_json::to_string(before).unwrap();
    assert_eq!(json_as::<Everything>(&text), *before);
    // The two formats hold the same value.
    assert_eq!(json::from_str(&text).unwrap(), cbor::to_value(&bytes).unwrap());
    assert_eq!(from_slice::<Value>(&bytes).unwrap(), cbor::to_value(&bytes).unwrap());
    assert_eq!(json_as::<Value>(&text), json::from_str(&text).unwrap());
}

#[test]
fn blobs_show_their_parts() {
    let Everything { blob: BlobRef::Blob(blob), old: BlobRef::Legacy(old), cid, .. } = everything() else {
        panic!()
    };
    assert_eq!((blob.cid, blob.mime_type.as_str(), blob.size), (cid, "image/png", 0));
    assert_eq!((old.cid, old.mime_type.as_str()), (cid.to_string(), "image/png"));
    let too_large = BlobRef::Blob(atproto_lexicon::data::Blob { size: 1 << 63, ..blob });
    assert!(to_vec(&too_large).is_err() && serde_json::to_string(&too_large).is_err());
    for bad in [
        r#"{"$type":"blob","mimeType":"image/png","size":1}"#,
        r#"{"$type":"image","cid":"x","mimeType":"image/png"}"#,
        r#"{"mimeType":"image/png"}"#,
        r#""blob""#,
    ] {
        assert!(serde_json::from_str::<BlobRef>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_link_is_only_a_link() {
    for bad in [
        r#""bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a""#,
        r#"{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a","x":1}"#,
        r#"{"$link":1}"#,
        r#"{"link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}"#,
        "{}",
    ] {
        assert!(serde_json::from_str::<Cid>(bad).is_err(), "{bad}");
        assert!(serde_json::from_str::<Link>(bad).is_err(), "{bad}");
    }
    let bytes = to_vec(&Bytes(Cid::of_dag_cbor(b"").as_bytes().to_vec())).unwrap();
    assert!(matches!(from_slice::<Cid>(&bytes), Err(DecodeError::Type(_))));
}

/// Reads one field and ignores the rest.
#[derive(Debug, Deserialize)]
struct Sparse {
    a: i64,
}

/// `{"a": 1, "b": <content>}`.
fn with_unknown(content: &[u8]) -> Vec<u8> {
    [&[0xa2, 0x61, b'a', 1, 0x61, b'b'][..], content].concat()
}

#[test]
fn what_a_type_ignores_is_checked_all_the_same() {
    assert_eq!(from_slice::<Sparse>(&with_unknown(&[0xf6])).unwrap().a, 1);
    let deep = [&[0x81; 200][..], &[0xf6]].concat();
    let cid_0 = [&[0xd8, 42, 0x58, 35, 0, 0x12, 0x20][..], &[1; 32]].concat();
    let cases: [(&str, &[u8], CborReason); 19] = [
        ("a float", &[0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], CborReason::Float),
        ("a short float", &[0xf9, 0x3e, 0], CborReason::Float),
        ("NaN", &[0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], CborReason::Float),
        ("a duplicate key", &[0xa2, 0x61, b'x', 1, 0x61, b'x', 2], CborReason::DuplicateKey),
        ("unsorted keys", &[0xa2, 0x61, b'y', 1, 0x61, b'x', 2], CborReason::KeyOrder),
        ("a longer key first", &[0xa2, 0x62, b'a', b'a', 1, 0x61, b'b', 2], CborReason::KeyOrder),
        ("a key which is not text", &[0xa1, 1, 1], CborReason::KeyType),
        ("another tag", &[0xc1, 1], CborReason::Tag),
        ("tag 42 on text", &[0xd8, 42, 0x61, b'b'], CborReason::TagContent),
        ("tag 42 without the zero", &[0xd8, 42, 0x41, 1], CborReason::TagContent),
        ("a version-0 CID", &cid_0, CborReason::Cid(CidError::Version)),
        ("an indefinite array", &[0x9f, 0xff], CborReason::Indefinite),
        ("indefinite text", &[0x7f, 0x61, b'a', 0xff], CborReason::Indefinite),
        ("bad UTF-8", &[0x61, 0xff], CborReason::Utf8),
        ("200 levels", &deep, CborReason::Limit(LimitError::Depth)),
        ("a long integer", &[0x18, 1], CborReason::NotShortest),
        ("a long length", &[0x78, 1, b'a'], CborReason::NotShortest),
        ("undefined", &[0xf7], CborReason::Simple),
        ("an integer of 65 bits", &[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0], CborReason::IntegerRange),
    ];
    for (what, content, reason) in cases {
        match from_slice::<Sparse>(&with_unknown(content)) {
            Err(DecodeError::Cbor(error)) => assert_eq!(error.reason, reason, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn what_is_written_is_checked_too() {
    assert!(matches!(to_vec(&1.5_f64), Err(EncodeError::Cbor(error)) if error.reason == CborReason::Float));
    assert!(
        matches!(to_vec(&u64::MAX), Err(EncodeError::Cbor(error)) if error.reason == CborReason::IntegerRange)
    );
    let mut deep = Value::Null;
    for _ in 0..200 {
        deep = Value::Array(vec![deep]);
    }
    assert!(to_vec(&deep).is_err());
}
