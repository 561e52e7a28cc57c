use super::{References, check_listed};
use crate::output::{Failure, Outcome};
use crate::remote::Stop;
use crate::save::Staged;
use atproto_crypto::PublicKey;
use atproto_lexicon::data::Cid;
use atproto_lexicon::http::Body;
use atproto_lexicon::syntax::{Did, Tid};
use atproto_repo::repo::stream::{File as FileSource, Pushed, RepoStream, Source, StreamError, StreamStep};
use serde_json::json;
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

/// The most bytes of a repository: 16 GiB.
const MAX_REPO: u64 = 16 << 30;

/// What a repository is that was read to its end.
#[derive(Debug)]
pub(crate) struct Repo {
    pub(crate) commit: Cid,
    pub(crate) rev: Tid,
    /// The root of the tree of records.
    pub(crate) data: Cid,
    pub(crate) records: u64,
    /// How many bytes its file has.
    pub(crate) size: u64,
    pub(crate) blobs: References,
}

/// Receives the repository of an account, which must be signed with the key if there is one, and writes it. In pre-order it is verified as
/// it comes, and given up at the first fault; in another order, once all of it is there.
pub(crate) async fn receive_repo(
    mut body: impl Body,
    did: &Did,
    key: Option<PublicKey>,
    out: &mut Staged,
) -> Result<Repo, Stop> {
    let mut reading = Some(Reading::new(Pushed::new(), did, key));
    let mut size = 0_u64;
    while let Some(piece) = body.chunk().await? {
        size = size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if size > MAX_REPO {
            return Err(Stop::wrong("too_large", format!("a repository of more than {MAX_REPO} bytes")));
        }
        out.write_all(&piece).map_err(|error| out.failure(error))?;
        if let Some(pass) = &mut reading {
            pass.stream.push(&piece);
            match pass.go_on() {
                Ok(()) => pass.check_account()?,
                Err(StreamError::NotStreamable(_)) => reading = None,
                Err(error) => return Err(refused(error)),
            }
        }
    }
    if let Some(mut pass) = reading {
        pass.stream.end();
        match pass.go_on() {
            Ok(()) => return pass.finish(size),
            Err(StreamError::NotStreamable(_)) => {}
            Err(error) => return Err(refused(error)),
        }
    }
    let file = out.read().map_err(|error| out.failure(error))?;
    read_file(file, did, key)
}

/// Reads a repository of an account from a file, which must be signed with the key if there is one.
pub(crate) fn read_repo(path: &Path, did: &Did, key: Option<PublicKey>) -> Result<Repo, Stop> {
    read_file(File::open(path).map_err(Failure::file(path.display()))?, did, key)
}

fn read_file(mut file: File, did: &Did, key: Option<PublicKey>) -> Result<Repo, Stop> {
    let broken = |error| refused(StreamError::Io(error));
    let size = file.metadata().map_err(broken)?.len();
    file.rewind().map_err(broken)?;
    let mut reading = Reading::new(FileSource::new(file), did, key);
    reading.go_on().map_err(refused)?;
    reading.finish(size)
}

/// A repository that is being read.
struct Reading<'a, S> {
    stream: RepoStream<S>,
    did: &'a Did,
    blobs: References,
}

impl<'a, S: Source> Reading<'a, S> {
    fn new(source: S, did: &'a Did, key: Option<PublicKey>) -> Self {
        let stream = match key {
            Some(key) => RepoStream::verify(source, did.clone(), key),
            None => RepoStream::unsigned(source),
        };
        Self { stream, did, blobs: References::default() }
    }

    /// Goes on to the end, or as far as the bytes go.
    fn go_on(&mut self) -> Result<(), StreamError> {
        while self.stream.step()? == StreamStep::Entry {
            // A record that breaks the data model is a fault of that record: it links no blobs.
            if let Some(Ok(record)) = self.stream.entry().map(|entry| entry.record.to_object()) {
                self.blobs.add(&record);
            }
        }
        Ok(())
    }

    /// Also where nobody's signature is asked for, it is the account's repository.
    fn check_account(&self) -> Result<(), Stop> {
        match self.stream.commit() {
            Some(commit) if commit.did != *self.did => Err(verdict(
                "invalid",
                Outcome::Negative,
                format!("the repository is of another account, {}", commit.did),
            )),
            _ => Ok(()),
        }
    }

    fn finish(self, size: u64) -> Result<Repo, Stop> {
        self.check_account()?;
        check_listed(self.blobs.len())?;
        let stream = &self.stream;
        match (stream.commit(), stream.commit_cid(), stream.summary()) {
            (Some(commit), Some(cid), Some(summary)) => Ok(Repo {
                commit: *cid,
                rev: commit.rev,
                data: commit.data,
                records: summary.records,
                size,
                blobs: self.blobs,
            }),
            _ => Err(verdict("incomplete", Outcome::Incomplete, "the repository has no end".to_owned())),
        }
    }
}

fn verdict(verdict: &str, outcome: Outcome, reason: String) -> Stop {
    Stop::Print {
        text: format!("{verdict}: {reason}"),
        json: json!({"verdict": verdict, "reason": reason}),
        outcome,
    }
}

/// A repository that is not what it must be.
fn refused(error: StreamError) -> Stop {
    match error {
        StreamError::Car(error) => verdict("invalid", Outcome::Negative, error.to_string()),
        StreamError::Invalid(invalid) => verdict("invalid", Outcome::Negative, invalid.to_string()),
        StreamError::Incomplete(missing) => verdict("incomplete", Outcome::Incomplete, missing.to_string()),
        error => Failure::File(format!("repository: {error}")).into(),
    }
}
