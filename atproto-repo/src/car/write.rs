use crate::encode::{ARRAY, MAP, UNSIGNED, push_head, push_link, push_text, push_varint};
use atproto_lexicon::data::Cid;
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
        let mut header = Vec::new();
        push_head(MAP, 2, &mut header);
        push_text("roots", &mut header);
        push_head(ARRAY, roots.len(), &mut header);
        roots.iter().for_each(|root| push_link(root, &mut header));
        push_text("version", &mut header);
        push_head(UNSIGNED, 1, &mut header);
        let mut buf = Vec::new();
        push_varint(header.len(), &mut buf);
        out.write_all(&buf)?;
        out.write_all(&header)?;
        Ok(Self { out, buf })
    }

    /// Writes a block.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, cid: &Cid, block: &[u8]) -> io::Result<()> {
        self.buf.clear();
        push_varint(block.len().saturating_add(Cid::LEN), &mut self.buf);
        self.buf.extend_from_slice(cid.as_bytes());
        self.out.write_all(&self.buf)?;
        self.out.write_all(block)
    }

    /// The output.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// A CAR of a few blocks, in memory.
pub(crate) fn to_car<'a>(root: &Cid, blocks: impl IntoIterator<Item = (&'a Cid, &'a [u8])>) -> Vec<u8> {
    // Memory gives no error.
    let Ok(mut car) = CarWriter::new(Vec::new(), &[*root]) else { return Vec::new() };
    for (cid, block) in blocks {
        car.write(cid, block).unwrap_or_default();
    }
    car.into_inner()
}
