use super::record::Seen;
use super::walk::{Paths, record};
use super::{Commit, CommitReason, Error, Invalid, Missing, OwnedEntry, RecordError, RecordWalk, Records};
use crate::mst::{Tree, TreeEntry, TreeWalk};
use crate::store::{Archive, Blocks};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Cid, Codec};
use atproto_lexicon::syntax::Did;

/// A repository whose commit's signature was verified. The tree is checked as far as it is read: [`UnsignedRepo::check`] reads all
/// of it.
#[derive(Debug)]
pub struct Repo<'b, B> {
    inner: UnsignedRepo<'b, B>,
}

/// A repository of which nobody has checked who signed it: anybody can have made it.
#[derive(Debug)]
pub struct UnsignedRepo<'b, B> {
    blocks: &'b B,
    commit: Commit,
    commit_cid: Cid,
}

/// What a repository holds, all of which was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// The number of records.
    pub records: u64,
    /// The number of nodes of the tree, each time that one is linked.
    pub nodes: u64,
}

impl<'b, B: Archive> Repo<'b, B> {
    /// Opens the repository whose commit is the first root, and verifies that it is of this account and signed with this
    /// key.
    ///
    /// # Errors
    /// [`Error::Invalid`] with [`Invalid::NoRoot`] or [`Invalid::Commit`], [`Error::Incomplete`] where the commit is not
    /// there.
    pub fn verify(archive: &'b B, did: &Did, key: &PublicKey) -> Result<Self, Error<B::Error>> {
        UnsignedRepo::open(archive)?.verify(did, key)
    }
}

impl<'b, B: Archive> UnsignedRepo<'b, B> {
    /// Opens the repository whose commit is the first root.
    ///
    /// # Errors
    /// [`Error::Invalid`] with [`Invalid::NoRoot`] or [`Invalid::Commit`], [`Error::Incomplete`] where the commit is not
    /// there.
    pub fn open(archive: &'b B) -> Result<Self, Error<B::Error>> {
        let root = archive.roots().first().ok_or(Invalid::NoRoot)?;
        Self::open_at(archive, *root)
    }
}

impl<'b, B: Blocks> UnsignedRepo<'b, B> {
    /// Opens the repository with this commit.
    ///
    /// # Errors
    /// [`Error::Invalid`] with [`Invalid::Commit`], [`Error::Incomplete`] where the commit is not there.
    pub fn open_at(blocks: &'b B, commit: Cid) -> Result<Self, Error<B::Error>> {
        let fault = |reason| Invalid::Commit { commit, reason };
        if commit.codec() != Codec::DagCbor {
            return Err(fault(CommitReason::Codec).into());
        }
        let mut buf = Vec::new();
        let Some(block) = blocks.get(&commit, &mut buf).map_err(Error::Source)? else {
            return Err(Error::Incomplete(Missing::Commit(commit)));
        };
        if !B::HASHED && !commit.matches(block) {
            return Err(fault(CommitReason::Hash).into());
        }
        Ok(Self { blocks, commit: Commit::decode(block).map_err(fault)?, commit_cid: commit })
    }

    /// Verifies that the commit is of this account and signed with this key.
    ///
    /// # Errors
    /// [`Error::Invalid`] with [`Invalid::Commit`].
    pub fn verify(self, did: &Did, key: &PublicKey) -> Result<Repo<'b, B>, Error<B::Error>> {
        match self.commit.verify(did, key) {
            Ok(()) => Ok(Repo { inner: self }),
            Err(reason) => Err(Invalid::Commit { commit: self.commit_cid, reason }.into()),
        }
    }

    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// CID of the commit.
    pub fn commit_cid(&self) -> &Cid {
        &self.commit_cid
    }

    /// The tree.
    pub fn tree(&self) -> Tree<'b, B> {
        Tree::new(self.blocks, self.commit.data)
    }

    pub(super) fn blocks(&self) -> &'b B {
        self.blocks
    }

    pub(super) fn record_walk(&self, tree: TreeWalk<'b, B>) -> RecordWalk<'b, B> {
        RecordWalk::new(tree, self.blocks)
    }

    /// A walk through all records in the order of their paths.
    pub fn walk(&self) -> RecordWalk<'b, B> {
        self.record_walk(self.tree().walk())
    }

    /// A walk through the records whose paths begin with `prefix`; a collection's is `com.example.note/`.
    pub fn walk_prefix(&self, prefix: &str) -> RecordWalk<'b, B> {
        self.record_walk(self.tree().prefix(prefix.as_bytes()))
    }

    /// A walk through the records with paths from `start`, inclusive, to `end`, exclusive.
    pub fn walk_range(&self, start: Option<&str>, end: Option<&str>) -> RecordWalk<'b, B> {
        self.record_walk(self.tree().range(start.map(str::as_bytes), end.map(str::as_bytes)))
    }

    /// All records in the order of their paths, owned.
    pub fn records(&self) -> Records<'b, B> {
        self.walk().into()
    }

    /// The record at `path`; `None` is proven: every node on the way was there.
    ///
    /// # Errors
    /// [`Error`]; a text that is no path gives [`Invalid::Path`].
    pub fn get(&self, path: &str) -> Result<Option<OwnedEntry>, Error<B::Error>> {
        let key = path.as_bytes();
        Paths::default().check(key)?;
        let Some(cid) = self.tree().get(key)? else { return Ok(None) };
        let mut buf = Vec::new();
        let bytes = record(self.blocks, TreeEntry { key, value: &cid }, &mut buf)?.bytes.to_vec();
        Ok(Some(OwnedEntry { path: path.into(), cid, bytes }))
    }

    /// Reads the whole tree and every record's block.
    ///
    /// # Errors
    /// [`Error`]: the first fault wherever it lies, and [`Error::Incomplete`] only where nothing is invalid in all that is
    /// there.
    pub fn check(&self) -> Result<Summary, Error<B::Error>> {
        self.check_each(None)
    }

    /// [`check`](Self::check), with the faults of every record that breaks the data model: these leave the repository
    /// valid.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_records(
        &self,
        mut fault: impl FnMut(String, RecordError),
    ) -> Result<Summary, Error<B::Error>> {
        self.check_each(Some(&mut fault))
    }

    fn check_each(
        &self,
        mut fault: Option<&mut dyn FnMut(String, RecordError)>,
    ) -> Result<Summary, Error<B::Error>> {
        check_walk(&mut self.walk(), &mut fault)?.finish()
    }
}

/// What was found in a walk whose every block that is there was good.
pub(super) struct Checked {
    pub(super) summary: Summary,
    pub(super) missing: Option<Missing>,
}

impl Checked {
    pub(super) fn finish<E>(self) -> Result<Summary, Error<E>> {
        self.missing.map_or(Ok(self.summary), |missing| Err(Error::Incomplete(missing)))
    }
}

/// Reads a walk to its end, and every record's block.
pub(super) fn check_walk<B: Blocks>(
    walk: &mut RecordWalk<'_, B>,
    fault: &mut Option<&mut dyn FnMut(String, RecordError)>,
) -> Result<Checked, Error<B::Error>> {
    let mut seen = Seen::default();
    let mut records = 0_u64;
    let mut missing = None;
    loop {
        if fault.is_none() {
            records = records.saturating_add(walk.run());
        }
        match walk.check_next(&mut seen, fault) {
            Ok(true) => records = records.saturating_add(1),
            Ok(false) => break,
            Err(Error::Incomplete(what)) => missing = missing.or(Some(what)),
            Err(error) => return Err(error),
        }
    }
    Ok(Checked { summary: Summary { records, nodes: walk.nodes() }, missing })
}

impl<'b, B> Repo<'b, B> {
    /// The same repository without the proof of who signed it.
    pub fn into_unsigned(self) -> UnsignedRepo<'b, B> {
        self.inner
    }
}

impl<'b, B> std::ops::Deref for Repo<'b, B> {
    type Target = UnsignedRepo<'b, B>;

    /// What can be read of any repository can be read of a verified one.
    fn deref(&self) -> &UnsignedRepo<'b, B> {
        &self.inner
    }
}
