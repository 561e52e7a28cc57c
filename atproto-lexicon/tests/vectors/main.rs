//! The public conformance suites for string formats, the data model and Lexicon.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod dasl;
mod data_model;
#[cfg(feature = "validate")]
mod lexicon;
mod syntax;

use serde_json::Value as Json;
use std::path::Path;

fn main() -> std::process::ExitCode {
    let mut suites = testdata::Suites::default();
    syntax::add(&mut suites);
    data_model::add(&mut suites);
    dasl::add(&mut suites);
    #[cfg(feature = "validate")]
    lexicon::add(&mut suites);
    suites.run()
}

/// A file's JSON array.
fn read_array(path: &Path) -> Result<Vec<Json>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn text(json: &Json, name: &str) -> Result<String, String> {
    json[name].as_str().map(Into::into).ok_or(format!("no {name}"))
}
