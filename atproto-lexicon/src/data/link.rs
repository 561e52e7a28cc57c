use super::cid::{bytes_from_text, bytes_to_text, deserialize_link, serialize_link};
use super::{Cid, CidError};
use std::{fmt, str::FromStr};

/// A link as it stands in a record: a [`Cid`] nearly always, or a version-1 CID of another codec or hash, which is kept
/// byte for byte (<https://atproto.com/specs/data-model#link-and-cid-formats>).
///
/// In JSON it is `{"$link": "b…"}`, in DAG-CBOR tag 42.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Link {
    /// The form that AT Protocol uses.
    Cid(Cid),
    /// Any other version-1 CID.
    Other(OtherCid),
}

/// A version-1 CID which is not of the form that AT Protocol uses: kept, not interpreted.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OtherCid(Box<[u8]>);

/// A link's binary form, checked and borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) enum LinkRef<'a> {
    Cid(Cid),
    Other(&'a [u8]),
}

impl<'a> LinkRef<'a> {
    /// Reads the binary form of any version-1 CID whose numbers are in their shortest form.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, CidError> {
        if let Ok(cid) = Cid::from_bytes(bytes) {
            return Ok(Self::Cid(cid));
        }
        Parts::parse(bytes).map(|_| Self::Other(bytes))
    }

    pub(super) fn to_link(self) -> Link {
        match self {
            Self::Cid(cid) => Link::Cid(cid),
            Self::Other(bytes) => Link::Other(OtherCid(bytes.into())),
        }
    }
}

/// What the binary form of a version-1 CID says.
pub(super) struct Parts<'a> {
    pub(super) codec: u64,
    pub(super) hash: u64,
    pub(super) digest: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, CidError> {
        // A version-0 CID is a bare SHA-256 multihash.
        let (version, rest) = varint(bytes)?;
        if version != 1 {
            return Err(CidError::Version);
        }
        let (codec, rest) = varint(rest)?;
        let (hash, rest) = varint(rest)?;
        let (length, digest) = varint(rest)?;
        if digest.len() as u64 != length {
            return Err(CidError::Length);
        }
        Ok(Self { codec, hash, digest })
    }
}

/// An unsigned varint of at most nine bytes in its shortest form (<https://github.com/multiformats/unsigned-varint>).
fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), CidError> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << index.saturating_mul(7);
        if byte & 0x80 == 0 {
            if *byte == 0 && index > 0 {
                return Err(CidError::Varint);
            }
            return Ok((number, bytes.get(index.saturating_add(1)..).unwrap_or_default()));
        }
    }
    Err(if bytes.len() < 9 { CidError::Length } else { CidError::Varint })
}

impl Link {
    /// Reads the binary form.
    ///
    /// # Errors
    /// [`CidError`] where it is not a version-1 CID.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CidError> {
        LinkRef::parse(bytes).map(LinkRef::to_link)
    }

    /// The binary form.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Cid(cid) => cid.as_bytes(),
            Self::Other(other) => &other.0,
        }
    }

    /// The CID, where it has the form that AT Protocol uses.
    pub fn as_cid(&self) -> Option<&Cid> {
        match self {
            Self::Cid(cid) => Some(cid),
            Self::Other(_) => None,
        }
    }
}

impl FromStr for Link {
    type Err = CidError;

    /// Reads base32 in lower case with the prefix `b`.
    fn from_str(text: &str) -> Result<Self, CidError> {
        Self::from_bytes(&bytes_from_text(text)?)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&bytes_to_text(self.as_bytes()))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Link({self})")
    }
}

impl OtherCid {
    /// The binary form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for OtherCid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OtherCid({})", bytes_to_text(&self.0))
    }
}

impl From<Cid> for Link {
    fn from(cid: Cid) -> Self {
        Self::Cid(cid)
    }
}

impl serde::Serialize for Link {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_link(self.as_bytes(), serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Link {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_link(deserializer, Self::from_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_other_forms() {
        // BLAKE3, and an identity hash of three bytes.
        let blake3 = [&[1, 0x71, 0x1e, 32][..], &[7; 32]].concat();
        for bytes in [&blake3[..], &[1, 0x55, 0, 3, 1, 2, 3], &[1, 0x80, 0x01, 0x12, 0]] {
            let link = Link::from_bytes(bytes).unwrap();
            assert!(link.as_cid().is_none());
            assert_eq!(link.as_bytes(), bytes);
            assert_eq!(link.to_string().parse(), Ok(link.clone()));
        }
        let cid = Cid::of_dag_cbor(b"");
        assert_eq!(Link::from_bytes(cid.as_bytes()), Ok(Link::Cid(cid)));
    }

    #[test]
    fn refuses_what_is_not_a_version_1_cid() {
        let version_0 = [&[0x12, 0x20][..], &[7; 32]].concat();
        assert_eq!(Link::from_bytes(&version_0), Err(CidError::Version));
        assert_eq!(Link::from_bytes(&[]), Err(CidError::Length));
        assert_eq!(Link::from_bytes(&[1, 0x71, 0x12]), Err(CidError::Length));
        assert_eq!(Link::from_bytes(&[1, 0x71, 0x12, 2, 0]), Err(CidError::Length));
        assert_eq!(Link::from_bytes(&[1, 0xf1, 0, 0x12, 0]), Err(CidError::Varint));
        assert_eq!(Link::from_bytes(&[0xff; 12]), Err(CidError::Varint));
    }
}
