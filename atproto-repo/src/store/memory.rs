use super::{Archive, Blocks, CommitError, Store, WriteSet};
use crate::cid_hash::CidMap;
use atproto_lexicon::data::Cid;
use std::convert::Infallible;

/// Blocks in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryBlocks(CidMap<Vec<u8>>);

impl MemoryBlocks {
    /// Adds a DAG-CBOR block and returns its CID, which is computed here.
    pub fn insert(&mut self, block: Vec<u8>) -> Cid {
        let cid = Cid::of_dag_cbor(&block);
        self.0.insert(cid, block);
        cid
    }

    /// Adds a block of which the caller has proven that it has this CID.
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
    // Nothing else gets in.
    const HASHED: bool = true;

    fn get<'a>(&'a self, cid: &Cid, _: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Infallible> {
        Ok(self.0.get(cid).map(Vec::as_slice))
    }
}

/// A repository in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    roots: Vec<Cid>,
    /// Each block, and how often it is linked.
    blocks: CidMap<(u64, Vec<u8>)>,
}

impl MemoryStore {
    /// The number of blocks.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }
}

impl Blocks for MemoryStore {
    type Error = Infallible;
    // What a write set holds was hashed when that was made.
    const HASHED: bool = true;

    fn get<'a>(&'a self, cid: &Cid, _: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Infallible> {
        Ok(self.blocks.get(cid).map(|(_, block)| block.as_slice()))
    }
}

impl Archive for MemoryStore {
    fn roots(&self) -> &[Cid] {
        &self.roots
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, writes: &WriteSet) -> Result<(), CommitError<Infallible>> {
        if self.roots.first() != writes.since() {
            return Err(CommitError::Conflict);
        }
        for (cid, block) in writes.put() {
            let (links, _) = self.blocks.entry(*cid).or_insert_with(|| (0, block.to_vec()));
            *links = links.saturating_add(1);
        }
        for cid in writes.removed() {
            if let Some((links, _)) = self.blocks.get_mut(cid) {
                *links = links.saturating_sub(1);
                if *links == 0 {
                    self.blocks.remove(cid);
                }
            }
        }
        self.roots = vec![*writes.commit()];
        Ok(())
    }
}
