use atproto_lexicon::data::cbor::{self, CborError, DecodeError};
use atproto_lexicon::data::{Cid, Codec, Object};
use std::collections::HashMap;

/// A record's block, hashed and linked by the tree.
///
/// Whether it keeps the data model is its own matter: [`Record::check`] or [`Record::decode`] tells, and a fault there is a
/// fault of this record alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its CID.
    pub cid: Cid,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Why a block is not a record of the type asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The CID's codec is not `dag-cbor`.
    #[error("CID codec is not dag-cbor")]
    Codec,
    /// The bytes break the data model.
    #[error(transparent)]
    Cbor(CborError),
    /// The bytes are good, but are not of the type.
    #[error(transparent)]
    Type(cbor::TypeError),
}

impl<'a> Record<'a> {
    /// Reads a value of a type; every byte is checked, those of fields that the type ignores too.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn decode<T: serde::Deserialize<'a>>(&self) -> Result<T, RecordError> {
        self.check_codec()?;
        cbor::from_record(self.bytes).map_err(|error| match error {
            DecodeError::Type(error) => RecordError::Type(error),
            DecodeError::Cbor(error) => RecordError::Cbor(error),
            // Every kind of error of today is named above.
            _ => RecordError::Codec,
        })
    }

    /// Reads it as an object.
    ///
    /// # Errors
    /// [`RecordError::Codec`], [`RecordError::Cbor`].
    pub fn to_object(&self) -> Result<Object, RecordError> {
        self.check_codec()?;
        cbor::to_record(self.bytes).map_err(RecordError::Cbor)
    }

    /// Checks that it keeps the data model, and builds nothing.
    ///
    /// # Errors
    /// [`RecordError::Codec`], [`RecordError::Cbor`].
    pub fn check(&self) -> Result<(), RecordError> {
        self.check_codec()?;
        cbor::validate_record(self.bytes).map_err(RecordError::Cbor)
    }

    fn check_codec(&self) -> Result<(), RecordError> {
        if self.cid.codec() == Codec::DagCbor { Ok(()) } else { Err(RecordError::Codec) }
    }
}

/// The large records that were checked, and their faults. A file can link one record from many paths for a few bytes each: what
/// was hashed and read once is not read again.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<Cid, Option<RecordError>>);

impl Seen {
    /// From this length on, in bytes, to remember a record is cheaper than to read it again.
    pub(super) const LARGE: usize = 2048;

    #[inline]
    pub(super) fn is_large(block: &[u8]) -> bool {
        block.len() >= Self::LARGE
    }

    /// What is known of a record.
    pub(super) fn get(&self, cid: &Cid) -> Option<&Option<RecordError>> {
        if self.0.is_empty() { None } else { self.0.get(cid) }
    }

    /// Remembers a record, where it is large; `check` says whether its data model matters.
    pub(super) fn check(&mut self, record: Record<'_>, check: bool) -> Option<RecordError> {
        let fault = if check { record.check().err() } else { None };
        if Self::is_large(record.bytes) {
            self.0.insert(record.cid, fault.clone());
        }
        fault
    }
}
