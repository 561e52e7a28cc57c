use crate::syntax::RecordKey;
use crate::testing::Hostile;
use crate::testing::Verdict::{Invalid, Valid};
use serde_json::{Value, json};

fn document(defs: &Value) -> Value {
    json!({"lexicon": 1, "id": "com.example.thing", "defs": defs})
}

/// One that is an object with one property.
fn property(schema: &Value) -> Value {
    document(&json!({"main": {"type": "object", "properties": {"a": schema}}}))
}

fn record(key: &str) -> Value {
    document(&json!({"main": {"type": "record", "key": key, "record": {"type": "object", "properties": {}}}}))
}

fn permissions(permission: &Value) -> Value {
    document(&json!({"main": {"type": "permission-set", "permissions": [permission]}}))
}

/// Lexicon documents with one defect each.
pub fn documents() -> Vec<Hostile<Value>> {
    let object = json!({"type": "object", "properties": {}});
    let all = [
        (true, "object", document(&json!({"main": object}))),
        (
            true,
            "unknown field",
            json!({"lexicon": 1, "id": "com.example.thing", "defs": {"a": object}, "x": 1}),
        ),
        (true, "record", record("tid")),
        (true, "record of one key", record("literal:self")),
        (true, "token", document(&json!({"a": {"type": "token"}}))),
        (true, "empty open union", property(&json!({"type": "union", "refs": []}))),
        (false, "not an object", json!([])),
        (false, "no version", json!({"id": "com.example.thing", "defs": {"main": object}})),
        (false, "version 2", json!({"lexicon": 2, "id": "com.example.thing", "defs": {"main": object}})),
        (
            false,
            "version that is text",
            json!({"lexicon": "1", "id": "com.example.thing", "defs": {"main": object}}),
        ),
        (false, "no name", json!({"lexicon": 1, "defs": {"main": object}})),
        (false, "name of two segments", json!({"lexicon": 1, "id": "com.example", "defs": {"main": object}})),
        (false, "no definitions", json!({"lexicon": 1, "id": "com.example.thing"})),
        (false, "empty definitions", document(&json!({}))),
        (false, "definition without a type", document(&json!({"main": {}}))),
        (false, "definition of an unknown type", document(&json!({"main": {"type": "float"}}))),
        (false, "definition that is a list", document(&json!({"main": []}))),
        (
            false,
            "record that is not the main definition",
            document(&json!({"a": record("tid")["defs"]["main"]})),
        ),
        (false, "query that is not the main definition", document(&json!({"a": {"type": "query"}}))),
        (
            false,
            "definition that is a reference",
            document(&json!({"main": {"type": "ref", "ref": "#a"}, "a": object})),
        ),
        (false, "definition that is a union", document(&json!({"a": {"type": "union", "refs": []}}))),
        (false, "definition that is unknown", document(&json!({"a": {"type": "unknown"}}))),
        (false, "record without a key", document(&json!({"main": {"type": "record", "record": object}}))),
        (false, "record of an unknown kind of key", record("uuid")),
        (false, "record of a key that is none", record("literal:a/b")),
        (
            false,
            "record of a text",
            document(&json!({"main": {"type": "record", "key": "tid", "record": {"type": "string"}}})),
        ),
        (false, "record without a schema", document(&json!({"main": {"type": "record", "key": "tid"}}))),
        (false, "property without a type", property(&json!({"format": "did"}))),
        (false, "property of an unknown type", property(&json!({"type": "number"}))),
        (false, "property that is a record", property(&record("tid")["defs"]["main"])),
        (false, "unknown format", property(&json!({"type": "string", "format": "email"}))),
        (false, "length that is negative", property(&json!({"type": "string", "maxLength": -1}))),
        (false, "length that is text", property(&json!({"type": "string", "maxLength": "1"}))),
        (false, "constant and default", property(&json!({"type": "string", "const": "a", "default": "a"}))),
        (false, "default of another type", property(&json!({"type": "integer", "default": "1"}))),
        (false, "array without items", property(&json!({"type": "array"}))),
        (false, "union without members", property(&json!({"type": "union"}))),
        (false, "closed union of nothing", property(&json!({"type": "union", "refs": [], "closed": true}))),
        (false, "reference to nothing", property(&json!({"type": "ref"}))),
        (false, "reference that is none", property(&json!({"type": "ref", "ref": "a b"}))),
        (
            false,
            "required property that is not there",
            document(&json!({"main": {"type": "object", "required": ["b"], "properties": {}}})),
        ),
        (
            false,
            "output without an encoding",
            document(&json!({"main": {"type": "query", "output": {"schema": object}}})),
        ),
        (
            false,
            "parameters that are an object",
            document(&json!({"main": {"type": "query", "parameters": object}})),
        ),
        (
            false,
            "parameter that is an object",
            document(
                &json!({"main": {"type": "query", "parameters": {"type": "params", "properties": {"a": object}}}}),
            ),
        ),
        (false, "error without a name", document(&json!({"main": {"type": "query", "errors": [{}]}}))),
        (
            true,
            "permission",
            permissions(
                &json!({"type": "permission", "resource": "repo", "collection": ["com.example.thing"]}),
            ),
        ),
        (false, "permission without a resource", permissions(&json!({"type": "permission"}))),
    ];
    let case =
        |(is_valid, name, document)| Hostile::new(name, document, if is_valid { Valid } else { Invalid });
    all.into_iter().map(case).collect()
}

/// A document of a record, and records with their keys: such as it says, or with one defect.
pub fn record_cases() -> (Value, Vec<Hostile<(RecordKey, Value)>>) {
    let schema = json!({
        "type": "object",
        "required": ["text", "createdAt"],
        "nullable": ["note"],
        "properties": {
            "text": {"type": "string", "minLength": 2, "maxLength": 10, "maxGraphemes": 4},
            "createdAt": {"type": "string", "format": "datetime"},
            "note": {"type": "string"},
            "count": {"type": "integer", "minimum": 1, "maximum": 3},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "hint": {"type": "string", "knownValues": ["a", "b"]},
            "fixed": {"type": "boolean", "const": true},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 2}, "minLength": 1, "maxLength": 2},
            "data": {"type": "bytes", "maxLength": 2},
            "link": {"type": "cid-link"},
            "image": {"type": "blob", "accept": ["image/*"], "maxSize": 10},
            "any": {"type": "unknown"},
            "open": {"type": "union", "refs": ["#part"]},
            "closed": {"type": "union", "refs": ["#part"], "closed": true},
            "part": {"type": "ref", "ref": "#part"},
        },
    });
    let part = json!({"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}});
    let document = document(&json!({
        "main": {"type": "record", "key": "tid", "record": schema},
        "part": part,
    }));
    let cid = "bafkreicomoqeqtj4vknopqugd6kp4p5wbjfbzplpnsevbifzm3ojaqzjm4";
    let blob = |mime: &str, size: i64| json!({"$type": "blob", "ref": {"$link": cid}, "mimeType": mime, "size": size});
    let with = |field: &str, value: Value| {
        let mut record =
            json!({"$type": "com.example.thing", "text": "abcd", "createdAt": "2026-01-02T03:04:05Z"});
        record[field] = value;
        record
    };
    let without = |field: &str| {
        let mut record = with("text", "abcd".into());
        record.as_object_mut().unwrap().remove(field);
        record
    };
    let all = [
        (true, "least", with("text", "ab".into())),
        (true, "unknown field", with("other", json!({"a": [1, null]}))),
        (true, "null where it may be", with("note", Value::Null)),
        (true, "value that is not known", with("hint", "c".into())),
        (true, "variant that is not known", with("open", json!({"$type": "com.example.other", "x": "y"}))),
        (true, "variant that is known", with("closed", json!({"$type": "com.example.thing#part", "x": 1}))),
        (true, "blob", with("image", blob("image/png", 10))),
        (true, "object of anything", with("any", json!({"a": 1}))),
        (true, "four graphemes of many bytes", with("text", "ääää".into())),
        (false, "required field that is not there", without("text")),
        (false, "required field that is null", with("text", Value::Null)),
        (false, "no type", without("$type")),
        (false, "another type", with("$type", "com.example.other".into())),
        (false, "type that says main", with("$type", "com.example.thing#main".into())),
        (false, "null where it may not be", with("hint", Value::Null)),
        (false, "text that is a number", with("text", 1.into())),
        (false, "text that is too short", with("text", "a".into())),
        (false, "text of too many bytes", with("text", "ääää\u{301}\u{301}".into())),
        (false, "text of too many graphemes", with("text", "abcde".into())),
        (false, "text of another format", with("createdAt", "2026-01-02".into())),
        (false, "integer that is too small", with("count", 0.into())),
        (false, "integer that is too large", with("count", 4.into())),
        (false, "value that is none of these", with("kind", "c".into())),
        (false, "other than the constant", with("fixed", false.into())),
        (false, "too few items", with("tags", json!([]))),
        (false, "too many items", with("tags", json!(["a", "b", "c"]))),
        (false, "item that is too long", with("tags", json!(["abc"]))),
        (false, "item of another type", with("tags", json!([1]))),
        (false, "too many bytes", with("data", json!({"$bytes": "AAEC"}))),
        (false, "bytes that are text", with("data", "AAE".into())),
        (false, "link that is text", with("link", cid.into())),
        (false, "blob of another media type", with("image", blob("text/plain", 1))),
        (false, "blob that is too large", with("image", blob("image/png", 11))),
        (false, "anything that is no object", with("any", "a".into())),
        (false, "anything that is a blob", with("any", blob("image/png", 1))),
        (false, "variant without a type", with("open", json!({"x": 1}))),
        (false, "variant that misses a field", with("open", json!({"$type": "com.example.thing#part"}))),
        (false, "variant that the union has not", with("closed", json!({"$type": "com.example.other"}))),
        (false, "field of what it refers to", with("part", json!({"x": "1"}))),
        (false, "field of what it refers to is not there", with("part", json!({}))),
    ];
    let key = |text: &str| -> RecordKey { text.parse().unwrap() };
    let case = |(is_valid, name, record)| {
        Hostile::new(name, (key("3jzfcijpj2z2a"), record), if is_valid { Valid } else { Invalid })
    };
    let mut cases: Vec<_> = all.into_iter().map(case).collect();
    cases.push(Hostile::new("key that is no TID", (key("self"), with("text", "ab".into())), Invalid));
    (document, cases)
}
