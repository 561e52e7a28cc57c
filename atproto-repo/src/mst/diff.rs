use super::{Limits, Progress, TreeError, TreeFault, Walk};
use crate::store::Blocks;
use atproto_lexicon::data::Cid;
use std::cmp::Ordering;
use std::collections::HashSet;

/// How one tree differs from another, in the order of the keys, without IO: a subtree that both have is left out, so that the work is
/// that of the difference. Every node supplied is checked as [`Walk`] does.
#[derive(Debug)]
pub struct Diff {
    before: Walk,
    after: Walk,
    /// Which walk needs a node.
    needs: Option<Side>,
    /// Nodes that were read of one tree and not of the other.
    created: HashSet<Cid>,
    removed: HashSet<Cid>,
    change: Option<Taken>,
}

/// One of the two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The tree as it was.
    Before,
    /// The tree as it is.
    After,
}

/// What a [`Diff`] does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffStep {
    /// It needs the block of this node, of this tree: [`Diff::supply`] it.
    Need(Side, Cid),
    /// It has come to a key whose value differs: see [`Diff::change`].
    Change,
    /// It is at its end.
    Done,
}

/// A key whose value differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'d> {
    /// The key: 1 to 1,024 bytes.
    pub key: &'d [u8],
    /// Its value before; `None` where it was created.
    pub before: Option<&'d Cid>,
    /// Its value after; `None` where it was deleted.
    pub after: Option<&'d Cid>,
}

/// Which walks have come to the key of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Before,
    After,
    Both,
}

impl Diff {
    /// The difference between the trees with these roots; `None` is a tree without keys and without a node.
    pub fn new(before: Option<Cid>, after: Option<Cid>) -> Self {
        let walk = |root: Option<Cid>| root.map_or_else(Walk::nowhere, Walk::new);
        Self {
            before: walk(before),
            after: walk(after),
            needs: None,
            created: HashSet::new(),
            removed: HashSet::new(),
            change: None,
        }
    }

    /// The same difference with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { before: self.before.with_limits(limits), after: self.after.with_limits(limits), ..self }
    }

    /// Goes on to the next key whose value differs, or as far as the blocks supplied allow.
    pub fn step(&mut self) -> DiffStep {
        match self.change.take() {
            Some(Taken::Before) => self.before.pass(),
            Some(Taken::After) => self.after.pass(),
            Some(Taken::Both) => self.pass_both(),
            None => {}
        }
        loop {
            let (before, after) = (self.before.look(), self.after.look());
            let side = match (before, after) {
                (Progress::Done, Progress::Done) => return DiffStep::Done,
                (Progress::Need, Progress::Need) if self.before.needed() == self.after.needed() => {
                    self.before.skip();
                    self.after.skip();
                    continue;
                }
                // The higher one may hold the other. Nobody knows how high a root is.
                (Progress::Need, Progress::Need) => {
                    let [before, after] = [&self.before, &self.after].map(Walk::needed_layer);
                    match (before, after) {
                        (None, _) => Side::Before,
                        (Some(before), Some(after)) if before >= after => Side::Before,
                        _ => Side::After,
                    }
                }
                (Progress::Need, _) => Side::Before,
                (_, Progress::Need) => Side::After,
                _ => match self.compare() {
                    Some(taken) => {
                        self.change = Some(taken);
                        return DiffStep::Change;
                    }
                    None => {
                        self.pass_both();
                        continue;
                    }
                },
            };
            self.needs = Some(side);
            if let Some(cid) = self.walk(side).needed() {
                return DiffStep::Need(side, *cid);
            }
        }
    }

    fn walk(&self, side: Side) -> &Walk {
        match side {
            Side::Before => &self.before,
            Side::After => &self.after,
        }
    }

    fn pass_both(&mut self) {
        self.before.pass();
        self.after.pass();
    }

    /// Compares the keys that the walks have come to: `None` where key and value are the same.
    fn compare(&self) -> Option<Taken> {
        let (before, after) = match (self.before.next_entry(), self.after.next_entry()) {
            (Some(before), Some(after)) => (before, after),
            (Some(_), None) => return Some(Taken::Before),
            (None, _) => return Some(Taken::After),
        };
        match before.key.cmp(after.key) {
            Ordering::Less => Some(Taken::Before),
            Ordering::Greater => Some(Taken::After),
            Ordering::Equal => (before.value != after.value).then_some(Taken::Both),
        }
    }

    /// The change that it has come to; `None` but after [`DiffStep::Change`].
    pub fn change(&self) -> Option<Change<'_>> {
        let taken = self.change?;
        let before = self.before.next_entry().filter(|_| taken != Taken::After);
        let after = self.after.next_entry().filter(|_| taken != Taken::Before);
        let key = before.or(after)?.key;
        Some(Change { key, before: before.map(|entry| entry.value), after: after.map(|entry| entry.value) })
    }

    /// Gives it the block that it needs; hashes it.
    ///
    /// # Errors
    /// [`TreeFault`]; it stays where it is.
    pub fn supply(&mut self, block: &[u8]) -> Result<(), TreeFault> {
        self.supply_with(|walk| walk.supply(block))
    }

    /// [`supply`](Self::supply) without hashing: the caller has compared the block with its CID.
    ///
    /// # Errors
    /// [`TreeFault`]; it stays where it is.
    pub fn supply_unchecked(&mut self, block: &[u8]) -> Result<(), TreeFault> {
        self.supply_with(|walk| walk.supply_unchecked(block))
    }

    fn supply_with(
        &mut self,
        supply: impl FnOnce(&mut Walk) -> Result<(), TreeFault>,
    ) -> Result<(), TreeFault> {
        let (walk, these, those) = match self.needs {
            Some(Side::Before) => (&mut self.before, &mut self.removed, &mut self.created),
            Some(Side::After) => (&mut self.after, &mut self.created, &mut self.removed),
            None => return Ok(()),
        };
        let Some(cid) = walk.needed().copied() else { return Ok(()) };
        supply(walk)?;
        self.needs = None;
        // A node that stands in both trees is read of both, or of neither.
        if !those.remove(&cid) {
            these.insert(cid);
        }
        Ok(())
    }

    /// The nodes that only the tree after has, in no order: all of them at the end.
    pub fn created_nodes(&self) -> impl Iterator<Item = &Cid> {
        self.created.iter()
    }

    /// The nodes that only the tree before has, in no order: all of them at the end.
    pub fn removed_nodes(&self) -> impl Iterator<Item = &Cid> {
        self.removed.iter()
    }
}

/// A [`Diff`] over the [`Blocks`] of both trees.
#[derive(Debug)]
pub struct TreeDiff<'b, A, B> {
    diff: Diff,
    before: &'b A,
    after: &'b B,
    buf: Vec<u8>,
}

impl<'b, A: Blocks, B: Blocks<Error = A::Error>> TreeDiff<'b, A, B> {
    /// The difference between a tree in `before` and one in `after`; `None` is a tree without keys and without a node.
    pub fn new(before: (&'b A, Option<Cid>), after: (&'b B, Option<Cid>)) -> Self {
        Self { diff: Diff::new(before.1, after.1), before: before.0, after: after.0, buf: Vec::new() }
    }

    /// The next key whose value differs; `None` at the end.
    ///
    /// # Errors
    /// [`TreeError`], and the same again on every further call.
    #[allow(clippy::should_implement_trait, reason = "what it yields is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<Change<'_>>, TreeError<A::Error>> {
        loop {
            match self.diff.step() {
                DiffStep::Change => return Ok(self.diff.change()),
                DiffStep::Done => return Ok(None),
                DiffStep::Need(Side::Before, cid) => {
                    supply(&mut self.diff, self.before, &cid, &mut self.buf)?
                }
                DiffStep::Need(Side::After, cid) => supply(&mut self.diff, self.after, &cid, &mut self.buf)?,
            }
        }
    }

    /// The nodes that only the tree after has, in no order: all of them at the end.
    pub fn created_nodes(&self) -> impl Iterator<Item = &Cid> {
        self.diff.created_nodes()
    }

    /// The nodes that only the tree before has, in no order: all of them at the end.
    pub fn removed_nodes(&self) -> impl Iterator<Item = &Cid> {
        self.diff.removed_nodes()
    }
}

fn supply<B: Blocks>(
    diff: &mut Diff,
    blocks: &B,
    cid: &Cid,
    buf: &mut Vec<u8>,
) -> Result<(), TreeError<B::Error>> {
    let block = blocks.get(cid, buf).map_err(TreeError::Source)?.ok_or(TreeError::Incomplete(*cid))?;
    if B::HASHED {
        diff.supply_unchecked(block)?
    } else {
        diff.supply(block)?
    }
    Ok(())
}
