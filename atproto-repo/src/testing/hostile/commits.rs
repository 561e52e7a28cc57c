use super::super::model::{Blocks, Model, commit, secret};
use super::case;
use atproto_crypto::testing::{der, high_s};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::{Bytes, Cid, Codec, Link, Object, Value, cbor};
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::testing::Verdict::{Invalid, Valid};

/// A repository of no records under this commit.
fn file(make: impl FnOnce(Cid) -> Vec<u8>) -> Vec<u8> {
    let mut blocks = Blocks::default();
    let data = Model::default().write(&mut blocks);
    let root = blocks.add(make(data));
    blocks.car(&[root])
}

fn signed_by(mut fields: Object, key: &SecretKey) -> Vec<u8> {
    fields.remove("sig");
    let signature = key.sign(&cbor::to_vec(&fields).unwrap());
    fields.insert("sig".into(), Value::Bytes(Bytes(signature.as_bytes().to_vec())));
    cbor::to_vec(&fields).unwrap()
}

/// A field changed or, with nothing, taken away, and the whole signed again.
fn with(name: &str, value: Option<Value>) -> Vec<u8> {
    file(|data| {
        let mut fields = cbor::to_record(&commit(data)).unwrap();
        fields.remove(name);
        fields.extend(value.map(|value| (name.to_owned(), value)));
        signed_by(fields, &secret())
    })
}

/// The signature changed.
fn with_signature(change: impl FnOnce(&[u8; 64]) -> Value) -> Vec<u8> {
    file(|data| {
        let mut fields = cbor::to_record(&commit(data)).unwrap();
        let Some(Value::Bytes(signature)) = fields.remove("sig") else { return Vec::new() };
        fields.insert("sig".into(), change(signature.0.as_slice().try_into().unwrap()));
        cbor::to_vec(&fields).unwrap()
    })
}

fn bytes(bytes: Vec<u8>) -> Value {
    Value::Bytes(Bytes(bytes))
}

/// What is wrong with a commit.
pub(super) fn cases() -> Vec<Hostile<Vec<u8>>> {
    let other = SecretKey::from_hex(Curve::P256, &"77".repeat(32)).unwrap();
    let of_k256 = SecretKey::from_hex(Curve::K256, &"2b".repeat(32)).unwrap();
    let by = |key: SecretKey| file(|data| signed_by(cbor::to_record(&commit(data)).unwrap(), &key));
    let added = file(|data| {
        let mut fields = cbor::to_record(&commit(data)).unwrap();
        fields.insert("future".into(), Value::Integer(1));
        cbor::to_vec(&fields).unwrap()
    });
    let unsorted = file(|data| {
        // The pairs of the object the other way round: the same fields, and not DAG-CBOR.
        let block = commit(data);
        let fields = cbor::split_object(&block).unwrap().unwrap();
        let mut out = vec![0xa0 | fields.len() as u8];
        for (name, value) in fields.iter().rev() {
            out.push(0x60 | name.len() as u8);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value);
        }
        out
    });
    let raw: Link = Cid::of(Codec::Raw, b"").into();
    let mut cases = vec![
        case("as it should be", file(commit), Valid),
        case("unknown field that was signed", with("future", Some(Value::Integer(1))), Valid),
        case("commit before", with("prev", Some(Cid::of_dag_cbor(b"").into())), Valid),
        case("unknown field that was not signed", added, Invalid),
        case("signed by another key", by(other), Invalid),
        case("signed on another curve", by(of_k256), Invalid),
        case("fields not in order", unsorted, Invalid),
        case("not an object", file(|_| vec![0x80]), Invalid),
        case("not CBOR", file(|_| vec![0xff]), Invalid),
        case("of another account", with("did", Some("did:web:example.com".into())), Invalid),
        case("account that is none", with("did", Some("did:plc".into())), Invalid),
        case("version 2", with("version", Some(Value::Integer(2))), Invalid),
        case("version 4", with("version", Some(Value::Integer(4))), Invalid),
        case("revision that is no TID", with("rev", Some("3jzfcijpj2z2".into())), Invalid),
        case("revision that is a number", with("rev", Some(Value::Integer(1))), Invalid),
        case("tree that is null", with("data", Some(Value::Null)), Invalid),
        case("tree of codec raw", with("data", Some(Value::Link(raw.clone()))), Invalid),
        case("commit before of codec raw", with("prev", Some(Value::Link(raw))), Invalid),
        case("signature of 63 bytes", with_signature(|sig| bytes(sig[..63].to_vec())), Invalid),
        case("signature of 65 bytes", with_signature(|sig| bytes([&sig[..], &[0]].concat())), Invalid),
        case("no bytes of a signature", with_signature(|_| bytes(Vec::new())), Invalid),
        case("signature of zeros", with_signature(|_| bytes(vec![0; 64])), Invalid),
        case("signature in DER", with_signature(|sig| bytes(der(sig))), Invalid),
        case(
            "signature with high S",
            with_signature(|sig| bytes(high_s(Curve::P256, sig).to_vec())),
            Invalid,
        ),
        case("signature that is text", with_signature(|_| "a".into()), Invalid),
        case(
            "signature with a bit flipped",
            with_signature(|sig| {
                let mut sig = sig.to_vec();
                sig[40] ^= 1;
                bytes(sig)
            }),
            Invalid,
        ),
    ];
    for name in ["did", "version", "data", "rev", "prev"] {
        cases.push(case(&format!("no field {name}"), with(name, None), Invalid));
    }
    cases
}
