use crate::data::{CidError, LimitError, ModelError};
use std::fmt;

/// Why bytes are not DAG-CBOR of the profile, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{reason} at byte {offset}")]
pub struct CborError {
    /// What is wrong.
    pub reason: CborReason,
    /// Where the item with the fault begins, in bytes.
    pub offset: usize,
}

/// What is wrong with DAG-CBOR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CborReason {
    /// The bytes end within an item, or an item declares more than there is.
    #[error("unexpected end")]
    Truncated,
    /// Bytes follow the value.
    #[error("bytes after the value")]
    Trailing,
    /// An indefinite length, or a break.
    #[error("indefinite length")]
    Indefinite,
    /// A reserved additional information (28 to 30).
    #[error("reserved additional information")]
    Reserved,
    /// An integer or a length is not in its shortest form.
    #[error("integer or length not in its shortest form")]
    NotShortest,
    /// An integer does not fit into 64 bits with a sign.
    #[error("integer outside 64 bits")]
    IntegerRange,
    /// A float in a profile without floats, or one of 16 or 32 bits.
    #[error("float not allowed")]
    Float,
    /// NaN, an infinity, or −0.0.
    #[error("float value not allowed")]
    FloatValue,
    /// A simple value other than `false`, `true` and `null`.
    #[error("simple value not allowed")]
    Simple,
    /// A tag other than 42.
    #[error("tag other than 42")]
    Tag,
    /// Tag 42 does not hold a byte string that begins with zero.
    #[error("tag 42 without a CID")]
    TagContent,
    /// The CID of a link.
    #[error("link: {0}")]
    Cid(CidError),
    /// A text string is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// A map's key is not a text string.
    #[error("map key is not a text string")]
    KeyType,
    /// A map's keys are not sorted by length, then by bytes.
    #[error("map keys not in order")]
    KeyOrder,
    /// A map holds a key twice.
    #[error("duplicate map key")]
    DuplicateKey,
    /// A limit is exceeded.
    #[error(transparent)]
    Limit(LimitError),
    /// A rule of the data model on objects is broken.
    #[error(transparent)]
    Model(ModelError),
}

/// Why a typed value could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not DAG-CBOR of the profile.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The bytes are good, but are not of the type.
    #[error(transparent)]
    Type(TypeError),
}

/// Why a typed value could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// What was written is not in the profile or the limits.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// The value has no DAG-CBOR form.
    #[error(transparent)]
    Type(TypeError),
}

/// The word of a type's own `serde` implementation on why it refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeError {
    message: Box<str>,
    offset: Option<usize>,
}

impl TypeError {
    pub(super) fn new(message: impl fmt::Display) -> Self {
        Self { message: message.to_string().into(), offset: None }
    }

    /// Where the item that was refused begins, in bytes; `None` where nothing was read.
    pub fn offset(&self) -> Option<usize> {
        self.offset
    }

    /// The same error with its place, unless it has one: the innermost counts.
    pub(super) fn at(self, offset: usize) -> Self {
        Self { offset: self.offset.or(Some(offset)), ..self }
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.offset.map_or(Ok(()), |offset| write!(f, " at byte {offset}"))
    }
}

impl std::error::Error for TypeError {}

impl serde::de::Error for TypeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message)
    }
}
