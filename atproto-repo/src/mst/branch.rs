use super::{Node, NodeEntry};
use atproto_lexicon::data::Cid;
use std::borrow::Cow;

/// A node in memory, with those of its subtrees that were loaded.
#[derive(Debug, Default)]
pub(super) struct Branch {
    pub(super) node: Node,
    pub(super) layer: u32,
    /// The subtrees that were loaded or made. Where one is, the node's own link may be out of date.
    children: Vec<Option<Box<Branch>>>,
    /// The CID of its block in the tree as it was.
    pub(super) origin: Option<Cid>,
    pub(super) is_changed: bool,
    /// The node's block, for as long as nothing but values and links in it are changed: then they are written over.
    block: Option<Vec<u8>>,
}

/// A node as it was read.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) node: Node,
    pub(super) block: Vec<u8>,
}

/// What is between two keys of a node.
#[derive(Debug)]
pub(super) enum Child<'a> {
    None,
    /// A subtree that was not loaded.
    Stub(&'a Cid),
    Loaded(&'a Branch),
}

/// [`Child`], taken out of its node.
#[derive(Debug)]
pub(super) enum Subtree {
    None,
    Stub(Cid),
    Loaded(Box<Branch>),
}

impl Branch {
    /// A node without keys, and one subtree or none.
    pub(super) fn around(layer: u32, left: Subtree) -> Box<Self> {
        let mut branch = Self { layer, is_changed: true, ..Self::default() };
        branch.put(0, left);
        Box::new(branch)
    }

    pub(super) fn loaded(loaded: Loaded, layer: u32, origin: Cid) -> Box<Self> {
        let Loaded { node, block } = loaded;
        let (origin, block) = (Some(origin), Some(block));
        Box::new(Self { node, layer, children: Vec::new(), origin, is_changed: false, block })
    }

    pub(super) fn entries(&self) -> &[NodeEntry] {
        self.node.entries()
    }

    /// The number of the entry with this key, or of the subtree where it would be.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.node.find(key)
    }

    #[inline]
    pub(super) fn child(&self, index: usize) -> Child<'_> {
        match self.children.get(index) {
            Some(Some(branch)) => Child::Loaded(branch),
            _ => self.node.child(index).map_or(Child::None, Child::Stub),
        }
    }

    #[inline]
    pub(super) fn child_mut(&mut self, index: usize) -> Option<&mut Box<Self>> {
        self.children.get_mut(index)?.as_mut()
    }

    /// The node, and a subtree if it was loaded.
    pub(super) fn parts_mut(&mut self, index: usize) -> (&Node, Option<&mut Self>) {
        (&self.node, self.children.get_mut(index).and_then(|child| child.as_deref_mut()))
    }

    /// The node, and the subtrees on both sides of an entry if they were loaded.
    pub(super) fn pair_mut(&mut self, index: usize) -> (&Node, Option<&mut Self>, Option<&mut Self>) {
        let mut both = self.children.iter_mut().skip(index);
        let mut next = || both.next().and_then(|child| child.as_deref_mut());
        (&self.node, next(), next())
    }

    pub(super) fn last_child(&self) -> usize {
        self.entries().len()
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries().is_empty() && matches!(self.child(0), Child::None)
    }

    pub(super) fn take(&mut self, index: usize) -> Subtree {
        self.block = None;
        let loaded = self.children.get_mut(index).and_then(Option::take);
        let link = self.node.take_child(index);
        match (loaded, link) {
            (Some(branch), _) => Subtree::Loaded(branch),
            (None, Some(cid)) => Subtree::Stub(cid),
            (None, None) => Subtree::None,
        }
    }

    pub(super) fn put(&mut self, index: usize, subtree: Subtree) {
        match subtree {
            Subtree::None => self.take(index).forget(),
            Subtree::Stub(cid) => {
                self.take(index).forget();
                self.node.set_child(index, cid);
            }
            Subtree::Loaded(branch) => {
                if self.children.len() <= self.last_child() {
                    let count = self.last_child().saturating_add(1);
                    self.children.reserve_exact(count.saturating_sub(self.children.len()));
                    self.children.resize_with(count, || None);
                }
                if let Some(place) = self.children.get_mut(index) {
                    *place = Some(branch);
                }
            }
        }
    }

    /// Gives an entry a value; the one that it had.
    pub(super) fn set_value(&mut self, index: usize, value: Cid) -> Option<Cid> {
        let at = self.node.value_at(index);
        self.write_over(at, &value);
        self.node.set_value(index, value)
    }

    /// Writes the CID of a loaded subtree.
    fn set_child(&mut self, index: usize, cid: Cid) {
        if self.node.child(index) == Some(&cid) {
            return;
        }
        if let Some(block) = &self.block {
            let at = self.node.child_at(index, block.len());
            self.write_over(at, &cid);
        }
        self.node.set_child(index, cid);
    }

    /// Writes a CID over the one at this place in the block; where there was none, the block is another one.
    fn write_over(&mut self, at: Option<usize>, cid: &Cid) {
        let Some(block) = &mut self.block else { return };
        let place = at.and_then(|at| block.get_mut(at..)).and_then(|rest| rest.first_chunk_mut());
        match place {
            Some(place) => *place = *cid.as_bytes(),
            None => self.block = None,
        }
    }

    /// Adds an entry before the one with this number, and parts the subtree there.
    pub(super) fn insert(&mut self, index: usize, key: &[u8], value: Cid, before: Subtree, after: Subtree) {
        self.block = None;
        if !self.children.is_empty() {
            self.children.insert(index, None);
        }
        self.node.insert(index, key, value);
        self.put(index, before);
        self.put(index.saturating_add(1), after);
    }

    /// Takes out an entry; between its neighbours is what `merged` says.
    pub(super) fn remove(&mut self, index: usize, merged: Subtree) {
        self.block = None;
        if index < self.children.len() {
            drop(self.children.remove(index));
        }
        self.node.remove(index);
        self.put(index, merged);
    }

    /// Takes out the entries from this number on, and the subtrees after each of them, as a node whose left is `left`.
    pub(super) fn split_off(&mut self, index: usize, left: Subtree) -> Box<Self> {
        self.block = None;
        let at = index.saturating_add(1).min(self.children.len());
        let mut children = self.children.split_off(at);
        if !children.is_empty() {
            children.insert(0, None);
        }
        let node = self.node.split_off(index);
        let mut after = Self { node, layer: self.layer, children, is_changed: true, ..Self::default() };
        after.put(0, left);
        Box::new(after)
    }

    /// Adds all of a node that comes after this one; between their keys is `middle`.
    pub(super) fn append(&mut self, mut after: Self, middle: Subtree) {
        self.block = None;
        after.take(0).forget();
        let seam = self.last_child();
        if !self.children.is_empty() || !after.children.is_empty() {
            self.children.resize_with(seam.saturating_add(1), || None);
            self.children.extend(after.children.drain(..).skip(1));
        }
        self.node.append(after.node);
        if !self.children.is_empty() {
            let count = self.last_child().saturating_add(1);
            self.children.resize_with(count, || None);
        }
        self.put(seam, middle);
    }

    /// Encodes what was changed, from the leaves up, and tells `sealed` of each node with its block and its CID before.
    pub(super) fn seal(
        &mut self,
        scratch: &mut Vec<u8>,
        sealed: &mut impl FnMut(Cid, Cow<'_, [u8]>, Option<Cid>),
    ) -> Cid {
        self.hash(scratch, &mut |branch, cid, block| {
            branch.is_changed = false;
            let origin = branch.origin.replace(cid);
            if origin != Some(cid) {
                sealed(cid, block, origin);
            }
        })
    }

    /// The CID of the node; calls `each` with every node that was changed, its CID and its block, for which `scratch` is memory.
    pub(super) fn hash(
        &mut self,
        scratch: &mut Vec<u8>,
        each: &mut impl FnMut(&mut Self, Cid, Cow<'_, [u8]>),
    ) -> Cid {
        if let (false, Some(cid)) = (self.is_changed, self.origin) {
            return cid;
        }
        for index in 0..self.children.len() {
            if let Some(child) = self.child_mut(index) {
                let cid = child.hash(scratch, each);
                self.set_child(index, cid);
            }
        }
        let block = match self.block.take() {
            Some(block) => Cow::Owned(block),
            None => {
                scratch.clear();
                self.node.encode_into(scratch);
                Cow::Borrowed(scratch.as_slice())
            }
        };
        let cid = Cid::of_dag_cbor(&block);
        each(self, cid, block);
        cid
    }
}

impl Subtree {
    /// What was there is out of date.
    fn forget(self) {
        drop(self);
    }
}
