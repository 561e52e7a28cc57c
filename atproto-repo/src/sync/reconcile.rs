use crate::repo::{Error, Missing, RecordChange, RecordWalk};
use crate::store::Blocks;
use atproto_lexicon::data::Cid;
use std::cmp::Ordering;
use std::iter::Peekable;

/// What leads from stored records to those of a repository that was fetched, in the order of the paths: each a creation, an update
/// or a deletion. It holds one record of either side.
#[allow(missing_debug_implementations, reason = "of no use, and would ask for it of the iterator")]
pub struct Reconcile<'b, B, I: Iterator> {
    stored: Peekable<I>,
    walk: RecordWalk<'b, B>,
    fetched: Option<(String, Cid)>,
    is_begun: bool,
    /// Why it cannot go on.
    fault: Option<Missing>,
}

impl<'b, B: Blocks, I: Iterator<Item = (String, Cid)>> Reconcile<'b, B, I> {
    /// Compares the paths and CIDs of the stored records, in the order of the paths' bytes, with all records of the repository
    /// ([`UnsignedRepo::walk`](crate::repo::UnsignedRepo::walk)).
    pub fn new(stored: I, walk: RecordWalk<'b, B>) -> Self {
        Self { stored: stored.peekable(), walk, fetched: None, is_begun: false, fault: None }
    }

    /// The next change; `None` at the end. Only there is it certain that the tree is valid; whether the records are there is not looked
    /// at.
    ///
    /// # Errors
    /// [`Error`], and the same again on every further call: nothing that was said before may be kept, since a part of the tree is
    /// missing or invalid.
    #[allow(clippy::should_implement_trait, reason = "as the other walks")]
    pub fn next(&mut self) -> Result<Option<RecordChange>, Error<B::Error>> {
        if let Some(missing) = &self.fault {
            return Err(Error::Incomplete(missing.clone()));
        }
        if !self.is_begun {
            self.advance()?;
            self.is_begun = true;
        }
        loop {
            let order = match (self.stored.peek(), &self.fetched) {
                (None, None) => return Ok(None),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((stored, _)), Some((fetched, _))) => stored.cmp(fetched),
            };
            let stored = if order.is_le() { self.stored.next() } else { None };
            let fetched = if order.is_ge() { self.advance()? } else { None };
            let (prev, cid) = (stored.as_ref().map(|(_, cid)| *cid), fetched.as_ref().map(|(_, cid)| *cid));
            if prev != cid
                && let Some((path, _)) = stored.or(fetched)
            {
                return Ok(Some(RecordChange { path, cid, prev }));
            }
        }
    }

    /// Goes on in the repository; what was there.
    fn advance(&mut self) -> Result<Option<(String, Cid)>, Error<B::Error>> {
        let next = self.walk.next_path().inspect_err(|error| {
            // The walk itself repeats all but this.
            if let Error::Incomplete(missing) = error {
                self.fault = Some(missing.clone());
            }
        })?;
        let next = next.map(|(path, cid)| (path.to_owned(), cid));
        Ok(std::mem::replace(&mut self.fetched, next))
    }
}
