use super::super::walk::{Paths, path};
use super::super::{Commit, CommitReason, Entry, Invalid, Missing, Record, Summary};
use crate::mst::{Progress, TreeEntry, Walk};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Cid, Codec};
use atproto_lexicon::syntax::Did;

/// The order in which a repository's blocks are asked for, and what each is checked as. Every block given to it has been hashed.
#[derive(Debug)]
pub(super) struct Pass {
    signer: Option<(Did, PublicKey)>,
    commit: Option<Commit>,
    stage: Stage,
    paths: Paths,
    records: u64,
}

#[derive(Debug)]
enum Stage {
    Root,
    Commit(Cid),
    Tree(Box<Tree>),
    /// Without a commit, there is nothing more to read.
    End,
}

#[derive(Debug)]
struct Tree {
    commit: Cid,
    walk: Walk,
    at: At,
}

/// What the walk has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// A node, whose block comes next, or the end.
    Node,
    /// A key, and the record's block comes next.
    Key,
    /// A key, and the record's block has come.
    Record,
}

impl Pass {
    pub(super) fn new(signer: Option<(Did, PublicKey)>) -> Self {
        Self { signer, commit: None, stage: Stage::Root, paths: Paths::default(), records: 0 }
    }

    #[inline]
    pub(super) fn needs_root(&self) -> bool {
        matches!(self.stage, Stage::Root)
    }

    pub(super) fn is_at_commit(&self) -> bool {
        matches!(self.stage, Stage::Commit(_))
    }

    /// Whether the block that is wanted is a record's.
    #[inline]
    pub(super) fn is_at_key(&self) -> bool {
        matches!(&self.stage, Stage::Tree(tree) if tree.at == At::Key)
    }

    pub(super) fn set_root(&mut self, roots: &[Cid]) -> Result<(), Invalid> {
        let commit = *roots.first().ok_or(Invalid::NoRoot)?;
        if commit.codec() != Codec::DagCbor {
            return Err(Invalid::Commit { commit, reason: CommitReason::Codec });
        }
        self.stage = Stage::Commit(commit);
        Ok(())
    }

    /// Goes on to the block that is needed next; `None` at the end.
    #[inline]
    pub(super) fn go_on(&mut self) -> Result<Option<&Cid>, Invalid> {
        let tree = match &mut self.stage {
            Stage::Tree(tree) => tree,
            Stage::Commit(cid) => return Ok(Some(cid)),
            Stage::Root | Stage::End => return Ok(None),
        };
        if tree.at != At::Key {
            tree.at = At::Node;
            if tree.walk.advance() != Progress::Entry {
                return Ok(tree.walk.needed());
            }
        }
        let Some(entry) = tree.walk.entry() else { return Ok(None) };
        if tree.at != At::Key {
            self.paths.check(entry.key)?;
            tree.at = At::Key;
        }
        Ok(Some(entry.value))
    }

    /// Takes the block that was wanted; whether it is a record's.
    #[inline]
    pub(super) fn accept(&mut self, block: &[u8]) -> Result<bool, Invalid> {
        match &mut self.stage {
            Stage::Commit(cid) => {
                let cid = *cid;
                self.accept_commit(cid, block).map_err(|reason| Invalid::Commit { commit: cid, reason })?;
            }
            Stage::Tree(tree) if tree.at == At::Node => tree.walk.supply_unchecked(block)?,
            Stage::Tree(tree) => {
                tree.at = At::Record;
                self.records = self.records.saturating_add(1);
                return Ok(true);
            }
            Stage::Root | Stage::End => {}
        }
        Ok(false)
    }

    /// Goes on over records of one leaf for as long as `is_next` says that the block which comes next is theirs.
    #[inline]
    pub(super) fn run(&mut self, mut is_next: impl FnMut(&Cid) -> bool) {
        let Stage::Tree(tree) = &mut self.stage else { return };
        if tree.at == At::Key {
            return;
        }
        let (paths, mut taken) = (&self.paths, 0_u64);
        tree.walk.run(|entry, shared| {
            let is_taken = paths.continues(entry.key, shared) && is_next(entry.value);
            taken = taken.saturating_add(u64::from(is_taken));
            is_taken
        });
        if taken > 0 {
            tree.at = At::Record;
            self.records = self.records.saturating_add(taken);
        }
    }

    fn accept_commit(&mut self, cid: Cid, block: &[u8]) -> Result<(), CommitReason> {
        let commit = Commit::decode(block)?;
        if let Some((did, key)) = &self.signer {
            commit.verify(did, key)?;
        }
        let walk = Walk::new(commit.data);
        self.commit = Some(commit);
        self.stage = Stage::Tree(Box::new(Tree { commit: cid, walk, at: At::Node }));
        Ok(())
    }

    /// Leaves out the block that was wanted and all that hangs on it.
    pub(super) fn skip(&mut self, wanted: Cid) -> Missing {
        let Stage::Tree(tree) = &mut self.stage else {
            self.stage = Stage::End;
            return Missing::Commit(wanted);
        };
        if tree.at == At::Key {
            tree.at = At::Node;
            let path = tree.walk.entry().map(path).unwrap_or_default();
            return Missing::Record { path: path.into(), cid: wanted };
        }
        tree.walk.skip();
        Missing::Node(wanted)
    }

    /// The record that it is at, with its block.
    #[inline]
    pub(super) fn record<'a>(&self, block: &'a [u8]) -> Option<Record<'a>> {
        self.at_record().map(|entry| Record { cid: *entry.value, bytes: block })
    }

    /// [`record`](Self::record) with its path.
    pub(super) fn entry<'a>(&'a self, block: &'a [u8]) -> Option<Entry<'a>> {
        let (path, record) = (path(self.at_record()?), self.record(block)?);
        Some(Entry { path, cid: record.cid, record })
    }

    #[inline]
    fn at_record(&self) -> Option<TreeEntry<'_>> {
        let Stage::Tree(tree) = &self.stage else { return None };
        tree.walk.entry().filter(|_| tree.at == At::Record)
    }

    /// Forgets the block of the record that it is at.
    pub(super) fn leave_record(&mut self) {
        if let Stage::Tree(tree) = &mut self.stage
            && tree.at == At::Record
        {
            tree.at = At::Node;
        }
    }

    pub(super) fn commit(&self) -> Option<&Commit> {
        self.commit.as_ref()
    }

    pub(super) fn commit_cid(&self) -> Option<&Cid> {
        match &self.stage {
            Stage::Tree(tree) => Some(&tree.commit),
            _ => None,
        }
    }

    pub(super) fn summary(&self) -> Summary {
        let nodes = match &self.stage {
            Stage::Tree(tree) => tree.walk.nodes(),
            _ => 0,
        };
        Summary { records: self.records, nodes }
    }
}
