use super::open::{Task, refuse, refuse_car};
use crate::cbor::to_json;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::data::{Value, cbor};
use atproto_repo::car::CarError;
use atproto_repo::repo::{Error, OwnedEntry, UnsignedRepo};
use atproto_repo::store::Archive;
use serde_json::{Value as Json, json};
use std::fmt::Display;

pub(crate) struct List<'o> {
    pub(crate) prefix: String,
    pub(crate) output: &'o mut Output,
}

impl Task for List<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let repo = match UnsignedRepo::open(archive) {
            Ok(repo) => repo,
            Err(error) => return refuse(self.output, &error),
        };
        let mut walk = repo.walk_prefix(&self.prefix);
        let mut outcome = Outcome::Done;
        loop {
            match walk.next_path() {
                Ok(Some((path, cid))) => {
                    let json = json!({"path": path, "cid": cid.to_string()});
                    self.output.line(format!("{path}  {cid}"), &json)?;
                }
                Ok(None) => return Ok(outcome),
                // It goes on behind what is missing.
                Err(error @ Error::Incomplete(_)) => outcome = outcome.max(refuse(self.output, &error)?),
                Err(error) => return refuse(self.output, &error),
            }
        }
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}

pub(crate) struct Get<'o> {
    pub(crate) path: String,
    pub(crate) output: &'o mut Output,
}

impl Task for Get<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let path = &self.path;
        match UnsignedRepo::open(archive).and_then(|repo| repo.get(path)) {
            Ok(Some(entry)) => {
                let (value, fault) = match record_json(&entry) {
                    Ok(value) => (value, None),
                    Err(fault) => (Json::Null, Some(fault)),
                };
                let hex = fault.is_some().then(|| crate::input::to_hex(&entry.bytes));
                let cid = entry.cid.to_string();
                let text = match (&fault, &hex) {
                    (Some(fault), Some(hex)) => format!("{fault}\n{hex}"),
                    _ => format!("{value:#}"),
                };
                let json = json!({
                    "path": path, "present": true, "cid": cid, "value": value, "fault": fault, "hex": hex,
                });
                self.output.line(text, &json)?;
                Ok(if fault.is_some() { Outcome::Negative } else { Outcome::Done })
            }
            Ok(None) => {
                self.output.line(format!("absent  {path}"), &json!({"path": path, "present": false}))?;
                Ok(Outcome::Negative)
            }
            Err(error) => refuse(self.output, &error),
        }
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}

/// A record as JSON, or why it has no such form.
pub(crate) fn record_json(entry: &OwnedEntry) -> Result<Json, String> {
    let fields = cbor::to_record(&entry.bytes).map_err(|error| error.to_string())?;
    to_json(&Value::Object(fields))
}
