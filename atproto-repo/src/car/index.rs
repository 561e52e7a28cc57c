use super::CarReason;
use atproto_lexicon::data::Cid;
use std::hash::{BuildHasher as _, RandomState};

/// Where each block of a file lies, by CID, in under 48 bytes a block: the CIDs stay in the file.
///
/// The hash is keyed, so that CIDs mined to collide do not.
#[derive(Debug, Default)]
pub(super) struct Index {
    entries: Vec<Entry>,
    /// Open addressing, a power of two of them: an entry's number plus one, or 0.
    slots: Vec<u32>,
    state: RandomState,
}

/// Where a block lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where its CID begins; the block comes right after.
    pub(super) offset: u64,
    pub(super) length: u32,
    /// Keyed hash of the CID.
    tag: u32,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The entries that may be this CID's, most often one or none: the caller compares the CID in the file.
    pub(super) fn candidates(&self, cid: &Cid) -> impl Iterator<Item = &Entry> {
        let tag = self.tag(cid);
        let mut slot = tag as usize;
        std::iter::from_fn(move || {
            let number = self.slots.get(slot & self.mask()).copied().unwrap_or(0);
            slot = slot.wrapping_add(1);
            // An empty slot ends the run; the table is never full.
            self.entries.get((number as usize).checked_sub(1)?)
        })
        .filter(move |entry| entry.tag == tag)
    }

    /// Adds a block which is not there yet.
    pub(super) fn insert(&mut self, cid: &Cid, offset: u64, length: usize) -> Result<(), CarReason> {
        let tag = self.tag(cid);
        let length = u32::try_from(length).map_err(|_| CarReason::TooLong {
            length: length as u64,
        })?;
        // Three quarters full at most.
        if self.entries.len().saturating_mul(4) >= self.slots.len().saturating_mul(3) {
            self.grow();
        }
        self.entries.push(Entry { offset, length, tag });
        let number = u32::try_from(self.entries.len())
            .ok()
            .filter(|number| *number < u32::MAX);
        self.place(tag, number.ok_or(CarReason::TooManyBlocks)?);
        Ok(())
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len().saturating_mul(2).max(16)];
        let tags: Vec<(u32, u32)> = (1_u32..)
            .zip(&self.entries)
            .map(|(number, entry)| (entry.tag, number))
            .collect();
        for (tag, number) in tags {
            self.place(tag, number);
        }
    }

    fn place(&mut self, tag: u32, number: u32) {
        let mask = self.mask();
        let mut at = tag as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == 0 {
                *slot = number;
                return;
            }
            at = at.wrapping_add(1) & mask;
        }
    }

    fn mask(&self) -> usize {
        self.slots.len().saturating_sub(1)
    }

    fn tag(&self, cid: &Cid) -> u32 {
        self.state.hash_one(cid.as_bytes()) as u32
    }
}
