use super::node::add_links;
use super::{Limits, Step, TreeFault, Walk};
use crate::store::Blocks;
use atproto_lexicon::data::Cid;

/// A tree in some [`Blocks`], by its root.
#[derive(Debug)]
pub struct Tree<'b, B> {
    blocks: &'b B,
    root: Cid,
    limits: Limits,
}

impl<B> Clone for Tree<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Tree<'_, B> {}

/// Why a tree could not be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// The tree is not what its root stands for.
    #[error(transparent)]
    Invalid(#[from] TreeFault),
    /// The block of a node is missing.
    #[error("MST node {0} is missing")]
    Incomplete(Cid),
    /// The blocks could not be read.
    #[error("blocks: {0}")]
    Source(E),
}

impl<'b, B: Blocks> Tree<'b, B> {
    /// The tree with this root.
    pub fn new(blocks: &'b B, root: Cid) -> Self {
        Self { blocks, root, limits: Limits::default() }
    }

    /// The same tree with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// CID of the root node.
    pub fn root(&self) -> &Cid {
        &self.root
    }

    /// A walk through all keys.
    pub fn walk(&self) -> TreeWalk<'b, B> {
        self.range(None, None)
    }

    /// A walk through the keys from `start`, inclusive, to `end`, exclusive.
    pub fn range(&self, start: Option<&[u8]>, end: Option<&[u8]>) -> TreeWalk<'b, B> {
        let walk = Walk::range(self.root, start, end).with_limits(self.limits);
        TreeWalk { walk, blocks: self.blocks, buf: Vec::new(), goes_on: true, ahead: Vec::new() }
    }

    /// A walk through the keys that begin with `prefix`.
    pub fn prefix(&self, prefix: &[u8]) -> TreeWalk<'b, B> {
        // The first key after all of them: the prefix without its trailing 0xff, the last byte one more.
        let kept = prefix.iter().rposition(|byte| *byte != u8::MAX).map(|last| last.saturating_add(1));
        let end = kept.and_then(|length| prefix.get(..length)).map(|kept| {
            let mut end = kept.to_vec();
            if let Some(last) = end.last_mut() {
                *last = last.saturating_add(1);
            }
            end
        });
        self.range(Some(prefix), end.as_deref())
    }

    /// The record at `key`; `None` is proven: every node on the way was there.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Cid>, TreeError<B::Error>> {
        let after = [key, &[0]].concat();
        let mut walk = TreeWalk { goes_on: false, ..self.range(Some(key), Some(&after)) };
        Ok(walk.next()?.map(|entry| *entry.value))
    }
}

/// A key of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeEntry<'w> {
    /// The key: 1 to 1,024 bytes.
    pub key: &'w [u8],
    /// The record.
    pub value: &'w Cid,
}

/// A walk through a tree in the order of its keys.
#[derive(Debug)]
pub struct TreeWalk<'b, B> {
    walk: Walk,
    blocks: &'b B,
    buf: Vec<u8>,
    /// Whether more than one key is looked for.
    goes_on: bool,
    /// Blocks that come soon.
    ahead: Vec<Cid>,
}

/// How many blocks are looked for in advance.
const AHEAD: usize = 128;

impl<B: Blocks> TreeWalk<'_, B> {
    /// The next key and the record there; `None` at the end.
    ///
    /// # Errors
    /// [`TreeError`]. After [`TreeError::Incomplete`] the walk goes on behind the missing subtree; the other two come
    /// again on every further call.
    #[allow(clippy::should_implement_trait, reason = "what it yields is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<TreeEntry<'_>>, TreeError<B::Error>> {
        loop {
            match self.walk.step() {
                Step::Entry => return Ok(self.walk.entry()),
                Step::Done => return Ok(None),
                Step::Need(cid) => {
                    match self.blocks.get(&cid, &mut self.buf).map_err(TreeError::Source)? {
                        Some(block) if B::HASHED => self.walk.supply_unchecked(block)?,
                        Some(block) => self.walk.supply(block)?,
                        None => {
                            self.walk.skip();
                            return Err(TreeError::Incomplete(cid));
                        }
                    }
                    self.look_ahead();
                }
            }
        }
    }

    /// The key that [`next`](Self::next) gave last.
    pub(crate) fn entry(&self) -> Option<TreeEntry<'_>> {
        self.walk.entry()
    }

    /// Says which blocks come after the next nodes: these were said when the walk was one node higher.
    fn look_ahead(&mut self) {
        // Where reading costs more than looking for a place in memory, nothing is read that may not be needed.
        if !(B::HASHED && self.goes_on) {
            return;
        }
        self.ahead.clear();
        for child in self.walk.children() {
            if let Ok(Some(block)) = self.blocks.get(child, &mut self.buf) {
                add_links(block, &mut self.ahead, AHEAD);
            }
        }
        self.blocks.prepare(self.ahead.iter());
    }

    /// The number of nodes read so far.
    pub fn nodes(&self) -> u64 {
        self.walk.nodes()
    }

    /// The number of those that were read on the way to the start of a range.
    pub fn nodes_to_start(&self) -> u64 {
        self.walk.nodes_to_start()
    }
}
