use super::branch::{Branch, Child, Loaded, Subtree};
use super::place::Place;
use super::{EditError, Limits, Node, TreeFault};
use atproto_lexicon::data::Cid;
use std::collections::HashMap;

/// The keys around a node.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Around<'a> {
    lower: Option<&'a [u8]>,
    upper: Option<&'a [u8]>,
}

impl<'a> Around<'a> {
    /// Those around a subtree of a node.
    pub(super) fn below(self, node: &'a Node, index: usize) -> Self {
        let key = |index: usize| node.entries().get(index).map(|entry| node.key(entry));
        Self { lower: index.checked_sub(1).and_then(key).or(self.lower), upper: key(index).or(self.upper) }
    }
}

/// Where nodes come from.
pub(super) struct Loader<'a, R> {
    pub(super) supplied: &'a mut HashMap<Cid, Loaded>,
    pub(super) limits: &'a Limits,
    pub(super) read: &'a mut R,
}

impl<E: From<EditError>, R: FnMut(&Cid) -> Result<Option<Loaded>, E>> Loader<'_, R> {
    pub(super) fn node(&mut self, cid: &Cid) -> Result<Option<Loaded>, E> {
        if !self.supplied.is_empty()
            && let Some(loaded) = self.supplied.remove(cid)
        {
            return Ok(Some(loaded));
        }
        (self.read)(cid)
    }

    pub(super) fn check(&self, cid: &Cid, node: &Node, place: Place<'_>) -> Result<u32, E> {
        place
            .check(node, self.limits)
            .map_err(|(entry, reason)| EditError::Tree(TreeFault { node: *cid, entry, reason }).into())
    }

    /// Loads a subtree of a node, if there is one; its CID where it cannot be read.
    pub(super) fn child(
        &mut self,
        branch: &mut Branch,
        index: usize,
        around: Around<'_>,
    ) -> Result<Result<(), Cid>, E> {
        let Child::Stub(cid) = branch.child(index) else { return Ok(Ok(())) };
        let cid = *cid;
        let Some(loaded) = self.node(&cid)? else { return Ok(Err(cid)) };
        let Around { lower, upper } = around.below(&branch.node, index);
        let place = Place { layer: Some(branch.layer.saturating_sub(1)), lower, upper };
        let layer = self.check(&cid, &loaded.node, place)?;
        branch.put(index, Subtree::Loaded(Branch::loaded(loaded, layer, cid)));
        Ok(Ok(()))
    }

    /// Loads a subtree along one of its edges, of which `next` gives the way in each node.
    pub(super) fn edge<'b>(
        &mut self,
        mut branch: &'b mut Branch,
        mut index: usize,
        next: impl Fn(&Branch) -> usize,
        mut around: Around<'b>,
        missing: &mut impl FnMut(Cid),
    ) -> Result<(), E> {
        loop {
            if let Err(cid) = self.child(branch, index, around)? {
                missing(cid);
                return Ok(());
            }
            let (node, child) = branch.parts_mut(index);
            around = around.below(node, index);
            let Some(child) = child else { return Ok(()) };
            index = next(child);
            branch = child;
        }
    }

    /// Loads what is needed to bring together the subtrees on both sides of an entry: as deep as there are two.
    pub(super) fn seam(
        &mut self,
        branch: &mut Branch,
        index: usize,
        around: Around<'_>,
        missing: &mut impl FnMut(Cid),
    ) -> Result<(), E> {
        let after = index.saturating_add(1);
        if matches!(branch.child(index), Child::None) || matches!(branch.child(after), Child::None) {
            return Ok(());
        }
        let found = (self.child(branch, index, around)?, self.child(branch, after, around)?);
        if !self.are_loaded(found, missing) {
            return Ok(());
        }
        let (node, mut left, mut right) = branch.pair_mut(index);
        let (mut before, mut behind) = (around.below(node, index), around.below(node, after));
        while let (Some(low), Some(high)) = (left, right) {
            if low.entries().len().saturating_add(high.entries().len()) > self.limits.entries {
                return Err(EditError::Limits.into());
            }
            let last = low.last_child();
            if matches!(low.child(last), Child::None) || matches!(high.child(0), Child::None) {
                return Ok(());
            }
            let found = (self.child(low, last, before)?, self.child(high, 0, behind)?);
            if !self.are_loaded(found, missing) {
                return Ok(());
            }
            let (node, child) = low.parts_mut(last);
            before = before.below(node, last);
            left = child;
            let (node, child) = high.parts_mut(0);
            behind = behind.below(node, 0);
            right = child;
        }
        Ok(())
    }

    fn are_loaded(
        &self,
        (left, right): (Result<(), Cid>, Result<(), Cid>),
        missing: &mut impl FnMut(Cid),
    ) -> bool {
        let are_loaded = left.is_ok() && right.is_ok();
        left.err().into_iter().chain(right.err()).for_each(missing);
        are_loaded
    }
}
