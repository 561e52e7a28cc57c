use atproto_lexicon::data::cbor::CborError;
use atproto_lexicon::data::{Cid, CidError};

/// Why a tree is invalid, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("MST node {node}{}: {reason}", Entry(*entry))]
pub struct TreeFault {
    /// CID of the node.
    pub node: Cid,
    /// Number of the entry, from 0, where the fault is in one.
    pub entry: Option<usize>,
    /// What is wrong.
    pub reason: TreeReason,
}

struct Entry(Option<usize>);

impl std::fmt::Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |entry| write!(f, ", entry {entry}"))
    }
}

/// What is wrong with a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum TreeReason {
    /// The block does not hash to the CID that links it.
    #[error("block does not hash to its CID")]
    Hash,
    /// The block is not strict DAG-CBOR.
    #[error("{0}")]
    Cbor(CborError),
    /// The block, or an entry, is not an object.
    #[error("not an object")]
    NotObject,
    /// A field is not there; `l` and `t` are null where there is no link.
    #[error("field {0} is missing")]
    MissingField(&'static str),
    /// There are fields besides `e` and `l`, or `k`, `p`, `t` and `v`.
    #[error("unknown field")]
    UnknownField,
    /// A field is of the wrong type.
    #[error("field {0} is of the wrong type")]
    FieldType(&'static str),
    /// The link in this field is not of the form that repositories use.
    #[error("link in field {0}: {1}")]
    Link(&'static str, CidError),
    /// The block is longer than the limit.
    #[error("node is too long")]
    TooLong,
    /// More entries than the limit.
    #[error("too many entries")]
    TooManyEntries,
    /// The prefix is longer than the key before, which is none for the first entry.
    #[error("prefix is longer than the key before")]
    PrefixTooLong,
    /// The prefix is shorter than what the key shares with the key before.
    #[error("prefix is not as long as it can be")]
    PrefixNotMaximal,
    /// The key is empty or longer than 1,024 bytes.
    #[error("key is empty or too long")]
    KeyLength,
    /// The key is the one before.
    #[error("duplicate key")]
    DuplicateKey,
    /// The key sorts before the one before.
    #[error("keys are not in order")]
    KeyOrder,
    /// The key is not between its neighbours in the nodes above.
    #[error("key is outside the bounds of its subtree")]
    KeyBounds,
    /// The key belongs on another layer than the node's.
    #[error("key of layer {found} in a node of layer {expected}")]
    KeyLayer {
        /// The node's layer.
        expected: u32,
        /// The key's layer.
        found: u32,
    },
    /// A node of the lowest layer links a node below.
    #[error("node of layer 0 links a node below")]
    BelowLeaf,
    /// A node without entries and links, which only the root of an empty tree may be.
    #[error("empty node")]
    EmptyNode,
    /// The root has no entries but a link below.
    #[error("root without entries links a node below")]
    UntrimmedRoot,
    /// The tree is higher than the limit.
    #[error("tree is too deep")]
    TooDeep,
}
