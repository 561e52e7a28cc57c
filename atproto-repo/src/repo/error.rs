use super::CommitReason;
use crate::mst::{TreeError, TreeFault};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::SyntaxError;
use std::convert::Infallible;

/// Why a repository could not be read; `E` is the error of its blocks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error<E = Infallible> {
    /// It is not a valid repository, whatever else is still found.
    #[error("invalid: {0}")]
    Invalid(#[from] Invalid),
    /// A block is missing, and nothing is said about what it holds.
    #[error("incomplete: {0}")]
    Incomplete(Missing),
    /// The blocks could not be read.
    #[error("blocks: {0}")]
    Source(E),
}

/// Why a repository is invalid, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// The CAR names no root, so that it has no commit.
    #[error("CAR has no root")]
    NoRoot,
    /// The commit.
    #[error("commit {commit}: {reason}")]
    Commit {
        /// CID of the commit.
        commit: Cid,
        /// What is wrong.
        reason: CommitReason,
    },
    /// The tree.
    #[error(transparent)]
    Tree(#[from] TreeFault),
    /// A key of the tree is not the path of a record.
    #[error("path {path:?}: {reason}")]
    Path {
        /// The key; where it is not UTF-8, with replacement characters.
        path: String,
        /// What is wrong.
        reason: PathReason,
    },
    /// A record's block does not hash to the CID that links it.
    #[error("record {path:?}: block does not hash to its CID {cid}")]
    RecordHash {
        /// The record's path.
        path: String,
        /// The record's CID.
        cid: Cid,
    },
}

/// Why a key is not the path of a record, `COLLECTION/RECORD-KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PathReason {
    /// Not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// Without a slash.
    #[error("no record key")]
    NoRecordKey,
    /// The collection or the record key, with its place in that part.
    #[error(transparent)]
    Syntax(SyntaxError),
}

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// The commit.
    #[error("commit {0} is missing")]
    Commit(Cid),
    /// A node of the tree, and with it all below.
    #[error("MST node {0} is missing")]
    Node(Cid),
    /// A record.
    #[error("record {path:?} ({cid}) is missing")]
    Record {
        /// The record's path.
        path: String,
        /// The record's CID.
        cid: Cid,
    },
}

impl<E> From<TreeError<E>> for Error<E> {
    fn from(error: TreeError<E>) -> Self {
        match error {
            TreeError::Invalid(fault) => Self::Invalid(Invalid::Tree(fault)),
            TreeError::Incomplete(cid) => Self::Incomplete(Missing::Node(cid)),
            TreeError::Source(error) => Self::Source(error),
        }
    }
}
