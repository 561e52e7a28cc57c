use super::frame::{self, Limits};
use super::index::{Index, Slot};
use super::{Block, CarError, CarReason};
use crate::store::{Archive, Blocks};
use atproto_lexicon::data::Cid;
use std::convert::Infallible;
use std::ops::Range;

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
        let mut batch = Vec::with_capacity(BATCH);
        while at < bytes.len() {
            let framed = frame_batch(bytes, &mut at, limits, &mut batch, BATCH);
            // What comes earlier in the file is said first.
            car.add(&batch)?;
            framed?;
            if car.index.len() == BATCH {
                // The blocks to come are likely to be as long as the first ones; where these are tiny, that is not believed.
                let blocks = bytes.len().saturating_mul(BATCH).checked_div(at).unwrap_or_default();
                car.index.reserve(blocks.min(bytes.len() / 128));
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

    /// Hashes some blocks, and adds them to the index.
    ///
    /// Each step is a loop of its own: the processor overlaps the hashing of blocks that follow each other, and then the
    /// waiting for memory of the index.
    fn add(&mut self, batch: &[Framed]) -> Result<(), CarError> {
        self.check_hashes(batch)?;
        let mut tags = [0; BATCH];
        for (tag, framed) in tags.iter_mut().zip(batch) {
            *tag = self.index.tag(&framed.cid);
        }
        self.index.touch(tags.get(..batch.len()).unwrap_or_default());
        for (tag, framed) in tags.into_iter().zip(batch) {
            if self.find(tag, &framed.cid).is_none() {
                let offset = framed.block.start.saturating_sub(Cid::LEN) as u64;
                let added = self.index.insert(tag, offset, framed.block.len());
                added.map_err(|reason| framed.fault(reason))?;
            }
        }
        Ok(())
    }

    pub(super) fn check_hashes(&self, batch: &[Framed]) -> Result<(), CarError> {
        for framed in batch {
            let block = self.bytes.get(framed.block.clone()).unwrap_or_default();
            if !framed.cid.matches(block) {
                return Err(framed.fault(CarReason::Hash(framed.cid)));
            }
        }
        Ok(())
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
        let slot = self.find(self.index.tag(cid), cid)?;
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
            at = at.saturating_add(section.block.end);
            Some(Block { cid: section.cid, bytes: rest.get(section.block)?, offset })
        });
        // Of those that are there twice, the first is in the index.
        sections.filter(|block| {
            self.find(self.index.tag(&block.cid), &block.cid).is_some_and(|slot| slot.offset == block.offset)
        })
    }

    fn find(&self, tag: u32, cid: &Cid) -> Option<&Slot> {
        let is_it = |slot: &Slot| Ok::<_, Infallible>(self.at(slot).starts_with(cid.as_bytes()));
        self.index.try_find(tag, is_it).unwrap_or_else(|never| match never {})
    }

    /// The file from a block's CID on.
    pub(super) fn at(&self, slot: &Slot) -> &'a [u8] {
        usize::try_from(slot.offset).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default()
    }
}

/// A section of the file.
pub(super) struct Framed {
    pub(super) cid: Cid,
    /// Where the section begins.
    at: usize,
    pub(super) block: Range<usize>,
}

impl Framed {
    pub(super) fn fault(&self, reason: CarReason) -> CarError {
        CarError { reason, offset: self.at as u64 }
    }
}

/// As many blocks as fit into the innermost cache with their index, more or less.
const BATCH: usize = 64;

/// Frames the next sections from `at` on, at most `count` of them.
pub(super) fn frame_batch(
    bytes: &[u8],
    at: &mut usize,
    limits: &Limits,
    batch: &mut Vec<Framed>,
    count: usize,
) -> Result<(), CarError> {
    batch.clear();
    while batch.len() < count && *at < bytes.len() {
        let section = frame::section_at(bytes, *at, limits)?;
        let end = at.saturating_add(section.block.end);
        batch.push(Framed { cid: section.cid, at: *at, block: at.saturating_add(section.block.start)..end });
        *at = end;
    }
    Ok(())
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
                *tag = self.index.tag(cid);
                count = count.saturating_add(1);
            }
            let tags = tags.get(..count).unwrap_or_default();
            self.index.touch(tags);
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
