use super::CarReason;
use atproto_lexicon::data::Cid;
use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};

/// Where each block of a file lies, by CID, in under 48 bytes a block while it grows and 26 after that: the CIDs stay in the
/// file.
///
/// Open addressing, of which a search most often touches one place in memory. The hash is keyed, so that CIDs which were
/// mined to collide do not. Slots are in the order of their tags, more or less, so that a larger table is filled from its
/// beginning to its end.
#[derive(Debug)]
pub(super) struct Index {
    /// At most four fifths are used; `offset` is 0 in an empty one, since every file begins with a header.
    slots: Vec<Slot>,
    len: usize,
    keys: [u64; 4],
}

/// Where a block lies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slot {
    /// Where its CID begins; the block comes right after.
    pub(super) offset: u64,
    pub(super) length: u32,
    /// Keyed hash of the CID.
    tag: u32,
}

impl Default for Index {
    fn default() -> Self {
        let state = RandomState::new();
        Self {
            slots: Vec::new(),
            len: 0,
            keys: [0_u64, 1, 2, 3].map(|number| state.hash_one(number)),
        }
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

    /// Where the search for a tag begins.
    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag).wrapping_mul(self.slots.len() as u64)) >> 32) as usize
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

    /// Brings the slots of these tags into the processor's caches. The loop is so small that it waits for all of them at
    /// once.
    pub(super) fn touch(&self, tags: &[u32]) {
        for tag in tags {
            std::hint::black_box(self.slots.get(self.home(*tag)).map(|slot| slot.tag));
        }
    }

    /// The first slot with this tag, which most often is the one.
    pub(super) fn first(&self, tag: u32) -> Option<&Slot> {
        let found: Result<_, Infallible> = self.try_find(tag, |_| Ok(true));
        found.unwrap_or_else(|never| match never {})
    }

    /// Adds a block which is not there yet.
    pub(super) fn insert(&mut self, tag: u32, offset: u64, length: usize) -> Result<(), CarReason> {
        let length = u32::try_from(length).map_err(|_| CarReason::TooLong { length: length as u64 })?;
        // Tags tell no more slots apart.
        if self.len >= (1 << 31) {
            return Err(CarReason::TooManyBlocks);
        }
        if slots_for(self.len.saturating_add(1)) > self.slots.len() {
            self.rebuild(slots_for(self.len.saturating_add(self.len / 4).saturating_add(8)));
        }
        self.len = self.len.saturating_add(1);
        self.place(Slot { offset, length, tag });
        Ok(())
    }

    fn place(&mut self, slot: Slot) {
        let home = self.home(slot.tag);
        let (before, after) = self.slots.split_at_mut_checked(home).unwrap_or_default();
        if let Some(place) = after.iter_mut().chain(before).find(|place| place.offset == 0) {
            *place = slot;
        }
    }

    /// Keyed hash of a CID. Digests need no mixing among themselves, only with what nobody outside knows.
    pub(super) fn tag(&self, cid: &Cid) -> u32 {
        let [a, b, c, d] = self.keys;
        let mut words = cid.digest().as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut word = |key: u64| u128::from(words.next().unwrap_or_default() ^ key);
        let product = word(a).wrapping_mul(word(b)) ^ word(c).wrapping_mul(word(d)).rotate_left(32);
        let folded = (product >> 64) as u64 ^ product as u64 ^ u64::from(cid.codec() as u8);
        (folded >> 32) as u32 ^ folded as u32
    }
}

/// The number of slots for this many blocks.
fn slots_for(blocks: usize) -> usize {
    blocks.saturating_add(blocks / 4).saturating_add(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_in_less_than_48_bytes_each() {
        for count in [0_usize, 1, 2, 3, 5, 6, 7, 100, 3072, 3073, 10_000] {
            let cids: Vec<Cid> = (0..count).map(|number| Cid::of_dag_cbor(&number.to_le_bytes())).collect();
            let mut index = Index::default();
            for (number, cid) in cids.iter().enumerate() {
                index.insert(index.tag(cid), number as u64 + 1, number).unwrap();
            }
            let find = |cid: &Cid, offset: u64| {
                index.try_find(index.tag(cid), |slot| Ok::<_, Infallible>(slot.offset == offset)).unwrap()
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
