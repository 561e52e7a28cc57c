use super::{CidError, sha256};
use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use serde::de::Error as _;
use std::{fmt, str::FromStr};

/// What a CID says its block is encoded in; repositories use these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// Bytes without structure, such as a blob: 0x55.
    Raw,
    /// DAG-CBOR, such as a record, a commit or an MST node: 0x71.
    DagCbor,
}

impl Codec {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Raw => 0x55,
            Self::DagCbor => 0x71,
        }
    }
}

/// A CID of the form that AT Protocol uses: version 1, `raw` or `dag-cbor`, SHA-256
/// (<https://atproto.com/specs/data-model#link-and-cid-formats>). 36 bytes, `Copy`.
///
/// As text it is base32 in lower case with the prefix `b`. In JSON it is `{"$link": "b…"}`, in DAG-CBOR tag 42, in
/// any type that derives `serde`'s traits. A link inside a record may have another form: that is what
/// [`Link`](super::Link) is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cid([u8; Cid::LEN]);

impl Cid {
    /// Length in bytes of the binary form.
    pub const LEN: usize = 36;

    /// The CID with this codec and SHA-256 digest.
    #[inline]
    pub const fn from_digest(codec: Codec, digest: [u8; 32]) -> Self {
        let mut bytes = [0; Self::LEN];
        let (prefix, rest) = bytes.split_at_mut(4);
        prefix.copy_from_slice(&[1, codec.code(), 0x12, 32]);
        rest.copy_from_slice(&digest);
        Self(bytes)
    }

    /// The CID of `block`: hashes it.
    pub fn of(codec: Codec, block: &[u8]) -> Self {
        Self::from_digest(codec, sha256(block))
    }

    /// The CID of a DAG-CBOR block: hashes it.
    pub fn of_dag_cbor(block: &[u8]) -> Self {
        Self::of(Codec::DagCbor, block)
    }

    /// Reads the 36 bytes of the binary form.
    ///
    /// # Errors
    /// [`CidError`] with what is different from the form that AT Protocol uses.
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        match *bytes {
            [0x12, 0x20, ..] | [0, ..] => Err(CidError::Version),
            [1, 0x55 | 0x71, 0x12, 0x20, ref digest @ ..] => {
                if digest.len() != 32 {
                    return Err(CidError::Length);
                }
                bytes.try_into().map(Self).map_err(|_| CidError::Length)
            }
            [] | [1] | [1, 0x55 | 0x71] | [1, 0x55 | 0x71, 0x12, ..] => Err(CidError::Length),
            [1, 0x55 | 0x71, ..] => Err(CidError::Hash),
            [1, ..] => Err(CidError::Codec),
            _ => Err(CidError::Version),
        }
    }

    /// The binary form.
    #[inline]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// What the block is encoded in.
    #[inline]
    pub const fn codec(&self) -> Codec {
        // The two codecs are the only ones that get in.
        if self.0[1] == 0x55 { Codec::Raw } else { Codec::DagCbor }
    }

    /// The SHA-256 digest of the block.
    #[inline]
    pub fn digest(&self) -> &[u8; 32] {
        let (_, digest) = self.0.split_last_chunk().unwrap_or((&[], &[0; 32]));
        digest
    }

    /// Whether this is the CID of `block`: hashes it and compares.
    #[inline]
    pub fn matches(&self, block: &[u8]) -> bool {
        sha256(block) == *self.digest()
    }
}

/// Decodes multibase base32 in lower case, and nothing that has another spelling.
pub(super) fn bytes_from_text(text: &str) -> Result<Vec<u8>, CidError> {
    let digits = text.strip_prefix('b').ok_or(CidError::Base)?;
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return Err(CidError::Base);
    }
    BASE32_NOPAD_NOCASE.decode(digits.as_bytes()).map_err(|_| CidError::Base)
}

/// Multibase base32 in lower case.
pub(super) fn bytes_to_text(bytes: &[u8]) -> String {
    let mut text = String::from("b");
    BASE32_NOPAD.encode_append(bytes, &mut text);
    text.make_ascii_lowercase();
    text
}

impl FromStr for Cid {
    type Err = CidError;

    /// Reads base32 in lower case with the prefix `b`.
    fn from_str(text: &str) -> Result<Self, CidError> {
        // 1 prefix character and 36 bytes at 5 bits a character.
        if text.len() > 59 {
            return Err(CidError::Length);
        }
        Self::from_bytes(&bytes_from_text(text)?)
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&bytes_to_text(&self.0))
    }
}

impl fmt::Debug for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cid({self})")
    }
}

impl AsRef<[u8]> for Cid {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl serde::Serialize for Cid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_link(&self.0, serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Cid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_link(deserializer, Self::from_bytes)
    }
}

/// The newtype name by which the crate `cid` and all that read and write its type agree that bytes are a link.
pub(crate) const NEWTYPE: &str = "$__private__serde__identifier__for__cid";
pub(super) const LINK: &str = "$link";

/// Writes the binary form of a CID as `$link` or as tag 42.
pub(super) fn serialize_link<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        use serde::ser::SerializeMap as _;
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(LINK, &bytes_to_text(bytes))?;
        map.end()
    } else {
        serializer.serialize_newtype_struct(NEWTYPE, &super::bytes::SerializeBytes(bytes))
    }
}

/// Reads `$link` or tag 42 and hands the binary form to `parse`.
pub(super) fn deserialize_link<'de, D, T>(
    deserializer: D,
    parse: impl Fn(&[u8]) -> Result<T, CidError>,
) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let visitor = LinkVisitor { parse };
    if deserializer.is_human_readable() {
        // What `serde` has buffered of DAG-CBOR is announced as readable, too, and holds the newtype.
        deserializer.deserialize_any(visitor)
    } else {
        deserializer.deserialize_newtype_struct(NEWTYPE, visitor)
    }
}

struct LinkVisitor<F> {
    parse: F,
}

impl<'de, T, F: Fn(&[u8]) -> Result<T, CidError>> serde::de::Visitor<'de> for LinkVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a link")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let bytes = super::bytes::single_entry(&mut map, LINK, |text| {
            bytes_from_text(text).map_err(|error| error.to_string())
        })?;
        (self.parse)(&bytes).map_err(A::Error::custom)
    }

    fn visit_newtype_struct<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_bytes(LinkBytesVisitor(self))
    }
}

/// The bytes inside of a link; other bytes are none.
struct LinkBytesVisitor<F>(LinkVisitor<F>);

impl<T, F: Fn(&[u8]) -> Result<T, CidError>> serde::de::Visitor<'_> for LinkBytesVisitor<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a link")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        (self.0.parse)(bytes).map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a";

    #[test]
    fn is_small_and_keeps_its_text() {
        assert_eq!(size_of::<Cid>(), 36);
        let cid: Cid = TEXT.parse().unwrap();
        assert_eq!((cid.to_string().as_str(), cid.codec()), (TEXT, Codec::DagCbor));
        assert_eq!(Cid::from_digest(Codec::DagCbor, *cid.digest()), cid);
    }

    #[test]
    fn links_have_the_name_that_others_know() {
        assert_eq!(NEWTYPE, ipld_core::cid::serde::CID_SERDE_PRIVATE_IDENTIFIER);
    }

    #[test]
    fn text_has_one_spelling() {
        for length in 0..64_u8 {
            let bytes: Vec<u8> = (0..length).map(|number| number.wrapping_mul(37) ^ length).collect();
            let text = bytes_to_text(&bytes);
            assert_eq!(bytes_from_text(&text), Ok(bytes));
            let digits = "abcdefghijklmnopqrstuvwxyz234567ABZ0189=+/- \n\u{e9}";
            for digit in digits.chars().filter(|digit| length > 0 && !text.ends_with(*digit)) {
                let changed = format!("{}{digit}", &text[..text.len() - 1]);
                match bytes_from_text(&changed) {
                    Ok(other) => assert_eq!(bytes_to_text(&other), changed),
                    Err(error) => assert_eq!(error, CidError::Base),
                }
            }
            for changed in [format!("{text}="), format!("{text} "), format!("b{text}\u{e9}")] {
                assert_eq!(bytes_from_text(&changed), Err(CidError::Base), "{changed}");
            }
        }
        assert_eq!(bytes_from_text(""), Err(CidError::Base));
    }

    #[test]
    fn hashes_blocks() {
        let cid = Cid::of(Codec::Raw, b"block");
        assert!(cid.matches(b"block") && !cid.matches(b"blocks"));
        assert_eq!(Cid::of_dag_cbor(b"block").digest(), cid.digest());
    }

    #[test]
    fn refuses_other_forms() {
        let good = *Cid::of_dag_cbor(b"").as_bytes();
        let with = |at: usize, byte| {
            let mut bytes = good;
            bytes[at] = byte;
            Cid::from_bytes(&bytes)
        };
        assert_eq!(with(0, 0), Err(CidError::Version));
        assert_eq!(with(0, 2), Err(CidError::Version));
        assert_eq!(with(1, 0x70), Err(CidError::Codec));
        assert_eq!(with(2, 0x1e), Err(CidError::Hash));
        assert_eq!(with(3, 31), Err(CidError::Length));
        assert_eq!(Cid::from_bytes(&good[..35]), Err(CidError::Length));
        for length in 0..4 {
            assert_eq!(Cid::from_bytes(&good[..length]), Err(CidError::Length));
        }
        assert_eq!("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n".parse::<Cid>(), Err(CidError::Base));
        assert_eq!(TEXT.to_uppercase().parse::<Cid>(), Err(CidError::Base));
        // The last character's two spare bits.
        assert_eq!(format!("{}b", &TEXT[..58]).parse::<Cid>(), Err(CidError::Base));
        assert_eq!(format!("{TEXT}a").parse::<Cid>(), Err(CidError::Length));
    }
}
