use super::CborReason;
use super::sink::{Scalar, Sink, is_utf8};
use crate::data::link::LinkRef;
use crate::data::{Codec, ModelError, blob};

/// Checks the rules of the data model on objects while the bytes are read, as
/// [`check_object`](crate::data::value::check_object) does on what was built.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Arrays and maps which are not complete, outermost first.
    open: Vec<Fields>,
    is_object: bool,
}

/// What is known of the fields of a map with which the rules deal.
#[derive(Debug, Default)]
struct Fields {
    /// The field whose value comes next, where the rules ask for it.
    next: Option<Field>,
    has_type: bool,
    is_type_good: bool,
    is_blob: bool,
    is_ref_good: bool,
    is_mime_type_good: bool,
    is_size_good: bool,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Type,
    Ref,
    MimeType,
    Size,
}

impl Rules {
    /// Whether the whole is an object.
    pub(super) fn is_object(&self) -> bool {
        self.is_object
    }

    /// The field whose value has come, and the map that it is of.
    fn take(&mut self) -> Option<(Field, &mut Fields)> {
        let fields = self.open.last_mut()?;
        Some((fields.next.take()?, fields))
    }
}

impl Sink<'_> for Rules {
    fn scalar(&mut self, scalar: Scalar<'_>) {
        match (self.take(), scalar) {
            (Some((Field::Ref, fields)), Scalar::Link(LinkRef::Cid(cid))) => {
                fields.is_ref_good = cid.codec() == Codec::Raw;
            }
            (Some((Field::Size, fields)), Scalar::Integer(0..)) => fields.is_size_good = true,
            _ => {}
        }
    }

    fn text(&mut self, text: &[u8]) -> bool {
        match self.take() {
            Some((Field::Type, fields)) => {
                fields.is_type_good = !text.is_empty();
                fields.is_blob = text == blob::TYPE.as_bytes();
            }
            Some((Field::MimeType, fields)) => fields.is_mime_type_good = !text.is_empty(),
            _ => {}
        }
        is_utf8(text)
    }

    fn open_array(&mut self, _: usize) {
        self.take();
        self.open.push(Fields::default());
    }

    fn open_map(&mut self, _: usize) {
        self.is_object |= self.open.is_empty();
        self.open_array(0);
    }

    fn key(&mut self, key: &[u8]) -> bool {
        if let Some(fields) = self.open.last_mut() {
            fields.next = match key {
                b"$type" => {
                    fields.has_type = true;
                    Some(Field::Type)
                }
                b"ref" => Some(Field::Ref),
                b"mimeType" => Some(Field::MimeType),
                b"size" => Some(Field::Size),
                _ => None,
            };
        }
        is_utf8(key)
    }

    fn close(&mut self) -> Result<(), CborReason> {
        let fields = self.open.pop().unwrap_or_default();
        let fault = if fields.has_type && !fields.is_type_good {
            ModelError::Type
        } else if !fields.is_blob {
            return Ok(());
        } else if !fields.is_ref_good {
            ModelError::BlobRef
        } else if !fields.is_mime_type_good {
            ModelError::BlobMimeType
        } else if !fields.is_size_good {
            ModelError::BlobSize
        } else {
            return Ok(());
        };
        Err(CborReason::Model(fault))
    }
}
