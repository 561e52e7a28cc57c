//! Repositories in one pass: a file in pre-order (<https://atproto.com/specs/repository#car-file-serialization>) is verified
//! and listed while it is read, in memory that does not grow with it.
//!
//! In pre-order the commit is first, then the root node, and each block comes when a walk through the tree asks for it. Whether
//! a file is in that order is seen, not configured: at the first block that is not the expected one [`File`] and [`Slice`] go
//! on by index, and the others say [`NotStreamable`]. The verdicts are those of [`Repo`](super::Repo) over an index.
//!
//! ```
//! use atproto_repo::repo::stream::{File, RepoStream};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse()?;
//! # let key = "did:key:zDnaeomi6TLanz7WdashnRidAi4daTPAFxrwFNKg3D9FDbvJM".parse()?;
//! let file = std::fs::File::open("../examples/data/notes.car")?;
//! let mut repo = RepoStream::verify(File::new(file), did, key);
//! while let Some(entry) = repo.next()? {
//!     println!("{} {}", entry.path, entry.cid);
//! }
//! println!("{} records", repo.summary().map_or(0, |summary| summary.records)); // all of the file was read
//! # Ok(())
//! # }
//! ```

mod pass;
#[cfg(feature = "futures")]
mod records;
mod source;

#[cfg(feature = "futures")]
pub use records::RecordStream;
pub use source::{File, Pushed, Reader, Slice, Source};

use super::record::Seen;
use super::{Commit, Entry, Invalid, Missing, RecordError, Summary};
use crate::car::CarError;
use atproto_crypto::PublicKey;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use pass::Pass;
use source::Advance;
use std::io;

/// A repository that is verified as its file is read, from one of [`Reader`], [`File`], [`Slice`] and [`Pushed`].
///
/// What it yields was hashed, hangs on the commit, and is where the one tree of its keys has it. Blocks that the repository
/// does not use may follow it; they are hashed too.
#[derive(Debug)]
pub struct RepoStream<S> {
    source: S,
    pass: Pass,
    /// Why it cannot go on.
    fault: Option<Invalid>,
    is_incomplete: bool,
    is_done: bool,
    seen: Seen,
}

/// What a [`RepoStream`] does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamStep {
    /// It has read all bytes that were pushed; only of [`Pushed`].
    NeedBytes,
    /// It has come to a record: see [`RepoStream::entry`].
    Entry,
    /// It has read and checked all of the file.
    Done,
}

/// Why a repository could not be read on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The file is not a CAR, which makes the repository invalid.
    #[error(transparent)]
    Car(#[from] CarError),
    /// It is not a valid repository.
    #[error("invalid: {0}")]
    Invalid(#[from] Invalid),
    /// A block is missing, and nothing is said about what it holds.
    #[error("incomplete: {0}")]
    Incomplete(Missing),
    /// The file is in another order, and cannot be read again; this is no verdict.
    #[error(transparent)]
    NotStreamable(#[from] NotStreamable),
    /// The file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file is not in pre-order. A record that two paths link counts as that unless the file repeats it, and so does a missing
/// block: only an index tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not in pre-order: block {expected} is not where it is expected")]
pub struct NotStreamable {
    /// The block that should come next.
    pub expected: Cid,
    /// The block that comes next; `None` at the end of the file.
    pub found: Option<Cid>,
}

impl<S: Source> RepoStream<S> {
    /// Reads the repository of this account, signed with this key.
    pub fn verify(source: S, did: Did, key: PublicKey) -> Self {
        Self::new(source, Pass::new(Some((did, key))))
    }

    /// Reads a repository of which nobody checks who signed it: anybody can have made it.
    pub fn unsigned(source: S) -> Self {
        Self::new(source, Pass::new(None))
    }

    fn new(source: S, pass: Pass) -> Self {
        Self { source, pass, fault: None, is_incomplete: false, is_done: false, seen: Seen::default() }
    }

    /// Goes on to the next record, or as far as the bytes allow.
    ///
    /// # Errors
    /// [`StreamError`]. After [`StreamError::Incomplete`] it goes on behind what is missing. After any other error it never comes
    /// to its end.
    pub fn step(&mut self) -> Result<StreamStep, StreamError> {
        self.step_with(false)
    }

    /// [`step`](Self::step) which, where only the verdict matters, may leave out the block of a record seen before.
    fn step_with(&mut self, only_check: bool) -> Result<StreamStep, StreamError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        let step = self.try_step(only_check);
        match &step {
            Err(StreamError::Invalid(fault)) => self.fault = Some(fault.clone()),
            Err(StreamError::Incomplete(_)) => self.is_incomplete = true,
            _ => {}
        }
        step
    }

    fn try_step(&mut self, only_check: bool) -> Result<StreamStep, StreamError> {
        if self.is_done {
            return Ok(StreamStep::Done);
        }
        if self.pass.needs_root() {
            let Some(roots) = self.source.roots()? else { return Ok(StreamStep::NeedBytes) };
            self.pass.set_root(roots)?;
        }
        loop {
            let is_there = if self.source.is_indexed() {
                match self.pass.go_on()?.copied() {
                    Some(cid) if only_check && self.pass.is_at_key() && self.seen.get(&cid).is_some() => true,
                    Some(cid) => self.find(cid)?,
                    None => false,
                }
            } else {
                let wanted = self.pass.go_on()?;
                match (self.source.advance()?, wanted) {
                    (Advance::Block, Some(cid)) if self.source.cid() == cid.as_bytes() => true,
                    (Advance::Block, Some(cid)) => {
                        let (expected, found) = (*cid, Cid::from_bytes(self.source.cid()).ok());
                        self.go_over(expected, found)?
                    }
                    (Advance::End, Some(cid)) => {
                        let expected = *cid;
                        self.go_over(expected, None)?
                    }
                    (Advance::NeedBytes, _) => return Ok(StreamStep::NeedBytes),
                    // What the repository does not use.
                    (Advance::Block, None) => continue,
                    (Advance::End, None) => false,
                }
            };
            if !is_there {
                self.is_done = true;
                return Ok(StreamStep::Done);
            }
            if self.pass.accept(self.source.block())? {
                return Ok(StreamStep::Entry);
            }
        }
    }

    /// Goes over to an index of the whole file, and looks for the expected block there.
    fn go_over(&mut self, expected: Cid, found: Option<Cid>) -> Result<bool, StreamError> {
        if found.is_none() && self.pass.is_at_commit() {
            // No block has come before this one, so that none can be it.
            return Err(StreamError::Incomplete(self.pass.skip(expected)));
        }
        if !self.source.index()? {
            return Err(NotStreamable { expected, found }.into());
        }
        self.find(expected)
    }

    fn find(&mut self, cid: Cid) -> Result<bool, StreamError> {
        if self.source.find(&cid)? { Ok(true) } else { Err(StreamError::Incomplete(self.pass.skip(cid))) }
    }

    /// The record that it has come to; `None` but after [`StreamStep::Entry`].
    pub fn entry(&self) -> Option<Entry<'_>> {
        self.pass.entry(self.source.block())
    }

    /// The next record; `None` at the end of the file, and of [`Pushed`] also where it needs more bytes.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    #[allow(clippy::should_implement_trait, reason = "what it yields is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, StreamError> {
        Ok(match self.step()? {
            StreamStep::Entry => self.entry(),
            StreamStep::NeedBytes | StreamStep::Done => None,
        })
    }

    /// Reads the rest of the file.
    ///
    /// # Errors
    /// [`StreamError`], and [`StreamError::Incomplete`] only where nothing is invalid in all that is there.
    pub fn check(mut self) -> Result<Summary, StreamError> {
        self.check_each(None)
    }

    /// [`check`](Self::check), with the faults of every record that breaks the data model: these leave the repository valid.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_records(
        mut self,
        mut fault: impl FnMut(String, RecordError),
    ) -> Result<Summary, StreamError> {
        self.check_each(Some(&mut fault))
    }

    fn check_each(
        &mut self,
        mut fault: Option<&mut dyn FnMut(String, RecordError)>,
    ) -> Result<Summary, StreamError> {
        let mut missing = None;
        loop {
            if fault.is_none() && !self.source.is_indexed() {
                let source = &mut self.source;
                self.pass.run(|cid| source.advance_to(cid));
            }
            match self.step_with(true) {
                Ok(StreamStep::Entry) => self.check_entry(&mut fault),
                Ok(StreamStep::Done) => break,
                // The end was not said.
                Ok(StreamStep::NeedBytes) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                Err(StreamError::Incomplete(what)) => missing = missing.or(Some(what)),
                Err(error) => return Err(error),
            }
        }
        missing.map_or(Ok(self.pass.summary()), |what| Err(StreamError::Incomplete(what)))
    }

    fn check_entry(&mut self, fault: &mut Option<&mut dyn FnMut(String, RecordError)>) {
        let block = self.source.block();
        if fault.is_none() && !Seen::is_large(block) {
            return;
        }
        let Some(record) = self.pass.record(block) else { return };
        let found = match self.seen.get(&record.cid) {
            Some(known) => known.clone(),
            None => self.seen.check(record, fault.is_some()),
        };
        if let (Some(fault), Some(error)) = (fault, found)
            && let Some(entry) = self.pass.entry(&[])
        {
            fault(entry.path.to_owned(), error);
        }
    }

    /// The commit, once it was read and verified.
    pub fn commit(&self) -> Option<&Commit> {
        self.pass.commit()
    }

    /// CID of the commit, once that was read and verified.
    pub fn commit_cid(&self) -> Option<&Cid> {
        self.pass.commit_cid()
    }

    /// What the repository holds; `None` until all of the file was read, and where anything is missing.
    pub fn summary(&self) -> Option<Summary> {
        (self.is_done && !self.is_incomplete).then(|| self.pass.summary())
    }
}

impl RepoStream<Pushed> {
    /// Adds bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pass.leave_record();
        self.source.push(bytes);
    }

    /// Says that the file has no more bytes.
    pub fn end(&mut self) {
        self.source.end();
    }
}
