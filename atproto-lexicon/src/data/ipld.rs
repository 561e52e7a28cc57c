use super::{Bytes, CidError, Link, Value};
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
    fn converts_both_ways() {
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
