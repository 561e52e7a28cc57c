use super::TreeReason as Reason;
use super::node::NodeFault;
use atproto_lexicon::data::cbor::{self, RawFields};
use atproto_lexicon::data::{Cid, CidError, Codec, Link};

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
    let node = fields(block).map_err(whole)?;
    let entries = field(&node, "e")
        .and_then(|entries| cbor::split_array(entries).map_err(Reason::Cbor)?.ok_or(Reason::FieldType("e")));
    let entries = entries.map_err(whole)?;
    check_link(&node, "l", true).map_err(whole)?;
    check_count(&node, 2).map_err(whole)?;
    for (index, value) in entries.into_iter().enumerate() {
        entry(value).map_err(|reason| (Some(index), reason))?;
    }
    Ok(())
}

fn entry(block: &[u8]) -> Result<(), Reason> {
    let entry = fields(block)?;
    // A byte string's major type.
    if field(&entry, "k")?.first().is_none_or(|first| first >> 5 != 2) {
        return Err(Reason::FieldType("k"));
    }
    match cbor::from_slice(field(&entry, "p")?) {
        // More than 32 bits is beyond any key.
        Ok(0..=0xffff_ffff_i64) => {}
        Ok(0..) => return Err(Reason::PrefixTooLong),
        _ => return Err(Reason::FieldType("p")),
    }
    check_link(&entry, "t", true)?;
    check_link(&entry, "v", false)?;
    check_count(&entry, 4)
}

fn fields(block: &[u8]) -> Result<RawFields<'_>, Reason> {
    cbor::split_object(block).map_err(Reason::Cbor)?.ok_or(Reason::NotObject)
}

fn field<'a>(fields: &RawFields<'a>, name: &'static str) -> Result<&'a [u8], Reason> {
    let field = fields.iter().find(|(other, _)| *other == name);
    field.map(|(_, value)| *value).ok_or(Reason::MissingField(name))
}

/// Checks a link; one of a node is nullable and has the codec of nodes.
fn check_link(fields: &RawFields<'_>, name: &'static str, of_node: bool) -> Result<(), Reason> {
    match cbor::from_slice::<Option<Link>>(field(fields, name)?) {
        Ok(None) if of_node => Ok(()),
        Ok(Some(Link::Cid(cid))) if of_node && cid.codec() != Codec::DagCbor => {
            Err(Reason::Link(name, CidError::Codec))
        }
        Ok(Some(Link::Cid(_))) => Ok(()),
        Ok(Some(Link::Other(other))) => {
            Err(Reason::Link(name, Cid::from_bytes(other.as_bytes()).err().unwrap_or(CidError::Hash)))
        }
        _ => Err(Reason::FieldType(name)),
    }
}

fn check_count(fields: &RawFields<'_>, count: usize) -> Result<(), Reason> {
    if fields.len() == count { Ok(()) } else { Err(Reason::UnknownField) }
}
