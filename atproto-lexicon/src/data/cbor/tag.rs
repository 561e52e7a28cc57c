//! What stands in the newtype by which types say that bytes are a link.

use super::EncodeError;
use super::head::{self, BYTES};
use serde::Serialize;
use serde::ser::{Error as _, Impossible};

/// Writes bytes as a link, and nothing else.
pub(super) struct Tag<'a>(pub(super) &'a mut Vec<u8>);

#[cold]
fn not_bytes<T>() -> Result<T, EncodeError> {
    Err(EncodeError::custom("a link is not bytes"))
}

macro_rules! refuse {
    ($($method:ident($($type:ty),*) $result:ty),* $(,)?) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, EncodeError> {
            not_bytes()
        })*
    };
}

type Never = Impossible<(), EncodeError>;

impl serde::Serializer for Tag<'_> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn serialize_bytes(self, cid: &[u8]) -> Result<(), EncodeError> {
        head::write(self.0, head::TAG, 42);
        // A zero stands before the CID: multibase's sign for bytes as they are.
        head::write(self.0, BYTES, (cid.len() as u64).saturating_add(1));
        self.0.push(0);
        self.0.extend_from_slice(cid);
        Ok(())
    }

    refuse!(
        serialize_bool(bool) (),
        serialize_i8(i8) (),
        serialize_i16(i16) (),
        serialize_i32(i32) (),
        serialize_i64(i64) (),
        serialize_i128(i128) (),
        serialize_u8(u8) (),
        serialize_u16(u16) (),
        serialize_u32(u32) (),
        serialize_u64(u64) (),
        serialize_u128(u128) (),
        serialize_f32(f32) (),
        serialize_f64(f64) (),
        serialize_char(char) (),
        serialize_str(&str) (),
        serialize_none() (),
        serialize_unit() (),
        serialize_unit_struct(&'static str) (),
        serialize_unit_variant(&'static str, u32, &'static str) (),
        serialize_seq(Option<usize>) Never,
        serialize_tuple(usize) Never,
        serialize_tuple_struct(&'static str, usize) Never,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) Never,
        serialize_map(Option<usize>) Never,
        serialize_struct(&'static str, usize) Never,
        serialize_struct_variant(&'static str, u32, &'static str, usize) Never,
    );

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), EncodeError> {
        not_bytes()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        not_bytes()
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), EncodeError> {
        not_bytes()
    }
}
