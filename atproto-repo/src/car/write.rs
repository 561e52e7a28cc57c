use crate::encode::{ARRAY, MAP, UNSIGNED, push_head, push_link, push_text, push_varint};
use atproto_lexicon::data::Cid;
use std::collections::HashSet;
use std::io::{self, Write};

/// Writes a CAR: the header, then one block after another.
///
/// What it is given is written as it is: that a block has its CID is the caller's word, which every reader checks.
#[derive(Debug)]
pub struct CarWriter<W> {
    out: W,
    buf: Vec<u8>,
}

impl<W: Write> CarWriter<W> {
    /// Writes the header; the first root of a repository is the commit.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, roots: &[Cid]) -> io::Result<Self> {
        let mut buf = Vec::new();
        push_header(roots, &mut buf);
        out.write_all(&buf)?;
        Ok(Self { out, buf })
    }

    /// Writes a block.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, cid: &Cid, block: &[u8]) -> io::Result<()> {
        self.buf.clear();
        push_section_head(cid, block.len(), &mut self.buf);
        self.out.write_all(&self.buf)?;
        self.out.write_all(block)
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// A CAR that is written in memory.
#[derive(Debug)]
pub(crate) struct MemoryCar(Vec<u8>);

impl MemoryCar {
    pub(crate) fn new(root: &Cid) -> Self {
        let mut out = Vec::with_capacity(8192);
        push_header(std::slice::from_ref(root), &mut out);
        Self(out)
    }

    pub(crate) fn push(&mut self, cid: &Cid, block: &[u8]) {
        push_section_head(cid, block.len(), &mut self.0);
        self.0.extend_from_slice(block);
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

fn push_header(roots: &[Cid], out: &mut Vec<u8>) {
    let mut header = Vec::new();
    push_head(MAP, 2, &mut header);
    push_text("roots", &mut header);
    push_head(ARRAY, roots.len(), &mut header);
    roots.iter().for_each(|root| push_link(root, &mut header));
    push_text("version", &mut header);
    push_head(UNSIGNED, 1, &mut header);
    push_varint(header.len(), out);
    out.extend_from_slice(&header);
}

fn push_section_head(cid: &Cid, length: usize, out: &mut Vec<u8>) {
    push_varint(length.saturating_add(Cid::LEN), out);
    out.extend_from_slice(cid.as_bytes());
}

/// A CAR of a few blocks, in memory: each once, however often it is given.
pub(crate) fn to_car<'a>(root: &Cid, blocks: impl IntoIterator<Item = (&'a Cid, &'a [u8])>) -> Vec<u8> {
    let mut car = MemoryCar::new(root);
    let mut seen = HashSet::new();
    blocks.into_iter().filter(|(cid, _)| seen.insert(*cid)).for_each(|(cid, block)| car.push(cid, block));
    car.into_bytes()
}
