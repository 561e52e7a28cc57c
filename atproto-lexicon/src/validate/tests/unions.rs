use super::*;
use crate::data::ModelError;

const DEFS: &str = r##"
    "main": {"type": "record", "key": "any", "record": {
        "type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}},
    "one": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}},
    "two": {"type": "object", "properties": {"a": {"type": "string"}}},
    "token": {"type": "token"},
    "text": {"type": "string", "maxLength": 3},
    "list": {"type": "array", "items": {"type": "ref", "ref": "#text"}, "maxLength": 2},
    "o": {"type": "object", "properties": {
        "open": {"type": "union", "refs": ["#one", "com.example.doc#main", "#token", "#text", "com.example.gone"]},
        "closed": {"type": "union", "closed": true, "refs": ["#one", "com.example.gone#x"]},
        "any": {"type": "union", "refs": []},
        "text": {"type": "ref", "ref": "#text"},
        "list": {"type": "ref", "ref": "#list"},
        "record": {"type": "ref", "ref": "com.example.doc"},
        "one": {"type": "ref", "ref": "#one"},
        "token": {"type": "ref", "ref": "#token"},
        "gone": {"type": "ref", "ref": "com.example.gone"},
        "here": {"type": "ref", "ref": "#gone"}
    }}"##;

fn found(text: &str) -> (Vec<(String, Reason)>, bool) {
    let catalog = catalog(DEFS);
    failures(Validator::new(&catalog).validate_definition(&def("o"), &value(text)))
}

#[test]
fn a_known_variant_is_as_its_definition_says() {
    for good in [
        r#"{"open": {"$type": "com.example.doc#one", "a": 1}, "closed": {"$type": "com.example.doc#one", "a": 1, "b": 2}}"#,
        r#"{"open": {"$type": "com.example.doc", "a": 1}}"#,
        // Neither is a variant, though the catalog has the first.
        r#"{"open": {"$type": "com.example.doc#two", "a": 1}}"#,
        r#"{"open": {"$type": "com.example.doc#other", "a": {}}}"#,
        r#"{"open": {"$type": "com.example.doc#main", "a": "x"}}"#,
        r#"{"any": {"$type": "com.example.doc#one", "a": "x"}}"#,
    ] {
        assert_eq!(found(good), (vec![], false), "{good}");
    }
    let integer = || Reason::Type { expected: "an integer" };
    for (text, path, reason) in [
        (r#"{"open": {"$type": "com.example.doc#one", "a": "x"}}"#, "/open/a", integer()),
        (r#"{"open": {"$type": "com.example.doc", "a": "x"}}"#, "/open/a", integer()),
        (r#"{"closed": {"$type": "com.example.doc#one"}}"#, "/closed/a", Reason::Missing),
        (r#"{"open": {"a": 1}}"#, "/open", Reason::NoType),
        (r#"{"any": {}}"#, "/any", Reason::NoType),
        (r#"{"closed": {"a": 1}}"#, "/closed", Reason::NoType),
        (r#"{"open": "com.example.doc#one"}"#, "/open", Reason::Type { expected: "an object" }),
        (
            r#"{"open": {"$type": "com.example.doc#token"}}"#,
            "/open",
            Reason::NoData("com.example.doc#token".into()),
        ),
        (
            r#"{"open": {"$type": "com.example.doc#text"}}"#,
            "/open",
            Reason::NoData("com.example.doc#text".into()),
        ),
        (
            r#"{"closed": {"$type": "com.example.doc#two"}}"#,
            "/closed",
            Reason::NotInUnion("com.example.doc#two".into()),
        ),
        (r#"{"closed": {"$type": "one", "a": 1}}"#, "/closed", Reason::NotInUnion("one".into())),
    ] {
        assert_eq!(found(text), (at(path, reason), false), "{text}");
    }
    let main = catalog(
        r##""main": {"type": "object", "properties": {}},
            "o": {"type": "object", "properties": {"v": {"type": "union", "closed": true, "refs": ["#main"]}}}"##,
    );
    let of = |name| value(&format!(r#"{{"v": {{"$type": "{name}"}}}}"#));
    let validate = |name| failures(Validator::new(&main).validate_definition(&def("o"), &of(name))).0;
    assert_eq!(validate("com.example.doc"), []);
    assert_eq!(validate("com.example.doc#main"), at("/v", Reason::NotInUnion("com.example.doc#main".into())));
}

#[test]
fn references_lead_to_definitions() {
    for good in [
        r#"{"text": "abc", "list": ["abc", ""], "one": {"a": 1}}"#,
        // Not asked for, and not looked at.
        r#"{"one": {"a": 1, "$type": "com.example.doc#two"}}"#,
        r#"{"record": {"$type": "com.example.doc", "a": 1}}"#,
    ] {
        assert_eq!(found(good), (vec![], false), "{good}");
    }
    let record = || Reason::RecordType("com.example.doc".into());
    for (text, path, reason) in [
        (r#"{"text": "abcd"}"#, "/text", Reason::TooLong { length: 4, max: 3 }),
        (r#"{"list": ["", "abcd"]}"#, "/list/1", Reason::TooLong { length: 4, max: 3 }),
        (r#"{"list": ["", "", ""]}"#, "/list", Reason::TooManyItems { count: 3, max: 2 }),
        (r#"{"record": {"a": 1}}"#, "/record", record()),
        (r#"{"record": {"$type": "com.example.doc#main", "a": 1}}"#, "/record", record()),
        (r#"{"record": 1}"#, "/record", Reason::Type { expected: "an object" }),
        (r#"{"token": "com.example.doc#token"}"#, "/token", Reason::NoData("com.example.doc#token".into())),
        (r#"{"text": null}"#, "/text", Reason::Null),
    ] {
        assert_eq!(found(text), (at(path, reason), false), "{text}");
    }
}

#[test]
fn what_is_not_known_is_incomplete_unless_something_is_wrong() {
    let unknown = |name: &str| Reason::UnknownDefinition(name.into());
    assert_eq!(found(r#"{"gone": 5}"#), (at("/gone", unknown("com.example.gone")), true));
    assert_eq!(found(r#"{"here": 5}"#), (at("/here", unknown("com.example.doc#gone")), true));
    let text = r#"{"open": {"$type": "com.example.gone"}}"#;
    assert_eq!(found(text), (at("/open", unknown("com.example.gone")), true));
    let text = r#"{"gone": 1, "text": 2, "closed": {"$type": "com.example.gone#x"}}"#;
    let (all, incomplete) = found(text);
    let expected = [
        ("/text".to_owned(), Reason::Type { expected: "a string" }),
        ("/gone".into(), unknown("com.example.gone")),
        ("/closed".into(), unknown("com.example.gone#x")),
    ];
    assert!(!incomplete);
    assert_eq!(all, expected);
    let catalog = catalog(DEFS);
    let first = Validator::new(&catalog).first_only();
    assert_eq!(failures(first.validate_definition(&def("o"), &value(text))).0, expected[..1]);
    let both = value(r#"{"gone": 1, "here": 2}"#);
    let (one, incomplete) = failures(first.validate_definition(&def("o"), &both));
    assert!(incomplete && one.len() == 1);
}

#[test]
fn a_value_is_what_its_type_says() {
    let catalog = catalog(DEFS);
    let by_type = |text: &str| Validator::new(&catalog).validate_by_type(&value(text));
    assert_eq!(by_type(r#"{"$type": "com.example.doc", "a": 1}"#), Ok(()));
    assert_eq!(by_type(r#"{"$type": "com.example.doc#two", "a": "1"}"#), Ok(()));
    assert_eq!(failures(by_type(r#"{"$type": "com.example.doc"}"#)).0, at("/a", Reason::Missing));
    assert_eq!(failures(by_type("{}")).0, at("", Reason::NoType));
    assert_eq!(failures(by_type("[]")).0, at("", Reason::Type { expected: "an object" }));
    for name in ["doc", "com.example.doc#", "com.example.doc#main", "com.example.doc#a b", "#one", "blob2"] {
        let text = format!(r#"{{"$type": "{name}"}}"#);
        assert_eq!(failures(by_type(&text)).0, at("", Reason::TypeName(name.into())));
    }
    assert_eq!(by_type(r#"{"$type": "com.example.doc#x"}"#), Err(ValidateError::Unknown(def("x"))));
    assert!(matches!(by_type(r#"{"$type": "com.example.doc#token"}"#), Err(ValidateError::Kind { .. })));
    let bad = Value::Object([("$type".to_owned(), 5.into())].into_iter().collect());
    let found = failures(Validator::new(&catalog).validate_by_type(&bad)).0;
    assert_eq!(found, at("", Reason::Model(ModelError::Type)));
}

#[test]
fn a_definition_that_no_value_is_of_cannot_be_asked_for() {
    let catalog = catalog(DEFS);
    let validator = Validator::new(&catalog);
    let error = validator.validate_definition(&def("token"), &Value::Null).unwrap_err();
    assert_eq!(error.to_string(), "com.example.doc#token is of the type \"token\" and no type of data");
    assert_eq!(validator.validate_definition(&def("x"), &Value::Null), Err(ValidateError::Unknown(def("x"))));
    assert_eq!(validator.validate_definition(&def("text"), &"abc".into()), Ok(()));
}
