//! Proofs of what is at a path.

use super::list::record_json;
use super::open::{Task, with_archive};
use super::signer::{KeyArguments, Refusal, Signer};
use super::target::Target;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::{Car, CarError};
use atproto_repo::repo::{Error, Invalid, OwnedEntry, UnsignedRepo};
use atproto_repo::store::Archive;
use clap::Args;
use serde_json::{Value as Json, json};
use std::fmt::Display;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Proof {
    /// CAR file, or `-`.
    file: PathBuf,
    /// COLLECTION/RECORD-KEY
    path: String,
    #[command(flatten)]
    target: Target,
}

impl Proof {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        self.target.check(output)?;
        with_archive(&self.file, Prove { path: self.path, target: self.target, output })
    }
}

struct Prove<'o> {
    path: String,
    target: Target,
    output: &'o mut Output,
}

impl Task for Prove<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let Self { path, target, output } = self;
        let proof = match UnsignedRepo::open(archive).and_then(|repo| repo.prove(&path)) {
            Ok(proof) => proof,
            Err(Error::Invalid(Invalid::Path { path: found, reason })) if found == path => {
                return Err(Failure::Usage(format!("{path:?} is no path: {reason}")));
            }
            Err(error) => return target.refuse(output, &error),
        };
        let present = Car::parse(&proof)
            .ok()
            .and_then(|car| UnsignedRepo::open(&car).and_then(|repo| repo.get(&path)).ok()?);
        target.write(output, |out| out.write_all(&proof))?.map_err(|error| target.failure(error))?;
        let (what, cid) = match present {
            Some(entry) => ("present", Some(entry.cid.to_string())),
            None => ("absent", None),
        };
        let json = json!({
            "path": path, "present": cid.is_some(), "cid": cid, "bytes": proof.len(), "file": target.name(),
        });
        target.report(output, format!("{what}  {path}  proven in {} bytes", proof.len()), &json)?;
        Ok(Outcome::Done)
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        self.target.refuse_car(self.output, error)
    }
}

#[derive(Args)]
pub(crate) struct CheckProof {
    /// CAR file, or `-`; what is not needed in it counts for nothing.
    file: PathBuf,
    /// COLLECTION/RECORD-KEY
    path: String,
    #[command(flatten)]
    signer: KeyArguments,
    /// The account that the repository must be of; by default the one that its commit names.
    #[arg(long)]
    did: Option<Did>,
}

impl CheckProof {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let signer = self.signer.load()?;
        with_archive(&self.file, Check { path: self.path, signer, did: self.did, output })
    }
}

struct Check<'o> {
    path: String,
    signer: Signer,
    did: Option<Did>,
    output: &'o mut Output,
}

impl Task for Check<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        match self.check(archive)? {
            Ok(Some(entry)) => self.present(&entry),
            Ok(None) => {
                let json = json!({"verdict": "absent", "path": self.path, "present": false});
                self.output.line(format!("absent  {}", self.path), &json)?;
                Ok(Outcome::Done)
            }
            Err(refusal) => self.negative(refusal),
        }
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        self.negative(Refusal::invalid(error.to_string()))
    }
}

impl Check<'_> {
    fn check<A: Archive<Error: Display>>(
        &self,
        archive: &A,
    ) -> Result<Result<Option<OwnedEntry>, Refusal>, Failure> {
        let repo = match UnsignedRepo::open(archive) {
            Ok(repo) => repo,
            Err(error) => return Refusal::of(&error).map(Err),
        };
        let repo = match self.signer.verify(repo, self.did.as_ref())? {
            Ok(repo) => repo,
            Err(refusal) => return Ok(Err(refusal)),
        };
        match repo.get(&self.path) {
            Ok(entry) => Ok(Ok(entry)),
            Err(Error::Invalid(Invalid::Path { reason, .. })) => {
                Err(Failure::Usage(format!("{:?} is no path: {reason}", self.path)))
            }
            Err(error) => Refusal::of(&error).map(Err),
        }
    }

    /// A record that breaks the data model is there, too.
    fn present(self, entry: &OwnedEntry) -> Result<Outcome, Failure> {
        let (record, fault) = match record_json(entry) {
            Ok(record) => (record, None),
            Err(fault) => (Json::Null, Some(fault)),
        };
        let cid = entry.cid.to_string();
        let mut text = format!("present  {}  {cid}", entry.path);
        match &fault {
            None if self.output.is_json() => {}
            None => text.push_str(&format!("\n{record:#}")),
            Some(fault) => text.push_str(&format!("\n{fault}\n{}", crate::input::to_hex(&entry.bytes))),
        }
        let mut json =
            json!({"verdict": "present", "path": entry.path, "present": true, "cid": cid, "record": record});
        if let (Some(fields), Some(fault)) = (json.as_object_mut(), fault) {
            fields.insert("fault".into(), fault.into());
            fields.insert("hex".into(), crate::input::to_hex(&entry.bytes).into());
        }
        self.output.line(text, &json)?;
        Ok(Outcome::Done)
    }

    fn negative(self, refusal: Refusal) -> Result<Outcome, Failure> {
        let Refusal { verdict, outcome, reason } = refusal;
        let json = json!({"verdict": verdict, "path": self.path, "reason": reason});
        self.output.line(format!("{verdict}: {reason}"), &json)?;
        Ok(outcome)
    }
}
