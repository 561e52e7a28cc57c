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

/// Text as code, whatever is in it.
pub(super) fn code(text: &str) -> String {
    let mut code =
        text.split_whitespace().collect::<Vec<_>>().join(" ").chars().map(visible).collect::<String>();
    let longest = code.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.saturating_add(1));
    if code.is_empty() {
        code.push(' ');
    } else if longest > 0 {
        code = format!(" {code} ");
    }
    format!("{fence}{code}{fence}")
}

/// A character, or its number where it would change how others look, or would not be seen.
fn visible(character: char) -> String {
    match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => character.escape_unicode().to_string(),
        character if character.is_control() => character.escape_unicode().to_string(),
        character => character.into(),
    }
}

/// Adds the document's own words, where they are wanted, so that nothing in them is markup.
pub(super) fn add_description(docs: &mut Docs, config: &Config, description: Option<&str>) {
    for text in description.filter(|_| config.descriptions).into_iter().flat_map(|text| text.split("\n\n")) {
        let mut escaped = String::new();
        for character in text.chars() {
            if "\\`*_{}[]<>#|~&".contains(character) {
                escaped.push('\\');
            }
            if character.is_whitespace() {
                escaped.push(character);
            } else {
                escaped.push_str(&visible(character));
            }
        }
        if !escaped.trim().is_empty() {
            docs.push(String::new());
            docs.extend(paragraph(&escaped));
        }
    }
}

/// What a definition is.
pub(super) fn definition(reference: &Reference, def: &Def) -> String {
    let name = code(&reference.to_string());
    match &def.kind {
        DefKind::Record(record) => {
            let key = match &record.key {
                RecordKeyKind::Tid => "a TID".to_owned(),
                RecordKeyKind::Nsid => "an NSID".into(),
                RecordKeyKind::Any => "any record key".into(),
                RecordKeyKind::Literal(literal) => code(literal.as_str()),
            };
            format!("Record {name}, under {key}.")
        }
        DefKind::Query(_) => format!("Query {name}."),
        DefKind::Procedure(_) => format!("Procedure {name}."),
        DefKind::Subscription(_) => format!("Subscription {name}."),
        DefKind::PermissionSet(_) => format!("Permission set {name}."),
        DefKind::Token => format!("Token {name}."),
        DefKind::Type(Type::Object(_)) => format!("Object {name}."),
        DefKind::Type(ty) => format!("{name}: {}.", facts(ty)),
    }
}

/// What a field is.
pub(super) fn field(key: &str, ty: &Type, nullable: bool) -> String {
    let or_null = if nullable { ", or null" } else { "" };
    format!("{}: {}{or_null}.", code(key), facts(ty))
}

/// A type and its constraints in words.
fn facts(ty: &Type) -> String {
    let mut facts = vec![match ty {
        Type::Ref(to) => code(&to.to_string()),
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
            fact(integer.values.as_ref().map(|values| {
                let values: Vec<_> = values.iter().map(i64::to_string).collect();
                format!("one of {}", values.join(", "))
            }));
            fact(integer.constant.map(|value| format!("always {value}")));
            fact(integer.default.map(|value| format!("default {value}")));
        }
        Type::String(string) => {
            fact(range(string.min_length, string.max_length, " bytes"));
            fact(range(string.min_graphemes, string.max_graphemes, " graphemes"));
            fact(string.constant.as_ref().map(|value| format!("always {}", code(value))));
            fact(string.default.as_ref().map(|value| format!("default {}", code(value))));
        }
        Type::Bytes(bytes) => fact(range(bytes.min_length, bytes.max_length, " bytes")),
        Type::Blob(blob) => {
            let accept: Vec<_> = blob.accept.iter().flatten().map(|accept| code(accept)).collect();
            fact((!accept.is_empty()).then(|| format!("of {}", accept.join(", "))));
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
