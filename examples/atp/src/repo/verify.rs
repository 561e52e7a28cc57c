use super::open::{Task, with_archive};
use super::signer::{Refusal, Signer, SignerArguments};
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::CarError;
use atproto_repo::repo::{Error, Summary, UnsignedRepo};
use atproto_repo::store::Archive;
use clap::Args;
use serde_json::json;
use std::fmt::{Display, Write as _};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Verify {
    /// CAR file, or `-`.
    file: PathBuf,
    #[command(flatten)]
    signer: SignerArguments,
    /// The account that the repository must be of; by default the one that its commit names.
    #[arg(long)]
    did: Option<Did>,
    /// Check every record against the data model, too.
    #[arg(long)]
    records: bool,
}

impl Verify {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let signer = self.signer.load()?;
        let task =
            Verification { signer, did: self.did, records: self.records, output, report: Report::default() };
        with_archive(&self.file, task)
    }
}

struct Verification<'o> {
    signer: Signer,
    did: Option<Did>,
    records: bool,
    output: &'o mut Output,
    report: Report,
}

/// What is printed, as far as it is known.
#[derive(Default)]
struct Report {
    verdict: &'static str,
    reason: Option<String>,
    did: Option<String>,
    rev: Option<String>,
    data: Option<String>,
    commit: Option<String>,
    records: Option<u64>,
    blocks: Option<usize>,
    faults: Option<Vec<(String, String)>>,
}

impl Task for Verification<'_> {
    fn run<A: Archive<Error: Display>>(mut self, archive: &A, blocks: usize) -> Result<Outcome, Failure> {
        self.report.blocks = Some(blocks);
        let outcome = match self.verify(archive)? {
            Ok(verdict) => {
                self.report.verdict = verdict;
                Outcome::Done
            }
            Err(refusal) => {
                self.report.verdict = refusal.verdict;
                self.report.reason = Some(refusal.reason);
                refusal.outcome
            }
        };
        self.report.print(self.output)?;
        Ok(outcome)
    }

    fn refuse(mut self, error: CarError) -> Result<Outcome, Failure> {
        self.report.verdict = "invalid";
        self.report.reason = Some(error.to_string());
        self.report.print(self.output)?;
        Ok(Outcome::Negative)
    }
}

impl Verification<'_> {
    fn verify<A: Archive<Error: Display>>(
        &mut self,
        archive: &A,
    ) -> Result<Result<&'static str, Refusal>, Failure> {
        let repo = match UnsignedRepo::open(archive) {
            Ok(repo) => repo,
            Err(error) => return Refusal::of(&error).map(Err),
        };
        let commit = repo.commit();
        self.report.commit = Some(repo.commit_cid().to_string());
        self.report.did = Some(commit.did.to_string());
        self.report.rev = Some(commit.rev.to_string());
        self.report.data = Some(commit.data.to_string());
        let did = self.did.clone().unwrap_or_else(|| commit.did.clone());
        if commit.did != did {
            return Ok(Err(Refusal::invalid("commit is of another account")));
        }
        let key = self.signer.key(&did);
        let (repo, verdict) = match &key {
            Ok(Some(key)) => match repo.verify(&did, key) {
                Ok(repo) => (repo.into_unsigned(), "valid"),
                Err(error) => return Refusal::of(&error).map(Err),
            },
            // Without a key the tree is still looked at: it may be invalid whoever signed it.
            Ok(None) | Err(_) => (repo, "structure-valid"),
        };
        match self.check(&repo) {
            Ok(summary) => {
                self.report.records = Some(summary.records);
                Ok(key.map(|_| verdict))
            }
            Err(error) => Refusal::of(&error).map(Err),
        }
    }

    fn check<A: Archive>(&mut self, repo: &UnsignedRepo<'_, A>) -> Result<Summary, Error<A::Error>> {
        if !self.records {
            return repo.check();
        }
        let faults = self.report.faults.get_or_insert_default();
        repo.check_records(|path, error| faults.push((path, error.to_string())))
    }
}

impl Report {
    fn print(self, output: &mut Output) -> Result<(), Failure> {
        let faults = self.faults.as_ref().map(|faults| {
            let fault = |(path, reason): &(String, String)| json!({"path": path, "reason": reason});
            faults.iter().map(fault).collect::<Vec<_>>()
        });
        let mut json = json!({
            "verdict": self.verdict, "did": self.did, "rev": self.rev, "data": self.data, "commit": self.commit,
            "records": self.records, "blocks": self.blocks,
            "record_faults": self.faults.as_ref().map(Vec::len), "faults": faults,
        });
        if let (Some(fields), Some(reason)) = (json.as_object_mut(), &self.reason) {
            fields.insert("reason".into(), reason.as_str().into());
        }
        output.line(self.text(), &json)
    }

    fn text(&self) -> String {
        let mut text = self.verdict.to_owned();
        if let Some(reason) = &self.reason {
            text = format!("{text}: {reason}");
        }
        let mut line = |name: &str, value: String| {
            // Writing to a string does not fail.
            write!(text, "\n  {name:<10} {value}").unwrap_or_default();
        };
        for (name, value) in
            [("did", &self.did), ("rev", &self.rev), ("commit", &self.commit), ("data", &self.data)]
        {
            if let Some(value) = value {
                line(name, value.clone());
            }
        }
        if let Some(blocks) = self.blocks {
            line("blocks", format!("{blocks}, each hashed"));
        }
        if let Some(records) = self.records {
            line("records", format!("{records}, each linked by the one tree of its paths"));
            let signature = match self.verdict {
                "valid" => "verified",
                _ => "not verified: anybody can have made this",
            };
            line("signature", signature.into());
        }
        if let Some(faults) = &self.faults {
            line("faults", format!("{} of the records break the data model", faults.len()));
            for (path, reason) in faults {
                line("", format!("{path}: {reason}"));
            }
        }
        text
    }
}
