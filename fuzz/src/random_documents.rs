//! The random catalogs of the tests of `atproto-lexicon`, as bytes choose them.

use crate::lexicons::spoilt;
use atproto_lexicon::data::Value;
use atproto_lexicon::testing::schemas::{Choices, catalog};
use serde_json::Value as Json;

/// No text has the byte 255, which parts the choices of a catalog, those of defects, and names that stand for some of its own.
pub fn of(kind: u8, bytes: &[u8]) -> Vec<Value> {
    let mut parts = bytes.split(|byte| *byte == 255);
    let mut next = || Choices::of(kind.into(), parts.next().unwrap_or_default());
    let ((mut documents, types), mut defects) = (catalog(next(), 3), next());
    if types > 0 {
        // The one that only refers to all definitions.
        documents.pop();
    }
    let mut documents = Json::Array(documents);
    let names = names(&documents, false);
    for part in parts {
        if let Some((which, to)) = part.split_first().filter(|_| !names.is_empty()) {
            let from = &names[(usize::from(*which) * names.len()) >> 8];
            documents = renamed(documents, from, &String::from_utf8_lossy(to));
        }
    }
    let documents: Vec<Json> = serde_json::from_value(documents).unwrap();
    // A name such as `$link` can make one that is not of the data model.
    let documents = documents.into_iter().filter_map(|document| serde_json::from_value(document).ok());
    let spoil = |value| spoilt(value, usize::from(kind % 4 == 1 && defects.chance(50)), &mut defects);
    documents.filter_map(spoil).collect()
}

/// The names that documents give, and other texts that are their own.
fn names(json: &Json, is_given: bool) -> Vec<String> {
    match json {
        Json::String(text) if is_given => vec![text.clone()],
        Json::Array(items) => items.iter().flat_map(|item| names(item, is_given)).collect(),
        Json::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                let mut found: Vec<String> = match &**name {
                    "properties" | "defs" => value.as_object().map(|all| all.keys().cloned().collect()),
                    _ => None,
                }
                .unwrap_or_default();
                let is_given = ["description", "enum", "knownValues", "name"].contains(&&**name);
                found.append(&mut names(value, is_given));
                found
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn renamed(json: Json, from: &str, to: &str) -> Json {
    let text = |text: String| match text.strip_suffix(from) {
        Some(before) if before.is_empty() || before.ends_with('#') => format!("{before}{to}"),
        _ => text,
    };
    match json {
        Json::String(string) => text(string).into(),
        Json::Array(items) => items.into_iter().map(|item| renamed(item, from, to)).collect(),
        Json::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (if name == from { to.into() } else { name }, renamed(value, from, to)))
            .collect(),
        other => other,
    }
}
