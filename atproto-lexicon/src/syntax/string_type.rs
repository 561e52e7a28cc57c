/// Declares a string format's type around its `check` function: construction, text access and serde, once for all.
macro_rules! string_type {
    ($(#[$doc:meta])* $name:ident, $format:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text, as it was parsed.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn error(reason: crate::syntax::Reason, offset: usize) -> crate::syntax::SyntaxError {
                crate::syntax::SyntaxError::new(crate::syntax::Format::$format, reason, offset)
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::syntax::SyntaxError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::syntax::SyntaxError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::check(&text)?;
                Ok(Self(text.into()))
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::syntax::string_type::deserialize(deserializer)
            }
        }
    };
}

pub(super) use string_type;

use super::Reason;

/// Reads a string and parses it without copying it first.
pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: std::str::FromStr<Err = crate::syntax::SyntaxError>,
    D: serde::Deserializer<'de>,
{
    struct Visitor<T>(std::marker::PhantomData<T>);

    impl<T: std::str::FromStr<Err = crate::syntax::SyntaxError>> serde::de::Visitor<'_> for Visitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Visitor(std::marker::PhantomData))
}

/// The offset of the first byte that `allowed` refuses.
pub(super) fn first_not(text: &str, allowed: impl Fn(u8) -> bool) -> Option<usize> {
    text.bytes().position(|byte| !allowed(byte))
}

/// Checks that a text is labels of DNS between dots, at least so many of them, and returns the last one with its offset; a
/// fault comes with its offset.
pub(super) fn check_labels(text: &str, max_len: usize, min: usize) -> Result<(usize, &str), (Reason, usize)> {
    const MAX_LABEL: usize = 63;
    if text.is_empty() {
        return Err((Reason::Empty, 0));
    }
    if text.len() > max_len {
        return Err((Reason::TooLong { max: max_len }, max_len));
    }
    let mut offset = 0_usize;
    for label in text.split('.') {
        if label.is_empty() {
            return Err((Reason::EmptySegment, offset));
        }
        if let Some(at) = first_not(label, |byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err((Reason::Character, offset.saturating_add(at)));
        }
        if label.len() > MAX_LABEL {
            return Err((Reason::SegmentTooLong { max: MAX_LABEL }, offset));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err((Reason::SegmentEdge, offset));
        }
        offset = offset.saturating_add(label.len()).saturating_add(1);
    }
    if text.split('.').count() < min {
        return Err((Reason::TooFewSegments { min }, text.len()));
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    Ok((text.len().saturating_sub(last.len()), last))
}
