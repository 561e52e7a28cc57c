//! One pair of documents for each way to break a rule, and what is said of the pair the other way round.

use super::*;
use crate::lint::breaking;
use std::collections::BTreeSet;

/// The old and the new definitions, and what is said from old to new and back: the rule and the place.
type Pair = (String, String, Vec<(ChangeRule, &'static str)>, Vec<(ChangeRule, &'static str)>);

/// A pair of fields of a record that differ in one rule, both ways.
fn field(old: &str, new: &str, rule: ChangeRule, rest: &'static str) -> Pair {
    (record(old), record(new), vec![(rule, rest)], vec![(rule, rest)])
}

fn fields() -> Vec<Pair> {
    use ChangeRule::*;
    let mut pairs = Vec::new();
    let mut attribute = |ty: &str, name: &'static str, rule, values: &[&str]| {
        let with = |value: &str| match value {
            "" => format!("{{{ty}}}"),
            value => format!(r#"{{{ty}, "{}": {value}}}"#, &name[1..]),
        };
        // From each to each other.
        for (index, old) in values.iter().enumerate() {
            for new in &values[index + 1..] {
                pairs.push(field(&with(old), &with(new), rule, name));
            }
        }
    };
    let string = r#""type": "string""#;
    attribute(string, "/const", ConstChanged, &["", r#""a""#, r#""b""#]);
    attribute(string, "/enum", EnumChanged, &["", r#"["a"]"#, r#"["b"]"#, r#"["b", "a"]"#, "[]"]);
    attribute(string, "/format", FormatChanged, &["", r#""did""#, r#""handle""#]);
    attribute(string, "/default", DefaultChanged, &["", r#""a""#, r#""b""#]);
    for name in ["/minLength", "/maxLength"] {
        attribute(string, name, LengthChanged, &["", "1", "2"]);
        attribute(r#""type": "bytes""#, name, LengthChanged, &["", "1", "2"]);
        attribute(r#""type": "array", "items": {"type": "integer"}"#, name, LengthChanged, &["", "1", "2"]);
    }
    for name in ["/minGraphemes", "/maxGraphemes"] {
        attribute(string, name, GraphemesChanged, &["", "1", "2"]);
    }
    let integer = r#""type": "integer""#;
    for name in ["/minimum", "/maximum"] {
        attribute(integer, name, RangeChanged, &["", "-1", "0"]);
    }
    attribute(integer, "/const", ConstChanged, &["", "1", "2"]);
    attribute(integer, "/enum", EnumChanged, &["", "[1]", "[1, 2]"]);
    attribute(integer, "/default", DefaultChanged, &["", "0", "1"]);
    let boolean = r#""type": "boolean""#;
    attribute(boolean, "/const", ConstChanged, &["", "true", "false"]);
    attribute(boolean, "/default", DefaultChanged, &["", "true", "false"]);
    let blob = r#""type": "blob""#;
    attribute(blob, "/accept", AcceptChanged, &["", r#"["*/*"]"#, r#"["a/b", "*/*"]"#]);
    attribute(blob, "/maxSize", SizeChanged, &["", "1", "2"]);
    attribute(r#""type": "ref""#, "/ref", ReferenceChanged, &[r#""com.example.doc""#, r##""#a""##]);
    pairs.extend([
        field(r#"{"type": "string"}"#, r#"{"type": "integer"}"#, TypeChanged, ""),
        field(r#"{"type": "cid-link"}"#, r#"{"type": "string", "format": "cid"}"#, TypeChanged, ""),
        field(r##"{"type": "ref", "ref": "#a"}"##, r##"{"type": "union", "refs": ["#a"]}"##, TypeChanged, ""),
        field(
            r#"{"type": "array", "items": {"type": "unknown"}}"#,
            r#"{"type": "array", "items": {"type": "object", "properties": {}}}"#,
            TypeChanged,
            "/items",
        ),
        field(
            r##"{"type": "union", "closed": true, "refs": ["#a"]}"##,
            r##"{"type": "union", "closed": true, "refs": ["#b", "#a"]}"##,
            ClosedMembersChanged,
            "/refs",
        ),
        (
            record(r##"{"type": "union", "refs": ["#a"]}"##),
            record(r##"{"type": "union", "refs": ["#b", "#a"], "closed": false}"##),
            vec![],
            vec![(MemberRemoved, "/refs")],
        ),
        (
            record(r##"{"type": "union", "refs": ["#a"]}"##),
            record(r##"{"type": "union", "closed": true, "refs": ["#a"]}"##),
            vec![(UnionClosed, "")],
            vec![(UnionOpened, "")],
        ),
        (
            record(r#"{"type": "string", "knownValues": ["a"]}"#),
            record(r#"{"type": "string", "knownValues": ["b", "a"]}"#),
            vec![],
            vec![(KnownValueRemoved, "/knownValues")],
        ),
    ]);
    for (_, _, to, back) in &mut pairs {
        for (_, rest) in to.iter_mut().chain(back) {
            *rest = format!("/defs/main/record/properties/x{rest}").leak();
        }
    }
    pairs
}

/// An object `a` with a property `x`, and what is said of it.
fn object(rest: &str, properties: &str) -> String {
    format!(r#""a": {{"type": "object", {rest} "properties": {{{properties}}}}}"#)
}

fn definitions() -> Vec<Pair> {
    use ChangeRule::*;
    let (x, y) = (r#""x": {"type": "integer"}"#, r#""y": {"type": "integer"}"#);
    let both = format!("{x}, {y}");
    let required = r#""required": ["x"],"#;
    let at_x = "/defs/a/properties/x";
    let twice = |rule, place| (vec![(rule, place)], vec![(rule, place)]);
    let pair = |old: String, new: String, said: (Vec<_>, Vec<_>)| (old, new, said.0, said.1);
    let procedure = |rest: &str| format!(r#""main": {{"type": "procedure" {rest}}}"#);
    let parameters = |rest: &str| procedure(&format!(r#", "parameters": {{"type": "params", {rest}}}"#));
    let at_parameter = "/defs/main/parameters/properties/x";
    let input = |rest: &str| procedure(&format!(r#", "input": {{{rest}}}"#));
    let output = |rest: &str| procedure(&format!(r#", "output": {{"encoding": "application/json" {rest}}}"#));
    let schema = |ty: &str| output(&format!(r#", "schema": {{{ty}}}"#));
    let stream = |rest: &str| {
        format!(r#""main": {{"type": "subscription", "message": {{"schema": {{"type": "union", {rest}}}}}}}"#)
    };
    let text = record(r#"{"type": "integer"}"#);
    vec![
        pair(
            object("", y),
            object(required, &both),
            (vec![(RequiredAdded, at_x)], vec![(RequiredRemoved, at_x)]),
        ),
        pair(
            object("", x),
            object(required, x),
            (vec![(BecameRequired, at_x)], vec![(BecameOptional, at_x)]),
        ),
        pair(object("", x), object(r#""nullable": ["x"],"#, x), twice(NullableChanged, at_x)),
        pair(object("", y), object("", &both), (vec![], vec![])),
        pair(object("", x), object("", y), (vec![], vec![])),
        pair(
            object(required, x),
            object(r#""required": ["y"],"#, y),
            (
                vec![(RequiredRemoved, at_x), (RequiredAdded, "/defs/a/properties/y")],
                vec![(RequiredAdded, at_x), (RequiredRemoved, "/defs/a/properties/y")],
            ),
        ),
        pair(text.clone(), text.replace(r#""tid""#, r#""any""#), twice(KeyChanged, "/defs/main/key")),
        pair(
            text.replace(r#""tid""#, r#""literal:a""#),
            text.replace(r#""tid""#, r#""literal:b""#),
            twice(KeyChanged, "/defs/main/key"),
        ),
        pair(text, object("", x).replace(r#""a""#, r#""main""#), twice(TypeChanged, "/defs/main")),
        pair(procedure(""), procedure("").replace("procedure", "query"), twice(TypeChanged, "/defs/main")),
        pair(r#""a": {"type": "token"}"#.into(), object("", x), twice(TypeChanged, "/defs/a")),
        pair(
            procedure(""),
            parameters(&format!(r#""required": ["x"], "properties": {{{x}}}"#)),
            (vec![(RequiredAdded, at_parameter)], vec![(RequiredRemoved, at_parameter)]),
        ),
        pair(procedure(""), parameters(&format!(r#""properties": {{{x}}}"#)), (vec![], vec![])),
        pair(
            parameters(&format!(r#""properties": {{{x}}}"#)),
            parameters(&format!(r#""required": ["x"], "properties": {{{x}}}"#)),
            (vec![(BecameRequired, at_parameter)], vec![(BecameOptional, at_parameter)]),
        ),
        pair(
            input(r#""encoding": "a/b""#),
            input(r#""encoding": "a/c""#),
            twice(EncodingChanged, "/defs/main/input/encoding"),
        ),
        pair(procedure(""), input(r#""encoding": "a/b""#), twice(BodyChanged, "/defs/main/input")),
        pair(procedure(""), output(""), twice(BodyChanged, "/defs/main/output")),
        pair(
            output(""),
            schema(r#""type": "object", "properties": {}"#),
            twice(SchemaChanged, "/defs/main/output/schema"),
        ),
        pair(
            schema(r#""type": "object", "properties": {}"#),
            schema(r#""type": "union", "refs": []"#),
            twice(TypeChanged, "/defs/main/output/schema"),
        ),
        pair(
            stream(r##""refs": ["#a"]"##),
            stream(r##""refs": []"##),
            (vec![(MemberRemoved, "/defs/main/message/schema/refs")], vec![]),
        ),
        pair(
            repo(r#""collection": ["com.example.a", "com.example.b"]"#),
            repo(r#""collection": ["com.example.b", "com.example.a"]"#),
            (vec![], vec![]),
        ),
        pair(
            repo(r#""collection": ["com.example.a"], "action": ["create", "delete"]"#),
            repo(r#""collection": ["com.example.a"], "action": ["delete"]"#),
            (
                vec![(PermissionChanged, "/defs/main/permissions"); 2],
                vec![(PermissionChanged, "/defs/main/permissions"); 2],
            ),
        ),
        pair(
            set(""),
            rpc(r#""lxm": ["com.example.a"], "aud": "*""#),
            twice(PermissionChanged, "/defs/main/permissions"),
        ),
        // The same, with descriptions, names of errors and other definitions.
        pair(
            procedure(r#", "errors": [{"name": "A"}]"#),
            procedure(r#", "description": "d", "errors": [{"name": "B"}]"#) + r#", "t": {"type": "token"}"#,
            (vec![], vec![]),
        ),
    ]
}

fn said(old: &Catalog, new: &Catalog) -> Vec<(ChangeRule, String)> {
    let changes = breaking(old, new);
    for change in &changes {
        assert_eq!((change.severity, change.nsid.as_str()), (change.rule.severity(), "com.example.doc"));
    }
    changes.into_iter().map(|change| (change.rule, change.pointer)).collect()
}

#[test]
fn each_rule_finds_its_place_both_ways() {
    let mut seen = BTreeSet::from([ChangeRule::TooMany]);
    for (old, new, to, back) in fields().into_iter().chain(definitions()) {
        seen.extend(to.iter().chain(&back).map(|(rule, _)| *rule));
        let expected = |said: Vec<(ChangeRule, &str)>| -> Vec<_> {
            said.into_iter().map(|(rule, pointer)| (rule, pointer.to_owned())).collect()
        };
        let [before, after] = [&old, &new].map(|defs| catalog(defs, &[]));
        assert_eq!(said(&before, &after), expected(to), "{old}\n{new}");
        assert_eq!(said(&after, &before), expected(back), "{new}\n{old}");
        assert_eq!(said(&before, &before), []);
        assert_eq!(said(&after, &after), []);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ChangeRule::ALL);
}

#[test]
fn documents_and_definitions_come_and_go() {
    let token = r#""t": {"type": "token"}"#;
    let old =
        catalog(&format!("{token}, {}", record(r#"{"type": "integer"}"#)), &[("com.example.old", token)]);
    let new = catalog(&token.replace("\"t\"", "\"u\""), &[("com.example.new", token)]);
    assert_eq!((breaking(&old, &new), breaking(&new, &old)), (vec![], vec![]));
    assert_eq!(breaking(&Catalog::new(), &old), []);
}

#[test]
fn messages_have_old_and_new() {
    let message = |old: &str, new: &str| {
        let changes = breaking(&catalog(old, &[]), &catalog(new, &[]));
        changes.into_iter().map(|change| change.message).collect::<Vec<_>>().join("; ")
    };
    let field = |old: &str, new: &str| message(&record(old), &record(new));
    assert_eq!(field(r#"{"type": "string"}"#, r#"{"type": "bytes"}"#), "\"string\" became \"bytes\"");
    assert_eq!(
        field(
            r#"{"type": "string", "maxLength": 1}"#,
            r#"{"type": "string", "format": "did", "maxLength": 2}"#
        ),
        "\"did\" is new; 1 became 2"
    );
    assert_eq!(
        field(r#"{"type": "string", "enum": ["b", "a"]}"#, r#"{"type": "string"}"#),
        r#"{"a", "b"} is gone"#
    );
    assert_eq!(
        field(r##"{"type": "ref", "ref": "#a"}"##, r##"{"type": "ref", "ref": "com.example.b"}"##),
        "com.example.doc#a became com.example.b"
    );
    let key = record(r#"{"type": "integer"}"#);
    assert_eq!(message(&key, &key.replace("tid", "literal:self")), r#""tid" became "literal:self""#);
    assert_eq!(
        message(&set(""), &repo(r#""collection": ["com.example.b", "com.example.a"], "action": ["create"]"#)),
        r#"repo ["com.example.a", "com.example.b"] ["create"] is new"#
    );
}
