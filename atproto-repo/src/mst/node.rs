use super::diagnose::diagnose;
use super::read::{RawEntry, RawLink, Reader, Unexpected};
use super::{Limits, MAX_KEY, TreeFault, TreeReason as Reason};
use crate::encode::{ARRAY, LINK};
use atproto_lexicon::data::Cid;

/// A node, its keys expanded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    left: Option<Cid>,
    entries: Vec<NodeEntry>,
    /// The keys one after another.
    keys: Vec<u8>,
}

/// An entry of a node: a record and what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeEntry {
    key_start: u32,
    key_end: u32,
    /// Number of bytes that the key has in common with the one before it in the node.
    shared: u16,
    /// The record.
    pub value: Cid,
    /// The subtree with the keys between this entry and the next.
    pub right: Option<Cid>,
}

/// What is wrong with a node, and in which entry.
pub(super) type NodeFault = (Option<usize>, Reason);

impl Node {
    /// Decodes a block: strict DAG-CBOR, exactly the fields of a node, prefixes as long as they can be, keys in ascending
    /// order, at most `max_entries` of them.
    ///
    /// # Errors
    /// The reason, and the number of the entry where it is in one.
    pub fn decode(block: &[u8], max_entries: usize) -> Result<Self, (Option<usize>, Reason)> {
        let mut node = Self::default();
        node.decode_into(block, max_entries)?;
        Ok(node)
    }

    /// [`decode_within`](Self::decode_within) of a new node.
    pub(super) fn decode_of(cid: &Cid, block: &[u8], limits: &Limits) -> Result<Self, TreeFault> {
        let mut node = Self::default();
        match node.decode_within(block, limits) {
            Ok(()) => Ok(node),
            Err((entry, reason)) => Err(TreeFault { node: *cid, entry, reason }),
        }
    }

    /// Memory for this many entries and bytes of keys.
    pub(super) fn with_room(entries: usize, keys: usize) -> Self {
        Self { left: None, entries: Vec::with_capacity(entries), keys: Vec::with_capacity(keys) }
    }

    /// [`decode_into`](Self::decode_into) of a block that may be too long.
    pub(super) fn decode_within(&mut self, block: &[u8], limits: &Limits) -> Result<(), NodeFault> {
        if block.len() > limits.bytes {
            return Err((None, Reason::TooLong));
        }
        self.decode_into(block, limits.entries)
    }

    /// [`decode`](Self::decode) into the memory that another node had.
    pub(super) fn decode_into(&mut self, block: &[u8], max_entries: usize) -> Result<(), NodeFault> {
        self.left = None;
        self.entries.clear();
        self.keys.clear();
        let mut reader = Reader { rest: block };
        // Whatever else the block is than a node, the reader stops at; what exactly is wrong is found out then.
        let shape = |_| diagnose(block);
        reader.expect(b"\xa2\x61e").map_err(shape)?;
        let count = reader.number(ARRAY).map_err(shape)?;
        if count > max_entries as u64 {
            return Err((None, Reason::TooManyEntries));
        }
        // An entry has 54 bytes and more, and keys are most often no longer than that.
        self.entries.reserve((block.len() / 54).min(count as usize));
        if self.keys.capacity() == 0 {
            self.keys.reserve(block.len() / 2);
        }
        for index in 0..count as usize {
            self.entry(&mut reader).map_err(|fault| match fault {
                EntryFault::Shape => diagnose(block),
                EntryFault::Key(reason) => (Some(index), reason),
            })?;
        }
        reader.expect(b"\x61l").map_err(shape)?;
        self.left = reader.node_link().map_err(shape)?.map(RawLink::to_cid);
        if reader.rest.is_empty() { Ok(()) } else { Err(diagnose(block)) }
    }

    #[inline]
    fn entry(&mut self, reader: &mut Reader<'_>) -> Result<(), EntryFault> {
        let RawEntry { suffix, prefix, right, value } = reader.entry()?;
        let previous = self.entries.last().map_or(0..0, NodeEntry::key_range);
        let key_start = self.keys.len();
        let prefix = usize::try_from(prefix).unwrap_or(usize::MAX);
        if prefix > previous.len() {
            return Err(EntryFault::Key(Reason::PrefixTooLong));
        }
        if !(1..=MAX_KEY).contains(&prefix.saturating_add(suffix.len())) {
            return Err(EntryFault::Key(Reason::KeyLength));
        }
        if !self.entries.is_empty() {
            let rest = self.keys.get(previous.start.saturating_add(prefix)..previous.end).unwrap_or_default();
            check_order(rest, suffix).map_err(EntryFault::Key)?;
        }
        self.keys.extend_from_within(previous.start..previous.start.saturating_add(prefix));
        self.keys.extend_from_slice(suffix);
        // With the default limits their product is far below.
        let (Ok(key_start), Ok(key_end)) = (key_start.try_into(), self.keys.len().try_into()) else {
            return Err(EntryFault::Key(Reason::TooManyEntries));
        };
        let right = right.map(RawLink::to_cid);
        self.entries.push(NodeEntry {
            key_start,
            key_end,
            shared: prefix as u16,
            value: value.to_cid(),
            right,
        });
        Ok(())
    }

    /// The subtree with the keys before the first entry.
    #[inline]
    pub fn left(&self) -> Option<&Cid> {
        self.left.as_ref()
    }

    /// The entries, in ascending order of their keys.
    #[inline]
    pub fn entries(&self) -> &[NodeEntry] {
        &self.entries
    }

    /// The key of an entry of this node.
    #[inline]
    pub fn key(&self, entry: &NodeEntry) -> &[u8] {
        self.keys.get(entry.key_range()).unwrap_or_default()
    }

    /// The number of the entry with this key, or of the subtree where it would be.
    #[inline]
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| self.key(entry).cmp(key))
    }

    /// Whether it links no other node.
    pub(super) fn is_leaf(&self) -> bool {
        self.left.is_none() && self.entries.iter().all(|entry| entry.right.is_none())
    }

    /// All links, in order.
    pub(super) fn links(&self) -> impl Iterator<Item = &Cid> {
        let entries = self.entries.iter().flat_map(|entry| std::iter::once(&entry.value).chain(&entry.right));
        self.left.iter().chain(entries)
    }

    /// The link before this entry, or after the last one.
    #[inline]
    pub(super) fn child(&self, index: usize) -> Option<&Cid> {
        match index.checked_sub(1) {
            None => self.left.as_ref(),
            Some(before) => self.entries.get(before)?.right.as_ref(),
        }
    }
}

/// Where CIDs lie in the block that a node was decoded from, if its keys are those of the block and it has the same links.
impl Node {
    /// The length of a link.
    const WRITTEN: usize = LINK.len() + Cid::LEN;
    /// What comes after the CID of an entry's subtree: the name and the link of the value.
    const AFTER_RIGHT: usize = 2 + Self::WRITTEN;
    /// What has the same length in every entry: the head of the map, the four names, and the link of the value.
    const FIXED: usize = 1 + 4 * 2 + Self::WRITTEN;

    /// The value of an entry.
    pub(super) fn value_at(&self, index: usize) -> Option<usize> {
        self.entries.get(index)?;
        self.end_of_entry(index)?.checked_sub(Cid::LEN)
    }

    /// The link before an entry, or after the last one, in a block of this length; `None` where there is none.
    pub(super) fn child_at(&self, index: usize, length: usize) -> Option<usize> {
        self.child(index)?;
        let Some(before) = index.checked_sub(1) else { return length.checked_sub(Cid::LEN) };
        // The value comes after it.
        self.end_of_entry(before)?.checked_sub(Self::AFTER_RIGHT)?.checked_sub(Cid::LEN)
    }

    fn end_of_entry(&self, index: usize) -> Option<usize> {
        let entries = self.entries.get(..=index)?;
        let fixed = |entry: &NodeEntry| {
            let suffix = entry.key_range().len().saturating_sub(entry.shared());
            let right = if entry.right.is_some() { Self::WRITTEN } else { 1 };
            let heads = head_len(suffix).saturating_add(head_len(entry.shared()));
            Self::FIXED.saturating_add(heads).saturating_add(suffix).saturating_add(right)
        };
        let start = 3_usize.saturating_add(head_len(self.entries.len()));
        Some(entries.iter().map(fixed).fold(start, usize::saturating_add))
    }
}

/// The length of the head of a number in a node.
fn head_len(number: usize) -> usize {
    match number {
        0..24 => 1,
        24..0x100 => 2,
        0x100..0x1_0000 => 3,
        _ => 5,
    }
}

/// Changes to a node. Their caller keeps the order of the keys; what keys have in common is found out when it is encoded.
impl Node {
    pub(super) fn set_value(&mut self, index: usize, value: Cid) -> Option<Cid> {
        let entry = self.entries.get_mut(index)?;
        Some(std::mem::replace(&mut entry.value, value))
    }

    pub(super) fn set_child(&mut self, index: usize, cid: Cid) {
        match index.checked_sub(1) {
            None => self.left = Some(cid),
            Some(before) => {
                if let Some(entry) = self.entries.get_mut(before) {
                    entry.right = Some(cid);
                }
            }
        }
    }

    pub(super) fn take_child(&mut self, index: usize) -> Option<Cid> {
        match index.checked_sub(1) {
            None => self.left.take(),
            Some(before) => self.entries.get_mut(before)?.right.take(),
        }
    }

    pub(super) fn insert(&mut self, index: usize, key: &[u8], value: Cid) {
        let (start, end) = self.push_key(key);
        let entry = NodeEntry { key_start: start, key_end: end, shared: 0, value, right: None };
        if index <= self.entries.len() {
            self.entries.reserve_exact(1);
            self.entries.insert(index, entry);
        }
    }

    /// Takes out an entry and the link after it.
    pub(super) fn remove(&mut self, index: usize) {
        if index < self.entries.len() {
            self.entries.remove(index);
        }
        self.compact();
    }

    /// The keys of entries that were taken out stay in memory until they are most of it.
    fn compact(&mut self) {
        let used = self.entries.iter().map(|entry| entry.key_range().len()).fold(0, usize::saturating_add);
        if self.keys.len() / 2 > used {
            let old = std::mem::take(self);
            self.left = old.left;
            self.push_all(&old, old.entries());
        }
    }

    /// Takes out the entries from this number on. What is returned has no left. The side with fewer entries is copied, so that it
    /// does not matter from which end a node is taken apart.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let mut after = Self::default();
        if index >= self.entries.len() / 2 {
            after.push_all(self, self.entries.get(index..).unwrap_or_default());
            self.entries.truncate(index);
        } else {
            after.left = self.left.take();
            after.push_all(self, self.entries.get(..index).unwrap_or_default());
            self.entries.drain(..index);
            std::mem::swap(self, &mut after);
        }
        self.compact();
        after.compact();
        after
    }

    /// Adds the entries of a node that comes after this one. The fewer are copied.
    pub(super) fn append(&mut self, mut after: Self) {
        if after.entries.len() <= self.entries.len() {
            self.push_all(&after, after.entries());
        } else {
            std::mem::swap(self, &mut after);
            self.left = after.left;
            let count = self.entries.len();
            self.push_all(&after, after.entries());
            self.entries.rotate_left(count);
        }
        self.compact();
    }

    fn push_all(&mut self, from: &Self, entries: &[NodeEntry]) {
        self.entries.reserve_exact(entries.len());
        for entry in entries {
            self.push(from.key(entry), entry);
        }
    }

    fn push(&mut self, key: &[u8], entry: &NodeEntry) {
        let (key_start, key_end) = self.push_key(key);
        self.entries.push(NodeEntry { key_start, key_end, shared: 0, ..*entry });
    }

    fn push_key(&mut self, key: &[u8]) -> (u32, u32) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        // Limits keep a node far below four gigabytes.
        (u32::try_from(start).unwrap_or(u32::MAX), u32::try_from(self.keys.len()).unwrap_or(u32::MAX))
    }
}

impl NodeEntry {
    #[inline]
    pub(super) fn shared(&self) -> usize {
        usize::from(self.shared)
    }

    #[inline]
    fn key_range(&self) -> std::ops::Range<usize> {
        self.key_start as usize..self.key_end as usize
    }
}

/// Checks what two neighbouring keys have after their common prefix as it is written.
fn check_order(previous: &[u8], next: &[u8]) -> Result<(), Reason> {
    match (previous.first(), next.first()) {
        (None, Some(_)) => Ok(()),
        (Some(previous), Some(next)) if previous < next => Ok(()),
        (Some(previous), Some(next)) if previous > next => Err(Reason::KeyOrder),
        (Some(_), None) => Err(Reason::KeyOrder),
        (None, None) => Err(Reason::DuplicateKey),
        _ => {
            // The first byte is common too. Which fault is worse than a short prefix is looked at first.
            Err(match previous.cmp(next) {
                std::cmp::Ordering::Equal => Reason::DuplicateKey,
                std::cmp::Ordering::Greater => Reason::KeyOrder,
                std::cmp::Ordering::Less => Reason::PrefixNotMaximal,
            })
        }
    }
}

enum EntryFault {
    /// Not what the reader expects.
    Shape,
    Key(Reason),
}

impl From<Unexpected> for EntryFault {
    fn from(_: Unexpected) -> Self {
        Self::Shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_node_do_not_keep_its_keys() {
        let mut node = Node::default();
        for number in 0..64_usize {
            node.insert(number, format!("{number:02}").as_bytes(), Cid::of_dag_cbor(b"\xf6"));
        }
        let is_small = |node: &Node| node.keys.len() <= 4 * node.entries.len() + 1;
        for index in 0..=64 {
            let (mut before, whole) = (node.clone(), node.clone());
            let after = before.split_off(index);
            assert_eq!((before.entries.len(), after.entries.len()), (index, 64 - index));
            assert!(is_small(&before) && is_small(&after));
            before.append(after);
            assert_eq!(before.encode(), whole.encode());
            assert!(is_small(&before));
            node = before;
        }
    }

    #[test]
    fn tells_where_cids_lie_in_a_block() {
        let cid = |number: usize| Cid::of_dag_cbor(&number.to_be_bytes());
        for count in [0_usize, 1, 5, 23, 24, 255, 300] {
            let mut node = Node::default();
            for number in 0..count {
                // Long and short keys, with long and short prefixes in common.
                let key = format!("{}{number:04}", "a".repeat(1 + number / 10 * 10));
                node.insert(number, key.as_bytes(), cid(number));
            }
            (0..=count)
                .filter(|index| index % 3 != 1)
                .for_each(|index| node.set_child(index, cid(1000 + index)));
            let block = node.encode();
            let node = Node::decode(&block, 8192).unwrap();
            let found = |at: usize| Cid::from_bytes(&block[at..][..Cid::LEN]).unwrap();
            for index in 0..=count {
                assert_eq!(node.value_at(index).map(found), (index < count).then(|| cid(index)));
                let child = (index % 3 != 1).then(|| cid(1000 + index));
                assert_eq!(node.child_at(index, block.len()).map(found), child, "{index} of {count}");
            }
        }
    }
}
