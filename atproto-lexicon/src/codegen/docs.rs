//! Documentation made from a schema's facts.

use super::Config;
use super::model::Docs;
use crate::schema::{Def, DefKind, RecordKeyKind, Reference, StringType, Type};

/// Columns that a line of documentation takes at most.
const WIDTH: usize = 96;

/// Lines of a text, broken between words.
pub(super) fn paragraph(text: &str) -> Docs {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else {
            continue;
        };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count().saturating_add(word.chars().count()) < WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.into());
        }
    }
    lines
}

/// Adds the document's own words, where they are wanted, so that nothing in them is markup.
pub(super) fn add_description(docs: &mut Docs, config: &Config, description: Option<&str>) {
    for text in description.filter(|_| config.descriptions).into_iter().flat_map(|text| text.split("\n\n")) {
        let mut escaped = String::new();
        for character in text.chars() {
            if "\\`*_{}[]<>#|~&".contains(character) {
                escaped.push('\\');
            }
            escaped.push(character);
        }
        if !escaped.trim().is_empty() {
            docs.push(String::new());
            docs.extend(paragraph(&escaped));
        }
    }
}

/// What a definition is.
pub(super) fn definition(reference: &Reference, def: &Def) -> String {
    match &def.kind {
        DefKind::Record(record) => {
            let key = match &record.key {
                RecordKeyKind::Tid => "a TID".to_owned(),
                RecordKeyKind::Nsid => "an NSID".into(),
                RecordKeyKind::Any => "any record key".into(),
                RecordKeyKind::Literal(literal) => format!("`{literal}`"),
            };
            format!("Record `{reference}`, under {key}.")
        }
        DefKind::Query(_) => format!("Query `{reference}`."),
        DefKind::Procedure(_) => format!("Procedure `{reference}`."),
        DefKind::Subscription(_) => format!("Subscription `{reference}`."),
        DefKind::PermissionSet(_) => format!("Permission set `{reference}`."),
        DefKind::Token => format!("Token `{reference}`."),
        DefKind::Type(Type::Object(_)) => format!("Object `{reference}`."),
        DefKind::Type(ty) => format!("`{reference}`: {}.", facts(ty)),
    }
}

/// What a field is.
pub(super) fn field(key: &str, ty: &Type, nullable: bool) -> String {
    let or_null = if nullable { ", or null" } else { "" };
    format!("`{key}`: {}{or_null}.", facts(ty))
}

/// A type and its constraints in words.
fn facts(ty: &Type) -> String {
    let mut facts = vec![match ty {
        Type::Ref(to) => format!("`{to}`"),
        Type::String(StringType { format: Some(format), .. }) => format.to_string(),
        Type::Array(array) => format!("array of {}", short(&array.items.ty)),
        Type::Union(union) if union.closed => "closed union".into(),
        ty => ty.name().into(),
    }];
    let mut fact = |text: Option<String>| facts.extend(text);
    match ty {
        Type::Boolean(boolean) => {
            fact(boolean.constant.map(|value| format!("always {value}")));
            fact(boolean.default.map(|value| format!("default {value}")));
        }
        Type::Integer(integer) => {
            fact(range(integer.minimum, integer.maximum, ""));
            fact(integer.values.as_ref().map(|values| format!("one of {values:?}")));
            fact(integer.constant.map(|value| format!("always {value}")));
            fact(integer.default.map(|value| format!("default {value}")));
        }
        Type::String(string) => {
            fact(range(string.min_length, string.max_length, " bytes"));
            fact(range(string.min_graphemes, string.max_graphemes, " graphemes"));
            fact(string.constant.as_ref().map(|value| format!("always `{value}`")));
            fact(string.default.as_ref().map(|value| format!("default `{value}`")));
        }
        Type::Bytes(bytes) => fact(range(bytes.min_length, bytes.max_length, " bytes")),
        Type::Blob(blob) => {
            fact(blob.accept.as_ref().map(|accept| format!("of `{}`", accept.join("`, `"))));
            fact(range(None, blob.max_size, " bytes"));
        }
        Type::Array(array) => fact(range(array.min_length, array.max_length, " items")),
        _ => {}
    }
    facts.join(", ")
}

fn short(ty: &Type) -> String {
    match ty {
        Type::Array(array) => format!("array of {}", short(&array.items.ty)),
        Type::Object(_) | Type::Union(_) => ty.name().into(),
        ty => facts(ty),
    }
}

fn range<T: std::fmt::Display + PartialEq>(min: Option<T>, max: Option<T>, unit: &str) -> Option<String> {
    match (min, max) {
        (None, None) => None,
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, Some(max)) => Some(format!("at most {max}{unit}")),
        (Some(min), Some(max)) if min == max => Some(format!("exactly {min}{unit}")),
        (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
    }
}
