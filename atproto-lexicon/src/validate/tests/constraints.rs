use super::*;
use crate::data::ModelError;
use crate::syntax::Format;

const LINK: &str = r#"{"$link": "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}"#;

fn blob(mime_type: &str, size: i64) -> String {
    format!(
        r#"{{"$type": "blob", "mimeType": "{mime_type}", "size": {size},
             "ref": {{"$link": "bafkreiafq5p7djqmkp5as7zun6mljulrq4rjtvpvrvl47kvxegriog5idi"}}}}"#
    )
}

/// For each constraint, what just meets it and what just misses it.
#[test]
fn each_constraint_has_a_border() {
    let family = "👩‍👩‍👦‍👦";
    let text = |text: &str, count: usize| format!("\"{}\"", text.repeat(count));
    for (schema, good, bad, reason) in [
        (r#""boolean", "const": true"#, "true".into(), "false".into(), Reason::NotConst),
        (
            r#""integer", "minimum": -3"#,
            "-3".into(),
            "-4".into(),
            Reason::BelowMinimum { value: -4, min: -3 },
        ),
        (r#""integer", "maximum": 7"#, "7".into(), "8".into(), Reason::AboveMaximum { value: 8, max: 7 }),
        (r#""integer", "enum": [4, 9]"#, "9".into(), "8".into(), Reason::NotInEnum),
        (r#""integer", "enum": [4], "const": 4"#, "4".into(), "5".into(), Reason::NotInEnum),
        (r#""integer", "const": 0"#, "0".into(), "1".into(), Reason::NotConst),
        (r#""string", "minLength": 4"#, text("ä", 2), text("aä", 1), Reason::TooShort { length: 3, min: 4 }),
        (r#""string", "maxLength": 4"#, text("ä", 2), text("aää", 1), Reason::TooLong { length: 5, max: 4 }),
        (r#""string", "maxLength": 0"#, text("", 1), text("a", 1), Reason::TooLong { length: 1, max: 0 }),
        (
            r#""string", "minGraphemes": 2"#,
            text(family, 2),
            text(family, 1),
            Reason::TooFewGraphemes { count: 1, min: 2 },
        ),
        (
            r#""string", "maxGraphemes": 2"#,
            text(family, 2),
            text(family, 3),
            Reason::TooManyGraphemes { max: 2 },
        ),
        (r#""string", "enum": ["a", "b"]"#, text("b", 1), text("B", 1), Reason::NotInEnum),
        (r#""string", "enum": []"#, "1".into(), text("", 1), Reason::NotInEnum),
        (r#""string", "const": "a""#, text("a", 1), text("a", 2), Reason::NotConst),
        (
            r#""bytes", "minLength": 2"#,
            r#"{"$bytes": "AAA"}"#.into(),
            r#"{"$bytes": "AA"}"#.into(),
            Reason::TooShort { length: 1, min: 2 },
        ),
        (
            r#""bytes", "maxLength": 3"#,
            r#"{"$bytes": "AAAA"}"#.into(),
            r#"{"$bytes": "AAAAAA"}"#.into(),
            Reason::TooLong { length: 4, max: 3 },
        ),
        (
            r#""blob", "maxSize": 20"#,
            blob("a/b", 20),
            blob("a/b", 21),
            Reason::BlobTooLarge { size: 21, max: 20 },
        ),
        (r#""blob", "maxSize": 0"#, blob("a/b", 0), blob("a/b", 1), Reason::BlobTooLarge { size: 1, max: 0 }),
        (
            r#""blob", "accept": ["text/plain", "image/*"]"#,
            blob("image/png", 1),
            blob("imagex/png", 1),
            Reason::BlobMediaType("imagex/png".into()),
        ),
        (
            r#""blob", "accept": ["text/plain"]"#,
            blob("text/plain", 1),
            blob("text/html", 1),
            Reason::BlobMediaType("text/html".into()),
        ),
        (
            r#""array", "items": {"type": "integer"}, "minLength": 2"#,
            "[1, 2]".into(),
            "[1]".into(),
            Reason::TooFewItems { count: 1, min: 2 },
        ),
        (
            r#""array", "items": {"type": "integer"}, "maxLength": 1"#,
            "[1]".into(),
            "[1, 2]".into(),
            Reason::TooManyItems { count: 2, max: 1 },
        ),
    ] {
        let schema = format!(r#"{{"type": {schema}}}"#);
        // An empty `enum` has no value that meets it; there the other value is of another type.
        if !schema.contains("[]") {
            assert_eq!(of_field(&schema, &good), [], "{schema}");
        }
        let found = of_field(&schema, &bad);
        assert_eq!(found[..1], at("/v", reason), "{schema}");
    }
    assert_eq!(of_field(r#"{"type": "blob", "accept": ["*/*"]}"#, &blob("x", 1 << 60)), []);
}

#[test]
fn each_type_takes_its_own_values_only() {
    let values = [
        ("boolean", "false".to_owned(), "a boolean"),
        ("integer", "-9223372036854775808".into(), "an integer"),
        ("string", r#""""#.into(), "a string"),
        ("bytes", r#"{"$bytes": ""}"#.into(), "bytes"),
        ("cid-link", LINK.into(), "a link"),
        ("blob", blob("a/b", 3), "a blob"),
        ("array", "[]".into(), "an array"),
        ("object", "{}".into(), "an object"),
    ];
    for (ty, _, expected) in &values {
        let more = match *ty {
            "array" => r#", "items": {"type": "integer"}"#,
            "object" => r#", "properties": {}"#,
            _ => "",
        };
        let schema = format!(r#"{{"type": "{ty}"{more}}}"#);
        for (other, text, _) in &values {
            // A blob is an object.
            let is_good = ty == other || (*ty, *other) == ("object", "blob");
            let found = if is_good { vec![] } else { at("/v", Reason::Type { expected }) };
            assert_eq!(of_field(&schema, text), found, "{ty} {other}");
        }
        assert_eq!(of_field(&schema, "null"), at("/v", Reason::Null));
    }
    let unknown = r#"{"type": "unknown"}"#;
    let refused = Reason::Type { expected: "an object that is no blob, bytes or link" };
    for (_, text, _) in &values[..7] {
        let expected =
            if text.contains("blob") { refused.clone() } else { Reason::Type { expected: "an object" } };
        assert_eq!(of_field(unknown, text), at("/v", expected), "{text}");
    }
    for good in [r#"{}"#, r#"{"$type": "a.b.c"}"#, r#"{"cid": "x", "mimeType": "y"}"#, r#"{"$link2": 1}"#] {
        assert_eq!(of_field(unknown, good), []);
    }
    // CBOR can hold an object that JSON takes for a link.
    let object: crate::data::Object = [("$link".to_owned(), "x".into())].into_iter().collect();
    let outer: crate::data::Object = [("v".to_owned(), object.into())].into_iter().collect();
    let catalog = catalog(r#""o": {"type": "object", "properties": {"v": {"type": "unknown"}}}"#);
    let found = Validator::new(&catalog).validate_definition(&def("o"), &outer.into());
    assert_eq!(failures(found).0, at("/v", refused));
}

#[test]
fn texts_have_their_format() {
    let examples = [
        (Format::AtIdentifier, "a.test", "a"),
        (Format::AtUri, "at://a.test", "at://a.test/"),
        (Format::Cid, "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a", "b"),
        (Format::Datetime, "2026-01-02T03:04:05Z", "2026-01-02T03:04:60Z"),
        (Format::Did, "did:web:a.test", "did:web:"),
        (Format::Handle, "a.test", "a.1"),
        (Format::Language, "de", "d"),
        (Format::Nsid, "a.b.c", "a.b"),
        (Format::RecordKey, "a", ".."),
        (Format::Tid, "3jzfcijpj2z2a", "3jzfcijpj2z2"),
        (Format::Uri, "a:b", "ab"),
    ];
    assert_eq!(examples.map(|(format, ..)| format), Format::ALL);
    for (format, good, bad) in examples {
        let schema = format!(r#"{{"type": "string", "format": "{format}", "maxLength": 100}}"#);
        assert_eq!(of_field(&schema, &format!("\"{good}\"")), []);
        let error = format.check(bad).unwrap_err();
        assert_eq!(of_field(&schema, &format!("\"{bad}\"")), at("/v", Reason::Format(error)));
    }
}

#[test]
fn objects_need_what_is_required_and_take_what_is_more() {
    let catalog = catalog(
        r#""o": {"type": "object", "required": ["a", "n"], "nullable": ["n", "m"], "properties": {
            "a": {"type": "integer", "default": 3}, "n": {"type": "string"}, "m": {"type": "string"},
            "x/y~z": {"type": "array", "items": {"type": "boolean"}}
        }}"#,
    );
    let found =
        |text: &str| failures(Validator::new(&catalog).validate_definition(&def("o"), &value(text))).0;
    assert_eq!(found(r#"{"a": 1, "n": null, "more": [null, {"a": null}]}"#), []);
    assert_eq!(found(r#"{"a": 1, "n": "", "m": null, "x/y~z": []}"#), []);
    assert_eq!(found(r#"{"n": ""}"#), at("/a", Reason::Missing), "a default fills nothing in");
    assert_eq!(found(r#"{"a": null, "n": null}"#), at("/a", Reason::Null));
    let all = [
        ("/a".to_owned(), Reason::Missing),
        ("/n".into(), Reason::Missing),
        ("/m".into(), Reason::Type { expected: "a string" }),
        ("/x~1y~0z/1".into(), Reason::Type { expected: "a boolean" }),
        ("/x~1y~0z/2".into(), Reason::Null),
    ];
    let text = value(r#"{"m": 5, "x/y~z": [true, 1, null]}"#);
    assert_eq!(failures(Validator::new(&catalog).validate_definition(&def("o"), &text)).0, all);
    let first = Validator::new(&catalog).first_only().validate_definition(&def("o"), &text);
    assert_eq!(failures(first).0, all[..1]);
}

/// A value that was put together by hand can break them; one that was read cannot.
#[test]
fn rules_of_the_data_model_hold_in_fields_that_are_not_known() {
    let catalog = catalog(r#""o": {"type": "object", "properties": {"u": {"type": "unknown"}}}"#);
    let bad = Value::Object([("$type".to_owned(), 5.into())].into_iter().collect());
    for field in ["more", "u"] {
        let outer = Value::Object([(field.to_owned(), bad.clone())].into_iter().collect());
        let found = Validator::new(&catalog).validate_definition(&def("o"), &outer);
        assert_eq!(failures(found).0, at(&format!("/{field}"), Reason::Model(ModelError::Type)));
    }
    let found = Validator::new(&catalog).validate_definition(&def("o"), &bad);
    assert!(failures(found).0.contains(&(String::new(), Reason::Model(ModelError::Type))));
}

#[test]
fn leniency_is_about_legacy_blobs_and_formats() {
    let schema = r#""o": {"type": "object", "properties": {
        "b": {"type": "blob", "accept": ["image/*"], "maxSize": 5},
        "d": {"type": "string", "format": "datetime", "maxLength": 20}
    }}"#;
    let catalog = catalog(schema);
    let strict = Validator::new(&catalog);
    let both = |text: &str| {
        [strict, strict.lenient()]
            .map(|validator| failures(validator.validate_definition(&def("o"), &value(text))).0)
    };
    let cid = "bafkreiafq5p7djqmkp5as7zun6mljulrq4rjtvpvrvl47kvxegriog5idi";
    let legacy =
        |cid: &str, mime: &str| format!(r#"{{"b": {{"cid": "{cid}", "mimeType": "{mime}", "size": 9}}}}"#);
    assert_eq!(both(&legacy(cid, "image/png")), [at("/b", Reason::LegacyBlob), vec![]]);
    let media_type = at("/b", Reason::BlobMediaType("text/plain".into()));
    assert_eq!(both(&legacy(cid, "text/plain")), [at("/b", Reason::LegacyBlob), media_type]);
    let no_blob = || at("/b", Reason::Type { expected: "a blob" });
    for text in [legacy("x", "image/png"), legacy(cid, ""), r#"{"b": {"cid": "x"}}"#.into()] {
        assert_eq!(both(&text), [no_blob(), no_blob()], "{text}");
    }
    let [strict, lenient] = both(r#"{"d": "2026-01-02"}"#);
    assert!(matches!(strict[0].1, Reason::Format(_)) && lenient.is_empty());
    assert_eq!(
        both(r#"{"d": "2026-01-02 00:00:00 GMT"}"#)[1],
        at("/d", Reason::TooLong { length: 23, max: 20 })
    );
}
