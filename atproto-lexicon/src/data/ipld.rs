//! Conversions from and to the types of `cid` and `ipld-core`.

use super::{Bytes, Cid, CidError, Link, Value};
use ipld_core::cid;
use ipld_core::ipld::Ipld;

/// An [`Ipld`] value has no counterpart in the data model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum IpldError {
    /// A float.
    #[error("the data model has no floats")]
    Float,
    /// An integer outside 64 bits.
    #[error("integer outside 64 bits")]
    Integer,
    /// A link which is not of version 1.
    #[error(transparent)]
    Link(#[from] CidError),
}

impl From<Cid> for cid::Cid {
    fn from(cid: Cid) -> Self {
        // 32 bytes of digest always have room.
        let hash = cid::multihash::Multihash::wrap(0x12, cid.digest()).unwrap_or_default();
        Self::new_v1(u64::from(cid.codec().code()), hash)
    }
}

impl TryFrom<&cid::Cid> for Cid {
    type Error = CidError;

    fn try_from(cid: &cid::Cid) -> Result<Self, CidError> {
        Self::from_bytes(&cid.to_bytes())
    }
}

impl TryFrom<&cid::Cid> for Link {
    type Error = CidError;

    /// Fails for version 0.
    fn try_from(cid: &cid::Cid) -> Result<Self, CidError> {
        Self::from_bytes(&cid.to_bytes())
    }
}

impl TryFrom<&Link> for cid::Cid {
    type Error = CidError;

    /// Fails for a digest of more than 64 bytes, which that type cannot hold.
    fn try_from(link: &Link) -> Result<Self, CidError> {
        Self::read_bytes(link.as_bytes()).map_err(|_| CidError::Length)
    }
}

impl TryFrom<Ipld> for Value {
    type Error = IpldError;

    fn try_from(ipld: Ipld) -> Result<Self, IpldError> {
        Ok(match ipld {
            Ipld::Null => Self::Null,
            Ipld::Bool(value) => Self::Boolean(value),
            Ipld::Integer(number) => Self::Integer(number.try_into().map_err(|_| IpldError::Integer)?),
            Ipld::Float(_) => return Err(IpldError::Float),
            Ipld::String(text) => Self::String(text),
            Ipld::Bytes(bytes) => Self::Bytes(Bytes(bytes)),
            Ipld::List(items) => {
                Self::Array(items.into_iter().map(Self::try_from).collect::<Result<_, _>>()?)
            }
            Ipld::Map(map) => Self::Object(
                map.into_iter()
                    .map(|(key, value)| Ok((key, value.try_into()?)))
                    .collect::<Result<_, IpldError>>()?,
            ),
            Ipld::Link(cid) => Self::Link(Link::try_from(&cid)?),
        })
    }
}

impl TryFrom<Value> for Ipld {
    type Error = CidError;

    /// Fails for a link whose digest has more than 64 bytes.
    fn try_from(value: Value) -> Result<Self, CidError> {
        Ok(match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Bool(value),
            Value::Integer(number) => Self::Integer(number.into()),
            Value::String(text) => Self::String(text),
            Value::Bytes(bytes) => Self::Bytes(bytes.0),
            Value::Link(link) => Self::Link((&link).try_into()?),
            Value::Array(items) => {
                Self::List(items.into_iter().map(Self::try_from).collect::<Result<_, _>>()?)
            }
            Value::Object(object) => Self::Map(
                object
                    .into_iter()
                    .map(|(key, value)| Ok((key, value.try_into()?)))
                    .collect::<Result<_, CidError>>()?,
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_convert_both_ways() {
        let cid = Cid::of_dag_cbor(b"block");
        let theirs = cid::Cid::from(cid);
        assert_eq!(theirs.to_string(), cid.to_string());
        assert_eq!(Cid::try_from(&theirs), Ok(cid));
        for bytes in [cid.as_bytes(), &[1, 0x55, 0, 3, 1, 2, 3][..], &[1, 0x80, 0x01, 0x12, 0]] {
            let link = Link::from_bytes(bytes).unwrap();
            let theirs = cid::Cid::try_from(&link).unwrap();
            assert_eq!(Link::try_from(&theirs), Ok(link));
        }
        let long = [&[1, 0x55, 0, 65][..], &[7; 65]].concat();
        assert_eq!(cid::Cid::try_from(&Link::from_bytes(&long).unwrap()), Err(CidError::Length));
    }

    #[test]
    fn values_convert_both_ways() {
        let value = crate::data::json::from_str(
            r#"{"a":[null,true,-1,"x",{"$bytes":"AAE"}],"b":{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}}"#,
        )
        .unwrap();
        let ipld = Ipld::try_from(value.clone()).unwrap();
        assert_eq!(Value::try_from(ipld), Ok(value));
        assert_eq!(Value::try_from(Ipld::Float(1.0)), Err(IpldError::Float));
        assert_eq!(Value::try_from(Ipld::Integer(1 << 63)), Err(IpldError::Integer));
    }
}
