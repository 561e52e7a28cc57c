use super::frame::{self, Limits};
use super::{CarError, CarReason};
use atproto_lexicon::data::Cid;
use std::ops::Range;

/// Reads a CAR as its bytes arrive, without IO: [`push`](Self::push) what there is, take the blocks that are complete, and
/// [`finish`](Self::finish) at the end. Every block has been hashed.
///
/// It holds the bytes pushed and not yet read: at most one block of the limit beyond what is pushed at once.
///
/// ```
/// # fn read(chunks: Vec<Vec<u8>>) -> Result<(), atproto_repo::car::CarError> {
/// let mut decoder = atproto_repo::car::Decoder::new();
/// for chunk in chunks {
///     decoder.push(&chunk);
///     while let Some(block) = decoder.next_block()? {
///         println!("{} {}", block.cid, block.bytes.len());
///     }
/// }
/// decoder.finish()
/// # }
/// # read(vec![]).unwrap_err();
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    limits: Limits,
    buffer: Vec<u8>,
    /// Bytes at the beginning of the buffer which have been read.
    read: usize,
    /// Offset in the file of the buffer's beginning.
    base: u64,
    roots: Option<Vec<Cid>>,
    /// Where the block taken last lies in the buffer.
    block: Range<usize>,
}

/// A block of a CAR, hashed.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Its CID.
    pub cid: Cid,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Where its CID begins in the file, in bytes; the block comes right after.
    pub offset: u64,
}

impl Decoder {
    /// A decoder with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// A decoder with these limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        self.base = self.base.saturating_add(self.read as u64);
        self.buffer.drain(..self.read);
        self.read = 0;
        self.block = 0..0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The roots in the header; `None` while it is not complete.
    ///
    /// # Errors
    /// [`CarError`] where the header is not one.
    pub fn roots(&mut self) -> Result<Option<&[Cid]>, CarError> {
        if self.roots.is_none() {
            let rest = self.buffer.get(self.read..).unwrap_or_default();
            if let Some((roots, length)) =
                frame::header(rest, &self.limits).map_err(|reason| self.fault(reason))?
            {
                self.roots = Some(roots);
                self.read = self.read.saturating_add(length);
            }
        }
        Ok(self.roots.as_deref())
    }

    /// The next block that is complete; `None` where it needs more bytes.
    ///
    /// # Errors
    /// [`CarError`], and the same again on every further call.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, CarError> {
        let Some(cid) = self.advance()? else { return Ok(None) };
        let offset = self.position().saturating_sub((self.block().len().saturating_add(Cid::LEN)) as u64);
        Ok(Some(Block { cid, bytes: self.block(), offset }))
    }

    /// Goes on to the next block that is complete and gives its CID.
    pub(crate) fn advance(&mut self) -> Result<Option<Cid>, CarError> {
        if self.roots.is_none() && self.roots()?.is_none() {
            return Ok(None);
        }
        let rest = self.buffer.get(self.read..).unwrap_or_default();
        let Some(section) = frame::section(rest, &self.limits).map_err(|reason| self.fault(reason))? else {
            return Ok(None);
        };
        if !section.cid.matches(rest.get(section.block.clone()).unwrap_or_default()) {
            return Err(self.fault(CarReason::Hash(section.cid)));
        }
        let start = self.read.saturating_add(section.block.start);
        self.read = self.read.saturating_add(section.block.end);
        self.block = start..self.read;
        Ok(Some(section.cid))
    }

    /// The block taken last, until more bytes are pushed.
    pub(crate) fn block(&self) -> &[u8] {
        self.buffer.get(self.block.clone()).unwrap_or_default()
    }

    /// Ends the file.
    ///
    /// # Errors
    /// [`CarReason::Truncated`] where it ends within the header or a section, and blocks that were not taken count as
    /// that too.
    pub fn finish(self) -> Result<(), CarError> {
        self.check_end()
    }

    pub(crate) fn check_end(&self) -> Result<(), CarError> {
        if self.roots.is_none() || self.read < self.buffer.len() {
            return Err(self.fault(CarReason::Truncated));
        }
        Ok(())
    }

    fn position(&self) -> u64 {
        self.base.saturating_add(self.read as u64)
    }

    fn fault(&self, reason: CarReason) -> CarError {
        CarError { reason, offset: self.position() }
    }
}
