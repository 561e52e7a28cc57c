use super::*;
use crate::data::json;
use crate::schema::{
    Action, Audience, DefKind, ObjectType, Permission, PermissionSet, RecordKeyKind, Reference, Type,
};

#[test]
fn a_document_says_what_it_says() {
    let document = parse(
        r##"{"$type": "com.atproto.lexicon.schema", "lexicon": 1, "id": "com.example.doc", "description": "d", "defs": {
            "main": {"type": "record", "key": "literal:self", "description": "m", "record": {
                "type": "object", "description": "r", "required": ["b", "a", "b"], "nullable": ["a"], "properties": {
                    "a": {"type": "ref", "ref": "#x", "description": "f"},
                    "b": {"type": "union", "refs": ["a.b.c#main", "a.b.c#d", "#x"]},
                    "c": {"type": "string", "enum": ["z", "a"], "format": "did", "maxGraphemes": 3}
                }}},
            "x": {"type": "object", "properties": {}},
            "t": {"type": "token"}
        }}"##,
    )
    .unwrap();
    assert_eq!((document.id.as_str(), document.description.as_deref()), ("com.example.doc", Some("d")));
    assert!(document.unrecognised.is_empty());
    assert_eq!(document.defs.keys().collect::<Vec<_>>(), ["main", "t", "x"]);
    assert_eq!(document.defs["t"].kind, DefKind::Token);
    let main = document.main().unwrap();
    let DefKind::Record(record) = &main.kind else { panic!() };
    assert_eq!((main.description.as_deref(), record.description.as_deref()), (Some("m"), Some("r")));
    assert_eq!(record.key, RecordKeyKind::Literal("self".parse().unwrap()));
    let object = &record.object;
    assert_eq!(object.required, ["b", "a"], "in order, and each once");
    assert_eq!(document.repeated, ["/defs/main/record/required/2"]);
    assert!(object.is_required("a") && !object.is_required("c"));
    assert!(object.is_nullable("a") && !object.is_nullable("b"));
    assert_eq!(object.properties["a"].description.as_deref(), Some("f"));
    let Type::Union(union) = &object.properties["b"].ty else { panic!() };
    assert_eq!(
        union.refs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["a.b.c", "a.b.c#d", "com.example.doc#x"]
    );
    assert!(!union.closed);
    let Type::String(string) = &object.properties["c"].ty else { panic!() };
    assert_eq!(string.values.as_deref().unwrap(), ["z", "a"]);
    assert_eq!((string.max_graphemes, string.max_length), (Some(3), None));
}

#[test]
fn any_type_that_can_be_named_can_be_main() {
    for ty in ["boolean", "integer", "string", "bytes", "cid-link", "blob", "token"] {
        let document = defs(&format!(r#""main": {{"type": "{ty}"}}, "x": {{"type": "{ty}"}}"#)).unwrap();
        assert_eq!(document.main().unwrap().kind.name(), ty);
        assert_eq!(document.defs["x"].kind, document.defs["main"].kind);
    }
    let array = r#"{"type": "array", "items": {"type": "array", "items": {"type": "union", "refs": []}}}"#;
    assert_eq!(defs(&format!(r#""main": {array}"#)).unwrap().main().unwrap().kind.name(), "array");
}

#[test]
fn parameters_need_no_properties() {
    let document = defs(r#""main": {"type": "query", "parameters": {"type": "params"}}"#).unwrap();
    let DefKind::Query(query) = &document.main().unwrap().kind else { panic!() };
    assert_eq!(query.parameters, Some(ObjectType::default()));
    assert_eq!((&query.input, &query.output, query.errors.len()), (&None, &None, 0));
}

#[test]
fn fields_that_are_not_known_are_noted() {
    let document = parse(
        r#"{"lexicon": 1, "id": "a.b.c", "revision": 2, "defs": {"o": {
            "type": "object", "required": [], "properties": {
                "a/b": {"type": "string", "maxlength": 3}, "c": {"type": "array", "items": {"type": "cid-link", "x": 1}}
            }}, "t": {"type": "token", "const": 1}}}"#,
    )
    .unwrap();
    let mut found = document.unrecognised;
    found.sort();
    assert_eq!(
        found,
        ["/defs/o/properties/a~1b/maxlength", "/defs/o/properties/c/items/x", "/defs/t/const", "/revision"]
    );
}

/// Noting many of them takes time and room in proportion to the document.
#[test]
fn notes_have_a_bound() {
    let many: Vec<_> = (0..100_000).map(|number| format!(r#""x{number}": 1"#)).collect();
    let document = defs(&format!(r#""t": {{"type": "token", {}}}"#, many.join(","))).unwrap();
    let length: usize = document.unrecognised.iter().map(String::len).sum();
    assert!((1 << 20..(1 << 20) + 100).contains(&length), "{length}");
    let same = vec!["\"a\""; 100_000].join(",");
    let object = format!(
        r#""o": {{"type": "object", "properties": {{"a": {{"type": "unknown"}}}}, "required": [{same}]}}"#
    );
    let DefKind::Type(Type::Object(object)) = &defs(&object).unwrap().defs["o"].kind else { panic!() };
    assert_eq!(object.required, ["a"]);
}

#[test]
fn permissions_that_are_not_known_are_kept_apart() {
    let set = |permission: &str| -> Permission {
        let text = format!(
            r#""main": {{"type": "permission-set", "title": "t", "detail:lang": {{"de": "d"}}, "permissions": [{permission}]}}"#
        );
        let document = defs(&text).unwrap();
        let DefKind::PermissionSet(PermissionSet { title, detail_lang, permissions, .. }) =
            &document.main().unwrap().kind
        else {
            panic!()
        };
        assert_eq!((title.as_deref(), detail_lang["de"].as_str()), (Some("t"), "d"));
        permissions[0].clone()
    };
    let repo = |action: Vec<Action>| Permission::Repo { collection: vec!["a.b.c".into()], action };
    let rpc = |aud: Audience| Permission::Rpc { lxm: vec!["a.b.c".into()], aud };
    for (rest, expected) in [
        (r#""repo", "collection": ["a.b.c"]"#, repo(vec![])),
        (
            r#""repo", "collection": ["a.b.c"], "action": ["delete", "create"]"#,
            repo(vec![Action::Delete, Action::Create]),
        ),
        (r#""rpc", "lxm": ["a.b.c"], "aud": "*""#, rpc(Audience::Named("*".into()))),
        (r#""rpc", "lxm": ["a.b.c"], "inheritAud": true"#, rpc(Audience::Inherited)),
        (r#""rpc", "lxm": ["a.b.c"]"#, rpc(Audience::Absent)),
    ] {
        assert_eq!(set(&format!(r#"{{"type": "permission", "resource": {rest}}}"#)), expected, "{rest}");
    }
    for rest in [
        r#""blob", "accept": ["*/*"]"#,
        r#""repo", "collection": ["a.b.c"], "only": "mine""#,
        r#""repo", "collection": ["a.b.c"], "action": ["create", "rename"]"#,
        r#""repo", "collection": ["a.b.c"], "action": []"#,
        r#""rpc", "lxm": ["a.b.c"], "aud": "*", "inheritAud": true"#,
    ] {
        let text = format!(r#"{{"type": "permission", "resource": {rest}}}"#);
        let Permission::Unknown { resource, fields } = set(&text) else { panic!("{rest}") };
        assert!(rest.contains(&resource));
        assert_eq!(json::from_str(&text), Ok(fields.into()));
    }
}

#[test]
fn references_are_full_or_local() {
    let within = "com.example.doc".parse().unwrap();
    for (text, shown) in [
        ("a.b.c", "a.b.c"),
        ("a.b.c#main", "a.b.c"),
        ("a.b.c#d", "a.b.c#d"),
        ("#d", "com.example.doc#d"),
        ("#main", "com.example.doc"),
    ] {
        assert_eq!(
            Reference::parse(text, &within).map(|reference| reference.to_string()).as_deref(),
            Ok(shown)
        );
    }
    for bad in ["", "#", "a.b", "a.b.c#", "a.b.c#d e", "a.b.c##d", "a.b.c#d#e", "a.b.c\n"] {
        assert!(Reference::parse(bad, &within).is_err(), "{bad}");
    }
    for (name, reference) in [("a.b.c", "a.b.c"), ("a.b.c#d", "a.b.c#d")] {
        let read = Reference::from_type(name).unwrap();
        assert_eq!(read, Reference::parse(reference, &within).unwrap());
        assert!(read.is_type(name) && !read.is_type("a.b.c#main") && !read.is_type("a.b.c#x"));
    }
    for bad in ["", "#d", "a.b.c#main", "a.b.c#", "a.b", "a.b.c#d#e"] {
        assert!(Reference::from_type(bad).is_err(), "{bad}");
    }
}
