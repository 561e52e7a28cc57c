#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod catalog;
mod files;
mod parse;
mod rules;

use super::{Document, DocumentError};

/// A document with these definitions.
fn document(id: &str, defs: &str) -> String {
    format!(r#"{{"lexicon": 1, "id": "{id}", "defs": {{{defs}}}}}"#)
}

fn parse(text: &str) -> Result<Document, DocumentError> {
    Document::from_json(text.as_bytes())
}

/// The document `com.example.doc` with these definitions.
fn defs(defs: &str) -> Result<Document, DocumentError> {
    parse(&document("com.example.doc", defs))
}
