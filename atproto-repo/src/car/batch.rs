use super::CarReason;
use super::frame::{self, Limits, Section};
use atproto_lexicon::data::Cid;

/// Sections that follow each other, hashed together: in a loop that does nothing else the processor overlaps the hashing of
/// one block with that of the next.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Each place counts from the end of the section before.
    sections: Vec<Section>,
    /// How many of them were taken.
    taken: usize,
    /// What is wrong after them.
    fault: Option<CarReason>,
}

impl Batch {
    /// As many sections as fit into the innermost caches, more or less.
    pub(crate) const SIZE: usize = 64;

    /// Frames and hashes the sections at the beginning of `rest`.
    pub(crate) fn fill(&mut self, rest: &[u8], limits: &Limits) {
        self.clear();
        let Self { sections, fault, .. } = self;
        let mut rest = rest;
        sections.reserve((rest.len() / 128).min(Self::SIZE));
        while sections.len() < Self::SIZE {
            match frame::section(rest, limits) {
                Ok(Some(section)) => {
                    let (now, later) = rest.split_at_checked(section.end).unwrap_or_default();
                    rest = later;
                    if let Err(reason) = section.check_hash(now) {
                        *fault = Some(reason);
                        return;
                    }
                    sections.push(section);
                }
                Ok(None) => return,
                Err(reason) => {
                    *fault = Some(reason);
                    return;
                }
            }
        }
    }

    /// All of them.
    pub(crate) fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// What is wrong after them.
    pub(crate) fn fault(&self) -> Option<CarReason> {
        self.fault
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.taken >= self.sections.len() && self.fault.is_none()
    }

    pub(crate) fn clear(&mut self) {
        self.sections.clear();
        self.taken = 0;
        self.fault = None;
    }

    /// The next section, where it lies at the beginning of `rest`, has this CID and is shorter than `large`.
    #[inline]
    pub(crate) fn next_if(&mut self, rest: &[u8], cid: &Cid, large: usize) -> Option<Section> {
        let section = *self.sections.get(self.taken)?;
        let found = rest.get(section.cid_at..)?.first_chunk()?;
        if found != cid.as_bytes() || section.block(rest).len() >= large {
            return None;
        }
        self.taken = self.taken.saturating_add(1);
        Some(section)
    }

    /// The next section; a fault comes again each time.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Section>, CarReason> {
        let section = self.sections.get(self.taken).copied();
        if section.is_none() {
            return self.fault.map_or(Ok(None), Err);
        }
        self.taken = self.taken.saturating_add(1);
        Ok(section)
    }
}
