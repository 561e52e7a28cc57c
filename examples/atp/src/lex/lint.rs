use super::check::file_failure;
use crate::output::{Failure, Outcome, Output, printable};
use atproto_lexicon::lint::{ChangeRule, Finding, Rule, Severity, lint};
use atproto_lexicon::schema::{Catalog, Document, FileError, FileFault};
use atproto_lexicon::syntax::Nsid;
use clap::{Args, ValueEnum};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Exit status 1 means that there is an error, or what is denied.
#[derive(Args)]
pub(crate) struct Lint {
    /// Documents, or folders with documents (`*.json`) at any depth.
    #[arg(required_unless_present = "list", value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Documents which are there only to be referred to.
    #[arg(long, value_name = "FILE|DIR")]
    with: Vec<PathBuf>,
    /// Let these be errors, too, and all that is worse.
    #[arg(long, value_name = "SEVERITY")]
    deny: Option<Deny>,
    /// Print the rules.
    #[arg(long, exclusive = true)]
    list: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Deny {
    Warning,
    Note,
}

/// Prints findings, and knows the worst of them.
pub(crate) struct Printer<'o> {
    output: &'o mut Output,
    denied: Severity,
    pub(crate) outcome: Outcome,
}

impl<'o> Printer<'o> {
    pub(crate) fn new(output: &'o mut Output, deny: Option<Deny>) -> Self {
        let denied = match deny {
            None => Severity::Error,
            Some(Deny::Warning) => Severity::Warning,
            Some(Deny::Note) => Severity::Note,
        };
        Self { output, denied, outcome: Outcome::Done }
    }

    fn print(
        &mut self,
        severity: Severity,
        rule: &str,
        nsid: Option<&str>,
        pointer: &str,
        message: &str,
    ) -> Result<(), Failure> {
        if severity >= self.denied {
            self.outcome = Outcome::Negative;
        }
        let json = json!({
            "severity": severity.name(), "rule": rule, "nsid": nsid, "pointer": pointer, "message": message,
        });
        let place = nsid.map(|nsid| format!("{nsid}#{pointer}: ")).unwrap_or_default();
        let text = format!("{severity:<7}  {rule:<24}  {}", printable(&format!("{place}{message}")));
        self.output.line(text, &json)
    }

    pub(crate) fn findings<R>(
        &mut self,
        findings: &[Finding<R>],
        name: fn(&R) -> &'static str,
    ) -> Result<(), Failure> {
        findings.iter().try_for_each(|found| {
            let nsid = Some(found.nsid.as_str());
            self.print(found.severity, name(&found.rule), nsid, &found.pointer, &found.message)
        })
    }

    /// Reads the documents of a path into a catalog, and prints of those that are none, or are there already, that they are. The
    /// NSIDs of those that were read.
    pub(crate) fn read(&mut self, catalog: &mut Catalog, path: &Path) -> Result<Vec<Nsid>, Failure> {
        let mut read = Vec::new();
        for file in Catalog::files(path).map_err(file_failure)? {
            let error = |rule, nsid: Option<&str>, pointer: &str, message: String| {
                (
                    rule,
                    nsid.map(ToOwned::to_owned),
                    pointer.to_owned(),
                    format!("{}: {message}", file.display()),
                )
            };
            let (rule, nsid, pointer, message) = match Document::read_file(&file) {
                Ok(document) => {
                    let nsid = document.id.clone();
                    match catalog.insert(document) {
                        Ok(()) => {
                            read.push(nsid);
                            continue;
                        }
                        Err(fault) => error("duplicate-document", Some(nsid.as_str()), "", fault.to_string()),
                    }
                }
                Err(FileError { fault: FileFault::Document(fault), .. }) => {
                    error("not-a-document", None, &fault.pointer, fault.to_string())
                }
                Err(fault) => return Err(file_failure(fault)),
            };
            self.print(Severity::Error, rule, nsid.as_deref(), &pointer, &message)?;
        }
        Ok(read)
    }
}

/// What is found before there is a catalog.
const OF_FILES: [(&str, &str); 2] = [
    ("not-a-document", "A file breaks a rule of the language."),
    ("duplicate-document", "Two files have the same NSID."),
];

impl Lint {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        if self.list {
            return list(output);
        }
        let mut printer = Printer::new(output, self.deny);
        let mut catalog = Catalog::new();
        let mut linted = BTreeSet::new();
        for path in &self.paths {
            linted.extend(printer.read(&mut catalog, path)?);
        }
        for path in &self.with {
            for file in Catalog::files(path).map_err(file_failure)? {
                match Document::read_file(&file) {
                    // What is there already is what is linted.
                    Ok(document) => catalog.insert(document).unwrap_or_default(),
                    Err(FileError { fault: FileFault::Document(_), .. }) => {}
                    Err(fault) => return Err(file_failure(fault)),
                }
            }
        }
        let mut findings = lint(&catalog);
        findings.retain(|found| linted.contains(&found.nsid));
        printer.findings(&findings, |rule: &Rule| rule.name())?;
        Ok(printer.outcome)
    }
}

fn list(output: &mut Output) -> Result<Outcome, Failure> {
    let of_files = OF_FILES.map(|(name, text)| (Severity::Error, name, text));
    let rules = Rule::ALL.iter().map(|rule| (rule.severity(), rule.name(), rule.description()));
    let changes = ChangeRule::ALL.iter().map(|rule| (rule.severity(), rule.name(), rule.description()));
    for (of, rules) in
        [("lint", of_files.into_iter().chain(rules).collect::<Vec<_>>()), ("breaking", changes.collect())]
    {
        for (severity, name, text) in rules {
            let json: Json =
                json!({"command": of, "severity": severity.name(), "rule": name, "description": text});
            output.line(format!("{of:<8}  {severity:<7}  {name:<24}  {text}"), &json)?;
        }
    }
    Ok(Outcome::Done)
}
