use atproto_lexicon::data::cbor::CborError;
use atproto_lexicon::data::{Cid, CidError};

/// Why bytes are not a CAR, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct CarError {
    /// What is wrong.
    pub reason: CarReason,
    /// Where the header or the section with the fault begins, in bytes.
    pub offset: u64,
}

/// What is wrong with a CAR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CarReason {
    /// The bytes end within the header or a section.
    #[error("CAR is truncated")]
    Truncated,
    /// A length's varint has more than nine bytes, or is not in its shortest form.
    #[error("CAR section length is not a varint in its shortest form")]
    Varint,
    /// The header or a section is longer than the limit.
    #[error("CAR section of {length} bytes is longer than the limit")]
    TooLong {
        /// The declared length.
        length: u64,
    },
    /// The header is not strict DAG-CBOR.
    #[error("CAR header: {0}")]
    HeaderCbor(CborError),
    /// The header is not an object of `version` and `roots`, a list of links.
    #[error("CAR header is not {{roots, version}}")]
    HeaderShape,
    /// The header's version is not 1.
    #[error("CAR version {0} is not supported")]
    Version(i64),
    /// The CID of a section or a root.
    #[error("CAR: {0}")]
    Cid(CidError),
    /// A block's bytes do not hash to its CID.
    #[error("block does not hash to its CID {0}")]
    Hash(Cid),
    /// More different blocks than can be indexed: 2³¹.
    #[error("CAR has too many blocks")]
    TooManyBlocks,
}

/// Why a file could not be opened as a CAR.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not one.
    #[error(transparent)]
    Car(#[from] CarError),
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
