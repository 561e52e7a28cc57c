use super::frame::{self, Limits};
use super::index::{Entry, Index};
use super::{Block, CarError, CarReason};
use crate::store::{Archive, Blocks};
use atproto_lexicon::data::Cid;
use std::convert::Infallible;

/// A CAR in memory, indexed: blocks are borrowed from its bytes.
#[derive(Debug)]
pub struct Car<'a> {
    bytes: &'a [u8],
    roots: Vec<Cid>,
    index: Index,
}

impl<'a> Car<'a> {
    /// Reads a whole file and hashes every block.
    ///
    /// # Errors
    /// [`CarError`] with the reason and the place of the first fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, CarError> {
        Self::parse_with(bytes, &Limits::default())
    }

    /// [`parse`](Self::parse) with other limits.
    ///
    /// # Errors
    /// [`CarError`] with the reason and the place of the first fault.
    pub fn parse_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, CarError> {
        let fault = |at: usize| {
            move |reason| CarError {
                reason,
                offset: at as u64,
            }
        };
        let truncated = |at: usize| fault(at)(CarReason::Truncated);
        let (roots, mut at) = frame::header(bytes, limits)
            .map_err(fault(0))?
            .ok_or(truncated(0))?;
        let mut car = Self {
            bytes,
            roots,
            index: Index::default(),
        };
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let section = frame::section(rest, limits)
                .map_err(fault(at))?
                .ok_or(truncated(at))?;
            let block = rest.get(section.block.clone()).unwrap_or_default();
            if !section.cid.matches(block) {
                return Err(fault(at)(CarReason::Hash(section.cid)));
            }
            if car.get(&section.cid).is_none() {
                let offset = at.saturating_add(section.cid_at) as u64;
                car.index
                    .insert(&section.cid, offset, block.len())
                    .map_err(fault(at))?;
            }
            at = at.saturating_add(section.block.end);
        }
        Ok(car)
    }

    /// The roots in the header; in a repository the first one is the commit.
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    /// The number of different blocks.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no blocks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The block with this CID.
    pub fn get(&self, cid: &Cid) -> Option<&'a [u8]> {
        let mut candidates = self.index.candidates(cid).map(|entry| self.section(entry));
        candidates
            .find(|(found, _)| found == cid.as_bytes())
            .map(|(_, block)| block)
    }

    /// The different blocks, in the order of the file.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> {
        self.index.iter().filter_map(|entry| {
            let (cid, bytes) = self.section(entry);
            Some(Block {
                cid: Cid::from_bytes(cid).ok()?,
                bytes,
                offset: entry.offset,
            })
        })
    }

    fn section(&self, entry: &Entry) -> (&'a [u8], &'a [u8]) {
        let rest = usize::try_from(entry.offset)
            .ok()
            .and_then(|at| self.bytes.get(at..))
            .unwrap_or_default();
        let (cid, rest) = rest.split_at_checked(Cid::LEN).unwrap_or_default();
        (cid, rest.get(..entry.length as usize).unwrap_or_default())
    }
}

impl Blocks for Car<'_> {
    type Error = Infallible;
    const HASHED: bool = true;

    fn get<'b>(&'b self, cid: &Cid, _: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>, Infallible> {
        Ok(Car::get(self, cid))
    }
}

impl Archive for Car<'_> {
    fn roots(&self) -> &[Cid] {
        &self.roots
    }
}
