//! One document for each way to break a rule.

use super::*;
use crate::lint::{lint, lint_document};
use crate::syntax::Format;
use std::collections::BTreeSet;

/// The rule, where, and the definitions.
type Case = (Rule, &'static str, String);

const FIELD: &str = "/defs/main/record/properties/x";

fn fields() -> Vec<Case> {
    use Rule::*;
    let text = |rest: &str| record(&format!(r#"{{"type": "string", "maxLength": 100, {rest}}}"#));
    let integer = |rest: &str| record(&format!(r#"{{"type": "integer", {rest}}}"#));
    vec![
        (MissingReference, "/ref", record(r#"{"type": "ref", "ref": "com.example.gone"}"#)),
        (
            MissingReference,
            "/items/refs/1",
            record(
                r##"{"type": "array", "items": {"type": "union", "refs": ["com.example.doc", "#gone"]}}"##,
            ),
        ),
        (
            MisplacedReference,
            "/ref",
            record(r##"{"type": "ref", "ref": "#t"}"##) + r#", "t": {"type": "token", "description": "d"}"#,
        ),
        (
            MisplacedReference,
            "/refs/0",
            record(r##"{"type": "union", "refs": ["#t"]}"##) + r#", "t": {"type": "string", "maxLength": 1}"#,
        ),
        (RepeatedMember, "/refs/1", record(r##"{"type": "union", "refs": ["com.example.doc", "#main"]}"##)),
        (ClosedUnion, "", record(r##"{"type": "union", "closed": true, "refs": ["#main"]}"##)),
        (ContradictoryConstraints, "", text(r#""minLength": 101"#)),
        (ContradictoryConstraints, "", text(r#""maxGraphemes": 1, "minGraphemes": 2"#)),
        (ContradictoryConstraints, "", text(r#""minGraphemes": 101"#)),
        (ContradictoryConstraints, "", integer(r#""minimum": 2, "maximum": 1"#)),
        (ContradictoryConstraints, "", record(r#"{"type": "bytes", "minLength": 2, "maxLength": 1}"#)),
        (
            ContradictoryConstraints,
            "",
            record(r#"{"type": "array", "items": {"type": "integer"}, "minLength": 2, "maxLength": 1}"#),
        ),
        (BadConstant, "/default", integer(r#""default": 3, "maximum": 2"#)),
        (BadConstant, "/default", integer(r#""default": 3, "enum": [1, 2]"#)),
        (BadConstant, "/const", integer(r#""const": 3, "enum": [1, 2]"#)),
        (BadConstant, "/const", text(r#""const": "a", "format": "did""#)),
        (BadConstant, "/default", text(r#""default": "äöü", "maxGraphemes": 2"#)),
        (BadConstant, "/default", text(r#""default": "a", "minLength": 2"#)),
        (BadValue, "/enum/1", integer(r#""enum": [1, 3], "maximum": 2"#)),
        (BadValue, "/enum/0", text(r#""enum": ["a b"], "format": "record-key""#)),
        (BadValue, "/knownValues/1", text(r#""knownValues": ["a", "bc"], "maxGraphemes": 1"#)),
        (BadValue, "/knownValues/1", text(r#""knownValues": ["a", "b"], "enum": ["a"]"#)),
        (EmptyEnum, "/enum", text(r#""enum": []"#)),
        (EmptyEnum, "/enum", integer(r#""enum": []"#)),
        (ImpossibleFormat, "/maxLength", record(r#"{"type": "string", "format": "tid", "maxLength": 12}"#)),
        (ImpossibleFormat, "/minLength", record(r#"{"type": "string", "format": "tid", "minLength": 14}"#)),
        (ImpossibleFormat, "/maxGraphemes", text(r#""format": "did", "maxGraphemes": 6"#)),
        (
            ImpossibleFormat,
            "/minGraphemes",
            record(r#"{"type": "string", "format": "datetime", "minGraphemes": 65}"#),
        ),
        (FormatAndLength, "", record(r#"{"type": "string", "format": "tid", "maxLength": 13}"#)),
        (RepeatedValue, "/enum/2", text(r#""enum": ["a", "b", "a"]"#)),
        (RepeatedValue, "/enum/1", integer(r#""enum": [1, 1]"#)),
        (RepeatedValue, "/knownValues/1", text(r#""knownValues": ["a", "a"]"#)),
        (RepeatedValue, "/accept/1", record(r#"{"type": "blob", "accept": ["a/b", "a/b"]}"#)),
        (
            RepeatedValue,
            "/required/1",
            record(r#"{"type": "object", "required": ["a", "a"], "properties": {"a": {"type": "integer"}}}"#),
        ),
        (
            RepeatedValue,
            "/nullable/1",
            record(r#"{"type": "object", "nullable": ["a", "a"], "properties": {"a": {"type": "integer"}}}"#),
        ),
        (
            UndefinedNullable,
            "/nullable/0",
            record(r#"{"type": "object", "nullable": ["a"], "properties": {}}"#),
        ),
        (UnrecognisedField, "/maxlength", text(r#""maxlength": 1"#)),
        (Unbounded, "", record(r#"{"type": "string", "minLength": 1}"#)),
        (Unbounded, "/items", record(r#"{"type": "array", "items": {"type": "bytes"}}"#)),
        (GraphemesWithoutBytes, "", record(r#"{"type": "string", "maxGraphemes": 1}"#)),
        (FewBytes, "", text(r#""maxGraphemes": 11"#)),
        (UnboundedBlob, "", record(r#"{"type": "blob", "accept": ["*/*"]}"#)),
        (UnboundedBlob, "", record(r#"{"type": "blob", "maxSize": 1}"#)),
        (
            BadMediaType,
            "/accept/0",
            record(r#"{"type": "blob", "accept": ["image/p*", "image/*", "*/*", "a/b+c"]}"#),
        ),
        (BadMediaType, "/accept/1", record(r#"{"type": "blob", "accept": ["a/b", "*"]}"#)),
        (ClosedEnum, "/enum", text(r#""enum": ["a"]"#)),
        (UnknownInRecord, "", record(r#"{"type": "unknown"}"#)),
        (HandleInRecord, "/format", record(r#"{"type": "string", "format": "at-identifier"}"#)),
        (LocalToken, "/knownValues/1", text(r##""knownValues": ["a.b.c#d", "#d"]"##)),
        (LocalToken, "/enum/0", text(r##""enum": ["#d"]"##)),
        (
            NameCase,
            "/properties/aB_c",
            record(
                r#"{"type": "object", "properties": {"aB": {"type": "integer"}, "aB_c": {"type": "integer"}}}"#,
            ),
        ),
        (
            NameCase,
            "/properties/Ab",
            record(r#"{"type": "object", "properties": {"Ab": {"type": "integer"}}}"#),
        ),
        (
            ReservedName,
            "/properties/$kind",
            record(r#"{"type": "object", "properties": {"$kind": {"type": "integer"}}}"#),
        ),
        (
            NamesDifferInCase,
            "/properties/ab",
            record(
                r#"{"type": "object", "properties": {"aB": {"type": "integer"}, "ab": {"type": "integer"}}}"#,
            ),
        ),
    ]
}

fn definitions() -> Vec<Case> {
    use Rule::*;
    let endpoint = |rest: &str| format!(r#""main": {{"type": "procedure", "description": "d", {rest}}}"#);
    let output = r#""output": {"encoding": "text/plain"}"#;
    vec![
        (EndlessValue, "/defs/a", r##""a": {"type": "object", "required": ["b"], "properties": {"b": {"type": "ref", "ref": "#a"}}}"##.into()),
        (EndlessArray, "/defs/a", r##""a": {"type": "array", "items": {"type": "array", "items": {"type": "ref", "ref": "#a"}}}"##.into()),
        (Undescribed, "/defs/t", r#""t": {"type": "token"}"#.into()),
        (Undescribed, "/defs/main", record(r#"{"type": "integer"}"#).replace(r#""description": "d","#, "")),
        (Undescribed, "/defs/main", set(r#"{"type": "permission", "resource": "rpc", "lxm": ["com.example.x"], "aud": "*"}"#).replace(r#""title": "t","#, "")),
        (NameCase, "/defs/a-b", r#""a-b": {"type": "integer"}"#.into()),
        (NameCase, "/defs/ä", r#""ä": {"type": "integer"}"#.into()),
        (NameCase, "/defs/main/parameters/properties/X", query(r#"{"type": "integer"}, "X": {"type": "string"}"#)),
        (NamesDifferInCase, "/defs/ab", r#""aB": {"type": "integer"}, "ab": {"type": "integer"}"#.into()),
        (AnyKey, "/defs/main/key", record(r#"{"type": "integer"}"#).replace("tid", "any")),
        (BadConstant, "/defs/main/parameters/properties/x/default", query(r#"{"type": "integer", "default": 1, "minimum": 2}"#)),
        (ErrorNameCase, "/defs/main/errors/1/name", endpoint(&format!(r#"{output}, "errors": [{{"name": "Good"}}, {{"name": "bad"}}]"#))),
        (RepeatedError, "/defs/main/errors/1", endpoint(&format!(r#"{output}, "errors": [{{"name": "A"}}, {{"name": "A"}}]"#))),
        (MissingOutput, "/defs/main", endpoint(r#""parameters": {"type": "params"}"#)),
        (MissingSchema, "/defs/main/output", endpoint(r#""output": {"encoding": "application/json"}"#)),
        (MissingSchema, "/defs/main/input", endpoint(&format!(r#"{output}, "input": {{"encoding": "application/json"}}"#))),
        (SchemaWithoutJson, "/defs/main/input/schema", endpoint(&format!(r#"{output}, "input": {{"encoding": "a/b", "schema": {{"type": "object", "properties": {{}}}}}}"#))),
        (BadMediaType, "/defs/main/output/encoding", endpoint(r#""output": {"encoding": "json"}"#)),
        (MissingReference, "/defs/main/message/schema/refs/0", r##""main": {"type": "subscription", "description": "d", "message": {"schema": {"type": "union", "refs": ["#a"]}}}"##.into()),
        (EmptyPermission, "/defs/main/permissions", set("")),
        (EmptyPermission, "/defs/main/permissions/0/action", repo(r#""collection": ["com.example.x"], "action": []"#)),
        (UnknownPermission, "/defs/main/permissions/0/resource", set(r#"{"type": "permission", "resource": "blob"}"#)),
        (UnknownPermission, "/defs/main/permissions/0/collections", repo(r#""collections": ["com.example.x"], "collection": ["com.example.x"]"#)),
        (UnknownPermission, "/defs/main/permissions/0/action/1", repo(r#""collection": ["com.example.x"], "action": ["create", "read"]"#)),
        (RepeatedValue, "/defs/main/permissions/0/action/1", repo(r#""collection": ["com.example.x"], "action": ["create", "create"]"#)),
        (RepeatedValue, "/defs/main/permissions/0/lxm/1", rpc(r#""aud": "*", "lxm": ["com.example.x", "com.example.x"]"#)),
        (WildcardPermission, "/defs/main/permissions/0/collection/0", repo(r#""collection": ["*"]"#)),
        (WildcardPermission, "/defs/main/permissions/0/lxm/0", rpc(r#""lxm": ["*"], "inheritAud": true"#)),
        (PermissionAudience, "/defs/main/permissions/0", rpc(r#""lxm": ["com.example.x"]"#)),
        (PermissionAudience, "/defs/main/permissions/0", rpc(r#""lxm": ["com.example.x"], "aud": "*", "inheritAud": true"#)),
        (PermissionAudience, "/defs/main/permissions/0/aud", rpc(r#""lxm": ["com.example.x"], "aud": "did:web:a.test#b""#)),
        (PermissionNsid, "/defs/main/permissions/0/lxm/0", rpc(r#""lxm": ["com.example.*"], "aud": "*""#)),
        (PermissionOutside, "/defs/main/permissions/0/lxm/1", rpc(r#""lxm": ["com.example.a.b", "com.examples.a"], "aud": "*""#)),
        (PermissionKind, "/defs/main/permissions/0/collection/0", repo(r#""collection": ["com.example.doc"]"#)),
        (PermissionKind, "/defs/main/permissions/0/lxm/0", rpc(r#""lxm": ["com.example.doc"], "aud": "*""#)),
    ]
}

fn pointers(findings: &[Finding], rule: Rule) -> Vec<&str> {
    findings.iter().filter(|found| found.rule == rule).map(|found| found.pointer.as_str()).collect()
}

#[test]
fn each_rule_finds_its_place() {
    let mut seen = BTreeSet::new();
    let fields = fields().into_iter().map(|(rule, rest, defs)| (rule, format!("{FIELD}{rest}"), defs));
    let definitions = definitions().into_iter().map(|(rule, pointer, defs)| (rule, pointer.to_owned(), defs));
    for (rule, pointer, defs) in fields.chain(definitions) {
        seen.insert(rule);
        let catalog = catalog(&defs, &[]);
        let findings = lint(&catalog);
        assert_eq!(pointers(&findings, rule), [pointer.as_str()], "{rule}: {defs}");
        for found in &findings {
            assert_eq!((found.severity, found.nsid.as_str()), (found.rule.severity(), "com.example.doc"));
            // A constant that an enumeration has not is a fault of each of its values, too.
            let is_other = found.rule == Rule::BadValue && rule == Rule::BadConstant;
            assert!(found.rule == rule || is_other || found.severity < Severity::Error, "{found}: {defs}");
        }
        let document = catalog.documents().next().unwrap();
        assert_eq!(lint_document(&catalog, document), findings);
    }
    // The rest has tests of its own, since it takes several documents, or very many findings.
    seen.extend([Rule::NsidsDifferInCase, Rule::NsidIsGroup, Rule::DefsMain, Rule::TooMany]);
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), Rule::ALL);
}

#[test]
fn nsids_are_compared() {
    let token = r#""t": {"type": "token", "description": "d"}"#;
    let main = r#""main": {"type": "token", "description": "d"}"#;
    let catalog = catalog(
        token,
        &[("com.example.Doc", token), ("com.example.doc.x", token), ("com.example.x.defs", main)],
    );
    let found: Vec<_> =
        lint(&catalog).into_iter().map(|found| (found.nsid.to_string(), found.pointer, found.rule)).collect();
    let expected = [
        ("com.example.Doc", "/id", Rule::NameCase),
        ("com.example.Doc", "/id", Rule::NsidsDifferInCase),
        ("com.example.doc", "/id", Rule::NsidsDifferInCase),
        ("com.example.doc", "/id", Rule::NsidIsGroup),
        ("com.example.x.defs", "/defs/main", Rule::DefsMain),
    ];
    assert_eq!(found, expected.map(|(nsid, pointer, rule)| (nsid.to_owned(), pointer.to_owned(), rule)));
}

#[test]
fn good_documents_have_nothing_to_be_said_of() {
    let defs = record(
        r##"{"type": "union", "refs": ["#part", "com.example.other"]}, "list": {"type": "ref", "ref": "#list"},
        "text": {"type": "string", "maxGraphemes": 20, "maxLength": 200, "knownValues": ["a", "com.example.doc#t"]},
        "at": {"type": "string", "format": "datetime"}, "yes": {"type": "boolean", "const": true}"##,
    ) + r##", "part": {"type": "object", "required": ["a"], "nullable": ["a"], "properties": {"a": {"type": "ref", "ref": "#part"}}},
        "list": {"type": "array", "items": {"type": "ref", "ref": "#item"}},
        "item": {"type": "object", "properties": {"list": {"type": "ref", "ref": "#list"}}},
        "t": {"type": "token", "description": "d"}"##;
    let auth = set(
        r#"{"type": "permission", "resource": "repo", "collection": ["com.example.doc"], "action": ["create"]},
        {"type": "permission", "resource": "rpc", "lxm": ["com.example.get", "com.example.below.x"], "inheritAud": true},
        {"type": "permission", "resource": "rpc", "lxm": ["com.example.get"], "aud": "*"}"#,
    );
    let other = r#""main": {"type": "object", "properties": {"text": {"type": "string", "maxLength": 9}}}"#;
    let get = query(r#"{"type": "string", "enum": ["a"], "default": "a"}"#);
    let more = [("com.example.other", other), ("com.example.auth", &auth), ("com.example.get", &get)];
    assert_eq!(lint(&catalog(&defs, &more)), []);
}

#[test]
fn what_records_hold_is_in_records() {
    let text = r#"{"type": "object", "properties": {"text": {"type": "string"}}}"#;
    let defs = record(r##"{"type": "ref", "ref": "#a"}"##)
        + &format!(
            r##", "a": {{"type": "array", "items": {{"type": "union", "refs": ["com.example.b#c"]}}}}, "d": {text}"##
        );
    let catalog = catalog(&defs, &[("com.example.b", &format!(r#""c": {text}, "d": {text}"#))]);
    let findings = lint(&catalog);
    assert_eq!(findings.iter().map(|found| found.nsid.as_str()).collect::<Vec<_>>(), ["com.example.b"]);
    assert_eq!(pointers(&findings, Rule::Unbounded), ["/defs/c/properties/text"]);
}

#[test]
fn values_end_where_something_can_be_left_out() {
    let endless = |defs: &str| -> Vec<String> {
        pointers(&lint(&catalog(defs, &[])), Rule::EndlessValue)
            .iter()
            .map(|pointer| pointer.trim_start_matches("/defs/").to_owned())
            .collect()
    };
    let object = |name: &str, field: &str| {
        format!(r#""{name}": {{"type": "object", "required": ["x"], "properties": {{"x": {field}}}}}"#)
    };
    let to = |name: &str| format!(r##"{{"type": "ref", "ref": "#{name}"}}"##);
    let union =
        |closed: bool, names: &str| format!(r#"{{"type": "union", "closed": {closed}, "refs": [{names}]}}"#);
    let array =
        |min: u32, items: &str| format!(r#"{{"type": "array", "minLength": {min}, "items": {items}}}"#);
    let end = object("end", r#"{"type": "integer"}"#);
    for (defs, expected) in [
        (object("a", &to("b")) + ", " + &object("b", &to("a")), &["a", "b"][..]),
        (object("a", &to("b")) + ", " + &object("b", &to("b")), &["a", "b"]),
        (object("a", &to("end")), &[]),
        (object("a", &to("gone")), &[]),
        (object("a", &union(true, r##""#a""##)), &["a"]),
        (object("a", &union(true, r##""#a", "#end""##)), &[]),
        (object("a", &union(true, r##""#a", "#gone""##)), &[]),
        (object("a", &union(false, r##""#a""##)), &[]),
        (object("a", &array(0, &to("a"))), &[]),
        (object("a", &array(1, &to("a"))), &["a"]),
        (format!(r#""a": {}"#, array(1, &to("a"))), &["a"]),
        (
            object(
                "a",
                r##"{"type": "object", "required": ["y"], "properties": {"y": {"type": "ref", "ref": "#a"}}}"##,
            ),
            &["a"],
        ),
        (object("a", &to("a")).replace(r#""required""#, r#""nullable": ["x"], "required""#), &[]),
        (object("a", &to("a")).replace(r#""required": ["x"]"#, r#""required": []"#), &[]),
        (record(&to("main")).replace(r#""properties""#, r#""required": ["x"], "properties""#), &["main"]),
    ] {
        assert_eq!(endless(&format!("{defs}, {end}")), expected, "{defs}");
    }
}

#[test]
fn arrays_end_where_they_hold_something_else() {
    let array = |name: &str, to: &str| {
        format!(
            r##""{name}": {{"type": "array", "items": {{"type": "array", "items": {{"type": "ref", "ref": "#{to}"}}}}}}"##
        )
    };
    for (pairs, expected) in [
        (&[("a", "a")][..], &["/defs/a"][..]),
        (&[("a", "b"), ("b", "c"), ("c", "b"), ("d", "a"), ("e", "o")], &["/defs/b", "/defs/c"]),
        (&[("d", "a"), ("c", "d"), ("a", "b"), ("b", "a")], &["/defs/a", "/defs/b"]),
        (&[("a", "b"), ("b", "o"), ("c", "gone")], &[]),
    ] {
        let mut defs: Vec<_> = pairs.iter().map(|(name, to)| array(name, to)).collect();
        defs.push(r##""o": {"type": "object", "properties": {"x": {"type": "ref", "ref": "#a"}}}"##.into());
        assert_eq!(pointers(&lint(&catalog(&defs.join(", "), &[])), Rule::EndlessArray), expected);
    }
}

#[test]
fn lengths_of_formats_are_those_of_their_texts() {
    for (format, shortest) in [
        (Format::AtIdentifier, "a.b"),
        (Format::AtUri, "at://a.b"),
        (Format::Cid, "bafyreib"),
        (Format::Datetime, "2026-01-01T00:00:00Z"),
        (Format::Did, "did:a:b"),
        (Format::Handle, "a.b"),
        (Format::Language, "ja"),
        (Format::Nsid, "a.b.c"),
        (Format::RecordKey, "a"),
        (Format::Tid, "2222222222222"),
        (Format::Uri, "a:b"),
    ] {
        let (least, greatest) = crate::lint::field::length_range(format);
        format.check(shortest).unwrap();
        // A character less is one too few; a combining mark and a colon are one grapheme.
        let counted = if format == Format::Uri { shortest.len() - 1 } else { shortest.len() };
        assert_eq!(least, counted as u64, "{format}");
        for cut in 0..shortest.len() {
            assert!(format.check(&shortest[..cut]).is_err(), "{format} {cut}");
        }
        assert!(greatest >= least);
    }
}
