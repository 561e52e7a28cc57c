use super::*;
use crate::syntax::RecordKey;

fn endpoints() -> Catalog {
    let mut catalog = catalog(r##""one": {"type": "object", "properties": {"a": {"type": "integer"}}}"##);
    let params = r#""parameters": {"type": "params", "required": ["n"], "properties": {
        "n": {"type": "integer", "minimum": -5, "default": 3},
        "b": {"type": "boolean"},
        "s": {"type": "string", "maxLength": 3},
        "l": {"type": "array", "maxLength": 2, "items": {"type": "integer", "maximum": 9}},
        "m": {"type": "array", "minLength": 2, "items": {"type": "string"}}
    }}"#;
    let one = r#""encoding": "application/json", "schema": {"type": "ref", "ref": "com.example.doc#one"}"#;
    let union = r#""encoding": "application/json",
        "schema": {"type": "union", "closed": true, "refs": ["com.example.doc#one"]}"#;
    for (name, main) in [
        ("query", format!(r#""type": "query", {params}, "output": {{{one}}}"#)),
        ("bare", r#""type": "query""#.into()),
        ("procedure", format!(r#""type": "procedure", {params}, "input": {{{one}}}, "output": {{{union}}}"#)),
        ("upload", r#""type": "procedure", "input": {"encoding": "*/*"}"#.into()),
        (
            "stream",
            format!(
                r##""type": "subscription", {params}, "message": {{"schema":
                    {{"type": "union", "refs": ["#commit", "com.example.doc#one", "#gone", "#text"]}}}}"##
            ),
        ),
        (
            "closed",
            r##""type": "subscription", "message": {"schema":
                {"type": "union", "closed": true, "refs": ["#commit"]}}"##
                .into(),
        ),
    ] {
        let text = format!(
            r#"{{"lexicon": 1, "id": "com.example.{name}", "defs": {{
                "main": {{{main}}},
                "text": {{"type": "string"}},
                "commit": {{"type": "object", "required": ["seq"], "properties": {{"seq": {{"type": "integer"}}}}}}
            }}}}"#
        );
        catalog.insert(Document::from_json(text.as_bytes()).unwrap()).unwrap();
    }
    for key in ["tid", "nsid", "any", "literal:self"] {
        let name = key.split(':').next().unwrap();
        let text = format!(
            r#"{{"lexicon": 1, "id": "com.example.record.{name}", "defs": {{"main": {{"type": "record",
                "key": "{key}", "record": {{"type": "object", "properties": {{}}}}}}}}}}"#
        );
        catalog.insert(Document::from_json(text.as_bytes()).unwrap()).unwrap();
    }
    catalog
}

#[test]
fn records_have_the_keys_of_their_type() {
    let catalog = endpoints();
    let keys = ["3jzfcijpj2z2a", "a.b.c", "self", "3jzfcijpj2z2", "Self"];
    for (kind, good) in [
        ("tid", [true, false, false, false, false]),
        ("nsid", [false, true, false, false, false]),
        ("any", [true; 5]),
        ("literal", [false, false, true, false, false]),
    ] {
        let nsid = nsid(&format!("com.example.record.{kind}"));
        let record = value(&format!(r#"{{"$type": "{nsid}"}}"#));
        for (key, good) in keys.into_iter().zip(good) {
            let rkey: RecordKey = key.parse().unwrap();
            let found = failures(Validator::new(&catalog).validate_record(&nsid, &rkey, &record)).0;
            assert_eq!(
                found,
                if good { vec![] } else { at("", Reason::RecordKey(key.into())) },
                "{kind} {key}"
            );
            let lenient = Validator::new(&catalog).lenient().validate_record(&nsid, &rkey, &record);
            assert_eq!(failures(lenient).0, found);
        }
        assert_eq!(Validator::new(&catalog).validate_record_without_key(&nsid, &record), Ok(()));
        let other = value(r#"{"$type": "com.example.record"}"#);
        let found = failures(Validator::new(&catalog).validate_record_without_key(&nsid, &other)).0;
        assert_eq!(found, at("", Reason::RecordType(nsid.as_str().into())));
    }
    let gone = nsid("com.example.gone");
    assert_eq!(
        Validator::new(&catalog).validate_record_without_key(&gone, &value("{}")),
        Err(ValidateError::Unknown(Reference::main(gone)))
    );
    let error = Validator::new(&catalog)
        .validate_record_without_key(&nsid("com.example.query"), &value("{}"))
        .unwrap_err();
    assert_eq!(error.to_string(), "com.example.query is of the type \"query\" and no record");
}

#[test]
fn parameters_are_read_from_a_query() {
    let catalog = endpoints();
    let validator = Validator::new(&catalog);
    let query = |text: &str| {
        let pairs = text.split('&').map(|pair| pair.split_once('=').unwrap());
        validator.validate_query(&nsid("com.example.query"), pairs)
    };
    for (text, json) in [
        ("n=-5", r#"{"n": -5}"#),
        ("n=1&b=true&s=1&l=1&m=a&m=b&x=1&x=2", r#"{"n": 1, "b": true, "s": "1", "l": [1], "m": ["a", "b"]}"#),
        ("l=2&n=1&l=1&s=", r#"{"n": 1, "l": [2, 1], "s": ""}"#),
    ] {
        assert_eq!(query(text).map(Value::Object), Ok(value(json)), "{text}");
    }
    let a = |expected| Reason::Type { expected };
    for (text, path, reason) in [
        ("b=true", "/n", Reason::Missing),
        ("n=-6", "/n", Reason::BelowMinimum { value: -6, min: -5 }),
        ("n=x", "/n", a("an integer")),
        ("n=", "/n", a("an integer")),
        ("n=+1", "/n", a("an integer")),
        ("n=1.0", "/n", a("an integer")),
        ("n=9223372036854775808", "/n", a("an integer")),
        ("n=1&n=2", "/n", a("an integer")),
        ("n=1&b=True", "/b", a("a boolean")),
        ("n=1&b=1", "/b", a("a boolean")),
        ("n=1&s=abcd", "/s", Reason::TooLong { length: 4, max: 3 }),
        ("n=1&l=1&l=x", "/l/1", a("an integer")),
        ("n=1&l=1&l=10", "/l/1", Reason::AboveMaximum { value: 10, max: 9 }),
        ("n=1&l=1&l=2&l=3", "/l", Reason::TooManyItems { count: 3, max: 2 }),
        ("n=1&m=a", "/m", Reason::TooFewItems { count: 1, min: 2 }),
    ] {
        assert_eq!(failures(query(text).map(drop)).0, at(path, reason), "{text}");
    }
    let none = validator.validate_query(&nsid("com.example.bare"), [("a", "b")]).unwrap();
    assert!(none.is_empty());
    assert!(validator.validate_query(&nsid("com.example.stream"), [("n", "1")]).is_ok());
    let no_pairs: [(&str, &str); 0] = [];
    assert!(matches!(
        validator.validate_query(&nsid("com.example.record.tid"), no_pairs),
        Err(ValidateError::Kind { .. })
    ));
}

#[test]
fn parameters_are_typed_values() {
    let catalog = endpoints();
    let params = |text: &str| {
        let Value::Object(object) = value(text) else { panic!() };
        failures(Validator::new(&catalog).validate_params(&nsid("com.example.procedure"), &object)).0
    };
    assert_eq!(params(r#"{"n": 1, "l": 9, "m": ["a", "b"], "x": {}}"#), []);
    assert_eq!(params(r#"{"n": "1"}"#), at("/n", Reason::Type { expected: "an integer" }));
    assert_eq!(params(r#"{"n": null}"#), at("/n", Reason::Null));
    assert_eq!(params(r#"{"n": 1, "l": null}"#), at("/l", Reason::Null));
    assert_eq!(params(r#"{"n": 1, "l": 10}"#), at("/l", Reason::AboveMaximum { value: 10, max: 9 }));
    assert_eq!(params(r#"{"n": 1, "m": "a"}"#), at("/m", Reason::TooFewItems { count: 1, min: 2 }));
}

#[test]
fn bodies_are_as_the_endpoint_says() {
    let catalog = endpoints();
    let validator = Validator::new(&catalog);
    let input = |name, text| validator.validate_input(&nsid(name), &value(text));
    let output = |name, text| validator.validate_output(&nsid(name), &value(text));
    assert_eq!(input("com.example.procedure", r#"{"a": 1}"#), Ok(()));
    assert_eq!(output("com.example.query", r#"{"a": 1}"#), Ok(()));
    assert_eq!(output("com.example.procedure", r#"{"$type": "com.example.doc#one"}"#), Ok(()));
    assert_eq!(failures(output("com.example.procedure", r#"{"a": 1}"#)).0, at("", Reason::NoType));
    assert_eq!(input("com.example.upload", "5"), Ok(()));
    let none = |name, body| Err(ValidateError::NoBody { endpoint: nsid(name), body });
    assert_eq!(output("com.example.upload", "5"), none("com.example.upload", "output"));
    assert_eq!(output("com.example.bare", "{}"), none("com.example.bare", "output"));
    assert!(matches!(input("com.example.query", "{}"), Err(ValidateError::Kind { .. })));
    assert!(matches!(output("com.example.stream", "{}"), Err(ValidateError::Kind { .. })));
    assert!(matches!(output("com.example.gone", "{}"), Err(ValidateError::Unknown(_))));
}

#[test]
fn messages_are_told_by_their_header() {
    let catalog = endpoints();
    let stream = nsid("com.example.stream");
    let validator = Validator::new(&catalog);
    let message = |name, text| failures(validator.validate_message(&stream, name, &value(text)));
    assert_eq!(message("#commit", r#"{"seq": 1}"#).0, []);
    assert_eq!(message("com.example.stream#commit", r#"{"seq": 1}"#).0, []);
    assert_eq!(message("#commit", "{}").0, at("/seq", Reason::Missing));
    assert_eq!(
        message("com.example.doc#one", r#"{"a": "x"}"#).0,
        at("/a", Reason::Type { expected: "an integer" })
    );
    assert_eq!(message("#other", r#"{"a": "x"}"#).0, []);
    assert_eq!(message("#other", "5").0, at("", Reason::Type { expected: "an object" }));
    assert_eq!(message("#text", "{}").0, at("", Reason::NoData("com.example.stream#text".into())));
    assert_eq!(
        message("#gone", "{}"),
        (at("", Reason::UnknownDefinition("com.example.stream#gone".into())), true)
    );
    let closed = validator.validate_message(&nsid("com.example.closed"), "#other", &value("{}"));
    assert_eq!(failures(closed).0, at("", Reason::NotInUnion("com.example.closed#other".into())));
    let query = validator.validate_message(&nsid("com.example.query"), "#x", &value("{}"));
    assert!(matches!(query, Err(ValidateError::Kind { .. })));
}
