use super::walk::Paths;
use super::{Commit, CommitReason, PathReason, UnsignedRepo};
use crate::mst::{Changes, Nodes, Proof, TreeEdit, TreeEditError, TreeError};
use crate::store::{Blocks, MemoryBlocks, Overlay, WriteSet};
use atproto_crypto::{PublicKey, SecretKey, Signature};
use atproto_lexicon::data::Cid;
use atproto_lexicon::data::cbor::{self, CborError};
use atproto_lexicon::syntax::{Did, Tid};
use std::collections::{HashMap, HashSet};

/// A write to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write<'a> {
    /// A new record.
    Create {
        /// `COLLECTION/RECORD-KEY`.
        path: &'a str,
        /// The record in DAG-CBOR.
        record: &'a [u8],
    },
    /// Another record in the place of one.
    Update {
        /// `COLLECTION/RECORD-KEY`.
        path: &'a str,
        /// The record in DAG-CBOR.
        record: &'a [u8],
        /// What the record before has to be, where that matters.
        swap: Option<Cid>,
    },
    /// A record is taken away.
    Delete {
        /// `COLLECTION/RECORD-KEY`.
        path: &'a str,
        /// What the record has to be, where that matters.
        swap: Option<Cid>,
    },
}

impl<'a> Write<'a> {
    /// The path that it writes to.
    pub fn path(&self) -> &'a str {
        match self {
            Self::Create { path, .. } | Self::Update { path, .. } | Self::Delete { path, .. } => path,
        }
    }

    fn record(&self) -> Option<&'a [u8]> {
        match self {
            Self::Create { record, .. } | Self::Update { record, .. } => Some(record),
            Self::Delete { .. } => None,
        }
    }

    fn swap(&self) -> Option<Cid> {
        match self {
            Self::Create { .. } => None,
            Self::Update { swap, .. } | Self::Delete { swap, .. } => *swap,
        }
    }
}

/// The greatest number of writes in a commit (<https://atproto.com/specs/sync>).
pub const MAX_WRITES: usize = 200;

/// Why nothing was written. The path is that of the write at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError<E> {
    /// The path is none.
    #[error("path {0:?}: {1}")]
    Path(String, PathReason),
    /// Two writes have the same path.
    #[error("path {0:?} occurs twice")]
    DuplicatePath(String),
    /// More than [`MAX_WRITES`].
    #[error("{0} writes are more than {MAX_WRITES}")]
    TooManyWrites(usize),
    /// The record is not a record of the data model, or has more than 1,000,000 bytes.
    #[error("record {0:?}: {1}")]
    Record(String, CborError),
    /// There is a record to be created already.
    #[error("record {0:?} exists")]
    Exists(String),
    /// There is no record to be updated or deleted.
    #[error("record {0:?} does not exist")]
    NotFound(String),
    /// The record is another than the one to be replaced or deleted.
    #[error("record {path:?} is {found}")]
    SwapRecord {
        /// The record's path.
        path: String,
        /// What it is.
        found: Cid,
    },
    /// The repository is at another commit.
    #[error("repository is at commit {0}")]
    SwapCommit(Cid),
    /// The revision does not come after the one before.
    #[error("revision does not come after {0}")]
    Rev(Tid),
    /// The tree would go beyond its limits.
    #[error("tree would go beyond its limits")]
    Limits,
    /// The tree as it is could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError<E>),
}

impl<E> WriteError<E> {
    fn of_tree(error: TreeEditError<E>) -> Self {
        match error {
            TreeEditError::Tree(error) => Self::Tree(error),
            // The paths were checked.
            TreeEditError::KeyLength | TreeEditError::Limits => Self::Limits,
        }
    }
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// `COLLECTION/RECORD-KEY`.
    pub path: String,
    /// The record after; `None` where it was deleted.
    pub cid: Option<Cid>,
    /// The record before; `None` where it was created.
    pub prev: Option<Cid>,
}

/// A commit that waits for its signature: [`sign`](Self::sign) it, or have [`unsigned_bytes`](Self::unsigned_bytes) signed elsewhere
/// and [`finish`](Self::finish) it.
#[derive(Debug, Clone)]
pub struct UnsignedCommit {
    did: Did,
    unsigned: Vec<u8>,
    draft: Draft,
}

/// All that is known of a commit before it is signed.
#[derive(Debug, Clone)]
struct Draft {
    rev: Tid,
    data: Cid,
    before: Option<Before>,
    changes: Vec<RecordChange>,
    records: Vec<(Cid, Vec<u8>)>,
    nodes: Changes,
    covering: Nodes,
}

/// The commit before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) commit: Cid,
    pub(crate) rev: Tid,
    pub(crate) data: Cid,
}

/// A new commit with all that it changes.
#[derive(Debug, Clone)]
pub struct SignedCommit {
    cid: Cid,
    block: Vec<u8>,
    did: Did,
    draft: Draft,
}

impl UnsignedCommit {
    /// The first commit of a repository.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn create(
        did: &Did,
        writes: &[Write<'_>],
        rev: Tid,
    ) -> Result<Self, WriteError<std::convert::Infallible>> {
        let blocks = MemoryBlocks::default();
        Self::make(did, TreeEdit::empty(&blocks), &blocks, None, writes, rev)
    }

    fn make<B: Blocks>(
        did: &Did,
        mut edit: TreeEdit<'_, B>,
        blocks: &B,
        before: Option<Before>,
        writes: &[Write<'_>],
        rev: Tid,
    ) -> Result<Self, WriteError<B::Error>> {
        if let Some(before) = before.filter(|before| before.rev >= rev) {
            return Err(WriteError::Rev(before.rev));
        }
        check(writes)?;
        let (mut changes, mut records) = (Vec::new(), Vec::new());
        for write in writes {
            let (change, record) = apply(&mut edit, write)?;
            changes.push(change);
            records.extend(record);
        }
        let (data, nodes) = edit.finish().map_err(WriteError::of_tree)?;
        let above =
            nodes.created.iter().map(|(cid, block)| (*cid, block.as_slice())).collect::<HashMap<_, _>>();
        let keys: Vec<&[u8]> = writes.iter().map(|write| write.path().as_bytes()).collect();
        let after = Overlay { below: blocks, above: &above };
        let covering = Proof::Neighbours.nodes(&after, &data, &keys)?;
        let draft = Draft { rev, data, before, changes, records, nodes, covering };
        Ok(Self { did: did.clone(), unsigned: Commit::encode_unsigned(did, rev, data), draft })
    }

    /// The bytes to be signed: the commit less `sig`, in DAG-CBOR.
    pub fn unsigned_bytes(&self) -> &[u8] {
        &self.unsigned
    }

    /// Signs the commit.
    pub fn sign(self, key: &SecretKey) -> SignedCommit {
        let signature = key.sign(&self.unsigned);
        self.with_signature(&signature)
    }

    /// Takes a signature that was made elsewhere.
    ///
    /// # Errors
    /// [`CommitReason::Signature`] where it is not this key's.
    pub fn finish(self, signature: &Signature, key: &PublicKey) -> Result<SignedCommit, CommitReason> {
        key.verify(&self.unsigned, signature.as_bytes()).map_err(CommitReason::Signature)?;
        Ok(self.with_signature(signature))
    }

    fn with_signature(self, signature: &Signature) -> SignedCommit {
        let block = Commit::encode_signed(&self.did, self.draft.rev, self.draft.data, signature);
        SignedCommit { cid: Cid::of_dag_cbor(&block), block, did: self.did, draft: self.draft }
    }
}

impl<B: Blocks> UnsignedRepo<'_, B> {
    /// Makes the next commit. Nothing is written: that is what its [`WriteSet`] is for. One write reads and hashes the nodes on its
    /// path only.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write(
        &self,
        writes: &[Write<'_>],
        swap_commit: Option<&Cid>,
        rev: Tid,
    ) -> Result<UnsignedCommit, WriteError<B::Error>> {
        let (commit, cid) = (self.commit(), *self.commit_cid());
        if swap_commit.is_some_and(|swap| *swap != cid) {
            return Err(WriteError::SwapCommit(cid));
        }
        let before = Before { commit: cid, rev: commit.rev, data: commit.data };
        let edit = TreeEdit::new(self.blocks(), commit.data);
        UnsignedCommit::make(&commit.did, edit, self.blocks(), Some(before), writes, rev)
    }
}

/// Checks all that can be checked before the tree is read.
fn check<E>(writes: &[Write<'_>]) -> Result<(), WriteError<E>> {
    if writes.len() > MAX_WRITES {
        return Err(WriteError::TooManyWrites(writes.len()));
    }
    let mut seen = HashSet::new();
    for write in writes {
        let path = write.path();
        Paths::check_path(path).map_err(|reason| WriteError::Path(path.into(), reason))?;
        if !seen.insert(path) {
            return Err(WriteError::DuplicatePath(path.into()));
        }
        if let Some(record) = write.record() {
            cbor::validate_record(record).map_err(|error| WriteError::Record(path.into(), error))?;
        }
    }
    Ok(())
}

/// Changes the tree for one write.
#[allow(clippy::type_complexity, reason = "a change, and the block that it adds")]
fn apply<B: Blocks>(
    edit: &mut TreeEdit<'_, B>,
    write: &Write<'_>,
) -> Result<(RecordChange, Option<(Cid, Vec<u8>)>), WriteError<B::Error>> {
    let (path, key) = (write.path(), write.path().as_bytes());
    let prev = edit.get(key).map_err(WriteError::of_tree)?;
    match (prev, write) {
        (Some(_), Write::Create { .. }) => return Err(WriteError::Exists(path.into())),
        (None, Write::Update { .. } | Write::Delete { .. }) => return Err(WriteError::NotFound(path.into())),
        _ => {}
    }
    if let (Some(found), Some(swap)) = (prev, write.swap())
        && found != swap
    {
        return Err(WriteError::SwapRecord { path: path.into(), found });
    }
    let record = write.record().map(|record| (Cid::of_dag_cbor(record), record.to_vec()));
    let cid = record.as_ref().map(|(cid, _)| *cid);
    match cid {
        Some(cid) => edit.insert(key, cid),
        None => edit.remove(key),
    }
    .map_err(WriteError::of_tree)?;
    Ok((RecordChange { path: path.into(), cid, prev }, record))
}

impl SignedCommit {
    /// CID of the commit.
    pub fn cid(&self) -> &Cid {
        &self.cid
    }

    /// The commit's block.
    pub fn block(&self) -> &[u8] {
        &self.block
    }

    /// The account.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// The revision.
    pub fn rev(&self) -> Tid {
        self.draft.rev
    }

    /// Root of the tree.
    pub fn data(&self) -> &Cid {
        &self.draft.data
    }

    /// The commit before.
    pub(crate) fn before(&self) -> Option<&Before> {
        self.draft.before.as_ref()
    }

    /// What became of each record, in the order of the writes.
    pub fn changes(&self) -> &[RecordChange] {
        &self.draft.changes
    }

    /// The nodes that are new, and those that are no longer in the tree.
    pub fn nodes(&self) -> &Changes {
        &self.draft.nodes
    }

    /// The blocks of the records that were created and updated.
    pub(crate) fn records(&self) -> &[(Cid, Vec<u8>)] {
        &self.draft.records
    }

    /// The nodes of the new tree that cover the changes: on them these can be undone, in any order.
    pub fn covering(&self) -> &Nodes {
        &self.draft.covering
    }

    /// What a store has to change.
    pub fn write_set(&self) -> WriteSet {
        let draft = &self.draft;
        let commit = (self.cid, self.block.clone());
        let put = [commit].into_iter().chain(draft.nodes.created.clone()).chain(draft.records.clone());
        let before = draft.before.map(|before| before.commit);
        let removed = before.into_iter().chain(draft.nodes.retired.iter().copied());
        WriteSet {
            since: before,
            commit: self.cid,
            put: put.collect(),
            removed: removed.chain(draft.changes.iter().filter_map(|change| change.prev)).collect(),
        }
    }
}
