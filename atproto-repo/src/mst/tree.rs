use super::{Limits, Node, Progress, TreeFault, Walk, layer_of};
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
        TreeWalk { walk, blocks: self.blocks, buf: Vec::new(), goes_on: true, ahead: Ahead::default() }
    }

    /// A walk through the keys that begin with `prefix`.
    pub fn prefix(&self, prefix: &[u8]) -> TreeWalk<'b, B> {
        let end = end_of_prefix(prefix);
        self.range(Some(prefix), end.as_deref())
    }

    /// The record at `key`; `None` is proven: every node on the way was there.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Cid>, TreeError<B::Error>> {
        let (after, layer) = ([key, &[0]].concat(), layer_of(key));
        let mut walk = TreeWalk { goes_on: false, ..self.range(Some(key), Some(&after)) };
        loop {
            match walk.walk.advance() {
                Progress::Entry => return Ok(walk.entry().map(|entry| *entry.value)),
                // The key is on its layer or nowhere.
                Progress::Need if walk.walk.needed_layer().is_none_or(|needed| needed >= layer) => {
                    walk.supply()?
                }
                _ => return Ok(None),
            }
        }
    }
}

/// The first key after all those that begin with a prefix, if there can be one.
pub(crate) fn end_of_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    // The prefix without its trailing 0xff, the last byte one more.
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix.get(..=last)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    Some(end)
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
    ahead: Ahead,
}

/// Nodes that were decoded before the walk asks for them, so that the blocks which they link can be looked for together.
#[derive(Debug, Default)]
struct Ahead {
    /// The one that comes first is the last.
    nodes: Vec<(Cid, Node)>,
    /// Memory of nodes that were taken.
    spare: Vec<Node>,
    /// Number of all entries, and one more for each node.
    entries: usize,
}

impl Ahead {
    /// Greatest number of entries, those of one more node not counted.
    const ENTRIES: usize = 512;
    /// Greatest length of a block, in bytes. Longer ones are rare.
    const BYTES: usize = 4096;
}

impl<B: Blocks> TreeWalk<'_, B> {
    /// The next key and the record there; `None` at the end.
    ///
    /// # Errors
    /// [`TreeError`]. After [`TreeError::Incomplete`] the walk goes on behind the missing subtree; the other two come
    /// again on every further call.
    #[allow(clippy::should_implement_trait, reason = "what it yields is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<TreeEntry<'_>>, TreeError<B::Error>> {
        loop {
            match self.walk.advance() {
                Progress::Entry => return Ok(self.walk.entry()),
                Progress::Done => return Ok(None),
                Progress::Need => {
                    self.supply()?;
                    self.look_ahead();
                }
            }
        }
    }

    fn supply(&mut self) -> Result<(), TreeError<B::Error>> {
        let Some(cid) = self.walk.needed() else { return Ok(()) };
        if let Some((_, mut node)) = self.ahead.nodes.pop_if(|(next, _)| next == cid) {
            self.ahead.entries = self.ahead.entries.saturating_sub(node.entries().len()).saturating_sub(1);
            self.walk.supply_decoded(&mut node)?;
            self.ahead.spare.push(node);
            return Ok(());
        }
        match self.blocks.get(cid, &mut self.buf).map_err(TreeError::Source)? {
            Some(block) if B::HASHED => self.walk.supply_unchecked(block)?,
            Some(block) => self.walk.supply(block)?,
            None => {
                let cid = *cid;
                self.walk.skip();
                return Err(TreeError::Incomplete(cid));
            }
        }
        Ok(())
    }

    /// [`Walk::run`].
    pub(crate) fn run(&mut self, take: impl FnMut(TreeEntry<'_>, usize) -> bool) {
        self.walk.run(take);
    }

    /// The key that [`next`](Self::next) gave last.
    pub(crate) fn entry(&self) -> Option<TreeEntry<'_>> {
        self.walk.entry()
    }

    /// Decodes the next nodes and says which blocks come after them: the nodes themselves were said when the walk was one node
    /// higher.
    fn look_ahead(&mut self) {
        // Where reading costs more than looking for a place in memory, nothing is read that may not be needed.
        if !(B::HASHED && self.goes_on) {
            return;
        }
        let Self { walk, blocks, buf, ahead, .. } = self;
        let first = ahead.nodes.len();
        for child in walk.ahead() {
            if ahead.entries >= Ahead::ENTRIES {
                break;
            }
            let Ok(Some(block)) = blocks.get(child, buf) else { continue };
            let mut node = ahead.spare.pop().unwrap_or_default();
            // What is wrong with a node is said when it is its turn.
            if block.len() <= Ahead::BYTES && node.decode_within(block, walk.limits()).is_ok() {
                ahead.entries = ahead.entries.saturating_add(node.entries().len()).saturating_add(1);
                ahead.nodes.push((*child, node));
            } else {
                ahead.spare.push(node);
            }
        }
        let nodes = ahead.nodes.get_mut(first..).unwrap_or_default();
        blocks.prepare(nodes.iter().flat_map(|(_, node)| node.links()));
        nodes.reverse();
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
