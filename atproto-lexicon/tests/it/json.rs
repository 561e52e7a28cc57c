use atproto_lexicon::data::json::{self, JsonError, JsonReason as Reason};
use atproto_lexicon::data::{LimitError, Limits, ModelError, Value};

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
        (r#"{"a":1,"a":2}"#, Reason::DuplicateKey, 7),
        (r#"{"a":1,"\u0061":2}"#, Reason::DuplicateKey, 7),
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
    let text = r#"{"$future":{"$x":1},"a":{"$link ":"y"}}"#;
    assert_eq!(json::to_string(&json::from_str(text).unwrap()).as_deref(), Ok(text));
}

#[test]
fn what_json_cannot_say_is_an_error() {
    let object = |name: &str| Value::Array(vec![Value::Object([(name.to_owned(), Value::Null)].into())]);
    for name in ["$link", "$bytes"] {
        assert!(json::to_string(&object(name)).is_err());
        assert!(serde_json::to_string(&object(name)).is_err());
    }
    assert!(json::to_string(&object("link")).is_ok());
}

#[test]
fn numbers_through_serde_json_are_exact_or_refused() {
    assert_eq!(serde_json::from_str::<Value>("1e3").unwrap(), Value::Integer(1000));
    assert!(serde_json::from_str::<Value>("9007199254740993.0").is_err());
    assert!(serde_json::from_str::<Value>("0.5").is_err());
    assert!(serde_json::from_str::<Value>("18446744073709551615").is_err());
    assert!(serde_json::from_str::<Value>(r#"{"a":1,"a":2}"#).is_err());
    assert!(serde_json::from_str::<Value>(r#"{"$type":""}"#).is_err());
}
