//! The account that publishes a lexicon (<https://atproto.com/specs/lexicon#lexicon-publication-and-resolution>).

use super::handle::{MAX_NAME, read_did, read_records};
use super::{Answer, Resolution, Step};
use crate::error::ResolveError;
use atproto_lexicon::syntax::{Did, Nsid};

/// Finds the account that publishes the schemas of an NSID and of all others that differ only in their last segment. DNS alone says
/// it, for exactly this authority: nothing above or below it is asked. The answer should not be kept for long, since no event says
/// that it has changed.
#[derive(Debug, Clone)]
pub struct LexiconResolution {
    name: String,
    done: Option<Result<Did, ResolveError>>,
}

impl LexiconResolution {
    /// Begins with an NSID.
    pub fn new(nsid: &Nsid) -> Self {
        let name = format!("_lexicon.{}", nsid.authority());
        let done = (name.len() > MAX_NAME).then_some(Err(ResolveError::NotFound));
        Self { name, done }
    }
}

impl Resolution for LexiconResolution {
    type Output = Did;

    fn step(&self) -> Step<Did> {
        self.done.clone().map_or_else(|| Step::Dns(self.name.clone()), Step::Done)
    }

    fn answer(&mut self, answer: Answer) {
        let Answer::Dns(records) = answer else { return };
        self.done.get_or_insert(match records.as_deref().map(read_records) {
            Ok(Ok(None)) => Err(ResolveError::NotFound),
            Ok(Ok(Some(value))) => read_did(value),
            Ok(Err(conflict)) => Err(conflict),
            Err(_) => Err(ResolveError::unreachable(None)),
        });
    }
}
