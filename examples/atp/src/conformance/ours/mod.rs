//! What our crates say.

mod data;
mod identity;
mod repo;

use super::case::as_bytes;
use crate::output::{Failure, Outcome, Output};
use serde_json::{Value as Json, json};
use std::fmt::Display;
use std::io::{BufRead as _, Write as _};

/// An answer, or why the request is none that can be answered.
type Answer = Result<Json, String>;

/// Answers one request.
pub(super) fn answer(request: &Json) -> Json {
    let op = request["op"].as_str().unwrap_or_default();
    let answer = match op {
        "syntax" => data::syntax(request),
        "cbor" => data::cbor(request),
        "cbor_record" => data::cbor_record(request),
        "json_record" => data::json_record(request),
        "frame" => data::frame(request),
        "lexicon" => data::lexicon(request),
        "record" => data::record(request),
        "did_key" => identity::did_key(request),
        "public_key" => identity::public_key(request),
        "signature" => identity::signature(request),
        "plc_log" => identity::plc_log(request),
        "did_document" => identity::did_document(request),
        "scope" => identity::scope(request),
        "service_auth" => identity::service_auth(request),
        "label" => identity::label(request),
        "layer" => repo::layer(request),
        "tree" => repo::tree(request),
        "diff" => repo::diff(request),
        "covering" => repo::covering(request),
        "repo" => repo::repo(request),
        "proof" => repo::proof(request),
        "events" => repo::events(request),
        _ => Ok(json!({"verdict": "unsupported"})),
    };
    answer.unwrap_or_else(|reason| json!({"verdict": "error", "reason": reason}))
}

/// Answers the requests on standard input.
pub(super) fn serve(output: &mut Output) -> Result<Outcome, Failure> {
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(Failure::file("standard input"))?;
        let request: Json = serde_json::from_str(&line).unwrap_or_default();
        let mut answer = answer(&request);
        answer["id"] = request["id"].clone();
        let written = writeln!(output.raw(), "{answer}").and_then(|()| output.raw().flush());
        written.map_err(crate::output::stopped)?;
    }
    Ok(Outcome::Done)
}

fn text<'a>(request: &'a Json, name: &str) -> Result<&'a str, String> {
    request[name].as_str().ok_or(format!("no text {name}"))
}

/// A text that is a DID, a key and the like: ours to read, and not in question.
fn parsed<T: std::str::FromStr<Err: Display>>(request: &Json, name: &str) -> Result<T, String> {
    text(request, name)?.parse().map_err(|error| format!("{name}: {error}"))
}

fn bytes(request: &Json, name: &str) -> Result<Vec<u8>, String> {
    as_bytes(&request[name]).ok_or(format!("no bytes {name}"))
}

fn list<'a>(request: &'a Json, name: &str) -> Result<&'a Vec<Json>, String> {
    request[name].as_array().ok_or(format!("no list {name}"))
}

/// `valid`, or `invalid` with the reason.
fn verdict<T, E: Display>(found: Result<T, E>) -> Json {
    match found {
        Ok(_) => json!({"verdict": "valid"}),
        Err(error) => json!({"verdict": "invalid", "reason": error.to_string()}),
    }
}
