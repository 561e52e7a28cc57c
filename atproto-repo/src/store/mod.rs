//! Where blocks come from.

mod memory;
#[cfg(feature = "redb")]
mod redb;

#[cfg(feature = "redb")]
pub use self::redb::{ImportError, RedbRepo, RedbStore, StoreError};
pub use memory::{MemoryBlocks, MemoryStore};

use atproto_lexicon::data::Cid;
use std::collections::HashMap;

/// Blocks by their CID: in memory, in a file, in a database.
pub trait Blocks {
    /// Why a block could not be read. An absent block is no error.
    type Error;

    /// Whether [`get`](Self::get) gives only blocks whose bytes were compared with their CID. Where this is `false`, they
    /// are hashed each time that they are used.
    const HASHED: bool = false;

    /// The block with this CID, or `None` where it is not there. An implementation that does not hold it in memory reads
    /// it into `buf`.
    ///
    /// # Errors
    /// The implementation's own.
    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Self::Error>;

    /// Word that these blocks are likely to be asked for next, so that an implementation can look for all of them at once.
    /// Nothing depends on it.
    fn prepare<'c>(&self, cids: impl Iterator<Item = &'c Cid>) {
        drop(cids);
    }
}

/// [`Blocks`] with a CAR's header.
pub trait Archive: Blocks {
    /// The roots; the first one is the commit.
    fn roots(&self) -> &[Cid];
}

/// A repository that can be written: its blocks, and which commit it is at.
pub trait Store: Blocks {
    /// Goes from one commit to the next: all of it or nothing, and for good when it returns.
    ///
    /// Every block has a count of its links. One of [`WriteSet::put`] is added with one link, or linked once more; one of
    /// [`WriteSet::removed`] is linked once less, and goes with the last one.
    ///
    /// # Errors
    /// [`CommitError`]. Nothing was written, unless the store's own error says that it cannot know.
    fn commit(&mut self, writes: &WriteSet) -> Result<(), CommitError<Self::Error>>;
}

/// Why a commit was not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError<E> {
    /// The store is not at the commit on which the new one builds.
    #[error("store is not at the commit before")]
    Conflict,
    /// The store.
    #[error(transparent)]
    Store(E),
}

/// What a new commit changes in a store; [`SignedCommit::write_set`](crate::repo::SignedCommit::write_set) makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSet {
    pub(crate) since: Option<Cid>,
    pub(crate) commit: Cid,
    pub(crate) put: Vec<(Cid, Vec<u8>)>,
    pub(crate) removed: Vec<Cid>,
}

impl WriteSet {
    /// The commit before; `None` where there is none.
    pub fn since(&self) -> Option<&Cid> {
        self.since.as_ref()
    }

    /// The new commit.
    pub fn commit(&self) -> &Cid {
        &self.commit
    }

    /// The blocks that are linked now, each once for every link; all were hashed.
    pub fn put(&self) -> impl Iterator<Item = (&Cid, &[u8])> {
        self.put.iter().map(|(cid, block)| (cid, block.as_slice()))
    }

    /// The blocks that are no longer linked, each once for every link.
    pub fn removed(&self) -> impl Iterator<Item = &Cid> {
        self.removed.iter()
    }
}

/// Blocks that lie over others.
#[derive(Debug)]
pub(crate) struct Overlay<'a, B> {
    pub(crate) below: &'a B,
    pub(crate) above: &'a HashMap<Cid, &'a [u8]>,
}

impl<B: Blocks> Blocks for Overlay<'_, B> {
    type Error = B::Error;
    const HASHED: bool = B::HASHED;

    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Self::Error> {
        match self.above.get(cid) {
            Some(block) => Ok(Some(block)),
            None => self.below.get(cid, buf),
        }
    }
}
