use super::open::{Task, refuse, refuse_car};
use crate::cbor::to_json;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::data::{Value, cbor};
use atproto_repo::car::CarError;
use atproto_repo::repo::{Error, Invalid, OwnedEntry, UnsignedRepo};
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
            Err(Error::Invalid(Invalid::Path { reason, .. })) => {
                Err(Failure::Usage(format!("{path:?} is no path: {reason}")))
            }
            Ok(Some(entry)) => self.print(&entry),
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

impl Get<'_> {
    fn print(self, entry: &OwnedEntry) -> Result<Outcome, Failure> {
        let cid = entry.cid.to_string();
        let present = |value: Json, fault: Option<&str>, hex: Option<&str>| {
            json!({
                "path": entry.path, "present": true, "cid": cid, "value": value, "fault": fault, "hex": hex,
            })
        };
        match record_json(entry) {
            // Indentation can take a hundred times the space of a deep record: scripts do not pay for it.
            Ok(value) if self.output.is_json() => self.output.line("", &present(value, None, None))?,
            Ok(value) => self.output.line(format_args!("{value:#}"), &Json::Null)?,
            Err(fault) => {
                let hex = crate::input::to_hex(&entry.bytes);
                self.output
                    .line(format_args!("{fault}\n{hex}"), &present(Json::Null, Some(&fault), Some(&hex)))?;
                return Ok(Outcome::Negative);
            }
        }
        Ok(Outcome::Done)
    }
}

/// A record as JSON, or why it has no such form.
pub(crate) fn record_json(entry: &OwnedEntry) -> Result<Json, String> {
    let fields = cbor::to_record(&entry.bytes).map_err(|error| error.to_string())?;
    to_json(&Value::Object(fields))
}
