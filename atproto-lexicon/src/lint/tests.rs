#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod breaking;
mod hostile;
mod random;
mod rules;

use super::{ChangeRule, Finding, Rule, Severity};
use crate::schema::{Catalog, Document};

/// A catalog of one document `com.example.doc` with these definitions, and of whole documents.
fn catalog(defs: &str, more: &[(&str, &str)]) -> Catalog {
    let mut catalog = Catalog::new();
    for (id, defs) in [&[("com.example.doc", defs)], more].concat() {
        let text = format!(r#"{{"lexicon": 1, "id": "{id}", "defs": {{{defs}}}}}"#);
        catalog
            .insert(Document::from_json(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}")))
            .unwrap();
    }
    catalog
}

/// A record with a field `x`.
fn record(field: &str) -> String {
    format!(
        r#""main": {{"type": "record", "key": "tid", "description": "d",
            "record": {{"type": "object", "properties": {{"x": {field}}}}}}}"#
    )
}

/// A query with a parameter `x`.
fn query(parameter: &str) -> String {
    format!(
        r#""main": {{"type": "query", "description": "d", "output": {{"encoding": "text/plain"}},
            "parameters": {{"type": "params", "properties": {{"x": {parameter}}}}}}}"#
    )
}

/// A set of permissions.
fn set(permissions: &str) -> String {
    format!(
        r#""main": {{"type": "permission-set", "title": "t", "detail": "d", "permissions": [{permissions}]}}"#
    )
}

fn repo(rest: &str) -> String {
    set(&format!(r#"{{"type": "permission", "resource": "repo", {rest}}}"#))
}

fn rpc(rest: &str) -> String {
    set(&format!(r#"{{"type": "permission", "resource": "rpc", {rest}}}"#))
}

#[test]
fn names_are_kebab_case_and_differ() {
    let rules = Rule::ALL.iter().map(|rule| (rule.name(), rule.description()));
    let changes = ChangeRule::ALL.iter().map(|rule| (rule.name(), rule.description()));
    let mut names = Vec::new();
    for (name, description) in rules.chain(changes) {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{name}");
        assert!(
            description.ends_with('.') && !description.starts_with(' ') && !description.contains("  "),
            "{name}"
        );
        names.push(name);
    }
    names.sort_unstable();
    names.dedup();
    // That there is too much is said by both.
    assert_eq!(names.len() + 1, Rule::ALL.len() + ChangeRule::ALL.len());
    assert!(Severity::Error > Severity::Warning && Severity::Warning > Severity::Note);
}

#[test]
fn a_finding_says_all_in_a_line() {
    let found = &super::lint(&catalog(&record(r##"{"type": "ref", "ref": "#gone"}"##), &[]))[0];
    let Finding { rule, severity, .. } = found;
    assert_eq!((*rule, *severity), (Rule::MissingReference, Severity::Error));
    assert_eq!(
        found.to_string(),
        "error missing-reference at com.example.doc#/defs/main/record/properties/x/ref: there is no com.example.doc#gone"
    );
}
