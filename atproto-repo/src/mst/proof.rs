use super::{Limits, Node, TreeError, TreeFault, TreeReason, layer_of};
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
        let (mut seen, mut nodes) = (HashSet::new(), Nodes::new());
        let mut add = |cid: &Cid, block: &[u8]| {
            if seen.insert(*cid) {
                nodes.push((*cid, block.to_vec()));
            }
        };
        if self == Self::Neighbours || keys.is_empty() {
            let mut reader = Reader { blocks, buf: Vec::new(), keys, add: &mut add };
            reader.read(root, (None, None), 0)?;
        } else {
            for key in keys {
                search(blocks, root, key, self == Self::Search, &mut add)?;
            }
        }
        Ok(nodes)
    }
}

/// Calls `add` with each node on the way to a key, to the bottom where that is asked for; the key's value.
pub(crate) fn search<B: Blocks>(
    blocks: &B,
    root: &Cid,
    key: &[u8],
    to_bottom: bool,
    add: &mut impl FnMut(&Cid, &[u8]),
) -> Result<Option<Cid>, TreeError<B::Error>> {
    let (mut cid, mut buf, limits) = (*root, Vec::new(), Limits::default());
    let mut node = Node::with_room(16, 512);
    let key_layer = if to_bottom { 0 } else { layer_of(key) };
    let mut layer = None;
    for _ in 0..=limits.depth {
        let block =
            blocks.get(&cid, &mut buf).map_err(TreeError::Source)?.ok_or(TreeError::Incomplete(cid))?;
        node.decode_within(block, &limits).map_err(|(entry, reason)| TreeFault {
            node: cid,
            entry,
            reason,
        })?;
        add(&cid, block);
        let index = match node.find(key) {
            Ok(index) => return Ok(node.entries().get(index).map(|entry| entry.value)),
            Err(index) => index,
        };
        // Only the root's layer has to be found out.
        let first = || node.entries().first().map_or(0, |entry| layer_of(node.key(entry)));
        let is_low = !to_bottom && *layer.get_or_insert_with(first) <= key_layer;
        layer = layer.map(|layer| layer.saturating_sub(1));
        match node.child(index) {
            Some(child) if !is_low => cid = *child,
            _ => return Ok(None),
        }
    }
    Err(TreeFault { node: cid, entry: None, reason: TreeReason::TooDeep }.into())
}

/// Reads the nodes around some keys.
struct Reader<'a, B, F> {
    blocks: &'a B,
    buf: Vec<u8>,
    keys: &'a [&'a [u8]],
    add: &'a mut F,
}

impl<B: Blocks, F: FnMut(&Cid, &[u8])> Reader<'_, B, F> {
    fn read(&mut self, cid: &Cid, (lower, upper): Gap<'_>, depth: u32) -> Result<(), TreeError<B::Error>> {
        let limits = Limits::default();
        if depth > limits.depth {
            return Err(TreeFault { node: *cid, entry: None, reason: TreeReason::TooDeep }.into());
        }
        let block = self.blocks.get(cid, &mut self.buf).map_err(TreeError::Source)?;
        let block = block.ok_or(TreeError::Incomplete(*cid))?;
        let node = Node::decode_of(cid, block, &limits)?;
        (self.add)(cid, block);
        let key = |index: usize| node.entries().get(index).map(|entry| node.key(entry));
        for index in 0..=node.entries().len() {
            let Some(child) = node.child(index) else { continue };
            let gap = (index.checked_sub(1).and_then(key).or(lower), key(index).or(upper));
            let touches = |key: &&[u8]| {
                gap.0.is_none_or(|lower| lower <= *key) && gap.1.is_none_or(|upper| *key <= upper)
            };
            if self.keys.iter().any(touches) {
                self.read(child, gap, depth.saturating_add(1))?;
            }
        }
        Ok(())
    }
}
