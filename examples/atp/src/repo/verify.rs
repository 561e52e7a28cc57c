use super::open::{self, Task, with_archive};
use crate::input::read_file;
use crate::output::{Failure, Outcome, Output};
use atproto_crypto::PublicKey;
use atproto_identity::document::DidDocument;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::CarError;
use atproto_repo::repo::{Error, Summary, UnsignedRepo};
use atproto_repo::store::Archive;
use clap::Args;
use serde_json::{Map, Value as Json, json};
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

#[derive(Args)]
#[group(required = true, multiple = false)]
struct SignerArguments {
    /// The account's signing key, as did:key.
    #[arg(long)]
    key: Option<PublicKey>,
    /// JSON file with an object of DID documents by their DID.
    #[arg(long, value_name = "FILE.json")]
    did_docs: Option<PathBuf>,
    /// Do not verify the signature: the best verdict is `structure-valid`.
    #[arg(long)]
    no_signature: bool,
}

/// Where the signing key comes from.
enum Signer {
    Key(PublicKey),
    Documents(Map<String, Json>),
    Nobody,
}

impl Verify {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let signer = match (self.signer.key, self.signer.did_docs) {
            (Some(key), _) => Signer::Key(key),
            (None, Some(path)) => {
                let documents = serde_json::from_slice(&read_file(&path)?);
                Signer::Documents(
                    documents.map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?,
                )
            }
            (None, None) => Signer::Nobody,
        };
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

/// A verdict that is not good, and why.
struct Refusal {
    verdict: &'static str,
    outcome: Outcome,
    reason: String,
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
            Err(error) => return refusal(&error).map(Err),
        };
        let commit = repo.commit();
        self.report.commit = Some(repo.commit_cid().to_string());
        self.report.did = Some(commit.did.to_string());
        self.report.rev = Some(commit.rev.to_string());
        self.report.data = Some(commit.data.to_string());
        let did = self.did.clone().unwrap_or_else(|| commit.did.clone());
        if commit.did != did {
            let reason = "commit is of another account".to_owned();
            return Ok(Err(Refusal { verdict: "invalid", outcome: Outcome::Negative, reason }));
        }
        let key = self.signer.key(&did);
        let (repo, verdict) = match &key {
            Ok(Some(key)) => match repo.verify(&did, key) {
                Ok(repo) => (repo.into_unsigned(), "valid"),
                Err(error) => return refusal(&error).map(Err),
            },
            // Without a key the tree is still looked at: it may be invalid whoever signed it.
            Ok(None) | Err(_) => (repo, "structure-valid"),
        };
        match self.check(&repo) {
            Ok(summary) => {
                self.report.records = Some(summary.records);
                Ok(key.map(|_| verdict))
            }
            Err(error) => refusal(&error).map(Err),
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

fn refusal<E: Display>(error: &Error<E>) -> Result<Refusal, Failure> {
    let (verdict, outcome) = open::verdict(error)?;
    // The verdict is named beside it.
    let reason = match error {
        Error::Invalid(invalid) => invalid.to_string(),
        Error::Incomplete(missing) => missing.to_string(),
        Error::Source(error) => error.to_string(),
    };
    Ok(Refusal { verdict, outcome, reason })
}

impl Signer {
    /// The key of this account; `None` where nobody's signature is to be verified.
    fn key(&self, did: &Did) -> Result<Option<PublicKey>, Refusal> {
        let documents = match self {
            Self::Key(key) => return Ok(Some(*key)),
            Self::Nobody => return Ok(None),
            Self::Documents(documents) => documents,
        };
        let missing = |reason| Refusal { verdict: "incomplete", outcome: Outcome::Incomplete, reason };
        let json = documents.get(did.as_str()).ok_or_else(|| missing(format!("no DID document of {did}")))?;
        let document = DidDocument::from_json(json.to_string().as_bytes())
            .map_err(|error| missing(format!("DID document of {did}: {error}")))?;
        if document.id != *did {
            return Err(missing(format!("DID document of {did} is of {}", document.id)));
        }
        let key = document.signing_key().ok_or_else(|| Refusal {
            verdict: "invalid",
            outcome: Outcome::Negative,
            reason: format!("DID document of {did} has no signing key"),
        })?;
        Ok(Some(key))
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
