//! `serde` to DAG-CBOR: shortest heads, definite lengths, keys in order whatever order `serde` gives.
//!
//! What a profile forbids is written all the same, a key that comes twice too: [`validate_with`](super::validate_with) then
//! reads all of it, so that one place says what canonical form is.

use super::head::{self, ARRAY, BYTES, MAP, NEGATIVE, TEXT, UNSIGNED};
use super::tag::Tag;
use super::{CborError, CborReason, EncodeError, TypeError};
use crate::data::cid::NEWTYPE as LINK;
use crate::data::{LimitError, Limits};
use serde::Serialize;
use serde::ser::Error as _;

pub(super) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut serializer = Serializer::default();
    value.serialize(&mut serializer)?;
    // Half of an item may stand in what was written.
    if serializer.has_failed { Err(refused("a type went on after an error")) } else { Ok(serializer.out) }
}

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;
const FLOAT: u8 = 0xfb;

#[derive(Default)]
struct Serializer {
    out: Vec<u8>,
    /// Where in `out` each entry of the maps that are not complete begins and ends, outermost first.
    entries: Vec<(usize, usize)>,
    /// For putting the entries of a map in order.
    sorted: Vec<u8>,
    depth: Depth,
    /// Whether something that an array or map was to hold has refused.
    has_failed: bool,
}

/// Both are bounded, so that no value exhausts the stack.
#[derive(Default, Clone, Copy)]
struct Depth {
    /// Arrays and maps that are not complete.
    containers: usize,
    /// Newtypes and options around what is being written; they leave no trace in the bytes.
    wrappers: usize,
}

/// Room for a few around each array and map.
const MAX_WRAPPERS: usize = 4 * Limits::MAX_DEPTH;

#[cold]
fn refused(message: &str) -> EncodeError {
    EncodeError::custom(message)
}

impl serde::ser::Error for EncodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Type(TypeError::new(message))
    }
}

impl Serializer {
    #[inline]
    fn head(&mut self, major: u8, number: u64) {
        head::write(&mut self.out, major, number);
    }

    #[inline]
    fn text(&mut self, text: &str) {
        self.head(TEXT, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Writes what an array or map holds.
    #[inline]
    fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut *self).inspect_err(|_| self.has_failed = true)
    }

    /// Begins an array or map, and returns the depth outside of it.
    #[inline]
    fn open(&mut self, major: u8, len: usize) -> Result<Depth, EncodeError> {
        let outside = self.depth;
        if outside.containers >= Limits::MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth.containers = outside.containers.saturating_add(1);
        self.head(major, len as u64);
        Ok(outside)
    }

    /// Begins a map whose one entry has the name of a variant.
    fn open_variant(&mut self, variant: &str) -> Result<Depth, EncodeError> {
        let outside = self.open(MAP, 1)?;
        self.text(variant);
        Ok(outside)
    }

    /// Deeper than any limit, so that the validating pass is not reached; the place is the one where writing has come to.
    #[cold]
    fn too_deep(&self) -> EncodeError {
        CborError { reason: CborReason::Limit(LimitError::Depth), offset: self.out.len() }.into()
    }

    /// Writes what a newtype or an option holds.
    #[inline]
    fn wrapped<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let outside = self.depth;
        if outside.wrappers >= MAX_WRAPPERS {
            return Err(self.too_deep());
        }
        self.depth.wrappers = outside.wrappers.saturating_add(1);
        value.serialize(&mut *self)?;
        self.depth = outside;
        Ok(())
    }

    fn array(&mut self, outside: Depth, declared: Option<usize>) -> Result<Items<'_>, EncodeError> {
        let start = self.out.len();
        self.open(ARRAY, declared.unwrap_or_default())?;
        Ok(Items { start, outside, declared, count: 0, serializer: self })
    }

    fn map(&mut self, outside: Depth, declared: usize) -> Result<Entries<'_>, EncodeError> {
        let start = self.out.len();
        self.open(MAP, declared)?;
        Ok(Entries { start, outside, declared, first: self.entries.len(), key: None, serializer: self })
    }
}

/// An array which is not complete.
struct Items<'a> {
    serializer: &'a mut Serializer,
    start: usize,
    outside: Depth,
    /// The number of items which the head says.
    declared: Option<usize>,
    count: usize,
}

impl Items<'_> {
    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.serializer.inner(value)?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    #[inline]
    fn close(self) -> Result<(), EncodeError> {
        let Self { serializer, start, outside, declared, count } = self;
        if declared.is_some_and(|declared| declared != count) {
            return Err(refused("an array has not the length which its type said"));
        }
        if declared.is_none() && count > 0 {
            // The head of an empty array stands there.
            let mut head = Vec::new();
            head::write(&mut head, ARRAY, count as u64);
            serializer.out.splice(start..start.saturating_add(1), head);
        }
        serializer.depth = outside;
        Ok(())
    }
}

/// A map which is not complete.
struct Entries<'a> {
    serializer: &'a mut Serializer,
    start: usize,
    outside: Depth,
    /// The number of entries which the head says.
    declared: usize,
    /// The first of its entries in [`Serializer::entries`].
    first: usize,
    /// Where the key begins whose value comes next.
    key: Option<usize>,
}

impl Entries<'_> {
    /// A key of any type that is written as text.
    #[inline]
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        if self.key.is_some() {
            return Err(refused("a key without its value"));
        }
        let start = self.serializer.out.len();
        self.serializer.inner(key)?;
        if self.serializer.out.get(start).is_none_or(|first| first >> 5 != TEXT) {
            self.serializer.has_failed = true;
            return Err(refused("a map key is not a text string"));
        }
        self.key = Some(start);
        Ok(())
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let start = self.key.take().ok_or_else(|| refused("a value without its key"))?;
        self.serializer.inner(value)?;
        self.serializer.entries.push((start, self.serializer.out.len()));
        Ok(())
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), EncodeError> {
        let start = self.serializer.out.len();
        self.serializer.text(name);
        self.serializer.inner(value)?;
        self.serializer.entries.push((start, self.serializer.out.len()));
        Ok(())
    }

    fn close_fields(self) -> Result<(), EncodeError> {
        let count = self.serializer.entries.len().saturating_sub(self.first);
        if count != self.declared {
            return Err(refused("a struct has not the number of fields which its type said"));
        }
        self.close()
    }

    fn close(self) -> Result<(), EncodeError> {
        let Self { serializer, start, outside, declared, first, key } = self;
        if key.is_some() {
            return Err(refused("a key without its value"));
        }
        let Serializer { out, entries, sorted, depth, .. } = serializer;
        let own = entries.get_mut(first..).unwrap_or_default();
        let bytes = |entry: &(usize, usize)| out.get(entry.0..entry.1).unwrap_or_default();
        // A key's head holds its length, so that the order of the bytes is that of the keys: by length, then by bytes.
        let is_sorted = own.is_sorted_by(|a, b| bytes(a) <= bytes(b));
        if !is_sorted || own.len() != declared {
            if !is_sorted {
                own.sort_unstable_by(|a, b| bytes(a).cmp(bytes(b)));
            }
            sorted.clear();
            head::write(sorted, MAP, own.len() as u64);
            own.iter().for_each(|entry| sorted.extend_from_slice(bytes(entry)));
            out.truncate(start);
            out.extend_from_slice(sorted);
        }
        entries.truncate(first);
        *depth = outside;
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident $type:ty),*) => {
        $(#[inline]
        fn $method(self, number: $type) -> Result<(), EncodeError> {
            self.serialize_i64(number.into())
        })*
    };
}

impl<'a> serde::Serializer for &'a mut Serializer {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Entries<'a>;
    type SerializeStructVariant = Entries<'a>;

    fn is_human_readable(&self) -> bool {
        false
    }

    integers!(serialize_i8 i8, serialize_i16 i16, serialize_i32 i32);
    integers!(serialize_u8 u8, serialize_u16 u16, serialize_u32 u32);

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out.push(if value { TRUE } else { FALSE });
        Ok(())
    }

    #[inline]
    fn serialize_i64(self, number: i64) -> Result<(), EncodeError> {
        // −1 − n is the bitwise complement.
        let (major, number) = if number < 0 { (NEGATIVE, !number) } else { (UNSIGNED, number) };
        self.head(major, number.unsigned_abs());
        Ok(())
    }

    #[inline]
    fn serialize_u64(self, number: u64) -> Result<(), EncodeError> {
        self.head(UNSIGNED, number);
        Ok(())
    }

    fn serialize_i128(self, number: i128) -> Result<(), EncodeError> {
        let (major, number) = if number < 0 { (NEGATIVE, !number) } else { (UNSIGNED, number) };
        let number = u64::try_from(number).map_err(|_| refused("an integer has more than 64 bits"))?;
        self.head(major, number);
        Ok(())
    }

    fn serialize_u128(self, number: u128) -> Result<(), EncodeError> {
        let number = u64::try_from(number).map_err(|_| refused("an integer has more than 64 bits"))?;
        self.serialize_u64(number)
    }

    fn serialize_f32(self, number: f32) -> Result<(), EncodeError> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), EncodeError> {
        if !number.is_finite() {
            return Err(refused("a float is not finite"));
        }
        // There is one zero.
        let number = if number == 0.0 { 0.0 } else { number };
        self.out.push(FLOAT);
        self.out.extend(number.to_be_bytes());
        Ok(())
    }

    fn serialize_char(self, character: char) -> Result<(), EncodeError> {
        self.text(character.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    #[inline]
    fn serialize_str(self, text: &str) -> Result<(), EncodeError> {
        self.text(text);
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.head(BYTES, bytes.len() as u64);
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.wrapped(value)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        self.out.push(NULL);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        if name == LINK { value.serialize(Tag(&mut self.out)) } else { self.wrapped(value) }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        let outside = self.open_variant(variant)?;
        value.serialize(&mut *self)?;
        self.depth = outside;
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Items<'a>, EncodeError> {
        let outside = self.depth;
        self.array(outside, len)
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'a>, EncodeError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items<'a>, EncodeError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items<'a>, EncodeError> {
        let outside = self.open_variant(variant)?;
        self.array(outside, Some(len))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Entries<'a>, EncodeError> {
        let outside = self.depth;
        self.map(outside, len.unwrap_or_default())
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Entries<'a>, EncodeError> {
        let outside = self.depth;
        self.map(outside, len)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Entries<'a>, EncodeError> {
        let outside = self.open_variant(variant)?;
        self.map(outside, len)
    }
}

/// The traits of what holds others only differ in names.
macro_rules! compound {
    ($type:ident, $($trait:ident: $method:ident($($name:ident)?) $own:ident $end:ident),*) => {
        $(impl serde::ser::$trait for $type<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $($name: &'static str,)?
                value: &T,
            ) -> Result<(), EncodeError> {
                self.$own($($name,)? value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.$end()
            }
        })*
    };
}

compound!(
    Items,
    SerializeSeq: serialize_element() item close,
    SerializeTuple: serialize_element() item close,
    SerializeTupleStruct: serialize_field() item close,
    SerializeTupleVariant: serialize_field() item close
);
compound!(
    Entries,
    SerializeStruct: serialize_field(name) field close_fields,
    SerializeStructVariant: serialize_field(name) field close_fields
);

impl serde::ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.key(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.value(value)
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.close()
    }
}
