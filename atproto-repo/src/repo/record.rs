use atproto_lexicon::data::cbor::{self, CborError, DecodeError};
use atproto_lexicon::data::{Cid, Codec, Object};

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
#[derive(Debug, thiserror::Error)]
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
