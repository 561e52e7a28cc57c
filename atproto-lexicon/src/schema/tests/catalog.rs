use super::*;
use crate::schema::{Catalog, DefKind, Duplicate};

fn catalog() -> Catalog {
    let mut catalog = Catalog::new();
    let record = r##""main": {"type": "record", "key": "any", "record": {"type": "object", "properties": {
        "a": {"type": "ref", "ref": "#gone"}, "b": {"type": "ref", "ref": "#there"},
        "c": {"type": "array", "items": {"type": "union", "refs": ["b.b.b", "z.z.z", "#there"]}},
        "d": {"type": "object", "properties": {"e": {"type": "ref", "ref": "z.z.z"}}}
    }}}, "there": {"type": "array", "items": {"type": "ref", "ref": "b.b.b#gone"}}"##;
    let query = r##""main": {"type": "procedure",
        "parameters": {"type": "params", "properties": {"p": {"type": "string"}}},
        "input": {"encoding": "a/b", "schema": {"type": "ref", "ref": "#in"}},
        "output": {"encoding": "a/b", "schema": {"type": "union", "refs": ["#out", "a.a.a#there"]}}}"##;
    let stream =
        r##""main": {"type": "subscription", "message": {"schema": {"type": "union", "refs": ["#event"]}}}"##;
    let token = r#""t": {"type": "token"}"#;
    for (id, defs) in [("c.c.c", query), ("a.a.a", record), ("d.d.d", stream), ("b.b.b", token)] {
        catalog.insert(parse(&document(id, defs)).unwrap()).unwrap();
    }
    catalog
}

#[test]
fn references_that_lead_nowhere_are_found_everywhere() {
    let missing: Vec<_> = catalog().missing().iter().map(ToString::to_string).collect();
    let expected = [
        "a.a.a refers to a.a.a#gone, which is not there",
        "a.a.a refers to b.b.b, which is not there",
        "a.a.a refers to z.z.z, which is not there",
        "a.a.a#there refers to b.b.b#gone, which is not there",
        "c.c.c refers to c.c.c#in, which is not there",
        "c.c.c refers to c.c.c#out, which is not there",
        "d.d.d refers to d.d.d#event, which is not there",
    ];
    assert_eq!(missing, expected);
    assert!(Catalog::new().missing().is_empty());
}

#[test]
fn definitions_are_found_by_name() {
    let catalog = catalog();
    let ids: Vec<_> = catalog.documents().map(|document| document.id.as_str()).collect();
    assert_eq!(ids, ["a.a.a", "b.b.b", "c.c.c", "d.d.d"]);
    let names: Vec<_> = catalog.defs().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["a.a.a", "a.a.a#there", "b.b.b#t", "c.c.c", "d.d.d"]);
    for (name, def) in catalog.defs() {
        assert_eq!(catalog.get(&name), Some(def));
        assert_eq!(catalog.get_type(&name.to_string()), Some(def));
    }
    assert_eq!(catalog.get_type("b.b.b#t").map(|def| &def.kind), Some(&DefKind::Token));
    for name in ["a.a.a#main", "b.b.b", "b.b.b#x", "b.b.b#", "z.z.z", "", "#there", "a.a.a##there"] {
        assert_eq!(catalog.get_type(name), None, "{name}");
    }
    assert!(catalog.document(&"a.a.a".parse().unwrap()).is_some());
}

#[test]
fn an_nsid_has_one_document() {
    let mut twice = catalog();
    let other = parse(&document("a.a.a", r#""x": {"type": "token"}"#)).unwrap();
    assert_eq!(twice.insert(other), Err(Duplicate("a.a.a".parse().unwrap())));
    assert_eq!(twice, catalog());
}

#[test]
fn references_lead_to_what_can_stand_there() {
    let mut catalog = Catalog::new();
    let defs = r##"
        "main": {"type": "object", "properties": {}}, "text": {"type": "string"}, "token": {"type": "token"},
        "good": {"type": "object", "properties": {
            "a": {"type": "ref", "ref": "#main"}, "b": {"type": "ref", "ref": "#text"},
            "c": {"type": "union", "refs": ["#main", "#good", "#gone"]}}},
        "bad": {"type": "array", "items": {"type": "object", "properties": {
            "a": {"type": "ref", "ref": "#token"}, "b": {"type": "union", "refs": ["#text", "#text", "#token"]},
            "c": {"type": "ref", "ref": "b.b.b"}}}}"##;
    catalog.insert(parse(&document("a.a.a", defs)).unwrap()).unwrap();
    catalog.insert(parse(&document("b.b.b", r#""main": {"type": "query"}"#)).unwrap()).unwrap();
    let found: Vec<_> = catalog.misdirected().iter().map(ToString::to_string).collect();
    let expected =
        [("a.a.a#text", "string"), ("a.a.a#token", "token"), ("b.b.b", "query")].map(|(to, found)| {
            format!("a.a.a#bad refers to {to}, which is of the type \"{found}\" and cannot stand there")
        });
    assert_eq!(found, expected);
}
