use super::Node;
use crate::encode::{ARRAY, BYTES, UNSIGNED, push_head, push_link, push_optional_link};
use atproto_lexicon::data::Cid;

/// A null `t`, and what stands before the bytes of `v`.
pub(super) const VALUE: &[u8; 10] = b"\x61t\xf6\x61v\xd8\x2a\x58\x25\0";

/// Writes a node, entry by entry, in its one encoding. The entries are written where they stay: before them is room for the head,
/// which says how many there are.
#[derive(Debug, Default)]
pub(super) struct NodeWriter {
    block: Vec<u8>,
    count: usize,
}

/// The length of most entries, with a subtree.
const ENTRY: usize = 128;

/// The length of the longest head.
const HEAD: usize = 8;

impl NodeWriter {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Adds an entry whose key has `shared` bytes in common with the one before.
    #[inline]
    pub(super) fn push(&mut self, shared: usize, suffix: &[u8], right: Option<&Cid>, value: &Cid) {
        if self.block.is_empty() {
            self.block.resize(HEAD, 0);
        }
        push_entry(shared, suffix, right, value, &mut self.block);
        self.count = self.count.saturating_add(1);
    }

    /// Ends the node, gives its block to `take`, and begins another.
    pub(super) fn finish<T>(&mut self, left: Option<&Cid>, take: impl FnOnce(&[u8]) -> T) -> T {
        if self.block.is_empty() {
            self.block.resize(HEAD, 0);
        }
        push_end(left, &mut self.block);
        let (head, unused) = head_of(self.count);
        if let Some(start) = self.block.first_chunk_mut() {
            *start = head;
        }
        let taken = take(self.block.get(unused..).unwrap_or_default());
        self.block.clear();
        self.count = 0;
        taken
    }
}

/// What stands before this many entries, and how many bytes of it are not used.
fn head_of(count: usize) -> ([u8; HEAD], usize) {
    let [a, b, c, d] = (count as u32).to_be_bytes();
    match count {
        0..24 => ([0, 0, 0, 0, 0xa2, 0x61, b'e', ARRAY << 5 | d], 4),
        24..0x100 => ([0, 0, 0, 0xa2, 0x61, b'e', ARRAY << 5 | 24, d], 3),
        0x100..0x1_0000 => ([0, 0, 0xa2, 0x61, b'e', ARRAY << 5 | 25, c, d], 2),
        _ => ([0xa2, 0x61, b'e', ARRAY << 5 | 26, a, b, c, d], 0),
    }
}

#[inline]
fn push_entry(shared: usize, suffix: &[u8], right: Option<&Cid>, value: &Cid, out: &mut Vec<u8>) {
    // Most keys are so short, and most entries have no subtree, that their heads have a fixed form.
    if suffix.len() < 24 && shared < 24 {
        out.extend_from_slice(&[0xa4, 0x61, b'k', BYTES << 5 | suffix.len() as u8]);
        out.extend_from_slice(suffix);
        out.extend_from_slice(&[0x61, b'p', shared as u8]);
    } else {
        out.extend_from_slice(b"\xa4\x61k");
        push_head(BYTES, suffix.len(), out);
        out.extend_from_slice(suffix);
        out.extend_from_slice(b"\x61p");
        push_head(UNSIGNED, shared, out);
    }
    if right.is_none() {
        let mut value_of = [0; VALUE.len() + Cid::LEN];
        if let Some((start, rest)) = value_of.split_first_chunk_mut() {
            *start = *VALUE;
            rest.copy_from_slice(value.as_bytes());
        }
        out.extend_from_slice(&value_of);
    } else {
        out.extend_from_slice(b"\x61t");
        push_optional_link(right, out);
        out.extend_from_slice(b"\x61v");
        push_link(value, out);
    }
}

fn push_end(left: Option<&Cid>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x61l");
    push_optional_link(left, out);
}

impl Node {
    /// The node's block.
    pub fn encode(&self) -> Vec<u8> {
        let mut block = Vec::new();
        self.encode_into(&mut block);
        block
    }

    /// [`encode`](Self::encode) behind what is in `out`.
    pub(super) fn encode_into(&self, out: &mut Vec<u8>) {
        // Room for most nodes, so that it does not grow bit by bit.
        out.reserve(self.entries().len().saturating_mul(ENTRY).saturating_add(ENTRY));
        let (head, unused) = head_of(self.entries().len());
        out.extend_from_slice(head.get(unused..).unwrap_or_default());
        let mut previous: &[u8] = &[];
        for entry in self.entries() {
            let key = self.key(entry);
            let shared = common_prefix(previous, key);
            let suffix = key.get(shared..).unwrap_or_default();
            push_entry(shared, suffix, entry.right.as_ref(), &entry.value, out);
            previous = key;
        }
        push_end(self.left(), out);
    }
}

/// The number of bytes at the beginning that are the same.
#[inline]
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    let mut words = words_a.iter().zip(words_b).map(|(a, b)| u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b));
    let mut at = 0_usize;
    if let Some(different) = words.find(|different| {
        at = at.saturating_add(8);
        *different != 0
    }) {
        return at.saturating_sub(8).saturating_add(different.trailing_zeros() as usize / 8);
    }
    let rest = a.iter().skip(at).zip(b.iter().skip(at)).take_while(|(a, b)| a == b).count();
    at.saturating_add(rest)
}
