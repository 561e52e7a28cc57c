//! MST nodes beside their reading through `Ipld`: a node is what comes out again when its keys are written anew.

use atproto_lexicon::data::{Cid, cbor};
use atproto_repo::mst::Node;
use ipld_core::ipld::Ipld;
use std::collections::BTreeMap;

const MAX_ENTRIES: usize = 64;

pub fn check(data: &[u8]) {
    let slow = decode(data);
    match Node::decode(data, MAX_ENTRIES) {
        Ok(node) => {
            let (left, entries) = slow.expect("accepted, and not by the oracle");
            assert_eq!(node.left().copied(), left);
            let found: Vec<Entry> = node
                .entries()
                .iter()
                .map(|entry| (node.key(entry).to_vec(), entry.value, entry.right))
                .collect();
            assert_eq!(found, entries);
        }
        Err((entry, reason)) => {
            assert!(slow.is_none(), "{entry:?}: {reason}");
            // Why it is none is found out by two ways which must agree on that.
            assert!(
                cbor::validate(data).is_ok()
                    || matches!(reason, atproto_repo::mst::TreeReason::Cbor(_))
                    || entry.is_some()
                    || reason == atproto_repo::mst::TreeReason::TooManyEntries,
                "{reason}"
            );
        }
    }
}

type Entry = (Vec<u8>, Cid, Option<Cid>);

fn decode(data: &[u8]) -> Option<(Option<Cid>, Vec<Entry>)> {
    let Ok(Ipld::Map(fields)) = serde_ipld_dagcbor::from_slice(data) else { return None };
    let left = link(fields.get("l")?)?;
    let Ipld::List(list) = fields.get("e")? else { return None };
    let mut entries: Vec<Entry> = Vec::new();
    for entry in list {
        let Ipld::Map(entry) = entry else { return None };
        let (Ipld::Bytes(suffix), Ipld::Integer(prefix), Ipld::Link(value)) =
            (entry.get("k")?, entry.get("p")?, entry.get("v")?)
        else {
            return None;
        };
        let before = entries.last().map_or(&[][..], |(key, ..)| key);
        let key = [before.get(..usize::try_from(*prefix).ok()?)?, suffix].concat();
        if key.is_empty() || key.len() > 1024 || (!entries.is_empty() && before >= key.as_slice()) {
            return None;
        }
        entries.push((key, Cid::try_from(value).ok()?, link(entry.get("t")?)?));
    }
    (entries.len() <= MAX_ENTRIES && encode(left, &entries) == data).then_some((left, entries))
}

/// A node's link, or null.
fn link(ipld: &Ipld) -> Option<Option<Cid>> {
    match ipld {
        Ipld::Null => Some(None),
        Ipld::Link(cid) if cid.codec() == 0x71 => Cid::try_from(cid).ok().map(Some),
        _ => None,
    }
}

fn encode(left: Option<Cid>, entries: &[Entry]) -> Vec<u8> {
    let link = |cid: Option<Cid>| cid.map_or(Ipld::Null, |cid| Ipld::Link(cid.into()));
    let mut before: &[u8] = &[];
    let mut list = Vec::new();
    for (key, value, right) in entries {
        let prefix = before.iter().zip(key).take_while(|(a, b)| a == b).count();
        list.push(Ipld::Map(BTreeMap::from([
            ("k".into(), Ipld::Bytes(key[prefix..].into())),
            ("p".into(), Ipld::Integer(prefix as i128)),
            ("t".into(), link(*right)),
            ("v".into(), Ipld::Link((*value).into())),
        ])));
        before = key;
    }
    let fields = BTreeMap::from([("e".into(), Ipld::List(list)), ("l".into(), link(left))]);
    serde_ipld_dagcbor::to_vec(&Ipld::Map(fields)).unwrap()
}
