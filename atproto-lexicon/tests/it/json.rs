use atproto_lexicon::data::json::{self, JsonError, JsonReason as Reason};
use atproto_lexicon::data::{LimitError, Limits, ModelError, Value, cbor};

fn reason(text: &str) -> Result<(), Reason> {
    json::from_str(text).map(drop).map_err(|error| error.reason)
}

#[test]
fn faults_have_a_reason_and_a_place() {
    for (text, reason, offset) in [
        ("", Reason::End, 0),
        ("[1,]", Reason::Character, 3),
        ("[1 2]", Reason::Character, 3),
        ("[,1]", Reason::Character, 1),
        ("{\"a\":1,}", Reason::Character, 7),
        ("{\"a\" 1}", Reason::Character, 5),
        ("{1:1}", Reason::Character, 1),
        ("[1", Reason::End, 2),
        ("{\"a\"", Reason::End, 4),
        ("nul", Reason::Character, 0),
        ("1 1", Reason::Trailing, 2),
        ("01", Reason::Trailing, 1),
        ("[1.5]", Reason::Float, 1),
        ("[9223372036854775808]", Reason::IntegerRange, 1),
        (r#"{"a":1,"a":2}"#, Reason::DuplicateKey, 13),
        (r#"{"a":1,"\u0061":2}"#, Reason::DuplicateKey, 18),
        (r#"["\ud800"]"#, Reason::Surrogate, 2),
        (r#"{"$link":"x"}"#, Reason::Link, 13),
        (r#"{"$bytes":"AAA="}x"#, Reason::Trailing, 17),
        (r#"{"$bytes":"AAA=","a":1}"#, Reason::Bytes, 23),
        (r#"{"$bytes":1}"#, Reason::Bytes, 12),
        (r#"{"$type":""}"#, Reason::Model(ModelError::Type), 12),
    ] {
        assert_eq!(json::from_str(text), Err(JsonError { reason, offset }), "{text}");
    }
    assert_eq!(
        json::from_slice(b"\"a\xff\"", &Limits::OBJECT),
        Err(JsonError { reason: Reason::Utf8, offset: 2 })
    );
    assert_eq!(
        json::to_record(b"[]"),
        Err(JsonError { reason: Reason::Model(ModelError::NotObject), offset: 0 })
    );
}

#[test]
fn limits() {
    assert_eq!(reason(&["[".repeat(128), "]".repeat(128)].concat()), Ok(()));
    assert_eq!(reason(&"[".repeat(129)), Err(Reason::Limit(LimitError::Depth)));
    assert_eq!(reason(&"[".repeat(1_000_000)), Err(Reason::Limit(LimitError::Depth)));
    assert_eq!(reason(&format!("[{}0]", "0,".repeat(131_071))), Ok(()));
    assert_eq!(reason(&format!("[{}0]", "0,".repeat(131_072))), Err(Reason::Limit(LimitError::Items)));
    assert_eq!(reason(&format!("{{\"{}\":1}}", "a".repeat(8193))), Err(Reason::Limit(LimitError::Key)));
    assert_eq!(reason(&" ".repeat(6 << 20)), Err(Reason::Limit(LimitError::Bytes)));
}

#[test]
fn unknown_dollar_fields_are_kept() {
    let text = r#"{"a":{"$link ":"y"},"$future":{"$x":1}}"#;
    assert_eq!(json::to_string(&json::from_str(text).unwrap()).as_deref(), Ok(text));
}

#[test]
fn what_json_cannot_say_is_an_error() {
    for name in ["$link", "$bytes"] {
        let value = Value::Array(vec![object(name)]);
        assert!(json::to_string(&value).is_err());
        assert!(serde_json::to_string(&value).is_err());
        assert!(serde_json::to_string(object(name).as_object().unwrap()).is_err());
    }
    assert!(json::to_string(&object("link")).is_ok());
}

#[test]
fn numbers_through_serde_json_are_exact_or_refused() {
    assert_eq!(serde_json::from_str::<Value>("-0").unwrap(), Value::Integer(0));
    for float in
        ["1e3", "9007199254740993.0", "0.5", "0.99999999999999999999", "18446744073709551615", "1e16"]
    {
        assert!(serde_json::from_str::<Value>(float).is_err(), "{float}");
    }
    assert!(serde_json::from_str::<Value>(r#"{"a":1,"a":2}"#).is_err());
    assert!(serde_json::from_str::<Value>(r#"{"$type":""}"#).is_err());
    // A float, where some crate has turned on the library's `arbitrary_precision`.
    assert!(serde_json::from_str::<Value>(r#"{"$serde_json::private::Number":"1.5"}"#).is_err());
}

/// A link is an object in JSON, but no level of its own: what fits into one format fits into the other.
#[test]
fn depth_is_the_same_in_both_formats() {
    let cid = atproto_lexicon::data::Cid::of_dag_cbor(b"");
    for (inner, fits) in
        [(Value::from(cid), true), (Value::Bytes(vec![1].into()), true), (object("x"), false)]
    {
        let mut value = inner;
        for _ in 0..128 {
            value = Value::Array(vec![value]);
        }
        let text = json::to_string(&value).unwrap();
        assert_eq!(json::from_str(&text).ok(), fits.then_some(value.clone()));
        assert_eq!(cbor::to_vec(&value).is_ok(), fits);
    }
    let link = json::to_string(&Value::from(cid)).unwrap();
    let deeper = format!("{}{link}{}", "[".repeat(129), "]".repeat(129));
    assert_eq!(json::from_str(&deeper).unwrap_err().reason, Reason::Limit(LimitError::Depth));
}

fn object(name: &str) -> Value {
    Value::Object([(name.to_owned(), Value::Null)].into())
}

#[test]
fn limits_hold_to_the_byte() {
    let text = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
    let limit = 2 << 20;
    assert!(json::to_record(text(limit).as_bytes()).is_ok());
    let error = json::to_record(text(limit + 1).as_bytes()).unwrap_err();
    assert_eq!((error.reason, error.offset), (Reason::Limit(LimitError::Bytes), limit));
    let key = |length: usize| json::from_str(&format!("{{\"{}\":1}}", "k".repeat(length)));
    assert!(key(8192).is_ok());
    assert_eq!(key(8193).unwrap_err().reason, Reason::Limit(LimitError::Key));
    let items = |count: usize| json::from_str(&format!("[{}1]", "1,".repeat(count - 1)));
    assert!(items(131_072).is_ok());
    assert_eq!(items(131_073).unwrap_err().reason, Reason::Limit(LimitError::Items));
}

#[test]
fn leniency_is_about_base64_and_the_links_of_blobs() {
    let lenient = |text: &str| json::from_slice_lenient(text.as_bytes(), &Limits::OBJECT);
    let blob = r#"{"$type":"blob","mimeType":"a/b","size":1,"ref":{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}}"#;
    for text in [r#"{"$bytes":"123"}"#, blob] {
        assert!(json::from_str(text).is_err() && lenient(text).is_ok(), "{text}");
    }
    assert_eq!(lenient(blob).unwrap().check(), Err(ModelError::BlobRef));
    for text in [r#"{"$type":""}"#, &blob.replace("1,", "-1,"), &blob.replace("ref", "Ref"), "1.5"] {
        assert!(lenient(text).is_err(), "{text}");
    }
}
