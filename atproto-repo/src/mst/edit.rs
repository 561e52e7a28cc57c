use super::branch::{Branch, Child, Loaded, Subtree};
use super::fresh::{Built, Fresh};
use super::loader::{Around, Loader};
use super::place::Place;
use super::reshape::{insert, raise, remove};
use super::{Limits, MAX_KEY, Node, TreeFault, TreeReason, layer_of};
use atproto_lexicon::data::Cid;
use std::collections::HashMap;

/// Changes to a tree, without IO: it asks for the nodes that a change touches and is given them. An error leaves the tree as it
/// was.
///
/// [`TreeEdit`](super::TreeEdit) drives it over [`Blocks`](crate::store::Blocks).
#[derive(Debug)]
pub struct Edit {
    root: Root,
    limits: Limits,
    /// Nodes that were supplied, and have not found their place yet.
    supplied: HashMap<Cid, Loaded>,
    /// Memory for blocks.
    block: Vec<u8>,
    /// Nodes that are no longer used.
    retired: Vec<Cid>,
}

#[derive(Debug)]
enum Root {
    Stub(Cid),
    Loaded(Box<Branch>),
    /// A tree that is not in nodes yet, since all its keys are new.
    Fresh(Fresh),
    /// The same after its nodes were given away.
    Built(Built),
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
    /// The tree is not what its root stands for.
    #[error(transparent)]
    Tree(#[from] TreeFault),
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
    /// To undo its creation: what lies along the key is loaded down to the leaves, so that it is checked while the key is there.
    Undo,
}

impl Edit {
    /// The tree with this root.
    pub fn new(root: Cid) -> Self {
        Self::with_root(Root::Stub(root))
    }

    /// A tree without keys, none of whose nodes is stored.
    pub fn empty() -> Self {
        Self::with_root(Root::Fresh(Fresh::default()))
    }

    fn with_root(root: Root) -> Self {
        Self {
            root,
            limits: Limits::default(),
            supplied: HashMap::new(),
            block: Vec::new(),
            retired: Vec::new(),
        }
    }

    /// The same tree with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The nodes that have to be supplied next before these keys can be inserted or removed: two of each key at most, each time one
    /// layer further down. When there are none, all that the keys need is there.
    ///
    /// # Errors
    /// [`EditError`], but never [`EditError::Needs`].
    pub fn needs<'k>(&mut self, keys: impl IntoIterator<Item = &'k [u8]>) -> Result<Vec<Cid>, EditError> {
        let mut needs = Vec::new();
        for key in keys {
            let layer = layer_of(key);
            for purpose in [Purpose::Insert, Purpose::Remove] {
                let missing = self.load(key, layer, purpose, &mut |_| Ok::<_, EditError>(None), &mut |cid| {
                    needs.push(cid);
                });
                match missing {
                    // A change that cannot be made says so itself.
                    Ok(()) | Err(EditError::Limits | EditError::Needs(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        needs.sort_unstable();
        needs.dedup();
        Ok(needs)
    }

    /// Gives it the block of a node that it asked for; hashes it.
    ///
    /// # Errors
    /// [`TreeFault`]: the hash, or the form. Whether the node is in its place is found out when it is used.
    pub fn supply(&mut self, cid: &Cid, block: &[u8]) -> Result<(), TreeFault> {
        if !cid.matches(block) {
            return Err(TreeFault { node: *cid, entry: None, reason: TreeReason::Hash });
        }
        self.supply_unchecked(cid, block)
    }

    /// [`supply`](Self::supply) without hashing: the caller has compared the block with its CID.
    ///
    /// # Errors
    /// [`TreeFault`].
    pub fn supply_unchecked(&mut self, cid: &Cid, block: &[u8]) -> Result<(), TreeFault> {
        let node = Node::decode_of(cid, block, &self.limits)?;
        self.supplied.insert(*cid, Loaded { node, block: block.to_vec() });
        Ok(())
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Cid>, EditError> {
        self.get_with(key, &mut |_| Ok(None))
    }

    /// Gives a key a value; the value that it had.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn insert(&mut self, key: &[u8], value: Cid) -> Result<Option<Cid>, EditError> {
        self.insert_with(key, value, &mut |_| Ok(None))
    }

    /// Takes a key out; the value that it had.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn remove(&mut self, key: &[u8]) -> Result<Option<Cid>, EditError> {
        self.remove_with(key, &mut |_| Ok(None))
    }

    /// Hashes what was changed; the CID of the root and what became of the tree since the last time. It can be changed on.
    ///
    /// # Errors
    /// [`EditError`]: what was below the topmost keys that were removed may be needed. [`EditError::Limits`] where a node would be too
    /// long: then there is no way on.
    pub fn finish(&mut self) -> Result<(Cid, Changes), EditError> {
        self.finish_with(&mut |_| Ok(None))
    }

    /// Whether the tree is the one with this root. A node is not asked for where its CID alone tells.
    ///
    /// # Errors
    /// [`EditError`].
    pub fn is_root(&mut self, expected: &Cid) -> Result<bool, EditError> {
        self.is_root_with(expected, &mut |_| Ok(None))
    }
}

/// The same for a driver that can read nodes at once: `read` gives the node, or `None` where that has to be asked for.
impl Edit {
    pub(super) fn get_with<E: From<EditError>>(
        &mut self,
        key: &[u8],
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<Option<Cid>, E> {
        match &self.root {
            Root::Fresh(keys) => return Ok(keys.get(key)),
            Root::Built(tree) => return Ok(tree.get(key)),
            Root::Stub(_) | Root::Loaded(_) => {}
        }
        self.require(key, Purpose::Get, read)?;
        let Root::Loaded(branch) = &self.root else { return Ok(None) };
        let mut branch = branch.as_ref();
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

    pub(super) fn insert_with<E: From<EditError>>(
        &mut self,
        key: &[u8],
        value: Cid,
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<Option<Cid>, E> {
        if !(1..=MAX_KEY).contains(&key.len()) {
            return Err(EditError::KeyLength.into());
        }
        if let Root::Fresh(keys) = &mut self.root {
            return Ok(keys.insert(key, value));
        }
        let layer = self.require(key, Purpose::Insert, read)?;
        if layer >= self.limits.depth {
            return Err(EditError::Limits.into());
        }
        let Root::Loaded(root) = &mut self.root else { return Ok(None) };
        if root.is_empty() || layer > root.layer {
            raise(root, layer, &mut self.retired);
        }
        Ok(insert(root, layer, key, value, &mut self.retired))
    }

    pub(super) fn remove_with<E: From<EditError>>(
        &mut self,
        key: &[u8],
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<Option<Cid>, E> {
        self.remove_for(key, Purpose::Remove, read)
    }

    /// [`remove_with`](Self::remove_with) in a tree of which nobody knows that the subtrees on both sides keep to their own: those
    /// that are not read could reach over the key, and would be in order once it is gone.
    pub(super) fn undo_create_with<E: From<EditError>>(
        &mut self,
        key: &[u8],
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<Option<Cid>, E> {
        self.remove_for(key, Purpose::Undo, read)
    }

    fn remove_for<E: From<EditError>>(
        &mut self,
        key: &[u8],
        purpose: Purpose,
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<Option<Cid>, E> {
        if let Root::Fresh(keys) = &mut self.root {
            return Ok(keys.remove(key));
        }
        self.require(key, purpose, read)?;
        let Root::Loaded(root) = &mut self.root else { return Ok(None) };
        Ok(remove(root, key, &mut self.retired))
    }

    pub(super) fn finish_with<E: From<EditError>>(
        &mut self,
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<(Cid, Changes), E> {
        let mut created = Vec::new();
        if let Root::Fresh(keys) = &mut self.root {
            let tree = Built::of(keys, &self.limits, |cid, block| created.push((cid, block.to_vec())))?;
            let root = tree.root;
            self.root = Root::Built(tree);
            return Ok((root, Changes { created, retired: Vec::new() }));
        }
        self.trim(None, read)?;
        let Self { root, retired, block, .. } = self;
        let cid = match root {
            Root::Fresh(_) => return Err(EditError::Limits.into()),
            Root::Built(tree) => tree.root,
            Root::Stub(cid) => *cid,
            Root::Loaded(root) => {
                // As many as one write makes.
                let path = (root.layer as usize).saturating_add(2);
                created.reserve(path);
                retired.reserve(path);
                root.seal(block, &mut |cid, block, origin| {
                    created.push((cid, block.into_owned()));
                    retired.extend(origin);
                })
            }
        };
        if created.iter().any(|(_, block)| block.len() > self.limits.bytes) {
            return Err(EditError::Limits.into());
        }
        // What was changed back is as it was.
        retired.sort_unstable();
        let mut is_back = vec![false; retired.len()];
        created.retain(|(cid, _)| match retired.binary_search(cid).ok().and_then(|at| is_back.get_mut(at)) {
            Some(is_back) => {
                *is_back = true;
                false
            }
            None => true,
        });
        let retired =
            retired.drain(..).zip(is_back).filter(|(_, is_back)| !is_back).map(|(cid, _)| cid).collect();
        Ok((cid, Changes { created, retired }))
    }

    pub(super) fn is_root_with<E: From<EditError>>(
        &mut self,
        expected: &Cid,
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<bool, E> {
        if self.trim(Some(expected), read)?.is_some() {
            return Ok(true);
        }
        Ok(match &mut self.root {
            Root::Fresh(keys) => keys.root(&self.limits)? == *expected,
            Root::Built(tree) => tree.root == *expected,
            Root::Stub(cid) => cid == expected,
            Root::Loaded(root) => root.hash(&mut self.block, &mut |_, _, _| ()) == *expected,
        })
    }

    /// Cuts off a root that only points down; the new one, where that is the expected one.
    fn trim<E: From<EditError>>(
        &mut self,
        expected: Option<&Cid>,
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<Option<Cid>, E> {
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
                _ => {}
            }
            let mut loader = Loader { supplied: &mut self.supplied, limits: &self.limits, read };
            loader.child(root, 0, Around::default())?.map_err(EditError::Needs)?;
            if let Subtree::Loaded(child) = root.take(0) {
                self.retired.extend(root.origin);
                *root = child;
            }
        }
    }

    /// Makes sure that all that a change of this key touches is loaded; the key's layer.
    fn require<E: From<EditError>>(
        &mut self,
        key: &[u8],
        purpose: Purpose,
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
    ) -> Result<u32, E> {
        let mut missing = None;
        let layer = layer_of(key);
        self.load(key, layer, purpose, read, &mut |cid| missing = missing.or(Some(cid)))?;
        match missing {
            Some(cid) => Err(EditError::Needs(cid).into()),
            None => Ok(layer),
        }
    }

    /// Loads what a change of this key touches, as far as it can be read; calls `missing` with what it cannot.
    fn load<E: From<EditError>>(
        &mut self,
        key: &[u8],
        key_layer: u32,
        purpose: Purpose,
        read: &mut impl FnMut(&Cid) -> Result<Option<Loaded>, E>,
        missing: &mut impl FnMut(Cid),
    ) -> Result<(), E> {
        if let Root::Built(tree) = &self.root {
            self.root = Root::Loaded(tree.to_branch(&self.limits, &mut self.block)?);
        }
        let mut loader = Loader { supplied: &mut self.supplied, limits: &self.limits, read };
        if let Root::Stub(cid) = &self.root {
            let cid = *cid;
            let Some(loaded) = loader.node(&cid)? else {
                missing(cid);
                return Ok(());
            };
            let layer = loader.check(&cid, &loaded.node, Place::default())?;
            self.root = Root::Loaded(Branch::loaded(loaded, layer, cid));
        }
        let Root::Loaded(root) = &mut self.root else { return Ok(()) };
        let (mut branch, mut around) = (root.as_mut(), Around::default());
        loop {
            let index = match branch.find(key) {
                Ok(index) if purpose == Purpose::Remove => {
                    return loader.seam(branch, index, around, missing);
                }
                Ok(index) if purpose == Purpose::Undo => {
                    loader.edge(branch, index, Branch::last_child, around, missing)?;
                    loader.edge(branch, index.saturating_add(1), |_| 0, around, missing)?;
                    return loader.seam(branch, index, around, missing);
                }
                Ok(_) => return Ok(()),
                Err(index) => index,
            };
            let is_place = purpose == Purpose::Insert && branch.layer == key_layer;
            if is_place && branch.entries().len() >= self.limits.entries {
                return Err(EditError::Limits.into());
            }
            // A key is on its layer or nowhere.
            if purpose != Purpose::Insert && branch.layer <= key_layer {
                return Ok(());
            }
            if let Err(cid) = loader.child(branch, index, around)? {
                missing(cid);
                return Ok(());
            }
            let (node, child) = branch.parts_mut(index);
            around = around.below(node, index);
            let Some(child) = child else { return Ok(()) };
            branch = child;
        }
    }
}
