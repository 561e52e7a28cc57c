/// Why bytes or text are not a CID, or not one of the form asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CidError {
    /// The text is not multibase base32 in lower case, in its one spelling.
    #[error("CID text is not base32 in lower case with the prefix b")]
    Base,
    /// Not version 1.
    #[error("CID is not of version 1")]
    Version,
    /// Another codec than `raw` or `dag-cbor`.
    #[error("CID codec is neither raw nor dag-cbor")]
    Codec,
    /// Another hash than SHA-256 (or, as a link in DRISL, BLAKE3).
    #[error("CID hash function is not supported here")]
    Hash,
    /// The bytes or the digest have the wrong length.
    #[error("CID has the wrong length")]
    Length,
    /// A number inside is not written in its shortest form, or is too large.
    #[error("CID holds an over-long varint")]
    Varint,
}

/// A rule of the data model which a well-formed value breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// `$type` is not a string, or is empty.
    #[error("$type is not a non-empty string")]
    Type,
    /// A blob without `ref`, or `ref` is not the link of a `raw` block.
    #[error("ref of a blob is not a raw CID link")]
    BlobRef,
    /// A blob without `mimeType`, or it is not a non-empty string.
    #[error("mimeType of a blob is not a non-empty string")]
    BlobMimeType,
    /// A blob without `size`, or it is not a non-negative integer.
    #[error("size of a blob is not a non-negative integer")]
    BlobSize,
    /// What a record is must be an object.
    #[error("not an object")]
    NotObject,
}

/// A limit of [`Limits`](super::Limits) is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// The whole is too long.
    #[error("longer than the limit")]
    Bytes,
    /// Nested too deeply.
    #[error("nested too deeply")]
    Depth,
    /// Too many entries in one array or object.
    #[error("too many entries")]
    Items,
    /// An object's key is too long.
    #[error("key too long")]
    Key,
}
