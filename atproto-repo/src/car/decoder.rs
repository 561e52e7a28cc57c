use super::batch::Batch;
use super::frame::{self, Limits, Section};
use super::{CarError, CarReason};
use atproto_lexicon::data::Cid;

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
    /// Bytes of the buffer which are of the file.
    filled: usize,
    /// Bytes at the beginning of those which have been read.
    read: usize,
    /// Offset in the file of the buffer's beginning.
    base: u64,
    roots: Option<Vec<Cid>>,
    /// Where the CID of the block taken last begins in the buffer; its section ends at `read`.
    cid_at: usize,
    /// The sections from `read` on that have been hashed.
    batch: Batch,
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
        self.compact();
        self.buffer.truncate(self.filled);
        self.buffer.extend_from_slice(bytes);
        self.filled = self.buffer.len();
    }

    /// Room for at least this many bytes of the file, of which [`filled`](Self::filled) says how many were written.
    pub(crate) fn space(&mut self, at_least: usize) -> &mut [u8] {
        self.compact();
        let end = self.filled.saturating_add(at_least);
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    pub(crate) fn filled(&mut self, bytes: usize) {
        self.filled = self.filled.saturating_add(bytes).min(self.buffer.len());
    }

    /// Moves what was not read to the beginning. The batch stays, since its places count from there.
    fn compact(&mut self) {
        self.cid_at = 0;
        // Bytes that come one by one must not move all before them each time.
        if self.read == 0 {
            return;
        }
        self.base = self.base.saturating_add(self.read as u64);
        self.buffer.copy_within(self.read..self.filled, 0);
        self.filled = self.filled.saturating_sub(self.read);
        self.read = 0;
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.read..self.filled).unwrap_or_default()
    }

    /// The roots in the header; `None` while it is not complete.
    ///
    /// # Errors
    /// [`CarError`] where the header is not one.
    pub fn roots(&mut self) -> Result<Option<&[Cid]>, CarError> {
        if self.roots.is_none()
            && let Some((roots, length)) =
                frame::header(self.rest(), &self.limits).map_err(|reason| self.fault(reason))?
        {
            self.roots = Some(roots);
            self.read = self.read.saturating_add(length);
        }
        Ok(self.roots.as_deref())
    }

    /// The next block that is complete; `None` where it needs more bytes.
    ///
    /// # Errors
    /// [`CarError`], and the same again on every further call.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, CarError> {
        if !self.advance()? {
            return Ok(None);
        }
        let cid = Cid::from_bytes(self.cid()).map_err(|error| self.fault(CarReason::Cid(error)))?;
        let offset = self.position().saturating_sub((self.block().len().saturating_add(Cid::LEN)) as u64);
        Ok(Some(Block { cid, bytes: self.block(), offset }))
    }

    /// Goes on to the next block that is complete; false where it needs more bytes.
    #[inline]
    pub(crate) fn advance(&mut self) -> Result<bool, CarError> {
        if self.roots.is_none() && self.roots()?.is_none() {
            return Ok(false);
        }
        if self.batch.is_empty() {
            let rest = self.buffer.get(self.read..self.filled).unwrap_or_default();
            self.batch.fill(rest, &self.limits);
        }
        let section = match self.batch.next() {
            Ok(Some(section)) => section,
            Ok(None) => return Ok(false),
            Err(reason) => return Err(self.fault(reason)),
        };
        self.cid_at = self.read.saturating_add(section.cid_at);
        self.read = self.read.saturating_add(section.end);
        Ok(true)
    }

    /// Goes on to the next block where it was hashed before, has this CID and is shorter than `large`; else stays.
    #[inline]
    pub(crate) fn advance_to(&mut self, cid: &Cid, large: usize) -> bool {
        let rest = self.buffer.get(self.read..self.filled).unwrap_or_default();
        let Some(section) = self.batch.next_if(rest, cid, large) else { return false };
        self.cid_at = self.read.saturating_add(section.cid_at);
        self.read = self.read.saturating_add(section.end);
        true
    }

    /// The CID of the block taken last, until more bytes are pushed.
    #[inline]
    pub(crate) fn cid(&self) -> &[u8] {
        self.section().cid_bytes(&self.buffer)
    }

    fn section(&self) -> Section {
        Section { cid_at: self.cid_at, end: self.read }
    }

    /// The block taken last, until more bytes are pushed.
    #[inline]
    pub(crate) fn block(&self) -> &[u8] {
        self.section().block(&self.buffer)
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
        if self.roots.is_none() || self.read < self.filled {
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
