use crate::model::{Blocks, Model, commit, did, key, secret};
use crate::ways::check;
use atproto_crypto::testing::{der, high_s};
use atproto_crypto::{Curve, SecretKey, SignatureError};
use atproto_lexicon::data::cbor::{self, CborReason};
use atproto_lexicon::data::{Bytes, Cid, CidError, Codec, Link, Object, Value};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::repo::{Commit, CommitReason as Reason, Error, Invalid, Missing, Repo, UnsignedRepo};

/// The verdict on a repository without records and with this commit.
fn verdict(make: impl FnOnce(Cid) -> Vec<u8>) -> Result<(), Reason> {
    let mut blocks = Blocks::default();
    let data = Model::default().write(&mut blocks);
    let root = blocks.add(make(data));
    match check(&blocks.car(&[root])).unwrap() {
        Ok(_) => Ok(()),
        Err(Error::Invalid(Invalid::Commit { reason, commit })) => {
            assert_eq!(commit, root);
            Err(reason)
        }
        other => panic!("{other:?}"),
    }
}

fn fields(block: &[u8]) -> Object {
    cbor::to_record(block).unwrap()
}

fn sign(mut fields: Object) -> Vec<u8> {
    fields.remove("sig");
    let signature = secret().sign(&cbor::to_vec(&fields).unwrap());
    fields.insert("sig".into(), Value::Bytes(Bytes(signature.as_bytes().to_vec())));
    cbor::to_vec(&fields).unwrap()
}

/// A field changed, and the whole signed again.
fn changed(name: &str, value: Option<Value>) -> Result<(), Reason> {
    verdict(|data| {
        let mut fields = fields(&commit(data));
        fields.remove(name);
        fields.extend(value.map(|value| (name.to_owned(), value)));
        sign(fields)
    })
}

#[test]
fn every_field_is_needed() {
    assert_eq!(verdict(commit), Ok(()));
    for name in ["did", "version", "data", "rev", "prev"] {
        assert_eq!(changed(name, None), Err(Reason::MissingField(name)));
        assert_eq!(changed(name, Some(Value::Boolean(true))), Err(Reason::FieldType(name)));
    }
    assert_eq!(changed("data", Some(Value::Null)), Err(Reason::FieldType("data")));
    for version in [2, 4, -3] {
        assert_eq!(changed("version", Some(Value::Integer(version))), Err(Reason::Version(version)));
    }
    assert!(matches!(changed("did", Some("did:plc".into())), Err(Reason::Syntax(_))));
    assert!(matches!(changed("rev", Some("3jzfcijpj2z2".into())), Err(Reason::Syntax(_))));
    let other: Did = "did:web:example.com".parse().unwrap();
    assert_eq!(changed("did", Some(other.as_str().into())), Err(Reason::Did));
}

#[test]
fn links_have_the_form_of_repositories() {
    let raw = Cid::of(Codec::Raw, b"");
    let other = Link::from_bytes(&[1, 0x71, 0, 1, 7]).unwrap();
    for name in ["data", "prev"] {
        assert_eq!(changed(name, Some(raw.into())), Err(Reason::Link(name, CidError::Codec)));
        assert_eq!(changed(name, Some(other.clone().into())), Err(Reason::Link(name, CidError::Hash)));
    }
    assert_eq!(changed("prev", Some(Cid::of_dag_cbor(b"").into())), Ok(()));
}

#[test]
fn unknown_fields_are_signed() {
    assert_eq!(changed("future", Some(Value::Integer(1))), Ok(()));
    let added = |data| {
        let mut fields = fields(&commit(data));
        fields.insert("future".into(), Value::Integer(1));
        cbor::to_vec(&fields).unwrap()
    };
    assert_eq!(verdict(added), Err(Reason::Signature(SignatureError::Mismatch)));
}

fn with_signature(make: impl FnOnce(&[u8; 64], &[u8]) -> Value) -> Result<(), Reason> {
    verdict(|data| {
        let block = commit(data);
        let mut fields = fields(&block);
        let unsigned = Commit::decode(&block).unwrap().unsigned_bytes().to_vec();
        let Some(Value::Bytes(signature)) = fields.remove("sig") else { panic!() };
        fields.insert("sig".into(), make(signature.0.as_slice().try_into().unwrap(), &unsigned));
        cbor::to_vec(&fields).unwrap()
    })
}

#[test]
fn signatures_are_compact_and_low_s() {
    let bytes = |bytes: Vec<u8>| Value::Bytes(Bytes(bytes));
    assert_eq!(with_signature(|signature, _| bytes(signature.to_vec())), Ok(()));
    let refused = |error| Err(Reason::Signature(error));
    assert_eq!(
        with_signature(|signature, _| bytes(signature[..63].to_vec())),
        refused(SignatureError::Length)
    );
    assert_eq!(with_signature(|_, _| bytes(vec![])), refused(SignatureError::Length));
    assert_eq!(with_signature(|signature, _| bytes(der(signature))), refused(SignatureError::Length));
    assert_eq!(
        with_signature(|signature, _| bytes(high_s(Curve::P256, signature).to_vec())),
        refused(SignatureError::HighS)
    );
    assert_eq!(with_signature(|_, _| "text".into()), Err(Reason::FieldType("sig")));
    let other = SecretKey::from_hex(Curve::P256, &"77".repeat(32)).unwrap();
    let by_other = |_: &[u8; 64], unsigned: &[u8]| bytes(other.sign(unsigned).as_bytes().to_vec());
    assert_eq!(with_signature(by_other), refused(SignatureError::Mismatch));
    let k256 = SecretKey::from_hex(Curve::K256, &"2b".repeat(32)).unwrap();
    let by_other_curve = |_: &[u8; 64], unsigned: &[u8]| bytes(k256.sign(unsigned).as_bytes().to_vec());
    assert_eq!(with_signature(by_other_curve), refused(SignatureError::Mismatch));
}

#[test]
fn bytes_that_are_not_the_encoding() {
    let cbor = |make: fn(Vec<u8>) -> Vec<u8>| match verdict(|data| make(commit(data))) {
        Err(Reason::Cbor(error)) => error.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(cbor(|block| [&block[..], &[0]].concat()), CborReason::Trailing);
    assert_eq!(cbor(|block| [&[0xb8, 6], &block[1..]].concat()), CborReason::NotShortest);
    assert_eq!(
        cbor(|_| [&[0x81; 100_000][..], &[0]].concat()),
        CborReason::Limit(atproto_lexicon::data::LimitError::Depth)
    );
    assert_eq!(verdict(|_| vec![0x80]), Err(Reason::NotObject));
}

#[test]
fn roots() {
    let mut blocks = Blocks::default();
    let data = Model::default().write(&mut blocks);
    let root = blocks.add(commit(data));
    assert_eq!(check(&blocks.car(&[])).unwrap(), Err(Error::Invalid(Invalid::NoRoot)));
    assert!(check(&blocks.car(&[root, data])).unwrap().is_ok(), "more roots than one are accepted");
    assert!(matches!(
        check(&blocks.car(&[data, root])).unwrap(),
        Err(Error::Invalid(Invalid::Commit { reason: Reason::MissingField("version"), .. }))
    ));
    let elsewhere = Cid::of_dag_cbor(b"elsewhere");
    assert_eq!(check(&blocks.car(&[elsewhere])).unwrap(), Err(Error::Incomplete(Missing::Commit(elsewhere))));
    let raw = Cid::of(Codec::Raw, b"");
    assert!(matches!(
        check(&blocks.car(&[raw])).unwrap(),
        Err(Error::Invalid(Invalid::Commit { reason: Reason::Codec, .. }))
    ));
}

#[test]
fn what_is_not_verified_says_so() {
    let mut blocks = Blocks::default();
    let data = Model::default().write(&mut blocks);
    let root = blocks.add(commit(data));
    let bytes = blocks.car(&[root]);
    let car = Car::parse(&bytes).unwrap();
    let unsigned: UnsignedRepo<'_, _> = UnsignedRepo::open(&car).unwrap();
    assert_eq!(unsigned.commit().data, data);
    let repo: Repo<'_, _> = unsigned.verify(&did(), &key()).unwrap();
    assert_eq!(repo.commit_cid(), &root);
}
