use super::batch::Batch;
use super::frame::{self, Limits};
use super::index::{Index, Slot};
use super::{Block, CarError, CarReason};
use crate::store::{Archive, Blocks};
use atproto_lexicon::data::Cid;
use std::convert::Infallible;

/// A CAR in memory, indexed: blocks are borrowed from its bytes.
#[derive(Debug)]
pub struct Car<'a> {
    pub(super) bytes: &'a [u8],
    roots: Vec<Cid>,
    /// Where the first section begins.
    pub(super) blocks_at: usize,
    pub(super) index: Index,
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
        let mut car = Self::parse_header(bytes, limits)?;
        let mut at = car.blocks_at;
        let (mut batch, mut slots, mut batches) = (Batch::default(), Vec::new(), 0_u32);
        while at < bytes.len() {
            slots.clear();
            at = car.hash_batch(at, limits, &mut batch, &mut slots)?;
            car.index.reserve(slots.len());
            car.add(&slots)?;
            batches = batches.saturating_add(1);
            // The blocks to come are likely to be as long as those so far; where these are tiny, that is not believed.
            if batches == 4 {
                let blocks = bytes.len().saturating_mul(car.index.len()).checked_div(at).unwrap_or_default();
                car.index.reserve(blocks.saturating_add(blocks / 16).min(bytes.len() / 128));
            }
        }
        car.index.shrink();
        Ok(car)
    }

    /// The file without its blocks.
    pub(super) fn parse_header(bytes: &'a [u8], limits: &Limits) -> Result<Self, CarError> {
        let fault = |reason| CarError { reason, offset: 0 };
        let header = frame::header(bytes, limits).map_err(fault)?;
        let (roots, blocks_at) = header.ok_or(fault(CarReason::Truncated))?;
        Ok(Self { bytes, roots, blocks_at, index: Index::default() })
    }

    /// Adds these blocks to the index.
    ///
    /// Each step is a loop of its own: the processor overlaps the waiting for memory of the index.
    fn add(&mut self, slots: &[Slot]) -> Result<(), CarError> {
        self.index.touch(slots);
        for slot in slots {
            let Some(cid) = self.at(slot).first_chunk() else { continue };
            if self.find(slot.tag, cid).is_none() {
                self.index.add(*slot).map_err(|reason| CarError { reason, offset: slot.offset })?;
            }
        }
        Ok(())
    }

    /// Hashes the sections that begin at `at`, as many as a batch has, and adds where their blocks are to `slots`; where they end.
    pub(super) fn hash_batch(
        &self,
        mut at: usize,
        limits: &Limits,
        batch: &mut Batch,
        slots: &mut Vec<Slot>,
    ) -> Result<usize, CarError> {
        let mut rest = self.bytes.get(at..).unwrap_or_default();
        batch.fill(rest, limits);
        slots.reserve(batch.sections().len());
        for section in batch.sections() {
            let fault = |reason| CarError { reason, offset: at as u64 };
            let tag = section.cid_bytes(rest).first_chunk().map_or(0, |cid| self.index.tag(cid));
            let offset = at.saturating_add(section.cid_at) as u64;
            slots.push(Slot::new(tag, offset, section.block(rest).len()).map_err(fault)?);
            rest = rest.get(section.end..).unwrap_or_default();
            at = at.saturating_add(section.end);
        }
        let truncated = batch.sections().is_empty().then_some(CarReason::Truncated);
        match batch.fault().or(truncated) {
            Some(reason) => Err(CarError { reason, offset: at as u64 }),
            None => Ok(at),
        }
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
        let slot = self.find(self.index.tag(cid.as_bytes()), cid.as_bytes())?;
        let (_, rest) = self.at(slot).split_at_checked(Cid::LEN)?;
        rest.get(..slot.length as usize)
    }

    /// The different blocks, in the order of the file.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> {
        let mut at = self.blocks_at;
        // The file has been read once without a fault, so that there is none.
        let limits = Limits { header: usize::MAX, block: usize::MAX };
        let sections = std::iter::from_fn(move || {
            let rest = self.bytes.get(at..)?;
            let section = frame::section(rest, &limits).ok()??;
            let offset = at.saturating_add(section.cid_at) as u64;
            at = at.saturating_add(section.end);
            Some(Block { cid: section.cid(rest).ok()?, bytes: section.block(rest), offset })
        });
        // Of those that are there twice, the first is in the index.
        sections.filter(|block| {
            let cid = block.cid.as_bytes();
            self.find(self.index.tag(cid), cid).is_some_and(|slot| slot.offset == block.offset)
        })
    }

    fn find(&self, tag: u32, cid: &[u8; Cid::LEN]) -> Option<&Slot> {
        let is_it = |slot: &Slot| Ok::<_, Infallible>(self.at(slot).first_chunk() == Some(cid));
        self.index.try_find(tag, is_it).unwrap_or_else(|never| match never {})
    }

    /// A block's CID.
    #[cfg(feature = "rayon")]
    pub(super) fn cid_at(&self, slot: &Slot) -> Option<&'a [u8; Cid::LEN]> {
        self.at(slot).first_chunk()
    }

    /// The file from a block's CID on.
    fn at(&self, slot: &Slot) -> &'a [u8] {
        usize::try_from(slot.offset).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default()
    }
}

impl Blocks for Car<'_> {
    type Error = Infallible;
    const HASHED: bool = true;

    fn get<'b>(&'b self, cid: &Cid, _: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>, Infallible> {
        Ok(Car::get(self, cid))
    }

    /// Brings what the searches will touch into the processor's caches: here they wait for memory together, where they
    /// would wait one after another. First for all slots, then for all CIDs in the file.
    fn prepare<'c>(&self, mut cids: impl Iterator<Item = &'c Cid>) {
        const TOGETHER: usize = 32;
        let (mut tags, mut sections) = ([0; TOGETHER], [&[][..]; TOGETHER]);
        loop {
            let mut count = 0_usize;
            for (tag, cid) in tags.iter_mut().zip(&mut cids) {
                *tag = self.index.tag(cid.as_bytes());
                count = count.saturating_add(1);
            }
            let tags = tags.get(..count).unwrap_or_default();
            self.index.touch_tags(tags.iter().copied());
            for (section, tag) in sections.iter_mut().zip(tags) {
                *section = self.index.first(*tag).map_or(&[][..], |slot| self.at(slot));
            }
            for section in sections.iter().take(count) {
                // A CID most often lies across two lines of a cache.
                std::hint::black_box((section.first().copied(), section.get(Cid::LEN).copied()));
            }
            if count < TOGETHER {
                return;
            }
        }
    }
}

impl Archive for Car<'_> {
    fn roots(&self) -> &[Cid] {
        &self.roots
    }
}
