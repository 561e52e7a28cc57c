#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

mod constraints;
mod endpoints;
mod hostile;
mod random;
mod unions;

use super::{ValidateError, Validator};
use crate::check::Reason;
use crate::data::{Limits, Value, json};
use crate::schema::{Catalog, Document, Reference};
use crate::syntax::Nsid;

fn value(text: &str) -> Value {
    json::from_slice(text.as_bytes(), &Limits { depth: Limits::MAX_DEPTH, ..Limits::OBJECT }).unwrap()
}

fn nsid(text: &str) -> Nsid {
    text.parse().unwrap()
}

/// A catalog of one document `com.example.doc` with these definitions.
fn catalog(defs: &str) -> Catalog {
    let text = format!(r#"{{"lexicon": 1, "id": "com.example.doc", "defs": {{{defs}}}}}"#);
    let mut catalog = Catalog::new();
    catalog.insert(Document::from_json(text.as_bytes()).unwrap()).unwrap();
    catalog
}

/// A definition of `com.example.doc`.
fn def(name: &str) -> Reference {
    Reference { nsid: nsid("com.example.doc"), name: name.into() }
}

/// Paths and reasons, and whether it is only incomplete.
fn failures(found: Result<(), ValidateError>) -> (Vec<(String, Reason)>, bool) {
    let list = |failures: crate::check::Failures| {
        failures.iter().map(|failure| (failure.path.clone(), failure.reason.clone())).collect()
    };
    match found {
        Ok(()) => (Vec::new(), false),
        Err(ValidateError::Invalid(failures)) => (list(failures), false),
        Err(ValidateError::Incomplete(failures)) => (list(failures), true),
        Err(other) => panic!("{other}"),
    }
}

/// What is found in an object whose field `v` has this schema.
fn of_field(schema: &str, text: &str) -> Vec<(String, Reason)> {
    let catalog = catalog(&format!(r#""o": {{"type": "object", "properties": {{"v": {schema}}}}}"#));
    let found =
        Validator::new(&catalog).validate_definition(&def("o"), &value(&format!(r#"{{"v": {text}}}"#)));
    failures(found).0
}

fn at(path: &str, reason: Reason) -> Vec<(String, Reason)> {
    vec![(path.into(), reason)]
}
