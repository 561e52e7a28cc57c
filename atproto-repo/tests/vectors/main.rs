//! The public conformance suites, and what a reference server exported and sent.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test may panic")]

mod captures;
mod firehose;
mod mst;
mod relay;
mod trees;

use serde_json::Value as Json;
use std::path::Path;

fn main() -> std::process::ExitCode {
    let mut suites = testdata::Suites::default();
    mst::add(&mut suites);
    trees::add(&mut suites);
    captures::add(&mut suites);
    firehose::add(&mut suites);
    relay::add(&mut suites, relay::play);
    suites.run()
}

fn read_json(path: &Path) -> Result<Json, String> {
    serde_json::from_slice(&read(path)?).map_err(show)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn text<'a>(json: &'a Json, name: &str) -> Result<&'a str, String> {
    json[name].as_str().ok_or(format!("no {name}"))
}

fn show(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Fails where two things that must be the same are not.
fn same<T: PartialEq + std::fmt::Debug>(found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{found:?} instead of {expected:?}")) }
}
