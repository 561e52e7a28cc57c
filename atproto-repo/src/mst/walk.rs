use super::node::NodeFault;
use super::place::Place;
use super::{Node, TreeEntry, TreeFault, TreeReason as Reason};
use atproto_lexicon::data::{Cid, Codec};

/// How large a tree may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Greatest number of entries in a node.
    pub entries: usize,
    /// Greatest number of layers.
    pub depth: u32,
    /// Greatest length of a node, in bytes.
    pub bytes: usize,
}

impl Default for Limits {
    /// 8,192 entries and 128 layers, more than any set of keys has that was not sought for its hashes, and 5 MiB.
    fn default() -> Self {
        Self { entries: 8192, depth: 128, bytes: atproto_lexicon::data::Limits::OBJECT.bytes }
    }
}

/// A walk through a tree in the order of its keys, without IO.
///
/// Every node supplied is checked: its hash, its form, that each key has the node's layer and lies between its
/// neighbours above, that each subtree is one layer below, that no node is empty and no root only points down. What it
/// yields is of the one tree that the root stands for; a part that it does not visit is not checked.
///
/// ```
/// # use atproto_repo::{mst::{Step, TreeFault, Walk}, store::{Blocks, MemoryBlocks}};
/// # fn list(root: atproto_lexicon::data::Cid, blocks: &MemoryBlocks) -> Result<(), TreeFault> {
/// let mut walk = Walk::new(root);
/// loop {
///     match walk.step() {
///         Step::Need(cid) => match blocks.get(&cid, &mut Vec::new()).unwrap_or_default() {
///             Some(block) => walk.supply(block)?,
///             None => walk.skip(), // this subtree is missing
///         },
///         Step::Entry => println!("{:?}", walk.entry()),
///         Step::Done => return Ok(()),
///     }
/// }
/// # }
/// ```
///
/// From a store that has to be waited for, the nodes below one are fetched together:
///
/// ```
/// # use atproto_lexicon::data::Cid;
/// # use atproto_repo::mst::{Builder, Step, TreeFault, Walk};
/// # use std::collections::HashMap;
/// # struct Remote(HashMap<Cid, Vec<u8>>);
/// # impl Remote {
/// #     async fn fetch(&self, cids: Vec<Cid>) -> HashMap<Cid, Vec<u8>> {
/// #         cids.iter().filter_map(|cid| Some((*cid, self.0.get(cid)?.clone()))).collect()
/// #     }
/// # }
/// async fn count(root: Cid, remote: &Remote) -> Result<(usize, usize), TreeFault> {
///     let (mut walk, mut known, mut records, mut fetches) = (Walk::new(root), HashMap::new(), 0, 0);
///     loop {
///         match walk.step() {
///             Step::Need(cid) => {
///                 if !known.contains_key(&cid) {
///                     let together = [cid].into_iter().chain(walk.ahead().copied());
///                     known.extend(remote.fetch(together.collect()).await);
///                     fetches += 1;
///                 }
///                 match known.remove(&cid) {
///                     Some(block) => walk.supply(&block)?,
///                     None => walk.skip(),
///                 }
///             }
///             Step::Entry => records += 1,
///             Step::Done => return Ok((records, fetches)),
///         }
///     }
/// }
/// # let mut blocks = HashMap::new();
/// # let mut tree = Builder::new(|cid, block: &[u8]| { blocks.insert(cid, block.to_vec()); });
/// # for number in 1000..2000 {
/// #     tree.push(number.to_string().as_bytes(), &Cid::of_dag_cbor(b"\xf6")).unwrap();
/// # }
/// # let root = tree.finish();
/// # let nodes = blocks.len();
/// # let (records, fetches) = futures_executor::block_on(count(root, &Remote(blocks))).unwrap();
/// # assert_eq!(records, 1000);
/// # assert!(fetches * 3 < nodes, "{fetches} for {nodes}");
/// ```
#[derive(Debug)]
pub struct Walk {
    limits: Limits,
    /// The nodes from the root down to where the walk is, and behind them memory of nodes left.
    frames: Vec<Frame>,
    depth: usize,
    need: Option<Need>,
    /// Where the walk begins, until it has.
    start: Option<Vec<u8>>,
    /// Where it ends: the first key not to be visited.
    end: Option<Vec<u8>>,
    /// Number of nodes supplied.
    nodes: u64,
    /// Number of those that were supplied before the first key of the range.
    nodes_to_start: u64,
}

/// What a [`Walk`] does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It needs the block of this node: [`Walk::supply`] it, or [`Walk::skip`] the subtree.
    Need(Cid),
    /// It has come to a key: see [`Walk::entry`].
    Entry,
    /// It is at its end.
    Done,
}

/// [`Step`] without the CID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Need,
    Entry,
    Done,
}

#[derive(Debug, Default)]
struct Frame {
    node: Node,
    layer: u32,
    bounds: Bounds,
    /// Whether no entry has a subtree at its side.
    is_leaf: bool,
    /// What comes next: the subtree before entry `next / 2` where it is even, that entry where it is odd.
    next: usize,
}

/// The keys between which those of a subtree lie, each as number of a frame and of an entry.
#[derive(Debug, Default, Clone, Copy)]
struct Bounds {
    lower: Option<(usize, usize)>,
    upper: Option<(usize, usize)>,
}

#[derive(Debug, Clone, Copy)]
struct Need {
    cid: Cid,
    /// `None` for the root, which is on the layer of its keys.
    layer: Option<u32>,
    bounds: Bounds,
}

impl Walk {
    /// A walk through the whole tree with this root.
    pub fn new(root: Cid) -> Self {
        Self::range(root, None, None)
    }

    /// A walk through the keys from `start`, inclusive, to `end`, exclusive. Subtrees outside are not asked for.
    pub fn range(root: Cid, start: Option<&[u8]>, end: Option<&[u8]>) -> Self {
        Self {
            limits: Limits::default(),
            frames: Vec::new(),
            depth: 0,
            // In an empty range there is nothing to ask for.
            need: if end.is_some_and(|end| start.unwrap_or_default() >= end) {
                None
            } else {
                Some(Need { cid: root, layer: None, bounds: Bounds::default() })
            },
            start: start.map(Into::into),
            end: end.map(Into::into),
            nodes: 0,
            nodes_to_start: 0,
        }
    }

    /// A walk that is at its end.
    pub(super) fn nowhere() -> Self {
        Self { need: None, ..Self::new(Cid::from_digest(Codec::DagCbor, [0; 32])) }
    }

    /// The same walk with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Goes on to the next key, or as far as the blocks supplied allow.
    #[inline]
    pub fn step(&mut self) -> Step {
        match (self.advance(), self.needed()) {
            (Progress::Need, Some(cid)) => Step::Need(*cid),
            (Progress::Entry, _) => Step::Entry,
            _ => Step::Done,
        }
    }

    /// The node whose block it needs.
    #[inline]
    pub(crate) fn needed(&self) -> Option<&Cid> {
        self.need.as_ref().map(|need| &need.cid)
    }

    /// The layer of that node, which is not known of the root.
    #[inline]
    pub(crate) fn needed_layer(&self) -> Option<u32> {
        self.need.as_ref()?.layer
    }

    /// [`step`](Self::step), which copies no CID.
    #[inline]
    pub(crate) fn advance(&mut self) -> Progress {
        loop {
            if self.need.is_some() {
                return Progress::Need;
            }
            let Some(last) = self.depth.checked_sub(1) else {
                return Progress::Done;
            };
            let Some(frame) = self.frames.get_mut(last) else {
                return Progress::Done;
            };
            // Most keys are in leaves, and most walks go to the end.
            if frame.is_leaf && self.end.is_none() && frame.next / 2 < frame.node.entries().len() {
                frame.next = (frame.next | 1).saturating_add(1);
                self.start = None;
                return Progress::Entry;
            }
            // In a leaf there is nothing to look for between the entries.
            let at = if frame.is_leaf { frame.next | 1 } else { frame.next };
            let (index, is_entry) = (at / 2, at % 2 == 1);
            if index >= frame.node.entries().len() && (is_entry || index > frame.node.entries().len()) {
                self.depth = last;
                continue;
            }
            frame.next = at.saturating_add(1);
            if is_entry {
                if self.end.is_none() || self.is_before_end() {
                    self.start = None;
                    return Progress::Entry;
                }
                self.depth = 0;
            } else if let Some(cid) = frame.node.child(index) {
                let lower = index.checked_sub(1).map(|entry| (last, entry)).or(frame.bounds.lower);
                let upper =
                    (index < frame.node.entries().len()).then_some((last, index)).or(frame.bounds.upper);
                let layer = Some(frame.layer.saturating_sub(1));
                self.need = Some(Need { cid: *cid, layer, bounds: Bounds { lower, upper } });
            }
        }
    }

    /// Goes on to where the next key is: after `Entry`, [`next_entry`](Self::next_entry) is it until it is passed.
    pub(super) fn look(&mut self) -> Progress {
        if self.next_entry().is_some() {
            return Progress::Entry;
        }
        let progress = self.advance();
        if progress == Progress::Entry
            && let Some(frame) = self.depth.checked_sub(1).and_then(|last| self.frames.get_mut(last))
        {
            frame.next = frame.next.saturating_sub(1);
        }
        progress
    }

    /// The key that comes next, unless a subtree does.
    pub(super) fn next_entry(&self) -> Option<TreeEntry<'_>> {
        let frame = self.frames.get(self.depth.checked_sub(1)?)?;
        if self.need.is_some() || frame.next % 2 == 0 {
            return None;
        }
        let entry = frame.node.entries().get(frame.next / 2)?;
        Some(TreeEntry { key: frame.node.key(entry), value: &entry.value })
    }

    /// Passes the key that comes next.
    pub(super) fn pass(&mut self) {
        if let Some(frame) = self.depth.checked_sub(1).and_then(|last| self.frames.get_mut(last)) {
            frame.next = frame.next.saturating_add(1);
        }
    }

    /// Goes on to the next keys of a leaf for as long as `take` takes them. It is told how many bytes a key has in common with
    /// the one that it took before, in this run.
    #[inline]
    pub(crate) fn run(&mut self, mut take: impl FnMut(TreeEntry<'_>, usize) -> bool) {
        if self.need.is_some() || self.end.is_some() {
            return;
        }
        let Some(frame) = self.depth.checked_sub(1).and_then(|last| self.frames.get_mut(last)) else {
            return;
        };
        if !frame.is_leaf {
            return;
        }
        let (node, first) = (&frame.node, frame.next / 2);
        let entries = node.entries().get(first..).unwrap_or_default();
        let mut taken = 0_usize;
        for entry in entries {
            let shared = if taken > 0 { entry.shared() } else { 0 };
            if !take(TreeEntry { key: node.key(entry), value: &entry.value }, shared) {
                break;
            }
            taken = taken.saturating_add(1);
        }
        if taken > 0 {
            frame.next = first.saturating_add(taken).saturating_mul(2);
            self.start = None;
        }
    }

    /// The key that the walk has come to, and the record there; `None` but after [`Step::Entry`].
    #[inline]
    pub fn entry(&self) -> Option<TreeEntry<'_>> {
        let frame = self.frames.get(self.depth.checked_sub(1)?)?;
        let before = frame.next.checked_sub(1)?;
        if before % 2 == 0 || self.need.is_some() {
            return None;
        }
        let entry = frame.node.entries().get(before / 2)?;
        Some(TreeEntry { key: frame.node.key(entry), value: &entry.value })
    }

    /// Gives the walk the block that it needs; hashes it.
    ///
    /// # Errors
    /// [`TreeFault`]; the walk stays where it is, and so never comes to its end.
    pub fn supply(&mut self, block: &[u8]) -> Result<(), TreeFault> {
        match &self.need {
            Some(need) if !need.cid.matches(block) => {
                Err(TreeFault { node: need.cid, entry: None, reason: Reason::Hash })
            }
            _ => self.supply_unchecked(block),
        }
    }

    /// [`supply`](Self::supply) without hashing: the caller has compared the block with its CID.
    ///
    /// # Errors
    /// [`TreeFault`]; the walk stays where it is, and so never comes to its end.
    #[inline]
    pub fn supply_unchecked(&mut self, block: &[u8]) -> Result<(), TreeFault> {
        self.supply_with(|node, limits| node.decode_within(block, limits))
    }

    /// [`supply_unchecked`](Self::supply_unchecked) of a node that was decoded within the same limits, and that gets the memory
    /// of one left in return.
    pub(super) fn supply_decoded(&mut self, decoded: &mut Node) -> Result<(), TreeFault> {
        self.supply_with(|node, _| {
            std::mem::swap(node, decoded);
            Ok(())
        })
    }

    #[inline]
    fn supply_with(
        &mut self,
        decode: impl FnOnce(&mut Node, &Limits) -> Result<(), NodeFault>,
    ) -> Result<(), TreeFault> {
        let Some(need) = self.need else { return Ok(()) };
        if self.frames.len() <= self.depth {
            self.frames.push(Frame::default());
        }
        let (above, rest) = self.frames.split_at_mut_checked(self.depth).unwrap_or_default();
        let Some(frame) = rest.first_mut() else {
            return Ok(());
        };
        decode(&mut frame.node, &self.limits)
            .and_then(|()| frame.place(&need, above, &self.limits))
            .map_err(|(entry, reason)| TreeFault { node: need.cid, entry, reason })?;
        if let Some(start) = &self.start {
            frame.seek(start);
            self.nodes_to_start = self.nodes_to_start.saturating_add(1);
        }
        self.depth = self.depth.saturating_add(1);
        self.nodes = self.nodes.saturating_add(1);
        self.need = None;
        Ok(())
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The nodes directly below the node that the walk has come to which it is still going to need, in order: who fetches them
    /// from far away can fetch them together.
    pub fn ahead(&self) -> impl Iterator<Item = &Cid> {
        let frame = self.depth.checked_sub(1).and_then(|last| self.frames.get(last));
        frame.into_iter().flat_map(|frame| {
            let node = &frame.node;
            let keys = node.entries().iter().map(|entry| node.key(entry));
            let end = self.end.as_deref();
            let inside = keys.take_while(|key| end.is_none_or(|end| *key < end)).count();
            (frame.next.div_ceil(2)..=inside).filter_map(|index| node.child(index))
        })
    }

    /// Leaves out the subtree whose block it needs.
    pub fn skip(&mut self) {
        self.need = None;
    }

    /// The number of nodes supplied so far.
    pub fn nodes(&self) -> u64 {
        self.nodes
    }

    /// The number of those that were supplied before the first key of a range.
    pub fn nodes_to_start(&self) -> u64 {
        self.nodes_to_start
    }

    #[inline]
    fn is_before_end(&self) -> bool {
        match (&self.end, self.entry()) {
            (Some(end), Some(entry)) => entry.key < end.as_slice(),
            _ => true,
        }
    }
}

impl Frame {
    /// Checks the node in its place.
    fn place(&mut self, need: &Need, above: &[Self], limits: &Limits) -> Result<(), NodeFault> {
        self.bounds = need.bounds;
        self.next = 0;
        self.is_leaf = self.node.is_leaf();
        let bound = |at: Option<(usize, usize)>| {
            let node = &above.get(at?.0)?.node;
            Some(node.key(node.entries().get(at?.1)?))
        };
        let (lower, upper) = (bound(need.bounds.lower), bound(need.bounds.upper));
        self.layer = Place { layer: need.layer, lower, upper }.check(&self.node, limits)?;
        Ok(())
    }

    /// Moves to the first key not before `start`, and to the subtree before it unless the key is `start` itself.
    fn seek(&mut self, start: &[u8]) {
        let entries = self.node.entries();
        let index = entries.partition_point(|entry| self.node.key(entry) < start);
        let exact = entries.get(index).is_some_and(|entry| self.node.key(entry) == start);
        self.next = index.saturating_mul(2).saturating_add(usize::from(exact));
    }
}
