//! Objects of which some fields are read, the others checked and skipped.

use super::event::RepoOp;
use super::{EventError, FieldReason as Reason, Limits, Place};
use atproto_lexicon::data::cbor::{self, DecodeError, Profile};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// A value that stands for itself; lists and objects are skipped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Scalar<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// The binary form of a CID.
    Link(&'a [u8]),
    Other,
}

/// The values of some fields of an object.
#[derive(Debug)]
pub(super) struct Fields<'a, const N: usize> {
    place: Place,
    names: [&'static str; N],
    values: [Option<Scalar<'a>>; N],
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Checks every byte, and reads these fields.
    pub(super) fn read(
        bytes: &'a [u8],
        place: Place,
        names: [&'static str; N],
        limits: &Limits,
    ) -> Result<Self, EventError> {
        decode(Seed { fields: Self::new(place, names), ops: None }, bytes, place, limits)?
            .ok_or(EventError::NotObject(place))
    }

    /// [`read`](Self::read), and the operations in `ops`.
    pub(super) fn read_with_ops(
        bytes: &'a [u8],
        names: [&'static str; N],
        limits: &Limits,
    ) -> Result<(Self, Vec<RepoOp<'a>>), EventError> {
        let place = Place::Body;
        let mut ops = Ops { limit: limits.ops, list: None, fault: None };
        let fields = Self::new(place, names);
        let read = decode(Seed { fields, ops: Some(&mut ops) }, bytes, place, limits)?;
        if let Some(fault) = ops.fault {
            return Err(fault);
        }
        let fields = read.ok_or(EventError::NotObject(place))?;
        let list = ops.list.ok_or(EventError::Field { place, field: "ops", reason: Reason::Missing })?;
        Ok((fields, list))
    }

    fn new(place: Place, names: [&'static str; N]) -> Self {
        Self { place, names, values: [None; N] }
    }

    fn fault(&self, field: &'static str, reason: Reason) -> EventError {
        EventError::Field { place: self.place, field, reason }
    }

    /// A field that may be absent, but not null.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Scalar<'a>) -> Result<T, Reason>,
    ) -> Result<Option<T>, EventError> {
        let found = self.names.iter().zip(self.values).find(|(other, _)| **other == name);
        let value = found.and_then(|(_, value)| value);
        value.map(read).transpose().map_err(|reason| self.fault(name, reason))
    }

    /// A field that must be there.
    pub(super) fn required<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Scalar<'a>) -> Result<T, Reason>,
    ) -> Result<T, EventError> {
        self.optional(name, read)?.ok_or_else(|| self.fault(name, Reason::Missing))
    }

    /// A field that must be there, but may be null.
    pub(super) fn nullable<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(Scalar<'a>) -> Result<T, Reason>,
    ) -> Result<Option<T>, EventError> {
        self.required(name, |value| match value {
            Scalar::Null => Ok(None),
            value => read(value).map(Some),
        })
    }
}

/// Decodes an object; `None` where a seed has refused, which it only does to what is no object.
fn decode<'a, const N: usize>(
    seed: Seed<'_, 'a, N>,
    bytes: &'a [u8],
    place: Place,
    limits: &Limits,
) -> Result<Option<Fields<'a, N>>, EventError> {
    match cbor::from_slice_seed(seed, bytes, Profile::Atproto, &limits.cbor()) {
        Ok(fields) => Ok(Some(fields)),
        Err(DecodeError::Cbor(error)) => Err(EventError::Cbor { place, error }),
        Err(_) => Ok(None),
    }
}

struct Seed<'o, 'a, const N: usize> {
    fields: Fields<'a, N>,
    ops: Option<&'o mut Ops<'a>>,
}

impl<'a, const N: usize> DeserializeSeed<'a> for Seed<'_, 'a, N> {
    type Value = Fields<'a, N>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a, const N: usize> Visitor<'a> for Seed<'_, 'a, N> {
    type Value = Fields<'a, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = map.next_key::<&'a str>()? {
            let mut slots = self.fields.names.iter().zip(&mut self.fields.values);
            match (&mut self.ops, slots.find(|(other, _)| **other == name)) {
                (Some(ops), _) if name == "ops" => map.next_value_seed(&mut **ops)?,
                (_, Some((_, slot))) => *slot = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(self.fields)
    }
}

/// The operations of a commit. What is wrong with them is kept beside the decoder's error, which has only text.
struct Ops<'a> {
    limit: usize,
    list: Option<Vec<RepoOp<'a>>>,
    fault: Option<EventError>,
}

impl Ops<'_> {
    /// Notes a fault unless there is one: the first counts.
    fn refuse<E: Error>(&mut self, fault: EventError) -> E {
        self.fault.get_or_insert(fault);
        E::custom("refused")
    }
}

impl<'a> DeserializeSeed<'a> for &mut Ops<'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        let wrong = EventError::Field { place: Place::Body, field: "ops", reason: Reason::Type };
        deserializer.deserialize_seq(&mut *self).map_err(|_| self.refuse(wrong))
    }
}

impl<'a> Visitor<'a> for &mut Ops<'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        // Known before the first item is read.
        let count = seq.size_hint().unwrap_or(usize::MAX);
        if count > self.limit {
            return Err(self.refuse(EventError::Ops { count, limit: self.limit }));
        }
        let mut list = Vec::new();
        loop {
            let place = Place::Op(list.len());
            let seed = Seed { fields: Fields::new(place, RepoOp::FIELDS), ops: None };
            match seq.next_element_seed(seed) {
                Ok(None) => break,
                Ok(Some(fields)) => list.push(RepoOp::of(&fields).map_err(|fault| self.refuse(fault))?),
                Err(_) => return Err(self.refuse(EventError::NotObject(place))),
            }
        }
        self.list = Some(list);
        Ok(())
    }
}

impl<'a> Deserialize<'a> for Scalar<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'a> Visitor<'a> for ScalarVisitor {
    type Value = Scalar<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'a>, E> {
        // The profile has no more than 63 bits.
        Ok(i64::try_from(number).map_or(Scalar::Other, Scalar::Integer))
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_borrowed_bytes<E>(self, bytes: &'a [u8]) -> Result<Scalar<'a>, E> {
        Ok(Scalar::Bytes(bytes))
    }

    /// A link, the only newtype of the format.
    fn visit_newtype_struct<D: Deserializer<'a>>(self, deserializer: D) -> Result<Scalar<'a>, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Scalar::Link)
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Scalar<'a>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Scalar<'a>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
