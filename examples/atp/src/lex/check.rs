use crate::output::{Failure, Outcome, Output, printable};
use atproto_lexicon::schema::{Catalog, Document, FileError, FileFault, Misdirected, Missing, Reference};
use atproto_lexicon::syntax::Nsid;
use clap::Args;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// References lead to the documents that are given, and to what can stand where they do.
#[derive(Args)]
pub(crate) struct Check {
    /// Documents, or folders with documents (`*.json`) at any depth.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
}

/// Why a document is refused.
#[derive(Default)]
struct Fault {
    reason: String,
    pointer: Option<String>,
    missing: Vec<String>,
}

impl Check {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut catalog = Catalog::new();
        let mut read = Vec::new();
        for path in &self.paths {
            for file in Catalog::files(path).map_err(file_failure)? {
                let added = add(&mut catalog, &file)?;
                read.push((file, added));
            }
        }
        let mut missing: BTreeMap<Nsid, Vec<Missing>> = BTreeMap::new();
        for reference in catalog.missing() {
            missing.entry(reference.from.nsid.clone()).or_default().push(reference);
        }
        // One of a document's faults is enough.
        let misdirected: BTreeMap<Nsid, Misdirected> = catalog
            .misdirected()
            .into_iter()
            .rev()
            .map(|reference| (reference.from.nsid.clone(), reference))
            .collect();
        let mut outcome = Outcome::Done;
        for (file, added) in read {
            let file = file.display().to_string();
            let (fault, nsid) = match added {
                Ok(nsid) => {
                    let fault = misdirected.get(&nsid).map(|reference| Fault {
                        reason: reference.to_string(),
                        pointer: Some(pointer(&reference.from)),
                        ..Fault::default()
                    });
                    (fault.or_else(|| dangling(missing.get(&nsid)?)), Some(nsid))
                }
                Err((nsid, fault)) => (Some(fault), nsid),
            };
            let mut json = Map::new();
            let mut set = |name: &str, value: Json| json.insert(name.into(), value);
            set("file", file.as_str().into());
            set("nsid", nsid.as_ref().map(Nsid::as_str).into());
            set("valid", fault.is_none().into());
            let text = match fault {
                None => format!("valid    {}  {file}", nsid.as_ref().map_or("", Nsid::as_str)),
                Some(Fault { reason, pointer, missing }) => {
                    outcome = Outcome::Negative;
                    set("reason", reason.as_str().into());
                    if let Some(pointer) = pointer {
                        set("pointer", pointer.into());
                    }
                    if !missing.is_empty() {
                        set("missing", missing.into());
                    }
                    format!("invalid  {file}: {}", printable(&reason))
                }
            };
            output.line(text, &json.into())?;
        }
        Ok(outcome)
    }
}

/// Adds a file's document; the fault, and where it could be read its NSID, of one that is refused.
fn add(catalog: &mut Catalog, file: &Path) -> Result<Result<Nsid, (Option<Nsid>, Fault)>, Failure> {
    let document = match Document::read_file(file) {
        Ok(document) => document,
        Err(FileError { fault: FileFault::Document(error), .. }) => {
            let fault = Fault { reason: error.to_string(), pointer: Some(error.pointer), ..Fault::default() };
            return Ok(Err((None, fault)));
        }
        Err(error) => return Err(file_failure(error)),
    };
    let nsid = document.id.clone();
    Ok(match catalog.insert(document) {
        Ok(()) => Ok(nsid),
        Err(error) => Err((Some(nsid), Fault { reason: error.to_string(), ..Fault::default() })),
    })
}

/// The fault of a document that refers to what is not there.
fn dangling(missing: &[Missing]) -> Option<Fault> {
    let first = missing.first()?;
    let more = match missing.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count.saturating_sub(1)),
    };
    Some(Fault {
        reason: format!("{first}{more}"),
        pointer: Some(pointer(&first.from)),
        missing: missing.iter().map(|missing| missing.to.to_string()).collect(),
    })
}

/// The JSON pointer to a definition in its document.
fn pointer(def: &Reference) -> String {
    format!("/defs/{}", def.name.replace('~', "~0").replace('/', "~1"))
}

/// A document that could not be read.
pub(super) fn file_failure(error: FileError) -> Failure {
    Failure::File(error.to_string())
}
