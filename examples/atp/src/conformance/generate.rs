//! The hostile catalogue as files: for each suite `cases.json`, and beside it the bytes of its cases.

use super::case::{Case, as_bytes};
use super::suites;
use crate::output::{Failure, Outcome, Output};
use serde_json::{Value as Json, json};
use std::path::Path;

pub(super) fn write(folder: &Path, output: &mut Output) -> Result<Outcome, Failure> {
    std::fs::create_dir(folder).map_err(Failure::file(folder.display()))?;
    let written = write_suites(folder, output);
    if written.is_err() {
        // Half a catalogue is none. What went wrong is told, not that this does, too.
        let _ = std::fs::remove_dir_all(folder);
    }
    written
}

fn write_suites(folder: &Path, output: &mut Output) -> Result<Outcome, Failure> {
    let failed = |error| Failure::file(folder.display())(error);
    for suite in suites::ALL.iter().filter(|suite| suite.is_ours()) {
        let cases = suite.load(None).map_err(Failure::File)?.unwrap_or_default();
        let name = suite.name.rsplit('/').next().unwrap_or(suite.name);
        let place = folder.join(name);
        std::fs::create_dir(&place).map_err(failed)?;
        let mut list = Vec::new();
        for (number, case) in cases.iter().enumerate() {
            list.push(write_case(&place, number, case).map_err(failed)?);
        }
        let text = serde_json::to_string_pretty(&list).map_err(|error| Failure::File(error.to_string()))?;
        std::fs::write(place.join("cases.json"), text + "\n").map_err(failed)?;
        let count = list.len();
        output.line(format!("{name:<16} {count:>5} cases"), &json!({"suite": name, "cases": count}))?;
    }
    Ok(Outcome::Done)
}

/// A case whose bytes are in files: in place of them it has the files' names.
fn write_case(place: &Path, number: usize, case: &Case) -> std::io::Result<Json> {
    let mut request = case.request.clone();
    for (field, value) in request.as_object_mut().into_iter().flatten() {
        write_bytes(place, &format!("{number:03}-{field}"), value)?;
    }
    Ok(json!({"name": case.name, "request": request, "expected": case.expected}))
}

fn write_bytes(place: &Path, name: &str, value: &mut Json) -> std::io::Result<()> {
    if let Some(bytes) = as_bytes(value) {
        let extension = match name.split_once('-').map_or("", |(_, field)| field) {
            "car" | "before" | "after" => "car",
            "message" | "signature" | "secret" => "bin",
            _ => "cbor",
        };
        let name = format!("{name}.{extension}");
        std::fs::write(place.join(&name), bytes)?;
        *value = json!({ "$file": name });
    } else if let Json::Array(items) = value {
        for (at, item) in items.iter_mut().enumerate() {
            write_bytes(place, &format!("{name}-{at:03}"), item)?;
        }
    }
    Ok(())
}
