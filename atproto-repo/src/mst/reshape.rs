//! How the nodes of a tree in memory are brought into the one form that their keys have. All that is touched was loaded.

use super::branch::{Branch, Subtree};
use super::{EditError, Limits, layer_of};
use atproto_lexicon::data::Cid;

/// A tree of these keys, which are in order, from the leaves up.
pub(super) fn grow<'a>(
    keys: impl Iterator<Item = (&'a [u8], &'a Cid)>,
    limits: &Limits,
) -> Result<Box<Branch>, EditError> {
    // The node of each layer that is not complete yet.
    let mut open: Vec<Option<Box<Branch>>> = Vec::new();
    for (key, value) in keys {
        let layer = layer_of(key);
        let at = layer as usize;
        if layer >= limits.depth {
            return Err(EditError::Limits);
        }
        if open.len() <= at {
            open.resize_with(at.saturating_add(1), || None);
        }
        (0..layer).for_each(|below| close(&mut open, below));
        let node =
            open.get_mut(at).map(|node| node.get_or_insert_with(|| Branch::around(layer, Subtree::None)));
        if let Some(node) = node {
            let last = node.last_child();
            if last >= limits.entries {
                return Err(EditError::Limits);
            }
            let before = node.take(last);
            node.insert(last, key, *value, before, Subtree::None);
        }
    }
    let top = open.len().saturating_sub(1);
    (0..top as u32).for_each(|below| close(&mut open, below));
    Ok(open.pop().flatten().unwrap_or_else(|| Branch::around(0, Subtree::None)))
}

/// Hangs the node of a layer below the last key of the next one.
fn close(open: &mut [Option<Box<Branch>>], layer: u32) {
    let (below, above) = open.split_at_mut_checked((layer as usize).saturating_add(1)).unwrap_or_default();
    if let (Some(node), Some(above)) = (below.last_mut().and_then(Option::take), above.first_mut()) {
        let above = above.get_or_insert_with(|| Branch::around(layer.saturating_add(1), Subtree::None));
        above.put(above.last_child(), Subtree::Loaded(node));
    }
}

/// Makes room above a root for a key of a higher layer, or on the layer of the first key.
pub(super) fn raise(root: &mut Box<Branch>, layer: u32, retired: &mut Vec<Cid>) {
    if root.is_empty() {
        retired.extend(root.origin);
        *root = Branch::around(layer, Subtree::None);
        return;
    }
    while root.layer < layer {
        let above = root.layer.saturating_add(1);
        let below = std::mem::replace(root, Branch::around(above, Subtree::None));
        root.put(0, Subtree::Loaded(below));
    }
}

/// Gives a key of this layer a value in a tree which is at least as high; the value that it had.
pub(super) fn insert(
    branch: &mut Branch,
    layer: u32,
    key: &[u8],
    value: Cid,
    retired: &mut Vec<Cid>,
) -> Option<Cid> {
    branch.is_changed = true;
    let index = match branch.find(key) {
        Ok(index) => return branch.set_value(index, value),
        Err(index) => index,
    };
    if branch.layer <= layer {
        let (before, after) = split(branch.take(index), key, retired);
        branch.insert(index, key, value, before, after);
        return None;
    }
    if branch.child_mut(index).is_none() {
        let below = Branch::around(branch.layer.saturating_sub(1), Subtree::None);
        branch.put(index, Subtree::Loaded(below));
    }
    insert(branch.child_mut(index)?, layer, key, value, retired)
}

/// Parts a subtree at a key that it does not hold.
fn split(subtree: Subtree, key: &[u8], retired: &mut Vec<Cid>) -> (Subtree, Subtree) {
    let Subtree::Loaded(mut branch) = subtree else { return (subtree, Subtree::None) };
    let (Ok(index) | Err(index)) = branch.find(key);
    branch.is_changed = true;
    let (before, after) = split(branch.take(index), key, retired);
    let behind = branch.split_off(index, after);
    branch.put(index, before);
    (keep(branch, retired), keep(behind, retired))
}

/// A subtree, unless nothing is in it.
fn keep(branch: Box<Branch>, retired: &mut Vec<Cid>) -> Subtree {
    if !branch.is_empty() {
        return Subtree::Loaded(branch);
    }
    retired.extend(branch.origin);
    Subtree::None
}

/// Takes a key out; the value that it had.
pub(super) fn remove(branch: &mut Branch, key: &[u8], retired: &mut Vec<Cid>) -> Option<Cid> {
    match branch.find(key) {
        Ok(index) => {
            let value = branch.entries().get(index).map(|entry| entry.value);
            let (before, after) = (branch.take(index), branch.take(index.saturating_add(1)));
            let merged = merge(before, after, retired);
            branch.remove(index, merged);
            branch.is_changed = true;
            value
        }
        Err(index) => {
            let child = branch.child_mut(index)?;
            let value = remove(child, key, retired)?;
            let is_empty = child.is_empty();
            branch.is_changed = true;
            if is_empty && let Subtree::Loaded(child) = branch.take(index) {
                retired.extend(child.origin);
            }
            Some(value)
        }
    }
}

/// Brings together two neighbouring subtrees of a layer.
fn merge(before: Subtree, after: Subtree, retired: &mut Vec<Cid>) -> Subtree {
    match (before, after) {
        (subtree, Subtree::None) | (Subtree::None, subtree) => subtree,
        (Subtree::Loaded(mut before), Subtree::Loaded(mut after)) => {
            let seam = before.last_child();
            let middle = merge(before.take(seam), after.take(0), retired);
            retired.extend(after.origin);
            before.append(*after, middle);
            before.is_changed = true;
            Subtree::Loaded(before)
        }
        // Both were loaded before anything was changed.
        (subtree, _) => subtree,
    }
}
