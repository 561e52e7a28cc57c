use super::layer::layers_of;
use super::node::NodeFault;
use super::{Limits, Node, TreeReason as Reason, layer_of};

/// Where a node stands in its tree.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Place<'a> {
    /// `None` for the root, which is on the layer of its keys.
    pub(super) layer: Option<u32>,
    /// The key before all of its subtree.
    pub(super) lower: Option<&'a [u8]>,
    /// The key after all of its subtree.
    pub(super) upper: Option<&'a [u8]>,
}

impl Place<'_> {
    /// Checks a node that was decoded, and tells its layer.
    pub(super) fn check(&self, node: &Node, limits: &Limits) -> Result<u32, NodeFault> {
        let entries = node.entries();
        let Some((first, last)) = entries.first().zip(entries.last()) else {
            return match (self.layer, node.left().is_some()) {
                (None, true) => Err((None, Reason::UntrimmedRoot)),
                (None, false) => Ok(0),
                (Some(_), false) => Err((None, Reason::EmptyNode)),
                (Some(0), true) => Err((None, Reason::BelowLeaf)),
                (Some(layer), true) => Ok(layer),
            };
        };
        // The root's first key says its layer, and need not be looked at again.
        let (layer, known) = match self.layer {
            Some(layer) => (layer, 0),
            None => (layer_of(node.key(first)), 1),
        };
        if layer >= limits.depth {
            return Err((None, Reason::TooDeep));
        }
        let mut index = known;
        layers_of(entries.iter().skip(known).map(|entry| node.key(entry)), |found| {
            if found != layer {
                return Err((Some(index), Reason::KeyLayer { expected: layer, found }));
            }
            index = index.saturating_add(1);
            Ok(())
        })?;
        if self.lower.is_some_and(|lower| lower >= node.key(first)) {
            return Err((Some(0), Reason::KeyBounds));
        }
        if self.upper.is_some_and(|upper| upper <= node.key(last)) {
            return Err((Some(entries.len().saturating_sub(1)), Reason::KeyBounds));
        }
        if layer == 0 && !node.is_leaf() {
            return Err((None, Reason::BelowLeaf));
        }
        Ok(layer)
    }
}
