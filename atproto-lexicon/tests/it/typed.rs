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

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Unit,
    Newtype(i64),
    Tuple(i64, String),
    Struct { a: Option<Cid> },
}

#[test]
fn enums_are_what_they_say() {
    let all = vec![
        Choice::Unit,
        Choice::Newtype(-5),
        Choice::Tuple(1, "x".into()),
        Choice::Struct { a: None },
        Choice::Struct { a: Some(Cid::of_dag_cbor(b"")) },
    ];
    let bytes = to_vec(&all).unwrap();
    assert_eq!(from_slice::<Vec<Choice>>(&bytes).unwrap(), all);
    // A variant without content that has some, and one with content that has none: together they fit.
    let swapped = to_vec(&json::from_str(r#"[{"Unit":"Newtype"},5]"#).unwrap()).unwrap();
    assert!(matches!(from_slice::<Vec<Choice>>(&swapped), Err(DecodeError::Type(_))));
    for bad in [
        r#"{"Unit":null}"#,
        r#""Newtype""#,
        r#"{"Newtype":5,"x":1}"#,
        "{}",
        r#"{"Tuple":[1]}"#,
        r#"{"Tuple":[1,"x",2]}"#,
        r#""Struct""#,
    ] {
        let bytes = to_vec(&json::from_str(bad).unwrap()).unwrap();
        assert!(matches!(from_slice::<Choice>(&bytes), Err(DecodeError::Type(_))), "{bad}");
    }
}

/// A type reads what is written in its form, and nothing that only looks like it.
#[test]
fn types_are_not_mixed_up() {
    let refused = |value: Value, kind: &str| {
        let bytes = to_vec(&value).unwrap();
        let read = [
            ("text", from_slice::<String>(&bytes).is_ok()),
            ("borrowed", from_slice::<&str>(&bytes).is_ok()),
            ("bytes", from_slice::<Bytes>(&bytes).is_ok()),
            ("link", from_slice::<Cid>(&bytes).is_ok()),
            ("integer", from_slice::<i64>(&bytes).is_ok()),
            ("unsigned", from_slice::<u8>(&bytes).is_ok()),
            ("boolean", from_slice::<bool>(&bytes).is_ok()),
            ("null", from_slice::<()>(&bytes).is_ok()),
            ("array", from_slice::<Vec<i64>>(&bytes).is_ok()),
            ("object", from_slice::<Sparse>(&bytes).is_ok()),
            ("map", from_slice::<std::collections::BTreeMap<String, i64>>(&bytes).is_ok()),
        ];
        for (name, is_read) in read {
            assert_eq!(is_read, kind.split(' ').any(|kind| kind == name), "{value:?} as {name}");
        }
    };
    refused("text".into(), "text borrowed");
    refused(Value::Bytes(b"text".to_vec().into()), "bytes");
    refused(Cid::of_dag_cbor(b"").into(), "link");
    refused(Value::Integer(255), "integer unsigned");
    refused(Value::Integer(256), "integer");
    refused(Value::Integer(-1), "integer");
    refused(Value::Boolean(true), "boolean");
    refused(Value::Null, "null");
    refused(Value::Array(vec![1_i64.into()]), "array");
    refused(json::from_str(r#"{"a":1}"#).unwrap(), "object map");
}

#[test]
fn type_errors_say_where() {
    let bytes = to_vec(&json::from_str(r#"{"a":[1,"x"]}"#).unwrap()).unwrap();
    let read: Result<std::collections::BTreeMap<String, Vec<i64>>, _> = from_slice(&bytes);
    let Err(DecodeError::Type(error)) = read else { panic!() };
    assert_eq!(error.offset(), Some(5));
    assert_eq!(error.to_string(), "invalid type: string \"x\", expected i64 at byte 5");
}

/// Inside these `serde` reads first and asks afterwards; a link is a link all the same.
#[test]
fn links_in_buffered_types() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Link(Cid),
        Text(String),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        all: std::collections::BTreeMap<String, Either>,
    }

    let cid = Cid::of_dag_cbor(b"");
    let flat = Flat { all: [("a".into(), Either::Link(cid)), ("b".into(), Either::Text("x".into()))].into() };
    let bytes = to_vec(&flat).unwrap();
    assert_eq!(from_slice::<Flat>(&bytes).unwrap(), flat);
    assert_eq!(json_as::<Flat>(&serde_json::to_string(&flat).unwrap()), flat);
    // The same bytes without the tag are no link.
    let bytes = to_vec(&Bytes(cid.as_bytes().to_vec())).unwrap();
    assert!(from_slice::<Either>(&bytes).is_err());
}

#[test]
fn the_rules_on_objects_hold_for_what_is_written() {
    let object = |json: &str| {
        let fields: std::collections::BTreeMap<String, Option<String>> = serde_json::from_str(json).unwrap();
        let value = |text: Option<String>| text.map_or(Value::Null, Value::from);
        fields.into_iter().map(|(name, text)| (name, value(text))).collect::<atproto_lexicon::data::Object>()
    };
    for bad in [r#"{"$type":null}"#, r#"{"$type":""}"#, r#"{"$type":"blob"}"#] {
        assert!(to_vec(&object(bad)).is_err() && serde_json::to_string(&object(bad)).is_err(), "{bad}");
        assert!(object(bad).check().is_err());
    }
    let BlobRef::Blob(good) = everything().blob else { panic!() };
    let cid = Cid::of_dag_cbor(b"");
    let wrong = [
        atproto_lexicon::data::Blob { cid, ..good.clone() },
        atproto_lexicon::data::Blob { mime_type: String::new(), ..good },
    ];
    for blob in wrong.map(BlobRef::from) {
        assert!(to_vec(&blob).is_err() && serde_json::to_string(&blob).is_err(), "{blob:?}");
    }
}

/// Deepest nesting through types, in a thread with little stack.
#[test]
fn the_deepest_nesting_is_read() {
    let limits = atproto_lexicon::data::Limits { depth: usize::MAX, ..Default::default() };
    let nested = move |depth: usize| {
        let bytes = [&vec![0x81; depth][..], &[0xf6]].concat();
        cbor::from_slice_with::<Value>(&bytes, cbor::Profile::Atproto, &limits).is_ok()
    };
    let check = move || assert_eq!((nested(256), nested(257)), (true, false));
    std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
    let bytes = [&[0x81; 128][..], &[0xf6]].concat();
    assert!(from_slice::<Value>(&bytes).is_ok());
}
