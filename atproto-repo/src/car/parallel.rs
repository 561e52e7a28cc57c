use super::batch::Batch;
use super::frame::{self, Limits};
use super::index::Slot;
use super::{Car, CarError, CarReason};
use rayon::prelude::*;

/// As many sections as are handed to a thread at once.
const PIECE: usize = 8 * Batch::SIZE;

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
    fn hash_piece(&self, mut at: usize, limits: &Limits) -> Result<Vec<Slot>, CarError> {
        let (mut batch, mut slots) = (Batch::default(), Vec::with_capacity(PIECE));
        while slots.len() < PIECE && at < self.bytes.len() {
            at = self.hash_batch(at, limits, &mut batch, &mut slots)?;
        }
        Ok(slots)
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
        match section_at(bytes, at, limits) {
            Ok(section) => at = at.saturating_add(section.end),
            Err(error) => return (starts, Err(error)),
        }
        count = count.saturating_add(1);
    }
    (starts, Ok(()))
}

/// The section that begins at an offset of a whole file.
fn section_at(bytes: &[u8], at: usize, limits: &Limits) -> Result<frame::Section, CarError> {
    let fault = |reason| CarError { reason, offset: at as u64 };
    frame::section(bytes.get(at..).unwrap_or_default(), limits)
        .map_err(fault)?
        .ok_or(fault(CarReason::Truncated))
}
