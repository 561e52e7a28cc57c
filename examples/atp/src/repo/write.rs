//! Repositories that are written: each write is one commit, and the file is replaced as a whole.

use super::open::{Task, refuse, refuse_car, with_archive};
use crate::input::read_file;
use crate::key::read_secret;
use crate::output::{Failure, Outcome, Output};
use crate::save::Staged;
use crate::tid::{now_micros, random_clock};
use atproto_crypto::SecretKey;
use atproto_lexicon::data::{Cid, cbor, json as data_json};
use atproto_lexicon::syntax::{Datetime, Did, TidSource};
use atproto_repo::car::CarError;
use atproto_repo::repo::{
    Error, ExportError, RecordChange, SignedCommit, UnsignedCommit, UnsignedRepo, Write, WriteError,
};
use atproto_repo::store::{Archive, Blocks, MemoryBlocks};
use atproto_repo::sync::to_frame;
use clap::Args;
use serde_json::json;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Create {
    /// CAR file, which is made.
    file: PathBuf,
    /// The account.
    #[arg(long)]
    did: Did,
    /// Replace a file that is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    with: With,
}

#[derive(Args)]
pub(crate) struct Put {
    #[command(flatten)]
    place: Place,
    /// The record as JSON of the data model, or `-`.
    #[arg(default_value = "-")]
    record: String,
    #[command(flatten)]
    with: With,
}

#[derive(Args)]
pub(crate) struct Delete {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    with: With,
}

#[derive(Args)]
struct Place {
    /// CAR file.
    file: PathBuf,
    /// COLLECTION/RECORD-KEY
    path: String,
    /// Only where the record is this one.
    #[arg(long, value_name = "CID")]
    swap_record: Option<Cid>,
    /// Only where the repository is at this commit.
    #[arg(long, value_name = "CID")]
    swap_commit: Option<Cid>,
}

#[derive(Args)]
struct With {
    /// File with the account's secret key as a multikey.
    #[arg(long, value_name = "FILE.key")]
    key_file: PathBuf,
    /// Write the commit as a message of a repository stream to this file, which is made.
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// Number of the event in its stream.
    #[arg(long, default_value_t = 1, requires = "event")]
    seq: u64,
}

impl Create {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        refuse_input(&self.file)?;
        let key = read_secret(&self.with.key_file)?;
        let (file, event) = self.with.stage(&self.file, self.force)?;
        let rev = TidSource::new(random_clock()?).next(now_micros());
        let Some(rev) = rev else { return refuse_write(output, "the clock is beyond what a TID can say") };
        let commit = match UnsignedCommit::create(&self.did, &[], rev) {
            Ok(commit) => commit.sign(&key),
            Err(error) => return refuse_write(output, error),
        };
        Save { commit: &commit, file, event, seq: self.with.seq }.run(&MemoryBlocks::default(), output)
    }
}

impl Put {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let text = match self.record.as_str() {
            "-" => read_file(Path::new("-"))?,
            record => record.as_bytes().to_vec(),
        };
        let record = data_json::to_record(&text).map_err(|error| error.to_string());
        match record.and_then(|record| cbor::to_vec(&record).map_err(|error| error.to_string())) {
            Ok(record) => self.place.change(Some(record), self.with, output),
            Err(reason) => refuse_write(output, format!("record: {reason}")),
        }
    }
}

impl Delete {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        self.place.change(None, self.with, output)
    }
}

impl Place {
    /// Writes a record, or deletes it.
    fn change(self, record: Option<Vec<u8>>, with: With, output: &mut Output) -> Result<Outcome, Failure> {
        refuse_input(&self.file)?;
        let key = read_secret(&with.key_file)?;
        let path = self.file.clone();
        // Nobody else writes the file from before it is read.
        std::fs::metadata(&path).map_err(Failure::file(path.display()))?;
        let (file, event) = with.stage(&path, true)?;
        with_archive(&path, Change { place: self, record, key, file, event, seq: with.seq, output })
    }
}

impl With {
    /// The repository and the event as they will be; neither is there yet.
    fn stage(&self, file: &Path, replaces: bool) -> Result<(Staged, Option<Staged>), Failure> {
        let event = self.event.as_deref().map(|path| Staged::new(path, false)).transpose()?;
        Ok((Staged::new(file, replaces)?, event))
    }
}

/// A change of one record in a repository.
struct Change<'o> {
    place: Place,
    record: Option<Vec<u8>>,
    key: SecretKey,
    file: Staged,
    event: Option<Staged>,
    seq: u64,
    output: &'o mut Output,
}

impl Task for Change<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let repo = match self.open(archive) {
            Ok(repo) => repo,
            Err(error) => return refuse(self.output, &error),
        };
        let commit = match self.commit(&repo) {
            Ok(Some(commit)) => commit,
            Ok(None) => return unchanged(&repo, self.output),
            Err(WriteError::Path(path, reason)) => {
                return Err(Failure::Usage(format!("{path:?} is no path: {reason}")));
            }
            Err(WriteError::Tree(error)) => return refuse(self.output, &Error::from(error)),
            Err(error) => return refuse_write(self.output, error),
        };
        Save { commit: &commit, file: self.file, event: self.event, seq: self.seq }.run(archive, self.output)
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}

impl Change<'_> {
    /// Opens the repository, which is whole and signed with the key.
    fn open<'b, A: Archive>(&self, archive: &'b A) -> Result<UnsignedRepo<'b, A>, Error<A::Error>> {
        let repo = UnsignedRepo::open(archive)?;
        let did = repo.commit().did.clone();
        let repo = repo.verify(&did, &self.key.public_key())?.into_unsigned();
        repo.check()?;
        Ok(repo)
    }

    /// The next commit; `None` where the record is there already.
    fn commit<B: Blocks>(
        &self,
        repo: &UnsignedRepo<'_, B>,
    ) -> Result<Option<SignedCommit>, WriteError<B::Error>> {
        let Place { path, swap_record, swap_commit, .. } = &self.place;
        let (path, swap) = (path.as_str(), *swap_record);
        let found = repo.tree().get(path.as_bytes())?;
        let write = match &self.record {
            None => Write::Delete { path, swap },
            Some(record) if found.is_some() || swap.is_some() => Write::Update { path, record, swap },
            Some(record) => Write::Create { path, record },
        };
        let last = repo.commit().rev;
        let clock = random_clock().unwrap_or_default();
        let rev = TidSource::after(last, clock).next(now_micros()).ok_or(WriteError::Rev(last))?;
        let commit = repo.write(&[write], swap_commit.as_ref(), rev)?;
        let is_same = self.record.as_ref().is_some_and(|record| found == Some(Cid::of_dag_cbor(record)));
        Ok(if is_same { None } else { Some(commit.sign(&self.key)) })
    }
}

/// A commit with the files that it goes to.
struct Save<'c> {
    commit: &'c SignedCommit,
    file: Staged,
    event: Option<Staged>,
    seq: u64,
}

impl Save<'_> {
    /// Writes the repository as it is after the commit, and then the event.
    fn run<B: Blocks<Error: Display>>(mut self, before: &B, output: &mut Output) -> Result<Outcome, Failure> {
        let commit = self.commit;
        if let Some(event) = &mut self.event {
            let time = i64::try_from(now_micros()).ok().and_then(Datetime::from_unix_micros);
            let Some(time) = time else { return refuse_write(output, "the clock is beyond the calendar") };
            let body = match commit.commit_event(self.seq, time.as_str()) {
                Ok(body) => body,
                Err(error) => return refuse_write(output, error),
            };
            let written = event.write_all(&to_frame("#commit", &body));
            written.map_err(|error| event.failure(error))?;
        }
        let writes = commit.write_set();
        let after = After { before, put: writes.put().map(|(cid, block)| (*cid, block)).collect() };
        let exported =
            UnsignedRepo::open_at(&after, *commit.cid()).map(|repo| repo.export(&mut self.file).map(drop));
        match exported {
            Ok(Ok(())) => {}
            Ok(Err(ExportError::Repo(error))) | Err(error) => return refuse(output, &error),
            Ok(Err(ExportError::Io(error))) => return Err(self.file.failure(error)),
            Ok(Err(error)) => return Err(Failure::File(error.to_string())),
        }
        self.file.finish()?;
        self.event.map_or(Ok(()), Staged::finish)?;
        report(commit, output)
    }
}

/// Blocks with those of a commit over them.
struct After<'a, B> {
    before: &'a B,
    put: HashMap<Cid, &'a [u8]>,
}

impl<B: Blocks> Blocks for After<'_, B> {
    type Error = B::Error;
    const HASHED: bool = B::HASHED;

    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Self::Error> {
        match self.put.get(cid) {
            Some(block) => Ok(Some(block)),
            None => self.before.get(cid, buf),
        }
    }
}

fn report(commit: &SignedCommit, output: &mut Output) -> Result<Outcome, Failure> {
    let text = |cid: &Option<Cid>| cid.map(|cid| cid.to_string());
    let op = |change: &RecordChange| {
        json!({
            "action": change.action().as_str(), "path": change.path, "cid": text(&change.cid),
            "prev": text(&change.prev),
        })
    };
    let changes = commit.changes();
    let created: Vec<_> = commit.nodes().created.iter().map(|(cid, _)| cid.to_string()).collect();
    let retired: Vec<_> = commit.nodes().retired.iter().map(ToString::to_string).collect();
    let json = json!({
        "did": commit.did().as_str(), "commit": commit.cid().to_string(), "rev": commit.rev().to_string(),
        "data": commit.data().to_string(), "ops": changes.iter().map(op).collect::<Vec<_>>(),
        "created_nodes": created, "retired_nodes": retired,
    });
    let mut lines = format!("commit  {}\nrev     {}\ndata    {}", commit.cid(), commit.rev(), commit.data());
    for change in changes {
        let cid = change.cid.or(change.prev).map(|cid| cid.to_string()).unwrap_or_default();
        lines.push_str(&format!("\n{}  {}  {cid}", change.action().as_str(), change.path));
    }
    output.line(lines, &json)?;
    Ok(Outcome::Done)
}

/// The record is what it should be: no commit is made, and the file stays as it is.
fn unchanged<B: Blocks>(repo: &UnsignedRepo<'_, B>, output: &mut Output) -> Result<Outcome, Failure> {
    let (commit, cid) = (repo.commit(), repo.commit_cid());
    let json = json!({
        "did": commit.did.as_str(), "commit": cid.to_string(), "rev": commit.rev.to_string(),
        "data": commit.data.to_string(), "ops": [], "created_nodes": [], "retired_nodes": [],
    });
    output.line(format!("unchanged\ncommit  {cid}"), &json)?;
    Ok(Outcome::Done)
}

/// Prints why nothing was written.
fn refuse_write(output: &mut Output, reason: impl Display) -> Result<Outcome, Failure> {
    output
        .line(format!("refused: {reason}"), &json!({"verdict": "refused", "reason": reason.to_string()}))?;
    Ok(Outcome::Negative)
}

fn refuse_input(file: &Path) -> Result<(), Failure> {
    match file.to_str() {
        Some("-") => Err(Failure::Usage("a repository is written to a file, not to standard output".into())),
        _ => Ok(()),
    }
}
