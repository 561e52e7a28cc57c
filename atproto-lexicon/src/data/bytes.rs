use data_encoding::BASE64_NOPAD;
use serde::de::Error as _;
use std::fmt;

/// A byte string: `{"$bytes": "base64"}` in JSON, a byte string in DAG-CBOR, in any type that derives `serde`'s traits
/// (<https://atproto.com/specs/data-model#bytes>).
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes(pub Vec<u8>);

pub(super) const BYTES: &str = "$bytes";

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", to_base64(&self.0))
    }
}

/// Reads the standard alphabet; padding is optional, but complete where it is there; spare bits are zero.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if digits.len() < text.len() && !text.len().is_multiple_of(4) {
        return None;
    }
    BASE64_NOPAD.decode(digits.as_bytes()).ok()
}

/// [`from_base64`], where the bits of the last digit that are no part of a byte need not be zero.
pub(super) fn from_base64_lenient(text: &str) -> Option<Vec<u8>> {
    from_base64(text).or_else(|| {
        let digits = text.trim_end_matches('=');
        let last = digits.chars().next_back()?;
        let symbols = data_encoding::BASE64_NOPAD.specification().symbols;
        let spare = match digits.len() % 4 {
            2 => 16,
            3 => 4,
            _ => return None,
        };
        let value = symbols.find(last)?;
        let clean = symbols.chars().nth(value.checked_sub(value.checked_rem(spare)?)?)?;
        let (head, tail) = text.split_at_checked(digits.len().checked_sub(1)?)?;
        from_base64(&format!("{head}{clean}{}", tail.get(1..)?))
    })
}

/// The standard alphabet, without padding.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    BASE64_NOPAD.encode(bytes)
}

/// Borrowed bytes, written as a format's own byte strings.
pub(super) struct SerializeBytes<'a>(pub(super) &'a [u8]);

impl serde::Serialize for SerializeBytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl serde::Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            use serde::ser::SerializeMap as _;
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(BYTES, &to_base64(&self.0))?;
            map.end()
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> serde::Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.into()))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Bytes, A::Error> {
                single_entry(&mut map, BYTES, |text| from_base64(text).ok_or("not base64")).map(Bytes)
            }
        }

        if deserializer.is_human_readable() {
            deserializer.deserialize_map(Visitor)
        } else {
            deserializer.deserialize_byte_buf(Visitor)
        }
    }
}

/// Reads the one field of `{"$link": …}` or `{"$bytes": …}`.
pub(super) fn single_entry<'de, A, E>(
    map: &mut A,
    name: &'static str,
    decode: impl FnOnce(&str) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, A::Error>
where
    A: serde::de::MapAccess<'de>,
    E: fmt::Display,
{
    let only = || A::Error::custom(format_args!("expected an object with the one field {name}"));
    let (key, text): (String, String) = map.next_entry()?.ok_or_else(only)?;
    if key != name || map.next_key::<String>()?.is_some() {
        return Err(only());
    }
    decode(&text).map_err(A::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_has_optional_padding_and_no_spare_bits() {
        assert_eq!(from_base64("Zm8").as_deref(), Some(&b"fo"[..]));
        assert_eq!(from_base64("Zm8=").as_deref(), Some(&b"fo"[..]));
        assert_eq!(from_base64("").as_deref(), Some(&b""[..]));
        for bad in [
            "Zm9", "Zm8==", "Zm=8", "Z", "Zg=", "Zm 8", "Zm8\n", "-_8", "=", "====", "AA==AA==", "AAAA====",
            "AAA=AAA=", "AAAA=",
        ] {
            assert_eq!(from_base64(bad), None, "{bad:?}");
        }
        assert_eq!(to_base64(b"f"), "Zg");
    }

    #[test]
    fn spare_bits_can_be_let_pass() {
        for (text, bytes) in
            [("123", &[0xd7, 0x6d][..]), ("Zm9=", b"fo"), ("Zh==", b"f"), ("Zg", b"f"), ("Zm9v", b"foo")]
        {
            assert_eq!(from_base64_lenient(text).as_deref(), Some(bytes), "{text}");
        }
        for bad in ["Z", "Zm9==", "Zm=9", "Zä", "ä", "=", "Zh=", "Z-", "Zm 9"] {
            assert_eq!(from_base64_lenient(bad), None, "{bad}");
        }
    }
}
