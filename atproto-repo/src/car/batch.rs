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
    /// As many sections as fit into the innermost cache, more or less.
    const SIZE: usize = 64;

    /// Frames and hashes the sections at the beginning of `rest`.
    pub(crate) fn fill(&mut self, rest: &[u8], limits: &Limits) {
        self.clear();
        let Self { sections, fault, .. } = self;
        let mut rest = rest;
        while sections.len() < Self::SIZE {
            match frame::section(rest, limits) {
                Ok(Some(section)) => {
                    let (now, later) = rest.split_at_checked(section.block.end).unwrap_or_default();
                    rest = later;
                    if !section.cid.matches(now.get(section.block.start..).unwrap_or_default()) {
                        *fault = Some(CarReason::Hash(section.cid));
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

    pub(crate) fn is_empty(&self) -> bool {
        self.taken >= self.sections.len() && self.fault.is_none()
    }

    pub(crate) fn clear(&mut self) {
        self.sections.clear();
        self.taken = 0;
        self.fault = None;
    }

    /// The CID of the section taken last.
    #[inline]
    pub(crate) fn cid(&self) -> Option<&Cid> {
        self.sections.get(self.taken.checked_sub(1)?).map(|section| &section.cid)
    }

    /// The next section; a fault comes again each time.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<&Section>, CarReason> {
        let section = self.sections.get(self.taken);
        if section.is_none() {
            return self.fault.map_or(Ok(None), Err);
        }
        self.taken = self.taken.saturating_add(1);
        Ok(section)
    }
}
