use crate::{read, read_json, same, text};
use atproto_lexicon::data::{Bytes, Cid, Object, Value, cbor};
use atproto_repo::mst::{Node, TreeReason, layer_of};
use serde_json::Value as Json;
use testdata::{Case, Suites};

pub(crate) fn add(suites: &mut Suites) {
    type Check = fn(&Json) -> Result<(), String>;
    for (name, at_least, check) in [("key_heights", 9, height as Check), ("common_prefix", 13, common_prefix)]
    {
        let path = format!("conformance/atproto-interop-tests/mst/{name}.json");
        suites.add(&format!("mst::{name}"), &path, at_least, |path| {
            let Json::Array(entries) = read_json(path)? else {
                return Err("not an array".into());
            };
            Ok(entries.into_iter().map(|entry| Case::new(entry.to_string(), move || check(&entry))).collect())
        });
    }
    // The digit in these keys is their height.
    suites.add("mst::example_keys", "conformance/atproto-interop-tests/mst/example_keys.txt", 156, |path| {
        let keys = String::from_utf8(read(path)?).map_err(|error| error.to_string())?;
        let case = |key: &str| {
            let key = key.to_owned();
            Case::new(key.clone(), move || same(Some(layer_of(key.as_bytes())), digit(&key)))
        };
        Ok(keys.lines().map(case).collect())
    });
}

fn digit(key: &str) -> Option<u32> {
    key.chars().nth(1)?.to_digit(10)
}

fn height(entry: &Json) -> Result<(), String> {
    same(Some(u64::from(layer_of(text(entry, "key")?.as_bytes()))), entry["height"].as_u64())
}

/// Of two neighbouring keys in a node, only the longest prefix is accepted.
fn common_prefix(entry: &Json) -> Result<(), String> {
    let (left, right) = (text(entry, "left")?.as_bytes(), text(entry, "right")?.as_bytes());
    let length = entry["len"].as_u64().ok_or("no len")? as usize;
    let (first, second) = if left <= right { (left, right) } else { (right, left) };
    for prefix in 0..=second.len() {
        let decoded = Node::decode(&node(first, second, prefix), 2).map_err(|(_, reason)| reason);
        let expected = if first.is_empty() || second.is_empty() {
            Err(TreeReason::KeyLength)
        } else if prefix > first.len() {
            Err(TreeReason::PrefixTooLong)
        } else if first == second && prefix == length {
            Err(TreeReason::DuplicateKey)
        } else if prefix == length {
            Ok(())
        } else {
            // Too short a prefix, or too long: then what follows it makes another key.
            continue_with(first, second, prefix, length)
        };
        same(decoded.map(drop), expected).map_err(|error| format!("prefix {prefix}: {error}"))?;
    }
    Ok(())
}

fn continue_with(first: &[u8], second: &[u8], prefix: usize, length: usize) -> Result<(), TreeReason> {
    if prefix < length {
        return Err(if first == second { TreeReason::DuplicateKey } else { TreeReason::PrefixNotMaximal });
    }
    // The key as it is expanded: what it shares with the first one is the first one's.
    let key = [&first[..prefix], &second[prefix..]].concat();
    let shared = first.iter().zip(&key).take_while(|(a, b)| a == b).count();
    match first.cmp(&key) {
        std::cmp::Ordering::Equal => Err(TreeReason::DuplicateKey),
        std::cmp::Ordering::Greater => Err(TreeReason::KeyOrder),
        std::cmp::Ordering::Less if prefix < shared => Err(TreeReason::PrefixNotMaximal),
        std::cmp::Ordering::Less => Ok(()),
    }
}

fn node(first: &[u8], second: &[u8], prefix: usize) -> Vec<u8> {
    let entry = |prefix: usize, suffix: &[u8]| {
        Value::Object(Object::from([
            ("k".into(), Value::Bytes(Bytes(suffix.into()))),
            ("p".into(), Value::Integer(prefix as i64)),
            ("t".into(), Value::Null),
            ("v".into(), Cid::of_dag_cbor(b"").into()),
        ]))
    };
    let entries = vec![entry(0, first), entry(prefix, &second[prefix..])];
    let fields = Object::from([("e".into(), Value::Array(entries)), ("l".into(), Value::Null)]);
    cbor::to_vec(&fields).unwrap_or_default()
}
