use super::CarReason;
use crate::cid_hash::CidKeys;
use std::convert::Infallible;

/// Where each block of a file lies, by CID, in under 48 bytes a block while it grows and 26 after that: the CIDs stay in the
/// file.
///
/// Open addressing, of which a search most often touches one place in memory. The hash is keyed, so that CIDs which were
/// mined to collide do not. Slots are in the order of their tags, more or less, so that a larger table is filled from its
/// beginning to its end.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// At most four fifths are used; `offset` is 0 in an empty one, since every file begins with a header.
    slots: Vec<Slot>,
    len: usize,
    keys: CidKeys,
}

/// Where a block lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    /// Where its CID begins; the block comes right after.
    pub(super) offset: u64,
    pub(super) length: u32,
    /// Keyed hash of the CID.
    pub(super) tag: u32,
}

const MAX_BLOCKS: usize = 1 << 31;

impl Slot {
    pub(super) fn new(tag: u32, offset: u64, length: usize) -> Result<Self, CarReason> {
        let length = u32::try_from(length).map_err(|_| CarReason::TooLong { length: length as u64 })?;
        Ok(Self { offset, length, tag })
    }
}

impl Index {
    /// The number of blocks.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Makes room for this many blocks.
    pub(super) fn reserve(&mut self, blocks: usize) {
        let slots = slots_for(blocks);
        if slots > self.slots.len() {
            self.rebuild(slots);
        }
    }

    /// Gives back what was reserved in vain.
    pub(super) fn shrink(&mut self) {
        let slots = slots_for(self.len);
        // What is little is not worth placing all slots anew.
        if slots < self.slots.len().saturating_sub(self.slots.len() / 8) {
            self.rebuild(slots);
        }
    }

    fn rebuild(&mut self, slots: usize) {
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); slots]);
        old.into_iter().filter(|slot| slot.offset != 0).for_each(|slot| self.place(slot));
    }

    fn home(&self, tag: u32) -> usize {
        home(tag, self.slots.len())
    }

    /// All slots in the order in which a tag is looked for; one of them is empty.
    fn probe(&self, tag: u32) -> impl Iterator<Item = &Slot> {
        let (before, after) = self.slots.split_at_checked(self.home(tag)).unwrap_or_default();
        after.iter().chain(before)
    }

    /// Where the block with this tag lies; `is_it` compares the CID in the file.
    pub(super) fn try_find<E>(
        &self,
        tag: u32,
        mut is_it: impl FnMut(&Slot) -> Result<bool, E>,
    ) -> Result<Option<&Slot>, E> {
        for slot in self.probe(tag).take_while(|slot| slot.offset != 0) {
            if slot.tag == tag && is_it(slot)? {
                return Ok(Some(slot));
            }
        }
        Ok(None)
    }

    /// Brings the places of these blocks into the processor's caches.
    pub(super) fn touch(&self, blocks: &[Slot]) {
        self.touch_tags(blocks.iter().map(|slot| slot.tag));
    }

    /// Brings the slots of these tags into the processor's caches. The loop is so small that it waits for all of them at
    /// once.
    pub(super) fn touch_tags(&self, tags: impl Iterator<Item = u32>) {
        for tag in tags {
            std::hint::black_box(self.slots.get(self.home(tag)).map(|slot| slot.tag));
        }
    }

    /// The first slot with this tag, which most often is the one.
    pub(super) fn first(&self, tag: u32) -> Option<&Slot> {
        let found: Result<_, Infallible> = self.try_find(tag, |_| Ok(true));
        found.unwrap_or_else(|never| match never {})
    }

    /// Adds a block which is not there yet.
    pub(super) fn insert(&mut self, tag: u32, offset: u64, length: usize) -> Result<(), CarReason> {
        self.add(Slot::new(tag, offset, length)?)
    }

    pub(super) fn add(&mut self, slot: Slot) -> Result<(), CarReason> {
        // Tags tell no more slots apart.
        if self.len >= MAX_BLOCKS {
            return Err(CarReason::TooManyBlocks);
        }
        if slots_for(self.len.saturating_add(1)) > self.slots.len() {
            self.rebuild(slots_for(self.len.saturating_add(self.len / 4).saturating_add(8)));
        }
        self.len = self.len.saturating_add(1);
        self.place(slot);
        Ok(())
    }

    fn place(&mut self, slot: Slot) {
        let home = self.home(slot.tag);
        let (before, after) = self.slots.split_at_mut_checked(home).unwrap_or_default();
        if let Some(place) = after.iter_mut().chain(before).find(|place| place.offset == 0) {
            *place = slot;
        }
    }

    /// Keyed hash of a CID in binary form.
    #[inline]
    pub(super) fn tag(&self, cid: &[u8; 36]) -> u32 {
        let hash = self.keys.hash(cid);
        (hash >> 32) as u32 ^ hash as u32
    }
}

#[cfg(feature = "rayon")]
impl Index {
    /// An index, with the same keys, of the blocks in these slots: of those that are the same, the first.
    ///
    /// Each thread fills a part of the table of its own, and so takes the slots whose search begins there. What does not fit
    /// in before the end of its part is added afterwards.
    pub(super) fn fill_parallel(
        &self,
        pieces: &[Vec<Slot>],
        is_same: &(impl Fn(&Slot, &Slot) -> bool + Sync),
    ) -> Result<Self, CarReason> {
        use rayon::prelude::*;
        let count = pieces.iter().map(Vec::len).fold(0, usize::saturating_add);
        let mut index = Self { slots: vec![Slot::default(); slots_for(count)], len: 0, keys: self.keys };
        let part = index.slots.len().div_ceil(rayon::current_num_threads()).max(1);
        let total = index.slots.len();
        let home = |slot: &Slot| home(slot.tag, total);
        let filled: Vec<(usize, Vec<Slot>)> = index
            .slots
            .par_chunks_mut(part)
            .enumerate()
            .map(|(number, slots)| {
                let start = number.saturating_mul(part);
                let mut added = 0_usize;
                let mut rest = Vec::new();
                for slot in pieces.iter().flatten() {
                    let Some(at) = home(slot).checked_sub(start).filter(|at| *at < part) else { continue };
                    let places = slots.get_mut(at..).unwrap_or_default();
                    match places
                        .iter_mut()
                        .find(|place| place.offset == 0 || (place.tag == slot.tag && is_same(place, slot)))
                    {
                        Some(place) if place.offset == 0 => {
                            *place = *slot;
                            added = added.saturating_add(1);
                        }
                        Some(_) => {}
                        None => rest.push(*slot),
                    }
                }
                (added, rest)
            })
            .collect();
        index.len = filled.iter().map(|(added, _)| *added).fold(0, usize::saturating_add);
        for slot in filled.into_iter().flat_map(|(_, rest)| rest) {
            let found: Result<_, Infallible> = index.try_find(slot.tag, |other| Ok(is_same(other, &slot)));
            if found.unwrap_or_else(|never| match never {}).is_none() {
                index.add(slot)?;
            }
        }
        index.shrink();
        if index.len > MAX_BLOCKS { Err(CarReason::TooManyBlocks) } else { Ok(index) }
    }
}

/// Where the search for a tag begins in a table of this many slots.
fn home(tag: u32, slots: usize) -> usize {
    ((u64::from(tag).wrapping_mul(slots as u64)) >> 32) as usize
}

/// The number of slots for this many blocks.
fn slots_for(blocks: usize) -> usize {
    blocks.saturating_add(blocks / 4).saturating_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use atproto_lexicon::data::Cid;

    #[test]
    fn finds_what_was_inserted_in_less_than_48_bytes_each() {
        for count in [0_usize, 1, 2, 3, 5, 6, 7, 100, 3072, 3073, 10_000] {
            let cids: Vec<Cid> = (0..count).map(|number| Cid::of_dag_cbor(&number.to_le_bytes())).collect();
            let mut index = Index::default();
            for (number, cid) in cids.iter().enumerate() {
                index.insert(index.tag(cid.as_bytes()), number as u64 + 1, number).unwrap();
            }
            let find = |cid: &Cid, offset: u64| {
                index
                    .try_find(index.tag(cid.as_bytes()), |slot| Ok::<_, Infallible>(slot.offset == offset))
                    .unwrap()
            };
            for (number, cid) in cids.iter().enumerate() {
                assert_eq!(find(cid, number as u64 + 1).unwrap().length as usize, number);
                assert!(find(cid, 0).is_none());
            }
            assert_eq!(index.len(), count);
            assert!(count < 10 || index.slots.capacity() * size_of::<Slot>() < 48 * count);
        }
    }
}
