//! `serde` over bytes that [`validate_with`](super::validate_with) has accepted, so that canonical form is not looked at again.
//!
//! Each type gets exactly what it asks for: a byte string is no text, a link no byte string, a name alone no variant with
//! content. What a type leaves unread is an error, since the next value would be read from it.

use super::head::{ARRAY, BYTES, MAP, NEGATIVE, TAG, TEXT, UNSIGNED};
use super::{RawFields, TypeError};
use crate::data::cid::NEWTYPE as LINK;
use serde::de::{
    DeserializeSeed, Deserializer as _, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

pub(super) fn from_validated<'de, S: DeserializeSeed<'de>>(
    seed: S,
    bytes: &'de [u8],
) -> Result<S::Value, TypeError> {
    seed.deserialize(&mut Deserializer { bytes, rest: bytes })
}

/// The fields of a validated map.
pub(super) fn split_object(bytes: &[u8]) -> Option<RawFields<'_>> {
    let mut de = Deserializer { bytes, rest: bytes };
    let head = de.head().ok().filter(|head| head.major == MAP)?;
    let mut field = || {
        let key = de.head().and_then(|head| de.text(head.number)).ok()?;
        Some((key, de.value()?))
    };
    // Most objects have few fields. No more than that is believed before they are there.
    let mut fields = Vec::with_capacity(head.number.min(16) as usize);
    for _ in 0..head.number {
        fields.push(field()?);
    }
    Some(fields)
}

/// The items of a validated array.
pub(super) fn split_array(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut de = Deserializer { bytes, rest: bytes };
    let head = de.head().ok().filter(|head| head.major == ARRAY)?;
    (0..head.number).map(|_| de.value()).collect()
}

struct Deserializer<'de> {
    bytes: &'de [u8],
    rest: &'de [u8],
}

/// The beginning of an item.
#[derive(Clone, Copy)]
struct Head {
    major: u8,
    info: u8,
    number: u64,
}

const NULL: u8 = 0xf6;

impl<'de> Deserializer<'de> {
    #[inline]
    fn head(&mut self) -> Result<Head, TypeError> {
        let (&first, rest) = self.rest.split_first().ok_or_else(end)?;
        self.rest = rest;
        let (major, info) = (first >> 5, first & 31);
        let number = match info {
            24 => self.array().map(u8::from_be_bytes)?.into(),
            25 => self.array().map(u16::from_be_bytes)?.into(),
            26 => self.array().map(u32::from_be_bytes)?.into(),
            27 => self.array().map(u64::from_be_bytes)?,
            _ => info.into(),
        };
        Ok(Head { major, info, number })
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], TypeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or_else(end)?;
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'de [u8], TypeError> {
        let length = usize::try_from(length).map_err(|_| end())?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(end)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn text(&mut self, length: u64) -> Result<&'de str, TypeError> {
        std::str::from_utf8(self.take(length)?).map_err(|_| end())
    }

    /// The bytes of the CID in a tag's content.
    #[inline]
    fn link(&mut self) -> Result<&'de [u8], TypeError> {
        let head = self.head()?;
        self.take(head.number)?.split_first().map(|(_, cid)| cid).ok_or_else(end)
    }

    /// Skips one value, however deep.
    fn skip(&mut self) -> Result<(), TypeError> {
        let mut left = 1_u64;
        while let Some(rest) = left.checked_sub(1) {
            let head = self.head()?;
            left = rest.saturating_add(match head.major {
                BYTES | TEXT => {
                    self.take(head.number)?;
                    0
                }
                ARRAY => head.number,
                MAP => head.number.saturating_mul(2),
                TAG => 1,
                _ => 0,
            });
        }
        Ok(())
    }

    /// The bytes of one value.
    fn value(&mut self) -> Option<&'de [u8]> {
        let start = self.rest;
        self.skip().ok()?;
        start.get(..start.len().saturating_sub(self.rest.len()))
    }

    /// Adds the place to an error that a type has made.
    #[cold]
    fn located(&self, error: TypeError, at: &'de [u8]) -> TypeError {
        error.at(self.bytes.len().saturating_sub(at.len()))
    }

    #[inline]
    fn any<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, TypeError> {
        let at = self.rest;
        let head = self.head()?;
        let visited = match head.major {
            UNSIGNED => visitor.visit_u64(head.number),
            NEGATIVE => match i64::try_from(head.number) {
                // −1 − n is the bitwise complement.
                Ok(number) => visitor.visit_i64(!number),
                Err(_) => visitor.visit_i128(!i128::from(head.number)),
            },
            BYTES => visitor.visit_borrowed_bytes(self.take(head.number)?),
            TEXT => visitor.visit_borrowed_str(self.text(head.number)?),
            ARRAY => self.visit_seq(head.number, visitor),
            MAP => self.visit_map(head.number, visitor),
            TAG => visitor.visit_newtype_struct(Link(self.link()?)),
            _ => match head.info {
                20 => visitor.visit_bool(false),
                21 => visitor.visit_bool(true),
                27 => visitor.visit_f64(f64::from_bits(head.number)),
                _ => visitor.visit_unit(),
            },
        };
        visited.map_err(|error| self.located(error, at))
    }

    /// [`any`](Self::any) where the item is of this major type.
    #[inline]
    fn only<V: Visitor<'de>>(&mut self, major: u8, visitor: V) -> Result<V::Value, TypeError> {
        match self.rest.first() {
            Some(first) if first >> 5 == major => self.any(visitor),
            _ => self.mismatch(&visitor),
        }
    }

    #[cold]
    fn mismatch<T>(&mut self, expected: &dyn serde::de::Expected) -> Result<T, TypeError> {
        let at = self.rest;
        let head = self.head()?;
        let found = match head.major {
            UNSIGNED => Unexpected::Unsigned(head.number),
            NEGATIVE => Unexpected::Other("a negative integer"),
            BYTES => Unexpected::Other("a byte string"),
            TEXT => Unexpected::Str(self.text(head.number)?),
            ARRAY => Unexpected::Seq,
            MAP => Unexpected::Map,
            TAG => Unexpected::Other("a link"),
            _ => match head.info {
                20 | 21 => Unexpected::Bool(head.info == 21),
                27 => Unexpected::Float(f64::from_bits(head.number)),
                _ => Unexpected::Unit,
            },
        };
        Err(self.located(TypeError::invalid_type(found, expected), at))
    }

    fn visit_seq<V: Visitor<'de>>(&mut self, left: u64, visitor: V) -> Result<V::Value, TypeError> {
        let mut items = Items { de: self, left };
        let value = visitor.visit_seq(&mut items)?;
        if items.left == 0 { Ok(value) } else { Err(TypeError::custom("more items than expected")) }
    }

    fn visit_map<V: Visitor<'de>>(&mut self, left: u64, visitor: V) -> Result<V::Value, TypeError> {
        let mut entries = Entries { de: self, left, is_value_left: false };
        let value = visitor.visit_map(&mut entries)?;
        if entries.left == 0 && !entries.is_value_left {
            Ok(value)
        } else {
            Err(TypeError::custom("more fields than expected"))
        }
    }
}

fn end() -> TypeError {
    TypeError::custom("unexpected end")
}

impl<'de> serde::Deserializer<'de> for &mut Deserializer<'de> {
    type Error = TypeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.any(visitor)
    }

    // Each of these accepts no other type of its own; those of the visitor decide on the range.
    forward_to_deserialize_any! { bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 unit unit_struct }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(TEXT, visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(TEXT, visitor)
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(TEXT, visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(TEXT, visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(BYTES, visitor)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(BYTES, visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        match self.rest.split_first() {
            Some((&NULL, rest)) => {
                self.rest = rest;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        if name == LINK { self.only(TAG, visitor) } else { visitor.visit_newtype_struct(self) }
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(ARRAY, visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypeError> {
        self.only(ARRAY, visitor)
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.only(ARRAY, visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.only(MAP, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.only(MAP, visitor)
    }

    /// A name is a variant without content; an object of one field is a variant with it.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        let at = self.rest;
        let visited = match self.rest.first().map(|first| first >> 5) {
            Some(TEXT) => visitor.visit_enum(Variant { de: self, has_content: false }),
            Some(MAP) if self.rest.first() == Some(&0xa1) => {
                self.head()?;
                visitor.visit_enum(Variant { de: self, has_content: true })
            }
            _ => return self.mismatch(&visitor),
        };
        visited.map_err(|error| self.located(error, at))
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        self.skip()?;
        visitor.visit_unit()
    }
}

struct Items<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    left: u64,
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = TypeError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, TypeError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.de).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

struct Entries<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    left: u64,
    is_value_left: bool,
}

impl<'de> MapAccess<'de> for Entries<'_, 'de> {
    type Error = TypeError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, TypeError> {
        if self.is_value_left {
            return Err(TypeError::custom("a field was not read"));
        }
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        self.is_value_left = true;
        seed.deserialize(&mut *self.de).map(Some)
    }

    #[inline]
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, TypeError> {
        if !std::mem::take(&mut self.is_value_left) {
            return Err(TypeError::custom("no field to read"));
        }
        seed.deserialize(&mut *self.de)
    }

    fn size_hint(&self) -> Option<usize> {
        usize::try_from(self.left).ok()
    }
}

struct Variant<'a, 'de> {
    de: &'a mut Deserializer<'de>,
    has_content: bool,
}

impl Variant<'_, '_> {
    fn content(&self) -> Result<(), TypeError> {
        if self.has_content { Ok(()) } else { Err(TypeError::custom("variant without its content")) }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = TypeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), TypeError> {
        Ok((seed.deserialize(&mut *self.de)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = TypeError;

    fn unit_variant(self) -> Result<(), TypeError> {
        if self.has_content { Err(TypeError::custom("variant with content")) } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, TypeError> {
        self.content()?;
        seed.deserialize(self.de)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, TypeError> {
        self.content()?;
        self.de.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        self.content()?;
        self.de.deserialize_struct("", fields, visitor)
    }
}

/// The binary form of a link's CID.
struct Link<'de>(&'de [u8]);

impl<'de> serde::Deserializer<'de> for Link<'de> {
    type Error = TypeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        visitor.visit_borrowed_bytes(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypeError> {
        if name == LINK {
            visitor.visit_newtype_struct(self)
        } else {
            Err(TypeError::invalid_type(Unexpected::Other("a link"), &visitor))
        }
    }

    // A newtype around something else than a link must not get at its bytes.
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypeError> {
        Err(TypeError::invalid_type(Unexpected::Other("a link"), &visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
