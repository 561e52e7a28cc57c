use super::{Reader, Writer};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// An object with declared fields; [`object!`](crate::object) and [`params!`](crate::params) implement it.
pub trait TypedObject: Sized {
    /// The `$type` that the object always has: a record's NSID.
    const TYPE: Option<&'static str>;

    /// Reads the fields.
    ///
    /// # Errors
    /// Where one is missing, comes twice or is of another type.
    fn read<'de, A: MapAccess<'de>>(reader: &mut Reader<'de, A>) -> Result<Self, A::Error>;

    /// Writes the fields.
    fn write<M: SerializeMap>(&self, writer: &mut Writer<M>);
}

/// A type of record (<https://atproto.com/specs/lexicon#record>).
pub trait Record: TypedObject {
    /// The collection: the NSID of the type.
    const NSID: &'static str;
    /// What its record keys are: `tid`, `nsid`, `any` or `literal:` with the key.
    const KEY: &'static str;
}

/// `Deserialize` of a [`TypedObject`].
///
/// # Errors
/// What the format says.
pub fn deserialize_object<'de, T: TypedObject, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct ObjectVisitor<T> {
        json: bool,
        of: PhantomData<T>,
    }

    impl<'de, T: TypedObject> Visitor<'de> for ObjectVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::TYPE.unwrap_or("an object"))
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::read(&mut Reader::new(map, T::TYPE, self.json))
        }
    }

    let json = deserializer.is_human_readable();
    deserializer.deserialize_map(ObjectVisitor { json, of: PhantomData })
}

/// `Serialize` of a [`TypedObject`].
///
/// # Errors
/// What the format says.
pub fn serialize_object<T: TypedObject, S: Serializer>(object: &T, serializer: S) -> Result<S::Ok, S::Error> {
    write_object(object, T::TYPE, serializer)
}

/// Writes an object with this `$type`.
pub(super) fn write_object<T: TypedObject, S: Serializer>(
    object: &T,
    type_name: Option<&str>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let json = serializer.is_human_readable();
    let mut writer = Writer::new(serializer.serialize_map(None)?, type_name, json);
    object.write(&mut writer);
    writer.end()
}

/// Declares the fields of a struct, numbered from 0: first those that are `required`, then those that are `optional` and have the
/// type `Option`. Each has a name in data. Those of other names are in the struct's field `extra`. With an NSID, that is the
/// `$type` which the object always has.
#[macro_export]
macro_rules! object {
    ($name:ident $(: $nsid:literal)? {
        $(required $required:literal $field:ident = $key:literal;)*
        $(optional $optional:literal $other:ident = $other_key:literal;)*
    }) => {
        impl $crate::typed::TypedObject for $name {
            const TYPE: ::core::option::Option<&'static str> = $crate::object!(@type $($nsid)?);

            fn read<'de, A: $crate::typed::serde::de::MapAccess<'de>>(
                reader: &mut $crate::typed::Reader<'de, A>,
            ) -> ::core::result::Result<Self, A::Error> {
                $(let mut $field = ::core::option::Option::None;)*
                $(let mut $other = ::core::option::Option::None;)*
                while let ::core::option::Option::Some(at) = reader.next(&[$($key,)* $($other_key),*]) {
                    match at {
                        $($required => reader.set(&mut $field, $key),)*
                        $($optional => reader.set(&mut $other, $other_key),)*
                        _ => {}
                    }
                }
                reader.check()?;
                let extra = reader.extra()?;
                match ($($field,)*) {
                    ($(::core::option::Option::Some($field),)*) => {
                        ::core::result::Result::Ok(Self { $($field,)* $($other,)* extra })
                    }
                    #[allow(unreachable_patterns)]
                    ($($field,)*) => {
                        ::core::result::Result::Err(reader.missing(&[$(($key, $field.is_none())),*]))
                    }
                }
            }

            fn write<M: $crate::typed::serde::ser::SerializeMap>(&self, writer: &mut $crate::typed::Writer<M>) {
                $(writer.required($key, &self.$field);)*
                $(writer.optional($other_key, &self.$other);)*
                writer.extra(&self.extra, &[$($key,)* $($other_key),*]);
            }
        }
        $crate::object!(@serde $name);
    };
    (@type) => { ::core::option::Option::None };
    (@type $nsid:literal) => { ::core::option::Option::Some($nsid) };
    (@serde $name:ident) => {
        impl $crate::typed::serde::Serialize for $name {
            fn serialize<S: $crate::typed::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                $crate::typed::serialize_object(self, serializer)
            }
        }

        impl<'de> $crate::typed::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::typed::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::typed::deserialize_object(deserializer)
            }
        }
    };
}

/// [`object!`](crate::object) for query parameters: those of other names are ignored, and there is no `extra`.
#[macro_export]
macro_rules! params {
    ($name:ident {
        $(required $required:literal $field:ident = $key:literal;)*
        $(optional $optional:literal $other:ident = $other_key:literal;)*
    }) => {
        impl $crate::typed::TypedObject for $name {
            const TYPE: ::core::option::Option<&'static str> = ::core::option::Option::None;

            fn read<'de, A: $crate::typed::serde::de::MapAccess<'de>>(
                reader: &mut $crate::typed::Reader<'de, A>,
            ) -> ::core::result::Result<Self, A::Error> {
                $(let mut $field = ::core::option::Option::None;)*
                $(let mut $other = ::core::option::Option::None;)*
                while let ::core::option::Option::Some(at) = reader.next_ignoring(&[$($key,)* $($other_key),*]) {
                    match at {
                        $($required => reader.set(&mut $field, $key),)*
                        $($optional => reader.set(&mut $other, $other_key),)*
                        _ => {}
                    }
                }
                reader.check()?;
                match ($($field,)*) {
                    ($(::core::option::Option::Some($field),)*) => {
                        ::core::result::Result::Ok(Self { $($field,)* $($other,)* })
                    }
                    #[allow(unreachable_patterns)]
                    ($($field,)*) => {
                        ::core::result::Result::Err(reader.missing(&[$(($key, $field.is_none())),*]))
                    }
                }
            }

            fn write<M: $crate::typed::serde::ser::SerializeMap>(&self, writer: &mut $crate::typed::Writer<M>) {
                $(writer.required($key, &self.$field);)*
                $(writer.optional($other_key, &self.$other);)*
            }
        }
        $crate::object!(@serde $name);
    };
}
