use super::TreeReason as Reason;
use super::node::NodeFault;
use atproto_lexicon::data::{Cid, CidError, Codec, Link, Object, Value, cbor};

/// Finds out what is wrong with a block that is not a node: slowly, since it is asked once.
pub(super) fn diagnose(block: &[u8]) -> NodeFault {
    match shape(block) {
        Err(fault) => fault,
        // What the reader refuses and this does not would be an error in one of them; it stays a refusal.
        Ok(()) => (None, Reason::NotObject),
    }
}

fn shape(block: &[u8]) -> Result<(), NodeFault> {
    let whole = |reason| (None, reason);
    let value = cbor::to_value(block).map_err(|error| whole(Reason::Cbor(error)))?;
    let node = value.as_object().ok_or(whole(Reason::NotObject))?;
    let entries = match field(node, "e").map_err(whole)? {
        Value::Array(entries) => entries,
        _ => return Err(whole(Reason::FieldType("e"))),
    };
    check_link(node, "l", true).map_err(whole)?;
    check_count(node, 2).map_err(whole)?;
    for (index, value) in entries.iter().enumerate() {
        entry(value).map_err(|reason| (Some(index), reason))?;
    }
    Ok(())
}

fn entry(value: &Value) -> Result<(), Reason> {
    let entry = value.as_object().ok_or(Reason::NotObject)?;
    if !matches!(field(entry, "k")?, Value::Bytes(_)) {
        return Err(Reason::FieldType("k"));
    }
    match field(entry, "p")? {
        // More than 32 bits is beyond any key.
        Value::Integer(0..=0xffff_ffff) => {}
        Value::Integer(0..) => return Err(Reason::PrefixTooLong),
        _ => return Err(Reason::FieldType("p")),
    }
    check_link(entry, "t", true)?;
    check_link(entry, "v", false)?;
    check_count(entry, 4)
}

fn field<'a>(object: &'a Object, name: &'static str) -> Result<&'a Value, Reason> {
    object.get(name).ok_or(Reason::MissingField(name))
}

/// Checks a link; one of a node is nullable and has the codec of nodes.
fn check_link(object: &Object, name: &'static str, of_node: bool) -> Result<(), Reason> {
    match field(object, name)? {
        Value::Null if of_node => Ok(()),
        Value::Link(Link::Cid(cid)) if of_node && cid.codec() != Codec::DagCbor => {
            Err(Reason::Link(name, CidError::Codec))
        }
        Value::Link(Link::Cid(_)) => Ok(()),
        Value::Link(Link::Other(other)) => {
            Err(Reason::Link(name, Cid::from_bytes(other.as_bytes()).err().unwrap_or(CidError::Hash)))
        }
        _ => Err(Reason::FieldType(name)),
    }
}

fn check_count(object: &Object, count: usize) -> Result<(), Reason> {
    if object.len() == count { Ok(()) } else { Err(Reason::UnknownField) }
}
