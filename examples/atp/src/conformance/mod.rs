//! The public suites and the hostile catalogue, put to our crates or, over a line protocol, to another implementation:
//! `CONFORMANCE.md` says what the suites are and how the protocol goes.
#![allow(
    clippy::indexing_slicing,
    reason = "of JSON: what is not there is null, and what is written to is an object made here"
)]

mod case;
mod driver;
mod generate;
mod ours;
mod suites;

use crate::output::{Failure, Outcome, Output, printable};
use case::{Case, Judgement};
use clap::{Args, Subcommand};
use driver::Driver;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use suites::Suite;

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Conformance {
    #[command(subcommand)]
    command: Option<Command>,
    /// The suites to run, by name or by a part of it, such as `interop/syntax`, `interop` or `hostile`; without any, all of them.
    suites: Vec<String>,
    /// The folder in which the public suites lie, as their repositories lay them out; by default what `ATPROTO_TESTDATA` names.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The program, with its arguments, that answers for another implementation.
    #[arg(last = true)]
    against: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Answer requests on standard input, one a line: this implementation as another one's tests would ask it.
    Answer,
    /// Write the cases of the hostile catalogue as files.
    Generate {
        /// A folder that is not there yet.
        folder: PathBuf,
    },
}

/// Whoever is asked.
trait Implementation {
    fn answer(&mut self, request: &Json) -> Result<Json, Failure>;
}

struct Ours;

impl Implementation for Ours {
    fn answer(&mut self, request: &Json) -> Result<Json, Failure> {
        Ok(ours::answer(request))
    }
}

impl Conformance {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        match &self.command {
            Some(Command::Answer) => ours::serve(output),
            Some(Command::Generate { folder }) => generate::write(folder, output),
            None if self.against.is_empty() => self.judge(&mut Ours, output),
            None => self.judge(&mut Driver::start(&self.against)?, output),
        }
    }

    fn judge(&self, who: &mut impl Implementation, output: &mut Output) -> Result<Outcome, Failure> {
        let chosen = self.chosen()?;
        let root = self.root();
        let mut outcome = Outcome::Done;
        for suite in chosen {
            let cases = match suite.load(root.as_deref()).map_err(Failure::File)? {
                Some(cases) => cases,
                None => {
                    report_missing(suite, output)?;
                    outcome = outcome.max(Outcome::Incomplete);
                    continue;
                }
            };
            if !judge_suite(suite.name, &cases, who, output)? {
                outcome = Outcome::Negative;
            }
        }
        Ok(outcome)
    }

    fn chosen(&self) -> Result<Vec<&'static Suite>, Failure> {
        for name in &self.suites {
            if !suites::ALL.iter().any(|suite| suite.is_called(name)) {
                let names = suites::ALL.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", ");
                return Err(Failure::Usage(format!("there is no suite {name}; there are {names}")));
            }
        }
        // What our crates say is no measure of what they say.
        let is_of_use = |suite: &&Suite| !(suite.is_random() && self.against.is_empty());
        let is_named = |suite: &&Suite| self.suites.iter().any(|name| suite.is_called(name));
        let is_chosen = |suite: &&Suite| is_of_use(suite) && (self.suites.is_empty() || is_named(suite));
        let chosen: Vec<_> = suites::ALL.iter().filter(is_chosen).collect();
        if chosen.is_empty() {
            return Err(Failure::Usage(
                "such a suite compares with another implementation: name one after --".into(),
            ));
        }
        Ok(chosen)
    }

    /// The folder that holds the suites: `DIR/conformance`, or `DIR` itself.
    fn root(&self) -> Option<PathBuf> {
        let dir = self.dir.clone().or_else(|| std::env::var_os("ATPROTO_TESTDATA").map(PathBuf::from))?;
        let inner = dir.join("conformance");
        Some(if inner.is_dir() { inner } else { dir })
    }
}

/// Puts all cases of a suite to an implementation, and tells the counts and each failure. Whether there was none.
fn judge_suite(
    name: &str,
    cases: &[Case],
    who: &mut impl Implementation,
    output: &mut Output,
) -> Result<bool, Failure> {
    let (mut passed, mut skipped, mut failures) = (0_u32, 0_u32, Vec::new());
    for case in cases {
        let answer = who.answer(&case.request)?;
        match case.judge(&answer) {
            Judgement::Passed => passed = passed.saturating_add(1),
            Judgement::Skipped => skipped = skipped.saturating_add(1),
            Judgement::Failed => failures.push((case, answer)),
        }
    }
    let failed = failures.len();
    let text = format!("{name:<24} {passed:>6} passed  {failed:>4} failed  {skipped:>4} skipped");
    output.line(text, &json!({"suite": name, "passed": passed, "failed": failed, "skipped": skipped}))?;
    for (case, answer) in &failures {
        let text =
            format!("    {}: expected {}, got {}", printable(&case.name), case.expected, short(answer));
        let json = json!({
            "suite": name, "case": case.name, "expected": case.expected, "answer": answer, "request": case.request,
        });
        output.line(text, &json)?;
    }
    Ok(failures.is_empty())
}

fn report_missing(suite: &Suite, output: &mut Output) -> Result<(), Failure> {
    let name = suite.name;
    let json = json!({"suite": name, "passed": 0, "failed": 0, "skipped": 0, "missing": suite.path(), "from": suite.from()});
    output.line(format!("{name:<24} is not there: {} of {}", suite.path(), suite.from()), &json)
}

/// What is told of an answer to a person.
fn short(answer: &Json) -> String {
    printable(&answer.to_string()).chars().take(200).collect()
}
