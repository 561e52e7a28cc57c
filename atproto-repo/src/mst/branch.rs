use super::{Node, NodeEntry};
use atproto_lexicon::data::Cid;

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

    pub(super) fn loaded(node: Node, layer: u32, origin: Cid) -> Box<Self> {
        Box::new(Self { node, layer, children: Vec::new(), origin: Some(origin), is_changed: false })
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

    /// Adds an entry before the one with this number, and parts the subtree there.
    pub(super) fn insert(&mut self, index: usize, key: &[u8], value: Cid, before: Subtree, after: Subtree) {
        if !self.children.is_empty() {
            self.children.insert(index, None);
        }
        self.node.insert(index, key, value);
        self.put(index, before);
        self.put(index.saturating_add(1), after);
    }

    /// Takes out an entry; between its neighbours is what `merged` says.
    pub(super) fn remove(&mut self, index: usize, merged: Subtree) {
        if index < self.children.len() {
            drop(self.children.remove(index));
        }
        self.node.remove(index);
        self.put(index, merged);
    }

    /// Takes out the entries from this number on, and the subtrees after each of them, as a node whose left is `left`.
    pub(super) fn split_off(&mut self, index: usize, left: Subtree) -> Box<Self> {
        let at = index.saturating_add(1).min(self.children.len());
        let mut children = self.children.split_off(at);
        if !children.is_empty() {
            children.insert(0, None);
        }
        let node = self.node.split_off(index);
        let mut after = Self { node, layer: self.layer, children, origin: None, is_changed: true };
        after.put(0, left);
        Box::new(after)
    }

    /// Adds all of a node that comes after this one; between their keys is `middle`.
    pub(super) fn append(&mut self, mut after: Self, middle: Subtree) {
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
        block: &mut Vec<u8>,
        sealed: &mut impl FnMut(Cid, &[u8], Option<Cid>),
    ) -> Cid {
        self.hash(block, &mut |branch, cid, block| {
            branch.is_changed = false;
            let origin = branch.origin.replace(cid);
            if origin != Some(cid) {
                sealed(cid, block, origin);
            }
        })
    }

    /// The CID of the node; calls `each` with every node that was changed, its CID and its block, for which `block` is memory.
    pub(super) fn hash(&mut self, block: &mut Vec<u8>, each: &mut impl FnMut(&mut Self, Cid, &[u8])) -> Cid {
        if let (false, Some(cid)) = (self.is_changed, self.origin) {
            return cid;
        }
        for (index, child) in self.children.iter_mut().enumerate() {
            if let Some(child) = child {
                let cid = child.hash(block, each);
                self.node.set_child(index, cid);
            }
        }
        block.clear();
        // Room for most nodes, so that it does not grow bit by bit.
        block.reserve(2048);
        self.node.encode_into(block);
        let cid = Cid::of_dag_cbor(block);
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
