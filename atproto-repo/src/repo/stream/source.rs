use super::StreamError;
use crate::car::batch::Batch;
use crate::car::frame;
use crate::car::{Car, CarError, CarFile, CarReason, Decoder, Limits, OpenError};
use crate::repo::record::Seen;
use crate::store::Blocks as _;
use atproto_lexicon::data::Cid;
use std::io::{Read, Seek};

/// Where a file's blocks come from: one after another, and in some by index.
pub trait Source: Sealed {
    /// The roots; `None` where more bytes are needed.
    #[doc(hidden)]
    fn roots(&mut self) -> Result<Option<&[Cid]>, StreamError>;
    /// Goes on to the next block of the file, and hashes it.
    #[doc(hidden)]
    fn advance(&mut self) -> Result<Advance, StreamError>;
    /// Goes on to the next block of the file where it is this one, was hashed before, and is not large; else stays.
    #[doc(hidden)]
    fn advance_to(&mut self, _: &Cid) -> bool {
        false
    }
    /// The CID of the block that it has come to, in binary form.
    #[doc(hidden)]
    fn cid(&self) -> &[u8];
    /// The block that it has come to or found.
    #[doc(hidden)]
    fn block(&self) -> &[u8];
    /// Goes over to an index; false where that cannot be.
    #[doc(hidden)]
    fn index(&mut self) -> Result<bool, StreamError> {
        Ok(false)
    }
    #[doc(hidden)]
    fn is_indexed(&self) -> bool {
        false
    }
    /// Looks for a block in the index.
    #[doc(hidden)]
    fn find(&mut self, _: &Cid) -> Result<bool, StreamError> {
        Ok(false)
    }
}

/// Only the types here are sources.
pub trait Sealed {}

/// What comes next in a file.
#[derive(Debug, Clone, Copy)]
pub enum Advance {
    NeedBytes,
    Block,
    End,
}

/// Bytes that are pushed as they arrive, without IO: [`RepoStream::push`](super::RepoStream::push),
/// [`RepoStream::end`](super::RepoStream::end).
#[derive(Debug, Default)]
pub struct Pushed {
    decoder: Decoder,
    has_ended: bool,
}

impl Pushed {
    /// A source with the default limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// A source with these limits.
    pub fn with_limits(limits: Limits) -> Self {
        Self { decoder: Decoder::with_limits(limits), has_ended: false }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.decoder.push(bytes);
    }

    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Room for bytes, to be read into.
    pub(super) fn space(&mut self) -> &mut [u8] {
        self.decoder.space(CHUNK)
    }

    /// Says how many bytes were read into the room; none is the end.
    pub(super) fn filled(&mut self, bytes: usize) {
        self.decoder.filled(bytes);
        self.has_ended |= bytes == 0;
    }
}

impl Sealed for Pushed {}

impl Source for Pushed {
    fn roots(&mut self) -> Result<Option<&[Cid]>, StreamError> {
        if self.decoder.roots()?.is_none() && self.has_ended {
            self.decoder.check_end()?;
        }
        Ok(self.decoder.roots()?)
    }

    fn advance(&mut self) -> Result<Advance, StreamError> {
        Ok(if self.decoder.advance()? {
            Advance::Block
        } else if self.has_ended {
            self.decoder.check_end()?;
            Advance::End
        } else {
            Advance::NeedBytes
        })
    }

    #[inline]
    fn advance_to(&mut self, cid: &Cid) -> bool {
        self.decoder.advance_to(cid, Seen::LARGE)
    }

    #[inline]
    fn cid(&self) -> &[u8] {
        self.decoder.cid()
    }

    fn block(&self) -> &[u8] {
        self.decoder.block()
    }
}

/// How many bytes are read at once.
const CHUNK: usize = 64 << 10;

/// A file that is read once, from its beginning to its end.
#[derive(Debug)]
pub struct Reader<R> {
    reader: R,
    pushed: Pushed,
}

impl<R: Read> Reader<R> {
    /// A source with the default limits. It reads 64 KiB at once, so that the reader needs no buffer.
    pub fn new(reader: R) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// A source with these limits.
    pub fn with_limits(reader: R, limits: Limits) -> Self {
        Self { reader, pushed: Pushed::with_limits(limits) }
    }

    fn read(&mut self) -> Result<(), StreamError> {
        let length = crate::car::read_some(&mut self.reader, self.pushed.space())?;
        self.pushed.filled(length);
        Ok(())
    }
}

impl<R> Sealed for Reader<R> {}

impl<R: Read> Source for Reader<R> {
    fn roots(&mut self) -> Result<Option<&[Cid]>, StreamError> {
        while self.pushed.roots()?.is_none() {
            self.read()?;
        }
        self.pushed.roots()
    }

    fn advance(&mut self) -> Result<Advance, StreamError> {
        loop {
            match self.pushed.advance()? {
                Advance::NeedBytes => self.read()?,
                other => return Ok(other),
            }
        }
    }

    #[inline]
    fn advance_to(&mut self, cid: &Cid) -> bool {
        self.pushed.advance_to(cid)
    }

    #[inline]
    fn cid(&self) -> &[u8] {
        self.pushed.cid()
    }

    fn block(&self) -> &[u8] {
        self.pushed.block()
    }
}

/// A file that can be read again: where it is not in pre-order, by an index of under 48 bytes a block.
#[derive(Debug)]
pub struct File<R> {
    state: State<R>,
    limits: Limits,
}

#[derive(Debug)]
enum State<R> {
    Forward(Reader<R>),
    Indexed {
        file: CarFile<R>,
        section: Vec<u8>,
    },
    /// Only while it goes over, or after that has failed.
    Lost,
}

impl<R: Read + Seek> File<R> {
    /// A source with the default limits, which reads from where the reader is now; an index is made from the file's beginning.
    pub fn new(reader: R) -> Self {
        Self::with_limits(reader, Limits::default())
    }

    /// A source with these limits.
    pub fn with_limits(reader: R, limits: Limits) -> Self {
        Self { state: State::Forward(Reader::with_limits(reader, limits)), limits }
    }
}

impl<R> Sealed for File<R> {}

impl<R: Read + Seek> Source for File<R> {
    fn roots(&mut self) -> Result<Option<&[Cid]>, StreamError> {
        match &mut self.state {
            State::Forward(reader) => reader.roots(),
            _ => Ok(None),
        }
    }

    fn advance(&mut self) -> Result<Advance, StreamError> {
        match &mut self.state {
            State::Forward(reader) => reader.advance(),
            _ => Ok(Advance::End),
        }
    }

    #[inline]
    fn advance_to(&mut self, cid: &Cid) -> bool {
        match &mut self.state {
            State::Forward(reader) => reader.advance_to(cid),
            _ => false,
        }
    }

    fn cid(&self) -> &[u8] {
        match &self.state {
            State::Forward(reader) => reader.cid(),
            _ => &[],
        }
    }

    fn block(&self) -> &[u8] {
        match &self.state {
            State::Forward(reader) => reader.block(),
            State::Indexed { section, .. } => section.get(Cid::LEN..).unwrap_or_default(),
            State::Lost => &[],
        }
    }

    fn index(&mut self) -> Result<bool, StreamError> {
        let State::Forward(Reader { reader, .. }) = std::mem::replace(&mut self.state, State::Lost) else {
            return Ok(false);
        };
        let file = CarFile::open_with(reader, &self.limits, |_| ()).map_err(|error| match error {
            OpenError::Car(error) => StreamError::Car(error),
            OpenError::Io(error) => StreamError::Io(error),
        })?;
        self.state = State::Indexed { file, section: Vec::new() };
        Ok(true)
    }

    fn is_indexed(&self) -> bool {
        matches!(self.state, State::Indexed { .. })
    }

    fn find(&mut self, cid: &Cid) -> Result<bool, StreamError> {
        let State::Indexed { file, section } = &mut self.state else { return Ok(false) };
        let Some(block) = file.get(cid, section)? else { return Ok(false) };
        // The file may have changed since it was indexed.
        if cid.matches(block) { Ok(true) } else { Err(changed(cid).into()) }
    }
}

fn changed(cid: &Cid) -> CarError {
    CarError { reason: CarReason::Hash(*cid), offset: 0 }
}

/// A file in memory, of which nothing is copied.
#[derive(Debug)]
pub struct Slice<'a> {
    bytes: &'a [u8],
    limits: Limits,
    roots: Option<Vec<Cid>>,
    /// Where the next section begins.
    at: usize,
    cid: &'a [u8],
    block: &'a [u8],
    batch: Batch,
    car: Option<Car<'a>>,
}

impl<'a> Slice<'a> {
    /// A source with the default limits.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::with_limits(bytes, Limits::default())
    }

    /// A source with these limits.
    pub fn with_limits(bytes: &'a [u8], limits: Limits) -> Self {
        Self { bytes, limits, roots: None, at: 0, cid: &[], block: &[], batch: Batch::default(), car: None }
    }

    fn fault(&self, reason: CarReason) -> CarError {
        CarError { reason, offset: self.at as u64 }
    }
}

impl Sealed for Slice<'_> {}

impl Source for Slice<'_> {
    fn roots(&mut self) -> Result<Option<&[Cid]>, StreamError> {
        if self.roots.is_none() {
            let header = frame::header(self.bytes, &self.limits).map_err(|reason| self.fault(reason))?;
            let (roots, length) = header.ok_or(self.fault(CarReason::Truncated))?;
            self.roots = Some(roots);
            self.at = length;
        }
        Ok(self.roots.as_deref())
    }

    #[inline]
    fn advance(&mut self) -> Result<Advance, StreamError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if self.batch.is_empty() {
            self.batch.fill(rest, &self.limits);
        }
        match self.batch.next() {
            Ok(Some(section)) => {
                self.cid = section.cid_bytes(rest);
                self.block = section.block(rest);
                self.at = self.at.saturating_add(section.end);
                Ok(Advance::Block)
            }
            Ok(None) if rest.is_empty() => Ok(Advance::End),
            Ok(None) => Err(self.fault(CarReason::Truncated).into()),
            Err(reason) => Err(self.fault(reason).into()),
        }
    }

    #[inline]
    fn advance_to(&mut self, cid: &Cid) -> bool {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(section) = self.batch.next_if(rest, cid, Seen::LARGE) else { return false };
        self.cid = section.cid_bytes(rest);
        self.block = section.block(rest);
        self.at = self.at.saturating_add(section.end);
        true
    }

    #[inline]
    fn cid(&self) -> &[u8] {
        self.cid
    }

    fn block(&self) -> &[u8] {
        self.block
    }

    fn index(&mut self) -> Result<bool, StreamError> {
        self.car = Some(Car::parse_with(self.bytes, &self.limits)?);
        Ok(true)
    }

    fn is_indexed(&self) -> bool {
        self.car.is_some()
    }

    fn find(&mut self, cid: &Cid) -> Result<bool, StreamError> {
        let found = self.car.as_ref().and_then(|car| car.get(cid));
        self.block = found.unwrap_or_default();
        Ok(found.is_some())
    }
}
