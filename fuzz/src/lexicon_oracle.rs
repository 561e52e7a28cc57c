//! Whether a value is as a schema says, by the schema's JSON, constraint for constraint. Values are those of JSON, so that they
//! keep the rules of the data model.

use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::syntax::{CidString, Format};
use unicode_segmentation::UnicodeSegmentation as _;

/// Goes through a value beside a document that refers to none but itself, and notes what it finds.
pub struct Oracle<'a> {
    pub document: &'a Value,
    pub lenient: bool,
    pub is_wrong: bool,
    /// Whether the schema refers to what is not there.
    pub is_unknown: bool,
}

fn text<'a>(schema: &'a Value, name: &str) -> Option<&'a str> {
    schema.get(name)?.as_str()
}

fn items<'a>(schema: &'a Value, name: &str) -> Option<&'a [Value]> {
    match schema.get(name)? {
        Value::Array(items) => Some(items),
        other => panic!("{other:?}"),
    }
}

impl<'a> Oracle<'a> {
    fn need(&mut self, holds: bool) {
        self.is_wrong |= !holds;
    }

    /// A definition by its name in the document, such as `#name`.
    pub fn definition(&mut self, name: &str, value: &Value) {
        let id = text(self.document, "id").unwrap();
        match self.document.get("defs").unwrap().get(name.trim_start_matches('#')) {
            None => self.is_unknown = true,
            Some(schema) if text(schema, "type") == Some("record") => {
                self.need(value.type_name() == Some(id));
                self.value(schema.get("record").unwrap(), value);
            }
            Some(schema) => self.value(schema, value),
        }
    }

    fn value(&mut self, schema: &'a Value, value: &Value) {
        match (text(schema, "type").unwrap(), value) {
            (_, Value::Null) => self.is_wrong = true,
            ("boolean", Value::Boolean(_)) => {}
            ("integer", Value::Integer(number)) => self.range(schema, "minimum", "maximum", *number),
            ("string", Value::String(string)) => {
                self.range(schema, "minLength", "maxLength", string.len() as i64);
                self.range(schema, "minGraphemes", "maxGraphemes", string.graphemes(true).count() as i64);
                let format = text(schema, "format").filter(|_| !self.lenient);
                self.need(format.is_none_or(|name| name.parse::<Format>().unwrap().check(string).is_ok()));
            }
            ("bytes", Value::Bytes(bytes)) => {
                self.range(schema, "minLength", "maxLength", bytes.0.len() as i64)
            }
            ("cid-link", Value::Link(_)) => {}
            ("blob", Value::Object(blob)) => self.blob(schema, blob),
            ("array", Value::Array(values)) => {
                self.range(schema, "minLength", "maxLength", values.len() as i64);
                values.iter().for_each(|value| self.value(schema.get("items").unwrap(), value));
            }
            ("object", Value::Object(object)) => self.object(schema, object),
            ("ref", value) => self.definition(text(schema, "ref").unwrap(), value),
            ("union", Value::Object(_)) => self.union(schema, value),
            ("unknown", Value::Object(_)) => self.need(value.type_name() != Some("blob")),
            _ => self.is_wrong = true,
        }
        self.need(schema.get("const").is_none_or(|constant| constant == value));
        self.need(items(schema, "enum").is_none_or(|values| values.contains(value)));
    }

    fn range(&mut self, schema: &Value, min: &str, max: &str, number: i64) {
        let end = |name| schema.get(name).and_then(Value::as_integer);
        self.need(end(min).is_none_or(|min| number >= min) && end(max).is_none_or(|max| number <= max));
    }

    fn object(&mut self, schema: &'a Value, object: &Object) {
        let is_in = |list, name: &str| items(schema, list).is_some_and(|names| names.contains(&name.into()));
        for (name, schema) in schema.get("properties").unwrap().as_object().unwrap().iter() {
            match object.get(name) {
                None => self.need(!is_in("required", name)),
                Some(Value::Null) if is_in("nullable", name) => {}
                Some(value) => self.value(schema, value),
            }
        }
    }

    fn union(&mut self, schema: &'a Value, value: &Value) {
        let Some(name) = value.type_name() else { return self.is_wrong = true };
        let id = text(self.document, "id").unwrap();
        // A `$type` names the main definition without a fragment.
        let local = if name == id { "#main" } else { name.strip_prefix(id).unwrap_or_default() };
        let is_main = |name: &str| name == "#main";
        if items(schema, "refs").unwrap().contains(&local.into()) && is_main(local) == (name == id) {
            self.definition(local, value);
        } else {
            self.need(schema.get("closed") != Some(&true.into()));
        }
    }

    fn blob(&mut self, schema: &Value, blob: &Object) {
        let string = |name| blob.get(name).and_then(Value::as_str);
        let (is_blob, is_untyped) = (string("$type") == Some("blob"), !blob.contains_key("$type"));
        let is_legacy =
            self.lenient && is_untyped && string("cid").is_some_and(|cid| CidString::check(cid).is_ok());
        let mime_type = string("mimeType").unwrap_or_default();
        self.need((is_blob || is_legacy) && !mime_type.is_empty());
        if let Some(patterns) = items(schema, "accept").filter(|patterns| !patterns.is_empty()) {
            let kind = mime_type.split_once('/').map_or("", |(kind, _)| kind);
            let fits =
                |pattern: &str| pattern == "*/*" || pattern == mime_type || pattern == format!("{kind}/*");
            self.need(patterns.iter().any(|pattern| pattern.as_str().is_some_and(fits)));
        }
        if let (true, Some(size)) = (is_blob, blob.get("size").and_then(Value::as_integer)) {
            self.range(schema, "", "maxSize", size);
        }
    }
}
