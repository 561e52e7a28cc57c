use super::*;
use crate::schema::{Def, DefKind, Type};
use std::time::{Duration, Instant};

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Array(vec![]), |inner, _| Value::Array(vec![inner]))
}

#[test]
fn depth_is_bounded_by_that_of_values() {
    let catalog = catalog(
        r##""list": {"type": "array", "items": {"type": "ref", "ref": "#list"}},
            "o": {"type": "object", "properties": {"v": {"type": "union", "refs": ["#o"]}}}"##,
    );
    let validator = Validator::new(&catalog);
    let list = |value: &Value| failures(validator.validate_definition(&def("list"), value)).0;
    assert_eq!(list(&nested(Limits::MAX_DEPTH)), []);
    let too_deep = list(&nested(Limits::MAX_DEPTH + 1));
    assert_eq!(too_deep, at(&"/0".repeat(Limits::MAX_DEPTH + 1), Reason::TooDeep));
    assert_eq!(list(&nested(2000)).len(), 1);
    let objects = Limits::MAX_DEPTH;
    let text = r#"{"$type":"com.example.doc#o","v":"#.repeat(objects - 1) + "{}" + &"}".repeat(objects - 1);
    let found = failures(validator.validate_definition(&def("o"), &value(&text))).0;
    assert_eq!(found, at(&"/v".repeat(objects - 1), Reason::NoType));
}

/// No document that parses has such a definition, but one can be put together.
#[test]
fn references_in_a_circle_end() {
    for ty in [Type::Ref(def("x")), Type::Unknown] {
        let mut document = Document::from_json(
            br##"{"lexicon": 1, "id": "com.example.doc", "defs": {"o": {"type": "array", "items": {"type": "ref", "ref": "#x"}}}}"##,
        )
        .unwrap();
        document.defs.insert("x".into(), Def { description: None, kind: DefKind::Type(ty) });
        let mut catalog = Catalog::new();
        catalog.insert(document).unwrap();
        let found = Validator::new(&catalog).validate_definition(&def("o"), &nested(1));
        assert_eq!(failures(found).0, at("/0", Reason::NoData("com.example.doc#x".into())));
    }
}

/// Many fields, properties and failures take time in proportion.
#[test]
fn nothing_is_quadratic() {
    let count = 50_000;
    let names: Vec<_> = (0..count).map(|number| format!("n{number:06}")).collect();
    let list = names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
    let each =
        |value: &str| names.iter().map(|name| format!("\"{name}\":{value}")).collect::<Vec<_>>().join(",");
    let start = Instant::now();
    let large = catalog(&format!(
        r##""o": {{"type": "object", "required": [{list}], "properties": {{{}}}}},
            "l": {{"type": "array", "items": {{"type": "object", "properties": {{{}}}}}}}"##,
        each(r#"{"type":"integer"}"#),
        each(r#"{"type":"unknown"}"#)
    ));
    let validator = Validator::new(&large);
    assert_eq!(
        failures(validator.validate_definition(&def("o"), &value(&format!("{{{}}}", each("1"))))).0,
        []
    );
    let found = validator.validate_definition(&def("o"), &value(&format!("{{{}}}", each("null"))));
    assert_eq!(failures(found).0.len(), 1000);
    assert_eq!(failures(validator.validate_definition(&def("o"), &value("{}"))).0.len(), 1000);
    let small = value(&format!("[{}]", vec!["{}"; count].join(",")));
    assert_eq!(failures(validator.validate_definition(&def("l"), &small)).0, []);
    let pairs = names.iter().map(|name| (name, "1"));
    let query = format!(
        r#"{{"lexicon": 1, "id": "com.example.query", "defs": {{"main": {{"type": "query", "parameters":
            {{"type": "params", "properties": {{{}}}}}}}}}}}"#,
        each(r#"{"type":"integer"}"#)
    );
    let mut queries = Catalog::new();
    queries.insert(Document::from_json(query.as_bytes()).unwrap()).unwrap();
    let read = Validator::new(&queries).validate_query(&nsid("com.example.query"), pairs).unwrap();
    assert_eq!(read.len(), count);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

/// Paths of long names do not add up to more than the value can be.
#[test]
fn paths_have_a_bound() {
    let name = "n".repeat(8000);
    let catalog = catalog(&format!(
        r##""o": {{"type": "object", "required": ["a", "b", "c"], "properties": {{
            "a": {{"type": "boolean"}}, "b": {{"type": "boolean"}}, "c": {{"type": "boolean"}},
            "{name}": {{"type": "ref", "ref": "#o"}}}}}}"##
    ));
    let depth = 100;
    let text = format!(r#"{{"{name}":"#).repeat(depth) + "{}" + &"}".repeat(depth);
    let found = failures(Validator::new(&catalog).validate_definition(&def("o"), &value(&text))).0;
    let length: usize = found.iter().map(|(path, _)| path.len()).sum();
    assert!(found.len() > 3 && length < 2 << 20, "{} {length}", found.len());
}
