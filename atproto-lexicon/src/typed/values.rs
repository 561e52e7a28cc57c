use serde::de::{Deserializer, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A text is none of the values of a closed enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of the values allowed")]
pub struct NotAllowed;

/// `Deserialize` of a type made from text.
///
/// # Errors
/// Where the text is not allowed, and what the format says.
pub fn deserialize_values<'de, T: for<'a> TryFrom<&'a str>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct TextVisitor<T>(PhantomData<T>);

    impl<T: for<'a> TryFrom<&'a str>> Visitor<'_> for TextVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            T::try_from(text).map_err(|_| E::custom(NotAllowed))
        }
    }

    deserializer.deserialize_str(TextVisitor(PhantomData))
}

/// Declares the values that are common for a text; `..Other` keeps any other one.
#[macro_export]
macro_rules! known_values {
    ($(#[$doc:meta])* pub enum $name:ident { $($variant:ident = $value:literal,)* ..$other:ident }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = ::core::concat!("`", $value, "`")] $variant,)*
            /// Another value.
            $other(::std::boxed::Box<str>),
        }

        impl $name {
            /// The text.
            #[inline]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::$other(text) => text,
                }
            }
        }

        impl ::core::convert::From<&str> for $name {
            #[inline]
            fn from(text: &str) -> Self {
                match text {
                    $($value => Self::$variant,)*
                    _ => Self::$other(text.into()),
                }
            }
        }

        $crate::known_values!(@impl $name);
    };
    (@impl $name:ident) => {
        impl ::core::fmt::Display for $name {
            #[inline]
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::core::convert::AsRef<str> for $name {
            #[inline]
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl ::core::convert::AsRef<[u8]> for $name {
            #[inline]
            fn as_ref(&self) -> &[u8] {
                self.as_str().as_bytes()
            }
        }

        impl $crate::typed::serde::Serialize for $name {
            fn serialize<S: $crate::typed::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::typed::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::typed::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::core::result::Result<Self, D::Error> {
                $crate::typed::deserialize_values(deserializer)
            }
        }
    };
}

/// Declares the only values of a text.
#[macro_export]
macro_rules! closed_values {
    ($(#[$doc:meta])* pub enum $name:ident { $($variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = ::core::concat!("`", $value, "`")] $variant,)*
        }

        impl $name {
            /// The text.
            #[inline]
            pub fn as_str(&self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)*
                }
            }
        }

        impl ::core::convert::TryFrom<&str> for $name {
            type Error = $crate::typed::NotAllowed;

            fn try_from(text: &str) -> ::core::result::Result<Self, $crate::typed::NotAllowed> {
                match text {
                    $($value => ::core::result::Result::Ok(Self::$variant),)*
                    _ => ::core::result::Result::Err($crate::typed::NotAllowed),
                }
            }
        }

        $crate::known_values!(@impl $name);
    };
}

known_values! {
    /// The error of an endpoint that names none.
    pub enum AnyError { ..Other }
}
