use super::frame::Limits;
use super::index::{Index, Slot};
use super::{CarError, Decoder, OpenError};
use crate::store::{Archive, Blocks};
use atproto_lexicon::data::Cid;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A CAR in a file, indexed: blocks are read from it when they are asked for, and hashed again then, since the file may have
/// changed. Memory holds the index alone, under 48 bytes a block.
#[derive(Debug)]
pub struct CarFile<R> {
    reader: Mutex<R>,
    roots: Vec<Cid>,
    index: Index,
}

const CHUNK: usize = 64 << 10;

impl<R: Read + Seek> CarFile<R> {
    /// Reads a file from its beginning to its end and hashes every block.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(reader: R) -> Result<Self, OpenError> {
        Self::open_with(reader, &Limits::default(), |_| ())
    }

    /// [`open`](Self::open) with other limits, and with word of the progress: the number of bytes read so far.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with(
        mut reader: R,
        limits: &Limits,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, OpenError> {
        reader.seek(SeekFrom::Start(0))?;
        let mut decoder = Decoder::with_limits(*limits);
        let mut file = Self { reader: Mutex::new(reader), roots: Vec::new(), index: Index::default() };
        let mut read = 0_u64;
        let mut section = Vec::new();
        loop {
            // The index's probes move the reader.
            let length = {
                let mut reader = file.reader();
                reader.seek(SeekFrom::Start(read))?;
                read_some(&mut *reader, decoder.space(CHUNK))?
            };
            if length == 0 {
                break;
            }
            read = read.saturating_add(length as u64);
            decoder.filled(length);
            while let Some(block) = decoder.next_block()? {
                let tag = file.index.tag(block.cid.as_bytes());
                if !file.find(tag, &block.cid, &mut section)? {
                    let fault = |reason| CarError { reason, offset: block.offset };
                    file.index.insert(tag, block.offset, block.bytes.len()).map_err(fault)?;
                }
            }
            progress(read);
        }
        file.roots = decoder.roots()?.unwrap_or_default().to_vec();
        decoder.finish()?;
        Ok(file)
    }

    /// The number of different blocks.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no blocks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the section with this CID into `section`; false where there is none.
    fn find(&self, tag: u32, cid: &Cid, section: &mut Vec<u8>) -> io::Result<bool> {
        let is_it = |slot: &Slot| {
            self.read(slot, section)?;
            if section.starts_with(cid.as_bytes()) {
                return Ok(true);
            }
            // Two CIDs have one tag, or the file is no longer the one that was indexed.
            match section.split_at_checked(Cid::LEN) {
                Some((other, block)) if Cid::from_bytes(other).is_ok_and(|other| other.matches(block)) => {
                    Ok(false)
                }
                _ => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the file has changed since it was indexed",
                )),
            }
        };
        Ok(self.index.try_find(tag, is_it)?.is_some())
    }

    fn read(&self, slot: &Slot, section: &mut Vec<u8>) -> io::Result<()> {
        let mut reader = self.reader();
        reader.seek(SeekFrom::Start(slot.offset))?;
        section.resize((slot.length as usize).saturating_add(Cid::LEN), 0);
        reader.read_exact(section)
    }

    fn reader(&self) -> MutexGuard<'_, R> {
        // A reader that panicked is sought again before it is used.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn read_some(reader: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl<R: Read + Seek> Blocks for CarFile<R> {
    type Error = io::Error;

    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, io::Error> {
        let found = self.find(self.index.tag(cid.as_bytes()), cid, buf)?;
        Ok(if found { buf.get(Cid::LEN..) } else { None })
    }
}

impl<R: Read + Seek> Archive for CarFile<R> {
    fn roots(&self) -> &[Cid] {
        &self.roots
    }
}
