//! Documents that break one rule each.

use super::*;
use crate::data::json::{JsonError, JsonReason};
use crate::schema::Rule;
use crate::syntax::{Language, Nsid};
use std::collections::BTreeSet;

#[test]
fn each_rule_is_broken_at_its_place() {
    let nsid = Nsid::check("one-two").unwrap_err();
    let language = Language::check("x").unwrap_err();
    let float = JsonError { reason: JsonReason::Float, offset: 12 };
    let cases: Vec<(String, &str, Rule)> = vec![
        (r#"{"lexicon": 1.5}"#.into(), "", Rule::Json(float)),
        ("[]".into(), "", Rule::Expected("an object")),
        ("{}".into(), "", Rule::MissingField("lexicon")),
        (r#"{"lexicon": "1"}"#.into(), "/lexicon", Rule::Expected("an integer")),
        (r#"{"lexicon": 2}"#.into(), "/lexicon", Rule::Version),
        (r#"{"lexicon": 1}"#.into(), "", Rule::MissingField("id")),
        (r#"{"lexicon": 1, "id": 2}"#.into(), "/id", Rule::Expected("a string")),
        (r#"{"lexicon": 1, "id": "one-two"}"#.into(), "/id", Rule::Syntax(nsid)),
        (r#"{"lexicon": 1, "id": "a.b.c"}"#.into(), "", Rule::MissingField("defs")),
        (
            r#"{"lexicon": 1, "id": "a.b.c", "$type": "a.b.c", "defs": {}}"#.into(),
            "/$type",
            Rule::Expected("the type \"com.atproto.lexicon.schema\""),
        ),
        (r#"{"lexicon": 1, "id": "a.b.c", "defs": []}"#.into(), "/defs", Rule::Expected("an object")),
        (document("a.b.c", ""), "/defs", Rule::NoDefinitions),
        (document("a.b.c", r#""": {"type": "token"}"#), "/defs/", Rule::DefinitionName),
        (document("a.b.c", r##""#a": {"type": "token"}"##), "/defs/#a", Rule::DefinitionName),
        (document("a.b.c", r#""a b": {"type": "token"}"#), "/defs/a b", Rule::DefinitionName),
        (
            r#"{"lexicon": 1, "id": "a.b.c", "description": 1, "defs": {"a": {"type": "token"}}}"#.into(),
            "/description",
            Rule::Expected("a string"),
        ),
    ];
    let mut seen = BTreeSet::new();
    for (text, pointer, rule) in cases {
        assert_eq!(
            parse(&text),
            Err(DocumentError { pointer: pointer.into(), rule: rule.clone() }),
            "{text}"
        );
        seen.insert(number(&rule));
    }
    let misplaced =
        ["record", "query", "procedure", "subscription", "permission-set", "token", "params", "permission"];
    let schemas: Vec<(String, &str, Rule)> = vec![
        ("5".into(), "", Rule::Expected("an object")),
        ("{}".into(), "", Rule::MissingField("type")),
        (r#"{"type": null}"#.into(), "/type", Rule::Expected("a string")),
        (r#"{"type": "float"}"#.into(), "", Rule::UnknownType("float".into())),
        (r#"{"type": "string", "description": 5}"#.into(), "/description", Rule::Expected("a string")),
        (r#"{"type": "string", "format": "color"}"#.into(), "/format", Rule::UnknownFormat("color".into())),
        (r#"{"type": "string", "format": 5}"#.into(), "/format", Rule::Expected("a string")),
        (r#"{"type": "string", "const": "", "default": ""}"#.into(), "", Rule::ConstAndDefault),
        (r#"{"type": "integer", "const": 1, "default": 1}"#.into(), "", Rule::ConstAndDefault),
        (r#"{"type": "boolean", "const": true, "default": true}"#.into(), "", Rule::ConstAndDefault),
        (r#"{"type": "boolean", "const": 1}"#.into(), "/const", Rule::Expected("a boolean")),
        (r#"{"type": "integer", "minimum": "1"}"#.into(), "/minimum", Rule::Expected("an integer")),
        (r#"{"type": "integer", "enum": [1, "2"]}"#.into(), "/enum/1", Rule::Expected("an integer")),
        (r#"{"type": "string", "enum": ["1", 2]}"#.into(), "/enum/1", Rule::Expected("a string")),
        (r#"{"type": "string", "knownValues": 2}"#.into(), "/knownValues", Rule::Expected("an array")),
        (
            r#"{"type": "string", "maxLength": -1}"#.into(),
            "/maxLength",
            Rule::Expected("an integer that is not negative"),
        ),
        (
            r#"{"type": "bytes", "minLength": null}"#.into(),
            "/minLength",
            Rule::Expected("an integer that is not negative"),
        ),
        (r#"{"type": "blob", "accept": "*/*"}"#.into(), "/accept", Rule::Expected("an array")),
        (r#"{"type": "array"}"#.into(), "", Rule::MissingField("items")),
        (r#"{"type": "array", "items": {"type": "token"}}"#.into(), "/items", Rule::Misplaced("token")),
        (r#"{"type": "object"}"#.into(), "", Rule::MissingField("properties")),
        (
            r#"{"type": "object", "properties": {"a/b": {"type": "params"}}}"#.into(),
            "/properties/a~1b",
            Rule::Misplaced("params"),
        ),
        (
            r#"{"type": "object", "properties": {"a": {"type": "token"}, "b": 1}, "required": ["a"]}"#.into(),
            "/properties/a",
            Rule::Misplaced("token"),
        ),
        (
            r#"{"type": "object", "properties": {"a": {"type": "unknown"}}, "required": ["a", "b"]}"#.into(),
            "/required/1",
            Rule::RequiredProperty("b".into()),
        ),
        (
            r#"{"type": "object", "properties": {}, "nullable": [1]}"#.into(),
            "/nullable/0",
            Rule::Expected("a string"),
        ),
        (r#"{"type": "ref"}"#.into(), "", Rule::MissingField("ref")),
        (r#"{"type": "ref", "ref": "doc"}"#.into(), "/ref", Rule::Reference),
        (r##"{"type": "ref", "ref": "#"}"##.into(), "/ref", Rule::Reference),
        (r##"{"type": "ref", "ref": "a.b.c#d#e"}"##.into(), "/ref", Rule::Reference),
        (r#"{"type": "ref", "ref": ""}"#.into(), "/ref", Rule::Reference),
        (r#"{"type": "union"}"#.into(), "", Rule::MissingField("refs")),
        (r#"{"type": "union", "refs": [], "closed": true}"#.into(), "", Rule::EmptyClosedUnion),
        (r##"{"type": "union", "refs": ["#a", "b"]}"##.into(), "/refs/1", Rule::Reference),
    ];
    let misplaced = misplaced.map(|ty| (format!(r#"{{"type": "{ty}"}}"#), "", Rule::Misplaced(ty)));
    for (text, pointer, rule) in schemas.into_iter().chain(misplaced) {
        let found = defs(&format!(r#""o": {{"type": "object", "properties": {{"~": {text}}}}}"#));
        let pointer = format!("/defs/o/properties/~0{pointer}");
        assert_eq!(found, Err(DocumentError { pointer, rule: rule.clone() }), "{text}");
        seen.insert(number(&rule));
    }
    let object = r#"{"type": "object", "properties": {}}"#;
    let params = |rest: &str| format!(r#"{{"type": "query", "parameters": {{{rest}}}}}"#);
    let set = |permission: &str| format!(r#"{{"type": "permission-set", "permissions": [{permission}]}}"#);
    let mains: Vec<(String, &str, Rule)> = vec![
        (r#"{"type": "unknown"}"#.into(), "", Rule::NotNamed("unknown")),
        (r##"{"type": "ref", "ref": "#a"}"##.into(), "", Rule::NotNamed("ref")),
        (r#"{"type": "union", "refs": []}"#.into(), "", Rule::NotNamed("union")),
        (r#"{"type": "params", "properties": {}}"#.into(), "", Rule::NotNamed("params")),
        (r#"{"type": "permission", "resource": "repo"}"#.into(), "", Rule::NotNamed("permission")),
        (format!(r#"{{"type": "record", "record": {object}}}"#), "", Rule::MissingField("key")),
        (r#"{"type": "record", "key": "any"}"#.into(), "", Rule::MissingField("record")),
        (format!(r#"{{"type": "record", "key": "cid", "record": {object}}}"#), "/key", Rule::RecordKey),
        (format!(r#"{{"type": "record", "key": "literal:", "record": {object}}}"#), "/key", Rule::RecordKey),
        (
            format!(r#"{{"type": "record", "key": "literal:..", "record": {object}}}"#),
            "/key",
            Rule::RecordKey,
        ),
        (
            r#"{"type": "record", "key": "any", "record": {"properties": {}}}"#.into(),
            "/record",
            Rule::MissingField("type"),
        ),
        (
            r##"{"type": "record", "key": "any", "record": {"type": "ref", "ref": "#a"}}"##.into(),
            "/record",
            Rule::Expected("the type \"object\""),
        ),
        (params(r#""type": "object""#), "/parameters", Rule::Expected("the type \"params\"")),
        (
            params(r#""type": "params", "properties": {"a": {"type": "bytes"}}"#),
            "/parameters/properties/a",
            Rule::Misplaced("bytes"),
        ),
        (
            params(
                r#""type": "params", "properties": {"a": {"type": "array", "items": {"type": "unknown"}}}"#,
            ),
            "/parameters/properties/a",
            Rule::Misplaced("array"),
        ),
        (
            params(r#""type": "params", "required": ["a"]"#),
            "/parameters/required/0",
            Rule::RequiredProperty("a".into()),
        ),
        (r#"{"type": "query", "input": {"encoding": "a/b"}}"#.into(), "/input", Rule::Misplaced("input")),
        (r#"{"type": "query", "output": {}}"#.into(), "/output", Rule::MissingField("encoding")),
        (
            r#"{"type": "query", "output": {"encoding": "a/b", "schema": {"type": "string"}}}"#.into(),
            "/output/schema",
            Rule::Misplaced("string"),
        ),
        (
            r#"{"type": "procedure", "errors": [{"name": "A"}, {"name": "A b"}]}"#.into(),
            "/errors/1/name",
            Rule::ErrorName,
        ),
        (r#"{"type": "procedure", "errors": [{"name": ""}]}"#.into(), "/errors/0/name", Rule::ErrorName),
        (r#"{"type": "subscription"}"#.into(), "", Rule::MissingField("message")),
        (r#"{"type": "subscription", "message": {}}"#.into(), "/message", Rule::MissingField("schema")),
        (
            format!(r#"{{"type": "subscription", "message": {{"schema": {object}}}}}"#),
            "/message/schema",
            Rule::Expected("a union"),
        ),
        (r#"{"type": "permission-set"}"#.into(), "", Rule::MissingField("permissions")),
        (
            r#"{"type": "permission-set", "title:lang": {"x": "t"}, "permissions": []}"#.into(),
            "/title:lang/x",
            Rule::Syntax(language),
        ),
        (set(r#"{"type": "object"}"#), "/permissions/0", Rule::Expected("the type \"permission\"")),
        (set(r#"{"type": "permission"}"#), "/permissions/0", Rule::MissingField("resource")),
        (
            set(r#"{"type": "permission", "resource": "repo"}"#),
            "/permissions/0",
            Rule::MissingField("collection"),
        ),
        (
            set(r#"{"type": "permission", "resource": "repo", "collection": []}"#),
            "/permissions/0/collection",
            Rule::Expected("an array of one item or more"),
        ),
        (
            set(r#"{"type": "permission", "resource": "rpc", "lxm": [], "aud": "*"}"#),
            "/permissions/0/lxm",
            Rule::Expected("an array of one item or more"),
        ),
    ];
    for (text, pointer, rule) in mains {
        let found = defs(&format!(r#""main": {text}"#));
        assert_eq!(
            found,
            Err(DocumentError { pointer: format!("/defs/main{pointer}"), rule: rule.clone() }),
            "{text}"
        );
        seen.insert(number(&rule));
    }
    for ty in ["record", "query", "procedure", "subscription", "permission-set"] {
        let rule = Rule::OnlyMain(ty);
        seen.insert(number(&rule));
        let found = defs(&format!(r#""other": {{"type": "{ty}"}}"#));
        assert_eq!(found, Err(DocumentError { pointer: "/defs/other".into(), rule }));
    }
    assert_eq!(
        seen.into_iter().collect::<Vec<_>>(),
        (0..18).collect::<Vec<_>>(),
        "every rule has a document"
    );
}

/// Each rule's own number, so that none is forgotten.
fn number(rule: &Rule) -> u32 {
    match rule {
        Rule::Json(_) => 0,
        Rule::Expected(_) => 1,
        Rule::MissingField(_) => 2,
        Rule::Version => 3,
        Rule::Syntax(_) => 4,
        Rule::NoDefinitions => 5,
        Rule::DefinitionName => 6,
        Rule::UnknownType(_) => 7,
        Rule::NotNamed(_) => 8,
        Rule::OnlyMain(_) => 9,
        Rule::Misplaced(_) => 10,
        Rule::RecordKey => 11,
        Rule::UnknownFormat(_) => 12,
        Rule::ConstAndDefault => 13,
        Rule::RequiredProperty(_) => 14,
        Rule::EmptyClosedUnion => 15,
        Rule::Reference => 16,
        Rule::ErrorName => 17,
    }
}
