use super::Node;
use crate::encode::{ARRAY, BYTES, UNSIGNED, push_head, push_link, push_optional_link};
use atproto_lexicon::data::Cid;

/// A null `t`, and what stands before the bytes of `v`.
pub(super) const VALUE: &[u8; 10] = b"\x61t\xf6\x61v\xd8\x2a\x58\x25\0";

/// Writes a node, entry by entry, in its one encoding.
#[derive(Debug, Default)]
pub(super) struct NodeWriter {
    entries: Vec<u8>,
    count: usize,
}

impl NodeWriter {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds an entry whose key has `shared` bytes in common with the one before.
    #[inline]
    pub(super) fn push(&mut self, shared: usize, suffix: &[u8], right: Option<&Cid>, value: &Cid) {
        let out = &mut self.entries;
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
        self.count = self.count.saturating_add(1);
    }

    /// Ends the node, whose block is added to `out`, and begins another.
    pub(super) fn finish(&mut self, left: Option<&Cid>, out: &mut Vec<u8>) {
        out.reserve_exact(self.entries.len().saturating_add(52));
        out.extend_from_slice(b"\xa2\x61e");
        push_head(ARRAY, self.count, out);
        out.extend_from_slice(&self.entries);
        out.extend_from_slice(b"\x61l");
        push_optional_link(left, out);
        self.entries.clear();
        self.count = 0;
    }
}

impl Node {
    /// The node's block.
    pub fn encode(&self) -> Vec<u8> {
        let mut block = Vec::new();
        self.encode_with(&mut NodeWriter::default(), &mut block);
        block
    }

    pub(super) fn encode_with(&self, writer: &mut NodeWriter, out: &mut Vec<u8>) {
        let mut previous: &[u8] = &[];
        for entry in self.entries() {
            let key = self.key(entry);
            let shared = common_prefix(previous, key);
            writer.push(shared, key.get(shared..).unwrap_or_default(), entry.right.as_ref(), &entry.value);
            previous = key;
        }
        writer.finish(self.left(), out);
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
