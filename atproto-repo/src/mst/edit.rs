use super::branch::{Branch, Child, Subtree};
use super::encode::NodeWriter;
use super::place::Place;
use super::{Limits, MAX_KEY, Node, TreeFault, TreeReason, layer_of};
use atproto_lexicon::data::Cid;
use std::collections::HashSet;

/// Changes to a tree, without IO: it asks for the nodes that a change touches and is given them. An error leaves the tree as it
/// was.
///
/// [`TreeEdit`](super::TreeEdit) drives it over [`Blocks`](crate::store::Blocks).
#[derive(Debug)]
pub struct Edit {
    root: Root,
    limits: Limits,
    /// The nodes asked for last, and the way to each.
    needs: Vec<(Cid, Vec<usize>)>,
    writer: NodeWriter,
    /// Nodes that were made.
    created: Vec<(Cid, Vec<u8>)>,
    /// Nodes that are no longer used.
    retired: Vec<Cid>,
}

#[derive(Debug)]
enum Root {
    Stub(Cid),
    Loaded(Box<Branch>),
}

/// What became of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The new nodes, each after those that it links.
    pub created: Vec<(Cid, Vec<u8>)>,
    /// The nodes that are no longer in the tree.
    pub retired: Vec<Cid>,
}

/// Why a change was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// It needs this node: [`Edit::supply`] it and try again.
    #[error("MST node {0} is needed")]
    Needs(Cid),
    /// The key has not between 1 and 1,024 bytes.
    #[error("key has not between 1 and 1,024 bytes")]
    KeyLength,
    /// A node would have more entries, or the tree more layers, than the limits allow.
    #[error("tree would go beyond its limits")]
    Limits,
}

/// What is to be done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Get,
    Insert,
    Remove,
}

impl Edit {
    /// The tree with this root.
    pub fn new(root: Cid) -> Self {
        Self::with_root(Root::Stub(root))
    }

    /// A tree without keys, none of whose nodes is stored.
    pub fn empty() -> Self {
        Self::with_root(Root::Loaded(Branch::around(0, Subtree::None)))
    }

    fn with_root(root: Root) -> Self {
        Self {
            root,
            limits: Limits::default(),
            needs: Vec::new(),
            writer: NodeWriter::default(),
            created: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// The same tree with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The nodes that have to be supplied next before these keys can be inserted or removed: one of each key at most, each time one
    /// layer further down. When there are none, all that the keys need is there.
    pub fn needs<'k>(&mut self, keys: impl IntoIterator<Item = &'k [u8]>) -> impl Iterator<Item = &Cid> {
        self.needs.clear();
        for key in keys {
            for purpose in [Purpose::Insert, Purpose::Remove] {
                self.look(key, purpose).unwrap_or_default();
            }
        }
        self.needs.sort_unstable();
        self.needs.dedup();
        self.needs.chunk_by(|(a, _), (b, _)| a == b).filter_map(|same| same.first()).map(|(cid, _)| cid)
    }

    /// Gives it the block of a node that it asked for; hashes it. A block that it did not ask for is ignored.
    ///
    /// # Errors
    /// [`TreeFault`]; the node stays asked for.
    pub fn supply(&mut self, cid: &Cid, block: &[u8]) -> Result<(), TreeFault> {
        if !cid.matches(block) {
            return Err(TreeFault { node: *cid, entry: None, reason: TreeReason::Hash });
        }
        self.supply_unchecked(cid, block)
    }

    /// [`supply`](Self::supply) without hashing: the caller has compared the block with its CID.
    ///
    /// # Errors
    /// [`TreeFault`]; the node stays asked for.
    pub fn supply_unchecked(&mut self, cid: &Cid, block: &[u8]) -> Result<(), TreeFault> {
        let mut at = 0_usize;
        while let Some((need, way)) = self.needs.get(at) {
            if need != cid {
                at = at.saturating_add(1);
                continue;
            }
            self.root.load(cid, way, block, &self.limits).map_err(|(entry, reason)| TreeFault {
                node: *cid,
                entry,
                reason,
            })?;
            self.needs.swap_remove(at);
        }
        Ok(())
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`EditError::Needs`].
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Cid>, EditError> {
        self.require(key, Purpose::Get)?;
        let mut branch = match &self.root {
            Root::Loaded(branch) => branch.as_ref(),
            Root::Stub(_) => return Ok(None),
        };
        loop {
            let index = match branch.find(key) {
                Ok(index) => return Ok(branch.entries().get(index).map(|entry| entry.value)),
                Err(index) => index,
            };
            match branch.child(index) {
                Child::Loaded(child) => branch = child,
                _ => return Ok(None),
            }
        }
    }

    /// Gives a key a value; the value that it had.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn insert(&mut self, key: &[u8], value: Cid) -> Result<Option<Cid>, EditError> {
        if !(1..=MAX_KEY).contains(&key.len()) {
            return Err(EditError::KeyLength);
        }
        self.require(key, Purpose::Insert)?;
        let layer = layer_of(key);
        if layer >= self.limits.depth {
            return Err(EditError::Limits);
        }
        let Root::Loaded(root) = &mut self.root else { return Ok(None) };
        if root.is_empty() || layer > root.layer {
            raise(root, layer, &mut self.retired);
        }
        Ok(insert(root, layer, key, value, &mut self.retired))
    }

    /// Takes a key out; the value that it had.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn remove(&mut self, key: &[u8]) -> Result<Option<Cid>, EditError> {
        self.require(key, Purpose::Remove)?;
        let Root::Loaded(root) = &mut self.root else { return Ok(None) };
        Ok(remove(root, key, &mut self.retired))
    }

    /// Hashes what was changed; the CID of the root and what became of the tree since the last time. It can be changed on.
    ///
    /// # Errors
    /// [`EditError::Needs`]: what was below the topmost keys that were removed.
    pub fn finish(&mut self) -> Result<(Cid, Changes), EditError> {
        self.trim(None)?;
        let cid = self.seal();
        // What was changed back is as it was.
        let mut retired: HashSet<Cid> = self.retired.drain(..).collect();
        let mut created = std::mem::take(&mut self.created);
        created.retain(|(cid, _)| !retired.remove(cid));
        let mut retired: Vec<Cid> = retired.into_iter().collect();
        retired.sort_unstable();
        Ok((cid, Changes { created, retired }))
    }

    /// Whether the tree is the one with this root. A node is not asked for where its CID alone tells.
    ///
    /// # Errors
    /// [`EditError::Needs`].
    pub fn is_root(&mut self, expected: &Cid) -> Result<bool, EditError> {
        Ok(self.trim(Some(expected))?.is_some() || self.seal() == *expected)
    }

    /// Hashes what was changed; the CID of the root.
    fn seal(&mut self) -> Cid {
        let Self { root, created, retired, writer, .. } = self;
        match root {
            Root::Stub(cid) => *cid,
            Root::Loaded(root) => {
                root.seal(writer, &mut |cid, block| created.push((cid, block)), &mut |cid| retired.push(cid))
            }
        }
    }

    /// Cuts off a root that only points down; the new one, where that is the expected one.
    fn trim(&mut self, expected: Option<&Cid>) -> Result<Option<Cid>, EditError> {
        loop {
            let Root::Loaded(root) = &mut self.root else { return Ok(None) };
            if !root.entries().is_empty() {
                return Ok(None);
            }
            match root.child(0) {
                Child::None => {
                    root.layer = 0;
                    return Ok(None);
                }
                Child::Stub(cid) if Some(cid) == expected => return Ok(Some(*cid)),
                Child::Stub(cid) => {
                    let cid = *cid;
                    self.needs.clear();
                    self.needs.push((cid, vec![0]));
                    return Err(EditError::Needs(cid));
                }
                Child::Loaded(_) => {
                    if let Subtree::Loaded(child) = root.take(0) {
                        self.retired.extend(root.origin);
                        *root = child;
                    }
                }
            }
        }
    }

    /// Makes sure that all that a change of this key touches is loaded.
    fn require(&mut self, key: &[u8], purpose: Purpose) -> Result<(), EditError> {
        self.needs.clear();
        self.look(key, purpose)?;
        self.needs.first().map_or(Ok(()), |(cid, _)| Err(EditError::Needs(*cid)))
    }

    /// Adds the next nodes that a change of this key needs to the needs.
    fn look(&mut self, key: &[u8], purpose: Purpose) -> Result<(), EditError> {
        let mut branch = match &self.root {
            Root::Loaded(branch) => branch.as_ref(),
            Root::Stub(cid) => {
                self.needs.push((*cid, Vec::new()));
                return Ok(());
            }
        };
        let key_layer = layer_of(key);
        // Where the way leads to; it is written down only where it is needed.
        let mut depth = 0_usize;
        loop {
            let index = match (branch.find(key), purpose) {
                (Ok(index), Purpose::Remove) => {
                    let way = self.way(key, depth);
                    return look_at_seam(branch, index, way, &mut self.needs, self.limits.entries);
                }
                (Ok(_), _) => return Ok(()),
                (Err(index), _) => index,
            };
            let is_place = purpose == Purpose::Insert && branch.layer == key_layer;
            if is_place && branch.entries().len() >= self.limits.entries {
                return Err(EditError::Limits);
            }
            // A key is on its layer or nowhere.
            if purpose != Purpose::Insert && branch.layer <= key_layer {
                return Ok(());
            }
            match branch.child(index) {
                Child::None => return Ok(()),
                Child::Stub(cid) => {
                    let mut way = self.way(key, depth);
                    way.push(index);
                    self.needs.push((*cid, way));
                    return Ok(());
                }
                Child::Loaded(child) => branch = child,
            }
            depth = depth.saturating_add(1);
        }
    }

    /// The numbers of the subtrees on the way to a key, down to some depth.
    fn way(&self, key: &[u8], depth: usize) -> Vec<usize> {
        let mut way = Vec::with_capacity(depth.saturating_add(1));
        let Root::Loaded(root) = &self.root else { return way };
        let mut branch = root.as_ref();
        while way.len() < depth {
            let (Ok(index) | Err(index)) = branch.find(key);
            way.push(index);
            let Child::Loaded(child) = branch.child(index) else { break };
            branch = child;
        }
        way
    }
}

/// What has to be loaded to bring together the subtrees on both sides of an entry: as deep as there are two.
fn look_at_seam(
    branch: &Branch,
    index: usize,
    mut way: Vec<usize>,
    needs: &mut Vec<(Cid, Vec<usize>)>,
    limit: usize,
) -> Result<(), EditError> {
    let after = index.saturating_add(1);
    let (mut left, mut right) = (branch.child(index), branch.child(after));
    let (mut way_left, mut way_right) = (way.clone(), std::mem::take(&mut way));
    way_left.push(index);
    way_right.push(after);
    loop {
        match (&left, &right) {
            (Child::None, _) | (_, Child::None) => return Ok(()),
            (Child::Loaded(before), Child::Loaded(behind)) => {
                if before.entries().len().saturating_add(behind.entries().len()) > limit {
                    return Err(EditError::Limits);
                }
                way_left.push(before.last_child());
                way_right.push(0);
                (left, right) = (before.child(before.last_child()), behind.child(0));
            }
            (left, right) => {
                if let Child::Stub(cid) = left {
                    needs.push((**cid, way_left));
                }
                if let Child::Stub(cid) = right {
                    needs.push((**cid, way_right));
                }
                return Ok(());
            }
        }
    }
}

impl Root {
    /// Loads the node at the end of a way.
    fn load(
        &mut self,
        cid: &Cid,
        way: &[usize],
        block: &[u8],
        limits: &Limits,
    ) -> Result<(), super::node::NodeFault> {
        let mut node = Node::default();
        node.decode_within(block, limits)?;
        let Some((last, way)) = way.split_last() else {
            if matches!(self, Self::Stub(root) if root == cid) {
                let layer = Place::default().check(&node, limits)?;
                *self = Self::Loaded(Branch::loaded(node, layer, *cid));
            }
            return Ok(());
        };
        let Self::Loaded(root) = self else { return Ok(()) };
        // The keys around the node are those next to the way.
        let (mut branch, mut place) = (root.as_ref(), Place::default());
        for index in way.iter().chain([last]) {
            place.layer = Some(branch.layer.saturating_sub(1));
            place.lower = index.checked_sub(1).and_then(|before| branch.key(before)).or(place.lower);
            place.upper = branch.key(*index).or(place.upper);
            if let Child::Loaded(child) = branch.child(*index) {
                branch = child;
            }
        }
        let layer = place.check(&node, limits)?;
        let mut branch = root;
        for index in way {
            let Some(child) = branch.child_mut(*index) else { return Ok(()) };
            branch = child;
        }
        if matches!(branch.child(*last), Child::Stub(stub) if stub == cid) {
            branch.put(*last, Subtree::Loaded(Branch::loaded(node, layer, *cid)));
        }
        Ok(())
    }
}

/// Makes room above a root for a key of a higher layer, or on the layer of the first key.
fn raise(root: &mut Box<Branch>, layer: u32, retired: &mut Vec<Cid>) {
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
fn insert(branch: &mut Branch, layer: u32, key: &[u8], value: Cid, retired: &mut Vec<Cid>) -> Option<Cid> {
    branch.is_changed = true;
    let index = match branch.find(key) {
        Ok(index) => {
            let before = branch.entries().get(index).map(|entry| entry.value);
            branch.node.set_value(index, value);
            return before;
        }
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
fn remove(branch: &mut Branch, key: &[u8], retired: &mut Vec<Cid>) -> Option<Cid> {
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
            branch.is_changed = true;
            if let Subtree::Loaded(child) = branch.take(index) {
                let kept = keep(child, retired);
                branch.put(index, kept);
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
