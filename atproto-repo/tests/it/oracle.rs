//! The obvious, slow tree, written from the specification alone (<https://atproto.com/specs/repository#mst-structure>): it is what
//! the crate's trees are compared with, so it shares no code with them.
//!
//! # What undoing needs
//!
//! A `#commit` of a firehose has operations and blocks, and whoever checks it undoes the operations on the tree after them and
//! compares the root with the one before (<https://atproto.com/specs/sync#reliable-repository-synchronization>). Nodes whose
//! content this asks for must be among the blocks; of all others the CID is enough. To put a key back, one reads the nodes whose
//! interval holds it: those on the way down to its layer, and below it those that it splits. To take a key out, one reads those
//! on the way to it, and below it the nodes on both sides of the seam, as deep as there is one on either side: where only one
//! side is there, it stays as it is and nobody reads it.
//!
//! The order matters. A key put back first keeps apart what taking another one out would merge; and a node whose only keys were
//! created is gone, and merges with nothing, if these are taken out before a key above it. So [`covering_nodes`] undoes
//! deletions, then updates, then creations from the lowest layer to the highest. No order reads less. What is read so are
//! exactly two kinds of nodes: those that the tree before does not have, and those whose interval holds a deleted key.
//!
//! At the end a top without keys is cut off. Whether the node below has keys only its content tells, but not where its CID is
//! that of the tree before: that tree is known to be valid.
//!
//! That is what undoing needs, not what proves the tree: a side that nobody reads can hold keys of the other one (`inversion.rs`).
//!
//! Others read more. Taking keys out in the order of their paths, as `indigo` does after the deletions, has read the left child of
//! a key whose right child turns out to go as a whole: with `k/00`, `k/04` in layer 0 and `k/02` in layer 1, the creation of the
//! latter two on top of the first needs the root and the node of `k/04` only, but the node of `k/00` as well if `k/02` is taken
//! out first. Whoever sends must allow for that: [`neighbour_nodes`] of all operations, which is what the reference
//! implementation sends, were enough for every order tried.

use atproto_lexicon::data::Cid;
use std::collections::{BTreeMap, BTreeSet};

/// What a tree holds.
pub(crate) type Map = BTreeMap<Vec<u8>, Cid>;

/// A key with its value before and after.
pub(crate) type Op = (Vec<u8>, Option<Cid>, Option<Cid>);

/// A whole tree.
pub(crate) struct OracleTree {
    pub(crate) root: Cid,
    /// Each node's block.
    pub(crate) nodes: BTreeMap<Cid, Vec<u8>>,
    parsed: BTreeMap<Cid, Node>,
}

pub(crate) struct Oracle;

/// A node: what lies between its keys is one longer than these.
#[derive(Clone)]
struct Node {
    layer: u32,
    gaps: Vec<Option<Cid>>,
    keys: Vec<(Vec<u8>, Cid)>,
}

/// The keys around a node, where there are any.
type Around<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// How two trees differ.
pub(crate) struct Difference {
    pub(crate) created_nodes: BTreeSet<Cid>,
    pub(crate) deleted_nodes: BTreeSet<Cid>,
    pub(crate) ops: Vec<Op>,
}

/// Half of the leading zero bits of the key's hash. A CID's digest is that hash.
pub(crate) fn layer_of(key: &[u8]) -> u32 {
    let hash = *Cid::of_dag_cbor(key).digest();
    let zeros = hash.iter().take_while(|&&byte| byte == 0).count();
    (zeros as u32 * 8 + hash.get(zeros).map_or(0, |byte| byte.leading_zeros())) / 2
}

impl Oracle {
    pub(crate) fn build(map: &Map) -> OracleTree {
        let pairs: Vec<_> = map.iter().map(|(key, value)| (key.clone(), *value)).collect();
        let top = map.keys().map(|key| layer_of(key)).max().unwrap_or(0);
        let mut tree =
            OracleTree { root: Cid::of_dag_cbor(&[]), nodes: BTreeMap::new(), parsed: BTreeMap::new() };
        tree.root = tree.grow(&pairs, top);
        tree
    }
}

impl OracleTree {
    /// Keys of this layer part the others.
    fn grow(&mut self, pairs: &[(Vec<u8>, Cid)], layer: u32) -> Cid {
        let mut node = Node { layer, gaps: Vec::new(), keys: Vec::new() };
        for gap in pairs.split(|(key, _)| layer_of(key) == layer) {
            node.gaps.push((!gap.is_empty()).then(|| self.grow(gap, layer - 1)));
        }
        node.keys.extend(pairs.iter().filter(|(key, _)| layer_of(key) == layer).cloned());
        let block = node.encode();
        let cid = Cid::of_dag_cbor(&block);
        self.nodes.insert(cid, block);
        self.parsed.insert(cid, node);
        cid
    }

    /// The nodes that are read, in pre-order: `read` is asked about each with the keys around it.
    fn visit(&self, read: impl Fn(&Node, Around<'_>) -> bool) -> Vec<Cid> {
        let mut found = Vec::new();
        self.visit_below(self.root, (None, None), &read, &mut found);
        found
    }

    fn visit_below(
        &self,
        cid: Cid,
        (low, high): Around<'_>,
        read: &impl Fn(&Node, Around<'_>) -> bool,
        found: &mut Vec<Cid>,
    ) {
        let node = &self.parsed[&cid];
        if !read(node, (low, high)) {
            return;
        }
        found.push(cid);
        for (at, gap) in node.gaps.iter().enumerate() {
            let low = if at == 0 { low } else { Some(&*node.keys[at - 1].0) };
            let high = node.keys.get(at).map_or(high, |(key, _)| Some(key));
            if let Some(child) = gap {
                self.visit_below(*child, (low, high), read, found);
            }
        }
    }
}

impl Node {
    fn encode(&self) -> Vec<u8> {
        let mut block = vec![0xa2, 0x61, b'e'];
        head(4, self.keys.len(), &mut block);
        let mut last: &[u8] = &[];
        for ((key, value), gap) in self.keys.iter().zip(&self.gaps[1..]) {
            let shared = key.iter().zip(last).take_while(|(a, b)| a == b).count();
            block.extend([0xa4, 0x61, b'k']);
            head(2, key.len() - shared, &mut block);
            block.extend(&key[shared..]);
            block.extend([0x61, b'p']);
            head(0, shared, &mut block);
            block.extend([0x61, b't']);
            link(gap.as_ref(), &mut block);
            block.extend([0x61, b'v']);
            link(Some(value), &mut block);
            last = key;
        }
        block.extend([0x61, b'l']);
        link(self.gaps[0].as_ref(), &mut block);
        block
    }
}

/// The head of an item of DAG-CBOR, in the shortest form.
fn head(major: u8, number: usize, block: &mut Vec<u8>) {
    let big_endian = (number as u64).to_be_bytes();
    match number {
        0..24 => block.push(major << 5 | number as u8),
        24..0x100 => block.extend([major << 5 | 24, number as u8]),
        0x100..0x1_0000 => block.extend([&[major << 5 | 25], &big_endian[6..]].concat()),
        _ => block.extend([&[major << 5 | 26], &big_endian[4..]].concat()),
    }
}

pub(crate) fn link(cid: Option<&Cid>, block: &mut Vec<u8>) {
    match cid {
        None => block.push(0xf6),
        Some(cid) => block.extend([&[0xd8, 42, 0x58, 37, 0], &cid.as_bytes()[..]].concat()),
    }
}

/// What is in one of two trees only, and the operations from the first to the second, by key.
pub(crate) fn diff(before: &Map, after: &Map) -> Difference {
    let [a, b] = [before, after].map(Oracle::build);
    let not_in = |these: &OracleTree, those: &OracleTree| -> BTreeSet<Cid> {
        these.nodes.keys().filter(|cid| !those.nodes.contains_key(cid)).copied().collect()
    };
    let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let ops = keys.into_iter().map(|key| (key.clone(), before.get(key).copied(), after.get(key).copied()));
    Difference {
        created_nodes: not_in(&b, &a),
        deleted_nodes: not_in(&a, &b),
        ops: ops.filter(|(_, old, new)| old != new).collect(),
    }
}

/// The nodes from the root to the one with the key, or to the one of the key's layer that would have it. A key that is above
/// the root is proven absent by the root.
pub(crate) fn inclusion_nodes(map: &Map, key: &[u8]) -> Vec<Cid> {
    let layer = layer_of(key);
    // Only the root has no keys around it.
    Oracle::build(map).visit(|node, gap| holds(gap, key) && (node.layer >= layer || gap == (None, None)))
}

/// As [`inclusion_nodes`] for a reader who does not look at layers, as the reference implementation does: a key that is not there
/// is looked for down to where no node is.
pub(crate) fn search_nodes(map: &Map, key: &[u8]) -> Vec<Cid> {
    Oracle::build(map).visit(|_, gap| holds(gap, key))
}

fn holds((low, high): Around<'_>, key: &[u8]) -> bool {
    low.is_none_or(|low| low < key) && high.is_none_or(|high| key < high)
}

/// What the reference implementation sends for an operation: the nodes on the way to its key, or down to where that is not, and
/// to the keys before and after it.
pub(crate) fn neighbour_nodes(map: &Map, key: &[u8]) -> BTreeSet<Cid> {
    let before = map.range(..key.to_vec()).next_back().map(|(key, _)| key);
    let after = map.range([key, &[0]].concat()..).next().map(|(key, _)| key);
    let keys = [before, after].into_iter().flatten().map(Vec::as_slice).chain([key]);
    keys.flat_map(|key| search_nodes(map, key)).collect()
}

/// The nodes to read for all keys from `start` up to, not including, `end`, in pre-order: those that hang where such a key could
/// be, whatever bytes it has. An empty range needs none, not even the root.
pub(crate) fn range_nodes(map: &Map, start: &[u8], end: Option<&[u8]>) -> Vec<Cid> {
    Oracle::build(map).visit(|_, (low, high)| {
        // The first possible key of both: the successor of `low` is `low` with a zero byte.
        let first = [low.unwrap_or_default(), &[0]].concat();
        let first = first.as_slice().max(start);
        high.is_none_or(|high| first < high) && end.is_none_or(|end| first < end)
    })
}

/// The least of the nodes after that undoing needs, as the module's documentation defines it.
pub(crate) fn covering_nodes(before: &Map, after: &Map, ops: &[Op]) -> BTreeSet<Cid> {
    let mut ops = ops.to_vec();
    ops.sort_by_key(|(key, old, new)| match (old, new) {
        (_, None) => (0, 0),
        (Some(_), _) => (1, 0),
        (None, _) => (2, layer_of(key)),
    });
    let expected = Oracle::build(before).root;
    let (root, read) = undo(&Oracle::build(after), &ops, Some(expected));
    assert_eq!(root, expected, "the operations are not those between the trees");
    read
}

/// Undoes the operations one after the other: the root that results, and the nodes of `after` that were read. A top without
/// keys is cut off after each operation; where the `expected` root is known, at the end and down to that one only.
pub(crate) fn undo(after: &OracleTree, ops: &[Op], expected: Option<Cid>) -> (Cid, BTreeSet<Cid>) {
    let mut lazy = Lazy { after, read: BTreeSet::new() };
    let mut root = Part::Stub(after.root);
    for (key, old, _) in ops {
        let mut top = lazy.load(root);
        match old {
            Some(value) => {
                while top.layer < layer_of(key) {
                    top = Loaded { layer: top.layer + 1, gaps: vec![top.part()], keys: Vec::new() };
                }
                lazy.put(&mut top, key, *value);
            }
            None => lazy.take(&mut top, key),
        }
        root = Part::Loaded(top);
        if expected.is_none() {
            root = lazy.trim(root, None);
        }
    }
    if expected.is_some() {
        root = lazy.trim(root, expected);
    }
    (root.cid(), lazy.read)
}

/// A subtree of which the CID is known, or what was made of it.
enum Part {
    Stub(Cid),
    Loaded(Loaded),
}

/// A [`Node`] in memory.
struct Loaded {
    layer: u32,
    gaps: Vec<Option<Part>>,
    keys: Vec<(Vec<u8>, Cid)>,
}

struct Lazy<'a> {
    after: &'a OracleTree,
    read: BTreeSet<Cid>,
}

impl Part {
    fn cid(&self) -> Cid {
        match self {
            Self::Stub(cid) => *cid,
            Self::Loaded(Loaded { layer, gaps, keys }) => {
                let gaps = gaps.iter().map(|gap| gap.as_ref().map(Self::cid)).collect();
                Cid::of_dag_cbor(&Node { layer: *layer, gaps, keys: keys.clone() }.encode())
            }
        }
    }
}

impl Loaded {
    /// Itself, unless there is nothing in it.
    fn part(self) -> Option<Part> {
        let is_empty = self.keys.is_empty() && self.gaps.iter().all(Option::is_none);
        (!is_empty).then_some(Part::Loaded(self))
    }

    fn place(&self, key: &[u8]) -> usize {
        self.keys.partition_point(|(other, _)| other.as_slice() < key)
    }
}

impl Lazy<'_> {
    fn load(&mut self, part: Part) -> Loaded {
        match part {
            Part::Loaded(loaded) => loaded,
            Part::Stub(cid) => {
                self.read.insert(cid);
                let Node { layer, gaps, keys } = self.after.parsed[&cid].clone();
                Loaded { layer, gaps: gaps.into_iter().map(|gap| gap.map(Part::Stub)).collect(), keys }
            }
        }
    }

    fn put(&mut self, node: &mut Loaded, key: &[u8], value: Cid) {
        let at = node.place(key);
        if node.keys.get(at).is_some_and(|(found, _)| found == key) {
            node.keys[at].1 = value;
        } else if layer_of(key) == node.layer {
            let (left, right) = self.split(node.gaps[at].take(), key);
            node.keys.insert(at, (key.to_vec(), value));
            node.gaps.splice(at..=at, [left, right]);
        } else {
            let mut child = match node.gaps[at].take() {
                Some(part) => self.load(part),
                None => Loaded { layer: node.layer - 1, gaps: vec![None], keys: Vec::new() },
            };
            self.put(&mut child, key, value);
            node.gaps[at] = child.part();
        }
    }

    fn split(&mut self, part: Option<Part>, key: &[u8]) -> (Option<Part>, Option<Part>) {
        let Some(part) = part else { return (None, None) };
        let mut left = self.load(part);
        let at = left.place(key);
        let mut right =
            Loaded { layer: left.layer, gaps: left.gaps.split_off(at), keys: left.keys.split_off(at) };
        let (before, after) = self.split(right.gaps[0].take(), key);
        left.gaps.push(before);
        right.gaps[0] = after;
        (left.part(), right.part())
    }

    fn take(&mut self, node: &mut Loaded, key: &[u8]) {
        let at = node.place(key);
        if layer_of(key) == node.layer {
            assert_eq!(node.keys.remove(at).0, key, "a created key is in the tree");
            let right = node.gaps.remove(at + 1);
            let left = node.gaps[at].take();
            node.gaps[at] = self.merge(left, right);
        } else {
            let mut child =
                node.gaps[at].take().map(|part| self.load(part)).expect("a created key is in the tree");
            self.take(&mut child, key);
            node.gaps[at] = child.part();
        }
    }

    fn merge(&mut self, left: Option<Part>, right: Option<Part>) -> Option<Part> {
        let (left, right) = match (left, right) {
            (Some(left), Some(right)) => (left, right),
            (left, right) => return left.or(right),
        };
        let (mut node, mut right) = (self.load(left), self.load(right));
        let seam = self.merge(node.gaps.pop().flatten(), right.gaps[0].take());
        node.gaps.push(seam);
        node.gaps.extend(right.gaps.drain(1..));
        node.keys.append(&mut right.keys);
        node.part()
    }

    fn trim(&mut self, mut root: Part, expected: Option<Cid>) -> Part {
        while Some(root.cid()) != expected {
            let mut top = self.load(root);
            root = match top.gaps[0].take() {
                Some(below) if top.keys.is_empty() => below,
                left => {
                    top.gaps[0] = left;
                    return Part::Loaded(top);
                }
            };
        }
        root
    }
}
