use super::CborReason;
use crate::data::builder::Builder;
use crate::data::link::LinkRef;
use crate::data::{Bytes, Value};

/// What the parser tells of a value, in order. `()` listens to nothing: that is the validating pass.
pub(super) trait Sink<'a> {
    fn scalar(&mut self, scalar: Scalar<'a>);
    /// A text; false where it is not UTF-8.
    fn text(&mut self, text: &'a [u8]) -> bool;
    /// An array with this many items begins.
    fn open_array(&mut self, len: usize);
    /// A map with this many entries begins.
    fn open_map(&mut self, len: usize);
    /// The key of the next value; false where it is not UTF-8.
    fn key(&mut self, key: &'a [u8]) -> bool;
    /// The innermost array or map is complete.
    fn close(&mut self) -> Result<(), CborReason>;
}

/// A value that holds no others. Floats and integers of more than 64 bits pass by: no sink takes them.
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Bytes(&'a [u8]),
    Link(LinkRef<'a>),
}

impl Sink<'_> for () {
    fn scalar(&mut self, _: Scalar<'_>) {}
    fn text(&mut self, text: &[u8]) -> bool {
        is_utf8(text)
    }
    fn open_array(&mut self, _: usize) {}
    fn open_map(&mut self, _: usize) {}
    fn key(&mut self, key: &[u8]) -> bool {
        self.text(key)
    }
    fn close(&mut self) -> Result<(), CborReason> {
        Ok(())
    }
}

/// Most texts are short and ASCII, which is quicker to see.
pub(super) fn is_utf8(text: &[u8]) -> bool {
    text.is_ascii() || std::str::from_utf8(text).is_ok()
}

impl<'a> Sink<'a> for Builder {
    fn scalar(&mut self, scalar: Scalar<'a>) {
        self.push(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(value) => Value::Boolean(value),
            Scalar::Integer(number) => Value::Integer(number),
            Scalar::Bytes(bytes) => Value::Bytes(Bytes(bytes.into())),
            Scalar::Link(link) => Value::Link(link.to_link()),
        });
    }

    fn text(&mut self, text: &'a [u8]) -> bool {
        std::str::from_utf8(text).map(|text| self.push(Value::String(text.into()))).is_ok()
    }

    fn open_array(&mut self, len: usize) {
        self.open_array(len);
    }

    fn open_map(&mut self, len: usize) {
        self.open_object(len);
    }

    fn key(&mut self, key: &'a [u8]) -> bool {
        std::str::from_utf8(key).map(|key| self.key(key.into())).is_ok()
    }

    fn close(&mut self) -> Result<(), CborReason> {
        let value = self.close().map_err(|_| CborReason::DuplicateKey)?;
        if let Value::Object(object) = &value {
            crate::data::value::check_object(object).map_err(CborReason::Model)?;
        }
        self.push(value);
        Ok(())
    }
}
