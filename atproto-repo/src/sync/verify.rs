use super::{Action, CommitEvent, RepoOp, SyncEvent};
use crate::car::{Car, CarError};
use crate::mst::{TreeEdit, TreeEditError, TreeError, TreeFault, Walk, layer_of};
use crate::repo::{Commit, CommitReason, Missing, PathReason, Paths, Record};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Cid, Codec};
use atproto_lexicon::syntax::{Did, Tid};

/// Where an account's repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The revision that was signed.
    pub rev: Tid,
    /// Root of the tree.
    pub data: Cid,
}

/// What is asked of events beyond what the protocol fixes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How far in the future a revision may be, in microseconds.
    pub future: u64,
    /// Whether the events of old hosts pass, which do not say `prevData`, or `prev` in their operations: then nothing proves that
    /// the operations are all that changed, and [`VerifiedCommit::is_proven`] says so. Nothing else is tolerated.
    pub allow_unproven: bool,
    /// Whether the fewest blocks on which the operations can be undone are enough. Then a subtree beside a created key need not be
    /// there, and nothing proves that its keys are on the right side of that key: an account can so hide records from whoever looks
    /// them up in its tree, though not from whoever follows its operations.
    pub allow_minimal: bool,
}

impl Default for Policy {
    /// Five minutes, nothing unproven, and no subtree unread beside a created key.
    fn default() -> Self {
        Self { future: 5 * 60 * 1_000_000, allow_unproven: false, allow_minimal: false }
    }
}

/// Why an event does not take an account from one state to the next. [`VerifyError::kind`] says what to do then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The revision is not after the one that is known.
    #[error("revision {rev} does not come after {head}")]
    StaleRev {
        /// The event's.
        rev: Tid,
        /// What is known.
        head: Tid,
    },
    /// The revision is too far in the future.
    #[error("revision {0} is in the future")]
    FutureRev(Tid),
    /// `blocks` is not a CAR.
    #[error("blocks: {0}")]
    Car(#[from] CarError),
    /// The CAR's first root is not the event's commit, or there is none.
    #[error("CAR's root is not the commit")]
    Root,
    /// The commit.
    #[error("commit: {0}")]
    Commit(CommitReason),
    /// The signature is not of this key: the account may have another one by now.
    #[error("signature is not of the account's key")]
    Signature,
    /// The event says something else than the signed commit.
    #[error("field {0} is not that of the commit")]
    FieldMismatch(&'static str),
    /// `prevData` is absent, and this is not a first commit.
    #[error("prevData is missing")]
    NoPrevData,
    /// An operation's path is none.
    #[error("operation on {0:?}: {1}")]
    Path(String, PathReason),
    /// Two operations have the same path.
    #[error("two operations on {0:?}")]
    DuplicatePath(String),
    /// An operation has not the fields that its action asks for.
    #[error("operation on {0:?} has not the fields of its action")]
    OpShape(String),
    /// What the tree has at the path is not what the operation says.
    #[error("operation on {path:?}: the tree has {found:?}")]
    OpMismatch {
        /// The operation's path.
        path: String,
        /// What the tree has there.
        found: Option<Cid>,
    },
    /// A block that is needed is not there.
    #[error("incomplete: {0}")]
    Incomplete(Missing),
    /// The tree is not valid.
    #[error(transparent)]
    Tree(#[from] TreeFault),
    /// The operations undone, the tree is not the one before: they are not what changed.
    #[error("operations do not lead from the tree before to this one")]
    Inversion,
    /// The event does not follow on what is known.
    #[error("event does not follow on revision {0}")]
    ChainBreak(Tid),
}

/// What an event that was not accepted means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// It is old: nothing happens.
    Stale,
    /// It is not what a host may send: nothing happens.
    Invalid,
    /// The account's identity is to be resolved anew, and the event tried once more.
    RefreshIdentity,
    /// The signed state is another one than what is known leads to: the repository has to be fetched.
    Desynchronized,
}

impl VerifyError {
    /// What it means.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::StaleRev { .. } => ErrorKind::Stale,
            Self::Signature => ErrorKind::RefreshIdentity,
            // Found under a good signature: there is a state that the event does not lead to.
            Self::NoPrevData
            | Self::OpMismatch { .. }
            | Self::Incomplete(Missing::Node(_) | Missing::Record { .. })
            | Self::Inversion
            | Self::ChainBreak(_) => ErrorKind::Desynchronized,
            _ => ErrorKind::Invalid,
        }
    }
}

/// A commit of which all was verified: its signature, and that its operations are what changed.
#[derive(Debug)]
pub struct VerifiedCommit<'a> {
    event: CommitEvent<'a>,
    car: Car<'a>,
    data: Cid,
    is_proven: bool,
}

impl<'a> VerifiedCommit<'a> {
    /// The account.
    pub fn did(&self) -> &Did {
        &self.event.repo
    }

    /// Where the repository is now.
    pub fn head(&self) -> Head {
        Head { rev: self.event.rev, data: self.data }
    }

    /// What changed.
    pub fn ops(&self) -> &[RepoOp<'a>] {
        &self.event.ops
    }

    /// The record of an operation; `None` where it was deleted. Whether it keeps the data model is its own matter.
    pub fn record(&self, op: &RepoOp<'_>) -> Option<Record<'a>> {
        let cid = op.cid?;
        Some(Record { cid, bytes: self.car.get(&cid)? })
    }

    /// Whether it was proven that the operations are all that changed; false only where [`Policy::allow_unproven`] let it pass.
    pub fn is_proven(&self) -> bool {
        self.is_proven
    }

    /// The event.
    pub fn event(&self) -> &CommitEvent<'a> {
        &self.event
    }
}

impl<'a> CommitEvent<'a> {
    /// Verifies a commit with the account's key, on what is known of the account, at a time in microseconds since 1970
    /// (<https://atproto.com/specs/sync#commit-validation>).
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(
        self,
        key: &PublicKey,
        head: Option<&Head>,
        now: u64,
        policy: &Policy,
    ) -> Result<VerifiedCommit<'a>, VerifyError> {
        check_rev(self.rev, head, now, policy)?;
        let car = Car::parse(self.blocks)?;
        let commit = signed(&car, (&self.repo, self.rev), key)?;
        if car.roots().first() != Some(&self.commit) {
            return Err(VerifyError::Root);
        }
        let is_proven = self.check_ops(policy)?;
        for op in &self.ops {
            if let Some(cid) = op.cid.filter(|cid| car.get(cid).is_none()) {
                return Err(VerifyError::Incomplete(Missing::Record { path: op.path.into(), cid }));
            }
        }
        self.undo(&car, commit.data, is_proven, policy)?;
        if let Some(head) = head {
            let follows = self.since == Some(head.rev) && self.prev_data.is_none_or(|data| data == head.data);
            if !follows {
                return Err(VerifyError::ChainBreak(head.rev));
            }
        }
        Ok(VerifiedCommit { event: self, car, data: commit.data, is_proven })
    }

    /// Checks the operations by themselves; whether they say enough to be undone.
    fn check_ops(&self, policy: &Policy) -> Result<bool, VerifyError> {
        let mut is_proven = self.prev_data.is_some() || self.since.is_none();
        let mut paths: Vec<&str> = self.ops.iter().map(|op| op.path).collect();
        paths.sort_unstable();
        if let Some((path, _)) = paths.iter().zip(paths.iter().skip(1)).find(|(path, next)| path == next) {
            return Err(VerifyError::DuplicatePath((*path).into()));
        }
        for op in &self.ops {
            Paths::check_path(op.path).map_err(|reason| VerifyError::Path(op.path.into(), reason))?;
            match (op.action, op.cid, op.prev) {
                (Action::Create, Some(_), None)
                | (Action::Update, Some(_), Some(_))
                | (Action::Delete, None, Some(_)) => {}
                (Action::Update, Some(_), None) | (Action::Delete, None, None) if policy.allow_unproven => {
                    is_proven = false;
                }
                _ => return Err(VerifyError::OpShape(op.path.into())),
            }
        }
        if is_proven || policy.allow_unproven { Ok(is_proven) } else { Err(VerifyError::NoPrevData) }
    }

    /// Undoes the operations on the tree after them: deletions first, then updates, then creations from the lowest layer up. The
    /// nodes beside a created key are read even where one side has none: what they hold is in its place only while the key is
    /// there. So the tree after is the one that the operations make of the tree before. Where they cannot be undone, what they say of
    /// the tree after them is checked.
    fn undo(&self, car: &Car<'_>, data: Cid, is_proven: bool, policy: &Policy) -> Result<(), VerifyError> {
        let mut ops: Vec<(u32, &RepoOp<'_>)> = self
            .ops
            .iter()
            .map(|op| match op.action {
                Action::Delete => (0, op),
                Action::Update => (1, op),
                Action::Create => (layer_of(op.path.as_bytes()).saturating_add(2), op),
            })
            .collect();
        ops.sort_by_key(|(order, _)| *order);
        let mut tree = TreeEdit::new(car, data);
        for (_, op) in ops {
            let key = op.path.as_bytes();
            let found = match op.prev {
                _ if !is_proven => tree.get(key),
                Some(prev) => tree.insert(key, prev),
                None if policy.allow_minimal => tree.remove(key),
                None => tree.undo_create(key),
            }
            .map_err(VerifyError::of_tree)?;
            if found != op.cid {
                return Err(VerifyError::OpMismatch { path: op.path.into(), found });
            }
        }
        if !is_proven {
            return Ok(());
        }
        // Where nothing is undone, no node need be there; but a root that is has to be one.
        if let (true, Some(root)) = (self.ops.is_empty(), car.get(&data)) {
            Walk::new(data).supply_unchecked(root)?;
        }
        let before = self.prev_data.unwrap_or_else(|| Cid::of_dag_cbor(EMPTY_TREE));
        if tree.is_root(&before).map_err(VerifyError::of_tree)? {
            Ok(())
        } else {
            Err(VerifyError::Inversion)
        }
    }
}

/// The node of a tree without keys.
const EMPTY_TREE: &[u8] = b"\xa2\x61e\x80\x61l\xf6";

impl VerifyError {
    fn of_tree(error: TreeEditError<std::convert::Infallible>) -> Self {
        match error {
            TreeEditError::Tree(TreeError::Invalid(fault)) => Self::Tree(fault),
            TreeEditError::Tree(TreeError::Incomplete(cid)) => Self::Incomplete(Missing::Node(cid)),
            TreeEditError::Tree(TreeError::Source(never)) => match never {},
            // A tree that would be beyond the limits is not the one before.
            TreeEditError::KeyLength | TreeEditError::Limits => Self::Inversion,
        }
    }
}

impl SyncEvent<'_> {
    /// Verifies where a repository is said to be; what is known of the account does not matter here.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, key: &PublicKey, now: u64, policy: &Policy) -> Result<Head, VerifyError> {
        check_rev(self.rev, None, now, policy)?;
        let car = Car::parse(self.blocks)?;
        let commit = signed(&car, (&self.did, self.rev), key)?;
        Ok(Head { rev: commit.rev, data: commit.data })
    }
}

fn check_rev(rev: Tid, head: Option<&Head>, now: u64, policy: &Policy) -> Result<(), VerifyError> {
    if let Some(head) = head.filter(|head| rev <= head.rev) {
        return Err(VerifyError::StaleRev { rev, head: head.rev });
    }
    if rev.micros() > now.saturating_add(policy.future) {
        return Err(VerifyError::FutureRev(rev));
    }
    Ok(())
}

/// The commit that is the CAR's root, when it is signed and says what the event says.
fn signed(car: &Car<'_>, (did, rev): (&Did, Tid), key: &PublicKey) -> Result<Commit, VerifyError> {
    let root = *car.roots().first().ok_or(VerifyError::Root)?;
    if root.codec() != Codec::DagCbor {
        return Err(VerifyError::Commit(CommitReason::Codec));
    }
    let block = car.get(&root).ok_or(VerifyError::Incomplete(Missing::Commit(root)))?;
    let commit = Commit::decode(block).map_err(VerifyError::Commit)?;
    if commit.did != *did {
        return Err(VerifyError::FieldMismatch("did"));
    }
    if commit.rev != rev {
        return Err(VerifyError::FieldMismatch("rev"));
    }
    commit.verify(did, key).map_err(|_| VerifyError::Signature)?;
    Ok(commit)
}
