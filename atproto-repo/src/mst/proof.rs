use super::{Limits, Node, TreeError};
use crate::store::Blocks;
use atproto_lexicon::data::Cid;
use std::collections::HashSet;

/// The keys around a subtree, where there are any.
type Gap<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// Nodes of a tree, each once and each before those that it links, with their blocks.
pub type Nodes = Vec<(Cid, Vec<u8>)>;

/// Which nodes of a tree prove something about a key. They are read from the producer's own tree and only decoded; whoever
/// receives them checks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The value of the key, or that it has none: the nodes down to the one of its layer. No less proves it.
    Minimal,
    /// The same for a reader who does not know that a key is on its layer or nowhere, as the reference implementation: where the
    /// key is not there, the nodes down to where no node is.
    Search,
    /// The nodes on the way to the key and to its neighbours. These of all keys of a commit's operations cover it: on them the
    /// operations can be undone in any order.
    Neighbours,
}

impl Proof {
    /// The nodes that prove something about these keys, in the tree with this root; the root itself in any case.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn nodes<B: Blocks>(
        self,
        blocks: &B,
        root: &Cid,
        keys: &[&[u8]],
    ) -> Result<Nodes, TreeError<B::Error>> {
        let layers: Vec<u32> = keys.iter().map(|key| super::layer_of(key)).collect();
        let reads = |layer: Option<u32>, (lower, upper): Gap<'_>, (key, key_layer): (&[u8], u32)| match self {
            Self::Neighbours => {
                lower.is_none_or(|lower| lower <= key) && upper.is_none_or(|upper| key <= upper)
            }
            _ => {
                let is_low = self == Self::Minimal && layer.is_some_and(|layer| layer < key_layer);
                !is_low && lower.is_none_or(|lower| lower < key) && upper.is_none_or(|upper| key < upper)
            }
        };
        let mut reader = Reader {
            blocks,
            buf: Vec::new(),
            seen: HashSet::new(),
            nodes: Nodes::new(),
            reads: &|layer: Option<u32>, gap: Gap<'_>| {
                keys.iter().zip(&layers).any(|(key, of)| reads(layer, gap, (key, *of)))
            },
        };
        reader.read(root, None, (None, None), 0)?;
        Ok(reader.nodes)
    }
}

struct Reader<'a, B, F> {
    blocks: &'a B,
    buf: Vec<u8>,
    seen: HashSet<Cid>,
    nodes: Nodes,
    /// Whether a node in this place is wanted. The layer of a root is not known.
    reads: &'a F,
}

impl<B: Blocks, F: Fn(Option<u32>, Gap<'_>) -> bool> Reader<'_, B, F> {
    fn read(
        &mut self,
        cid: &Cid,
        layer: Option<u32>,
        (lower, upper): Gap<'_>,
        depth: u32,
    ) -> Result<(), TreeError<B::Error>> {
        let limits = Limits::default();
        let fault = |entry, reason| super::TreeFault { node: *cid, entry, reason };
        if depth > limits.depth {
            return Err(fault(None, super::TreeReason::TooDeep).into());
        }
        let block = self.blocks.get(cid, &mut self.buf).map_err(TreeError::Source)?;
        let block = block.ok_or(TreeError::Incomplete(*cid))?;
        let node = Node::decode(block, limits.entries).map_err(|(entry, reason)| fault(entry, reason))?;
        if self.seen.insert(*cid) {
            self.nodes.push((*cid, block.to_vec()));
        }
        let first = node.entries().first().map(|entry| super::layer_of(node.key(entry)));
        let layer = layer.or(first);
        let below = layer.map(|layer| layer.saturating_sub(1));
        let key = |index: usize| node.entries().get(index).map(|entry| node.key(entry));
        for index in 0..=node.entries().len() {
            let Some(child) = node.child(index) else { continue };
            let gap = (index.checked_sub(1).and_then(key).or(lower), key(index).or(upper));
            if (self.reads)(below, gap) {
                self.read(child, below, gap, depth.saturating_add(1))?;
            }
        }
        Ok(())
    }
}
