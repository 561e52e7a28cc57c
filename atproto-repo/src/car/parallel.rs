use super::frame::{self, Limits};
use super::index::Slot;
use super::slice::{Framed, frame_batch};
use super::{Car, CarError};
use atproto_lexicon::data::Cid;
use rayon::prelude::*;

/// As many sections as are handed to a thread at once.
const PIECE: usize = 512;

impl<'a> Car<'a> {
    /// [`parse`](Self::parse) on all threads of the current `rayon` pool: the same blocks, or the same fault.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_parallel(bytes: &'a [u8]) -> Result<Self, CarError> {
        Self::parse_parallel_with(bytes, &Limits::default())
    }

    /// [`parse_parallel`](Self::parse_parallel) with other limits.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_parallel_with(bytes: &'a [u8], limits: &Limits) -> Result<Self, CarError> {
        let mut car = Self::parse_header(bytes, limits)?;
        let (starts, framed) = pieces(bytes, car.blocks_at, limits);
        let hashed: Vec<_> = starts.par_iter().map(|start| car.hash_piece(*start, limits)).collect();
        // What comes earlier in the file is said first.
        let slots = hashed.into_iter().collect::<Result<Vec<_>, _>>()?;
        framed?;
        let is_same = |a: &Slot, b: &Slot| car.cid_at(a) == car.cid_at(b);
        let index = car.index.fill_parallel(&slots, &is_same);
        car.index = index.map_err(|reason| CarError { reason, offset: bytes.len() as u64 })?;
        Ok(car)
    }

    /// Hashes the sections of one piece.
    fn hash_piece(&self, start: usize, limits: &Limits) -> Result<Vec<Slot>, CarError> {
        let mut at = start;
        let mut batch = Vec::with_capacity(PIECE);
        // A fault of framing behind the last whole piece is said by who made the pieces.
        let _ = frame_batch(self.bytes, &mut at, limits, &mut batch, PIECE);
        self.check_hashes(&batch)?;
        batch.iter().map(|framed| self.slot(framed)).collect()
    }

    fn cid_at(&self, slot: &Slot) -> Option<&'a [u8]> {
        self.at(slot).get(..Cid::LEN)
    }

    fn slot(&self, framed: &Framed) -> Result<Slot, CarError> {
        let offset = framed.block.start.saturating_sub(Cid::LEN) as u64;
        Slot::new(self.index.tag(&framed.cid), offset, framed.block.len())
            .map_err(|reason| framed.fault(reason))
    }
}

/// Where each piece begins, and the fault that ended the framing.
fn pieces(bytes: &[u8], first: usize, limits: &Limits) -> (Vec<usize>, Result<(), CarError>) {
    let mut starts = Vec::new();
    let mut at = first;
    let mut count = 0_usize;
    while at < bytes.len() {
        if count.is_multiple_of(PIECE) {
            starts.push(at);
        }
        match frame::section_at(bytes, at, limits) {
            Ok(section) => at = at.saturating_add(section.block.end),
            Err(error) => return (starts, Err(error)),
        }
        count = count.saturating_add(1);
    }
    (starts, Ok(()))
}
