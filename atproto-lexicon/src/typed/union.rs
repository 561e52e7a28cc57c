use super::object::write_object;
use super::reader::Key;
use super::{Reader, TypedObject};
use crate::data::{Object, Value};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::Serializer;
use std::fmt;
use std::marker::PhantomData;

/// An object told by its `$type`; [`union!`](crate::union) implements it.
pub trait Union: Sized {
    /// The `$type` of each variant.
    const TYPES: &'static [&'static str];

    /// Reads the variant at this place of [`TYPES`](Self::TYPES).
    ///
    /// # Errors
    /// Where the fields are not those of the variant.
    fn read<'de, A: MapAccess<'de>>(at: usize, reader: &mut Reader<'de, A>) -> Result<Self, A::Error>;

    /// Keeps an object of another `$type`; `None` where the union is closed.
    fn unknown(object: Unknown) -> Option<Self>;
}

/// An object of a type that an open union does not know, all of it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Unknown(Object);

impl Unknown {
    /// Keeps an object; `None` where it has no `$type`.
    pub fn new(object: Object) -> Option<Self> {
        object.get("$type")?.as_str()?;
        Some(Self(object))
    }

    /// The `$type`.
    pub fn type_name(&self) -> &str {
        self.0.get("$type").and_then(Value::as_str).unwrap_or_default()
    }

    /// All fields, `$type` among them.
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// All fields, `$type` among them.
    pub fn into_object(self) -> Object {
        self.0
    }
}

impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for Unknown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// `Deserialize` of a [`Union`].
///
/// # Errors
/// Where there is no `$type`, where a closed union does not have it, and what the format says.
pub fn deserialize_union<'de, U: Union, D: Deserializer<'de>>(deserializer: D) -> Result<U, D::Error> {
    struct UnionVisitor<U> {
        json: bool,
        of: PhantomData<U>,
    }

    impl<'de, U: Union> Visitor<'de> for UnionVisitor<U> {
        type Value = U;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with $type")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<U, A::Error> {
            let mut reader = Reader::new(map, None, self.json);
            match reader.find_type(U::TYPES)? {
                Key::Known(at) => U::read(at, &mut reader),
                Key::Other(name) => {
                    let unknown = Unknown(reader.rest(name)?);
                    let name = unknown.type_name().to_owned();
                    U::unknown(unknown).ok_or_else(|| A::Error::unknown_variant(&name, U::TYPES))
                }
            }
        }
    }

    let json = deserializer.is_human_readable();
    deserializer.deserialize_map(UnionVisitor { json, of: PhantomData })
}

/// Reads a variant.
///
/// # Errors
/// Where the fields are not those of its type.
pub fn read_boxed<'de, T: TypedObject, A: MapAccess<'de>>(
    reader: &mut Reader<'de, A>,
) -> Result<Box<T>, A::Error> {
    T::read(reader).map(Box::new)
}

/// Reads the message of an event stream, whose type stands beside it and not in it; `None` where the union does not know that
/// type (<https://atproto.com/specs/event-stream#framing>).
///
/// # Errors
/// Where the fields are not those of the type, and what the format says.
pub fn read_message<'de, U: Union, D: Deserializer<'de>>(
    type_name: &str,
    deserializer: D,
) -> Result<Option<U>, D::Error> {
    struct MessageVisitor<U> {
        at: usize,
        json: bool,
        of: PhantomData<U>,
    }

    impl<'de, U: Union> Visitor<'de> for MessageVisitor<U> {
        type Value = U;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<U, A::Error> {
            U::read(self.at, &mut Reader::new(map, None, self.json))
        }
    }

    let Some(at) = U::TYPES.iter().position(|name| *name == type_name) else {
        return Ok(None);
    };
    let json = deserializer.is_human_readable();
    deserializer.deserialize_map(MessageVisitor { at, json, of: PhantomData }).map(Some)
}

/// `Serialize` of a variant.
///
/// # Errors
/// What the format says.
pub fn serialize_variant<T: TypedObject, S: Serializer>(
    object: &T,
    type_name: &'static str,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    write_object(object, Some(type_name), serializer)
}

/// Declares a union: a variant for each type, numbered from 0, with its `$type`. With `..Unknown` it is open: an object of another type is kept.
///
/// Variants are boxed, so that a union is as small as a pointer, and recursion ends in it.
#[macro_export]
macro_rules! union {
    ($(#[$doc:meta])* pub enum $name:ident { $($at:literal $variant:ident($ty:ty) = $type:literal,)* ..$unknown:ident }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = ::core::concat!("`", $type, "`")] $variant(::std::boxed::Box<$ty>),)*
            /// An object of another type.
            $unknown($crate::typed::Unknown),
        }

        $crate::union!(@impl $name { $($at $variant($ty) = $type,)* } $unknown);
    };
    ($(#[$doc:meta])* pub enum $name:ident { $($at:literal $variant:ident($ty:ty) = $type:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $(#[doc = ::core::concat!("`", $type, "`")] $variant(::std::boxed::Box<$ty>),)*
        }

        $crate::union!(@impl $name { $($at $variant($ty) = $type,)* });
    };
    (@impl $name:ident { $($at:literal $variant:ident($ty:ty) = $type:literal,)* } $($unknown:ident)?) => {
        impl $crate::typed::Union for $name {
            const TYPES: &'static [&'static str] = &[$($type),*];

            fn read<'de, A: $crate::typed::serde::de::MapAccess<'de>>(
                at: usize,
                reader: &mut $crate::typed::Reader<'de, A>,
            ) -> ::core::result::Result<Self, A::Error> {
                match at {
                    $($at => $crate::typed::read_boxed(reader).map(Self::$variant),)*
                    _ => ::core::result::Result::Err($crate::typed::serde::de::Error::custom("no such variant")),
                }
            }

            fn unknown(_object: $crate::typed::Unknown) -> ::core::option::Option<Self> {
                $(return ::core::option::Option::Some(Self::$unknown(_object));)?
                #[allow(unreachable_code)]
                ::core::option::Option::None
            }
        }

        impl $crate::typed::serde::Serialize for $name {
            fn serialize<S: $crate::typed::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(object) => {
                        $crate::typed::serialize_variant(&**object, $type, serializer)
                    })*
                    $(Self::$unknown(object) => $crate::typed::serde::Serialize::serialize(object, serializer),)?
                }
            }
        }

        impl<'de> $crate::typed::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::typed::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::typed::deserialize_union(deserializer)
            }
        }

        impl $crate::typed::Validate for $name {
            #[inline]
            fn check<'a>(&'a self, checker: &mut $crate::typed::Checker<'a>) {
                match self {
                    $(Self::$variant(object) => $crate::typed::Validate::check(&**object, checker),)*
                    $(Self::$unknown(_) => {
                        let _ = checker;
                    })?
                }
            }
        }

        $(
            impl ::core::convert::From<$ty> for $name {
                #[inline]
                fn from(object: $ty) -> Self {
                    Self::$variant(::std::boxed::Box::new(object))
                }
            }
        )*
    };
}
