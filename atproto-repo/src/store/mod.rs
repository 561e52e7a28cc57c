//! Where blocks come from.

use atproto_lexicon::data::Cid;
use std::collections::HashMap;
use std::convert::Infallible;

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

/// Blocks in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBlocks(HashMap<Cid, Vec<u8>>);

impl MemoryBlocks {
    /// Adds a DAG-CBOR block and returns its CID, which is computed here.
    pub fn insert(&mut self, block: Vec<u8>) -> Cid {
        let cid = Cid::of_dag_cbor(&block);
        self.0.insert(cid, block);
        cid
    }

    /// Adds a block whose CID the caller has computed.
    pub fn insert_unchecked(&mut self, cid: Cid, block: Vec<u8>) {
        self.0.insert(cid, block);
    }

    /// Takes a block out.
    pub fn remove(&mut self, cid: &Cid) -> Option<Vec<u8>> {
        self.0.remove(cid)
    }

    /// The number of blocks.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every block with its CID, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Cid, &[u8])> {
        self.0.iter().map(|(cid, block)| (cid, block.as_slice()))
    }
}

impl Blocks for MemoryBlocks {
    type Error = Infallible;
    // `insert` computes the CID.
    const HASHED: bool = true;

    fn get<'a>(&'a self, cid: &Cid, _: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Infallible> {
        Ok(self.0.get(cid).map(Vec::as_slice))
    }
}
