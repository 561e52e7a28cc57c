use super::check::file_failure;
use crate::input::{each_item, read_file};
use crate::output::{Failure, Outcome, Output, printable};
use atproto_lexicon::data::{Limits, Value, json as data_json};
use atproto_lexicon::schema::{Catalog, Reference};
use atproto_lexicon::syntax::RecordKey;
use atproto_lexicon::validate::{ValidateError, Validator};
use clap::Args;
use serde_json::{Map, json};
use std::path::{Path, PathBuf};

/// Exit status 4 means that nothing is wrong as far as can be said, but a definition that is needed is not there.
#[derive(Args)]
pub(crate) struct Validate {
    /// A document, or a folder with documents (`*.json`) at any depth; may be given several times.
    #[arg(long, required = true, value_name = "DIR")]
    lexicons: Vec<PathBuf>,
    /// What the values are, NSID or NSID#NAME; otherwise each value's `$type` says it.
    #[arg(long = "type", value_name = "NSID")]
    type_name: Option<String>,
    /// The key of the records.
    #[arg(long, value_name = "KEY")]
    rkey: Option<String>,
    /// Let legacy blobs pass, and texts that are not of their format.
    #[arg(long)]
    lenient: bool,
    /// Files with one JSON value each; values on standard input stand one on a line. A folder is one of lexicons.
    files: Vec<PathBuf>,
}

/// What is said of a value.
struct Verdict {
    outcome: Outcome,
    /// Paths and reasons.
    failures: Vec<(String, String)>,
}

impl Validate {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let (folders, files): (Vec<_>, Vec<_>) = self.files.iter().partition(|path| path.is_dir());
        let mut catalog = Catalog::new();
        for path in self.lexicons.iter().chain(folders) {
            catalog.read_path(path).map_err(file_failure)?;
        }
        let validator = Validator::new(&catalog);
        let validator = if self.lenient { validator.lenient() } else { validator };
        let type_name = match &self.type_name {
            None => None,
            Some(name) => Some(
                Reference::from_type(name)
                    .map_err(|_| Failure::Usage(format!("{name:?} is neither NSID nor NSID#NAME")))?,
            ),
        };
        let mut outcome = Outcome::Done;
        let from_input = [Path::new("-")];
        let files: Vec<&Path> = files.iter().map(|path| path.as_path()).collect();
        for file in if files.is_empty() { &from_input[..] } else { &files } {
            let judge = |bytes: &[u8]| self.judge(validator, type_name.as_ref(), bytes);
            outcome = outcome.max(if *file == Path::new("-") {
                let mut number = 0_usize;
                each_item(&[], |line| {
                    number = number.saturating_add(1);
                    print(output, None, &format!("line {number}"), judge(line))
                })?
            } else {
                let name = file.display().to_string();
                print(output, Some(&name), &name, judge(&read_file(file)?))?
            });
        }
        Ok(outcome)
    }

    fn judge(&self, validator: Validator<'_>, type_name: Option<&Reference>, text: &[u8]) -> Verdict {
        // The vectors of Lexicon are read so: they hold base64 with spare bits, and a blob whose link is not to a `raw` block.
        let value = match data_json::from_slice_lenient(text, &Limits::default()) {
            Ok(value) => value,
            Err(error) => return Verdict::invalid(error.to_string()),
        };
        let found = match &self.rkey {
            None => match type_name {
                None => validator.validate_by_type(&value),
                Some(reference) => validator.validate_definition(reference, &value),
            },
            Some(rkey) => {
                let rkey: RecordKey = match rkey.parse() {
                    Ok(rkey) => rkey,
                    Err(error) => return Verdict::invalid(error.to_string()),
                };
                match type_name.cloned().or_else(|| own_type(&value)) {
                    None => validator.validate_by_type(&value),
                    Some(reference) if reference.is_main() => {
                        validator.validate_record(&reference.nsid, &rkey, &value)
                    }
                    Some(_) => return Verdict::invalid("only a record has a key".into()),
                }
            }
        };
        match found {
            Ok(()) => Verdict { outcome: Outcome::Done, failures: Vec::new() },
            Err(ValidateError::Unknown(reference)) => Verdict {
                outcome: Outcome::Incomplete,
                failures: vec![(String::new(), ValidateError::Unknown(reference).to_string())],
            },
            Err(ValidateError::Invalid(failures) | ValidateError::Incomplete(failures)) => Verdict {
                outcome: if failures.is_incomplete() { Outcome::Incomplete } else { Outcome::Negative },
                failures: failures
                    .iter()
                    .map(|failure| (failure.path.clone(), failure.reason.to_string()))
                    .collect(),
            },
            Err(error) => Verdict::invalid(error.to_string()),
        }
    }
}

impl Verdict {
    fn invalid(reason: String) -> Self {
        Self { outcome: Outcome::Negative, failures: vec![(String::new(), reason)] }
    }
}

fn own_type(value: &Value) -> Option<Reference> {
    Reference::from_type(value.type_name()?).ok()
}

fn print(output: &mut Output, file: Option<&str>, name: &str, verdict: Verdict) -> Result<Outcome, Failure> {
    let Verdict { outcome, failures } = verdict;
    let word = match outcome {
        Outcome::Done => "valid",
        Outcome::Incomplete | Outcome::Waiting | Outcome::Unreached => "incomplete",
        Outcome::Negative => "invalid",
    };
    let mut text = format!("{word:10}  {name}");
    for (path, reason) in &failures {
        let place = if path.is_empty() { "the value" } else { path };
        text.push_str(&format!("\n            {}: {}", printable(place), printable(reason)));
    }
    let failures: Vec<_> =
        failures.iter().map(|(path, reason)| json!({"path": path, "reason": reason})).collect();
    let mut json = Map::new();
    json.insert("valid".into(), (outcome == Outcome::Done).into());
    json.insert("failures".into(), failures.into());
    if let Some(file) = file {
        json.insert("file".into(), file.into());
    }
    if outcome == Outcome::Incomplete {
        json.insert("incomplete".into(), true.into());
    }
    output.line(text, &json.into())?;
    Ok(outcome)
}
