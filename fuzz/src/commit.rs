//! Commits beside their reading through `Ipld`.

use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::{Cid, cbor};
use atproto_repo::repo::Commit;
use ipld_core::ipld::Ipld;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub fn check(data: &[u8]) {
    let Some((sign, block)) = data.split_first() else { return };
    check_decode(block);
    // Signing takes a thousand times longer than decoding.
    if *sign == 0
        && let Ok(Ipld::Map(mut fields)) = serde_ipld_dagcbor::from_slice(block)
    {
        check_signed(&mut fields);
    }
}

fn check_decode(block: &[u8]) {
    let decoded = Commit::decode(block);
    let fields = match serde_ipld_dagcbor::from_slice(block) {
        Ok(Ipld::Map(fields)) if cbor::to_value(block).is_ok() => fields,
        // The one thing that the library has no room for is a link of more than 64 bytes in a field that we do not know.
        Ok(_) => return assert!(decoded.is_err()),
        Err(_) => return assert!(decoded.is_err() || cbor::validate(block).is_ok()),
    };
    let commit = match decoded {
        Ok(commit) => commit,
        Err(reason) => return assert!(!is_commit(&fields), "{reason}"),
    };
    assert!(is_commit(&fields));
    assert_eq!(commit.unsigned_bytes(), unsigned(&fields));
    assert_eq!(fields.get("sig"), Some(&Ipld::Bytes(commit.sig.clone())));
    assert_eq!(fields.get("did"), Some(&Ipld::String(commit.did.to_string())));
    assert_eq!(fields.get("rev"), Some(&Ipld::String(commit.rev.to_string())));
    assert_eq!(fields.get("data"), Some(&Ipld::Link(commit.data.into())));
}

fn is_commit(fields: &BTreeMap<String, Ipld>) -> bool {
    let is_node = |cid: &ipld_core::cid::Cid| Cid::try_from(cid).is_ok() && cid.codec() == 0x71;
    let text = |name: &str| match fields.get(name) {
        Some(Ipld::String(text)) => Some(text.as_str()),
        _ => None,
    };
    fields.get("version") == Some(&Ipld::Integer(3))
        && text("did").is_some_and(crate::syntax::is_did)
        && text("rev").is_some_and(crate::syntax::is_tid)
        && matches!(fields.get("data"), Some(Ipld::Link(cid)) if is_node(cid))
        && match fields.get("prev") {
            Some(Ipld::Link(cid)) => is_node(cid),
            other => other == Some(&Ipld::Null),
        }
        && matches!(fields.get("sig"), Some(Ipld::Bytes(_)))
}

fn unsigned(fields: &BTreeMap<String, Ipld>) -> Vec<u8> {
    let mut fields = fields.clone();
    fields.remove("sig");
    serde_ipld_dagcbor::to_vec(&Ipld::Map(fields)).unwrap()
}

/// What the fields are signed with is verified, and nothing else is.
fn check_signed(fields: &mut BTreeMap<String, Ipld>) {
    static KEY: LazyLock<SecretKey> =
        LazyLock::new(|| SecretKey::from_hex(Curve::K256, &"2b".repeat(32)).unwrap());
    let signature = KEY.sign(&unsigned(fields));
    fields.insert("sig".into(), Ipld::Bytes(signature.as_bytes().to_vec()));
    let block = serde_ipld_dagcbor::to_vec(&Ipld::Map(fields.clone())).unwrap();
    let Ok(commit) = Commit::decode(&block) else { return };
    assert_eq!(commit.verify(&commit.did, &KEY.public_key()), Ok(()));
    fields.insert("added".into(), Ipld::Bool(true));
    let block = serde_ipld_dagcbor::to_vec(&Ipld::Map(fields.clone())).unwrap();
    let commit = Commit::decode(&block).unwrap();
    assert!(commit.verify(&commit.did, &KEY.public_key()).is_err());
}
