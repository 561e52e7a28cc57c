use super::{data, key, update};
use atproto_crypto::{Curve, SecretKey, Signature, SignatureError};
use atproto_identity::plc::{
    Change, Data, DataFault, History, LegacyCreate, List, Map, Operation, Part, SignError, UnsignedOperation,
};
use atproto_lexicon::data::{Cid, cbor};

fn genesis(data: Data) -> UnsignedOperation {
    UnsignedOperation::Update { data, prev: None }
}

#[test]
fn what_is_written_is_read() {
    let prev = update(&[0], None, 0).cid();
    let tombstone = UnsignedOperation::Tombstone { prev }.sign(&key(1)).unwrap();
    for operation in [update(&[0, 1], None, 0), update(&[0, 1], Some(prev), 5), tombstone] {
        let json = serde_json::to_string(&operation).unwrap();
        assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), operation);
        assert_eq!(cbor::from_slice::<Operation>(&operation.to_bytes()).unwrap(), operation);
        assert_eq!(Cid::of_dag_cbor(&operation.to_bytes()), operation.cid());
        let unsigned = serde_json::to_string(&operation.unsigned).unwrap();
        assert_eq!(serde_json::from_str::<UnsignedOperation>(&unsigned).unwrap(), operation.unsigned);
        // One form is not taken for the other.
        assert!(serde_json::from_str::<Operation>(&unsigned).is_err());
        assert!(serde_json::from_str::<UnsignedOperation>(&json).is_err());
        assert_eq!(operation.did().is_some(), operation.unsigned.prev().is_none());
    }
}

#[test]
fn each_type_has_its_fields_and_no_others() {
    let whole = serde_json::to_value(update(&[0], None, 0)).unwrap();
    let read = |value: &serde_json::Value| serde_json::from_value::<Operation>(value.clone());
    for name in whole.as_object().unwrap().keys() {
        let mut less = whole.clone();
        less.as_object_mut().unwrap().remove(name);
        assert!(read(&less).is_err(), "without {name}");
        if name != "prev" {
            let mut null = whole.clone();
            null[name] = serde_json::Value::Null;
            assert!(read(&null).is_err(), "null in {name}");
        }
    }
    for (name, value) in [("handle", "a.test"), ("extra", "x"), ("did", "did:web:a.test")] {
        let mut more = whole.clone();
        more[name] = value.into();
        assert!(read(&more).is_err(), "{name}");
    }
    let bad_types = ["create", "plc_tombstone", "plc_operation ", ""];
    for kind in bad_types {
        let mut other = whole.clone();
        other["type"] = kind.into();
        assert!(read(&other).is_err(), "{kind:?}");
    }
    let mut other = whole.clone();
    other["prev"] = "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57".into();
    assert!(read(&other).is_err());
    // A name that stands twice would be two operations, by who reads it.
    let twice = whole.to_string().replacen(
        r#""services":{"#,
        r#""services":{"atproto_pds":{"type":"A","endpoint":"b"},"#,
        1,
    );
    assert!(twice.contains(r#""type":"A""#));
    assert!(serde_json::from_str::<Operation>(&twice).is_err());
}

#[test]
fn a_legacy_genesis_has_a_state_of_today() {
    let keys = [key(0), key(2)].map(|key| key.public_key().to_did_key());
    let state = |handle: &str, service: &str| {
        let json = serde_json::json!({
            "type": "create", "signingKey": keys[0], "recoveryKey": keys[1], "handle": handle, "service": service, "prev": null,
        });
        let unsigned: UnsignedOperation = serde_json::from_value(json).unwrap();
        unsigned.data().unwrap().into_owned()
    };
    let data = state("a.test", "pds.test");
    assert_eq!(data.rotation_keys, [keys[1].clone(), keys[0].clone()]);
    assert_eq!(data.verification_methods["atproto"], keys[0]);
    for (handle, service) in
        [("a.test", "pds.test"), ("at://a.test", "https://pds.test"), ("https://a.test", "pds.test")]
    {
        assert_eq!(state(handle, service), data, "{handle} {service}");
    }
    assert_eq!(state("a.test", "http://pds.test").services["atproto_pds"].endpoint, "http://pds.test");
}

/// As `deprecatedSignCreate` of `@did-plc/lib` signed it.
#[test]
fn a_legacy_genesis_is_signed_as_the_reference_implementation_signed_it() {
    let secret = |byte| SecretKey::from_bytes(Curve::K256, &[byte; 32]).unwrap();
    let create = |service: &str| {
        UnsignedOperation::Create(LegacyCreate {
            signing_key: secret(2).public_key().to_did_key(),
            recovery_key: secret(1).public_key().to_did_key(),
            handle: "alice.example.com".to_owned(),
            service: service.to_owned(),
        })
    };
    let signed = create("https://pds.example.com").sign(&secret(1)).unwrap();
    assert_eq!(
        signed.sig,
        "nx_BDFx_KMKq7Sxnsx7MClEh6YXO7ykhWNEj7CdG0xcwFVZwsTvVhDvd-V0j0tCdaRDfPzJuWFpwqmL6arLWGQ"
    );
    let did = signed.did().unwrap();
    assert_eq!(did.as_str(), "did:plc:csb6r5c223gb32ktpnzbey4a");
    let mut history = History::new(did);
    history.apply(&signed, &"2022-11-17T00:00:00Z".parse().unwrap(), None).unwrap();
    // Either key signs it, no other one does, and its state is checked as that of any new one.
    assert!(create("https://pds.example.com").sign(&secret(2)).is_ok());
    let stranger = create("https://pds.example.com").sign(&secret(3));
    assert!(matches!(stranger, Err(SignError::NotARotationKey)));
    assert!(matches!(create(&"a".repeat(600)).sign(&secret(1)), Err(SignError::Data(_))));
}

#[test]
fn new_operations_keep_to_what_the_directory_takes() {
    let fault = |change: &dyn Fn(&mut Data)| {
        let mut data = data(&[0, 1]);
        change(&mut data);
        match genesis(data).sign(&key(0)) {
            Ok(_) => None,
            Err(SignError::Data(fault)) => Some(fault),
            Err(other) => panic!("{other}"),
        }
    };
    let long = |len: usize| "a".repeat(len);
    assert_eq!(fault(&|data| data.rotation_keys.clear()), Some(DataFault::NoRotationKeys));
    let keys = |numbers: &[u8]| super::data(numbers).rotation_keys;
    assert_eq!(fault(&|data| data.rotation_keys = keys(&[0, 1, 2, 3, 4])), None);
    assert_eq!(
        fault(&|data| data.rotation_keys = keys(&[0, 1, 2, 3, 4, 5])),
        Some(DataFault::TooManyRotationKeys)
    );
    assert_eq!(
        fault(&|data| data.rotation_keys = keys(&[0, 1, 0])),
        Some(DataFault::DuplicateRotationKey(2))
    );
    let bad_key = fault(&|data| data.rotation_keys.push("did:key:z".to_owned()));
    assert!(matches!(bad_key, Some(DataFault::RotationKey { index: 2, .. })));
    let aliases = |count: usize| (0..count).map(|number| format!("at://{number}.a.test")).collect::<Vec<_>>();
    assert_eq!(fault(&|data| data.also_known_as = aliases(10)), None);
    assert_eq!(fault(&|data| data.also_known_as = aliases(11)), Some(DataFault::TooMany(Part::Aliases)));
    assert_eq!(fault(&|data| data.also_known_as = vec![long(258)]), None);
    assert_eq!(fault(&|data| data.also_known_as = vec![long(259)]), Some(DataFault::AliasTooLong(0)));
    assert_eq!(
        fault(&|data| data.also_known_as = vec![long(1), long(1)]),
        Some(DataFault::DuplicateAlias(1))
    );
    let services = |data: &mut Data, count: usize| {
        let pds = data.services["atproto_pds"].clone();
        data.services = (0..count).map(|number| (number.to_string(), pds.clone())).collect();
    };
    assert_eq!(fault(&|data| services(data, 10)), None);
    assert_eq!(fault(&|data| services(data, 11)), Some(DataFault::TooMany(Part::Services)));
    let with_service = |id: usize, kind: usize, endpoint: usize| {
        fault(&|data| {
            let mut service = data.services["atproto_pds"].clone();
            (service.kind, service.endpoint) = (long(kind), long(endpoint));
            data.services.insert(long(id), service);
        })
    };
    assert_eq!(with_service(32, 256, 512), None);
    assert_eq!(with_service(33, 1, 1), Some(DataFault::IdTooLong { part: Part::Services, name: long(33) }));
    assert_eq!(with_service(1, 257, 1), Some(DataFault::TypeTooLong(long(1))));
    assert_eq!(with_service(1, 1, 513), Some(DataFault::EndpointTooLong(long(1))));
    let with_method = |id: &str, key: &str| {
        fault(&|data| drop(data.verification_methods.insert(id.to_owned(), key.to_owned())))
    };
    assert_eq!(with_method("x", "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"), None);
    assert_eq!(with_method("x", "z6Mkha"), Some(DataFault::VerificationMethod("x".to_owned())));
    let id = long(33);
    let part = Part::VerificationMethods;
    assert_eq!(with_method(&id, &keys(&[0])[0]), Some(DataFault::IdTooLong { part, name: id }));
}

#[test]
fn an_operation_of_4000_bytes_is_the_largest() {
    let signed = |len: usize| {
        let mut data = data(&[0]);
        for number in 0..9 {
            let mut service = data.services["atproto_pds"].clone();
            service.endpoint = "x".repeat(if number == 8 { len } else { 380 });
            data.services.insert(format!("s{number}"), service);
        }
        genesis(data).sign(&key(0))
    };
    let base = signed(0).unwrap().to_bytes().len();
    // Heads of text have two bytes more from 24 and from 256 characters on.
    let len = Operation::MAX_NEW_LEN - base - 1;
    assert!((24..256).contains(&len), "{len}");
    assert_eq!(signed(len).unwrap().to_bytes().len(), Operation::MAX_NEW_LEN);
    assert!(matches!(signed(len + 1), Err(SignError::TooLarge(4001))));
}

#[test]
fn signatures_are_made_elsewhere_or_here() {
    let unsigned = genesis(data(&[0, 1]));
    for number in [0, 1] {
        let secret = key(number);
        let here = unsigned.clone().sign(&secret).unwrap();
        let elsewhere = secret.sign(&unsigned.to_bytes());
        assert_eq!(unsigned.clone().with_signature(&elsewhere, &secret.public_key()).unwrap(), here);
        here.verify(&secret.public_key()).unwrap();
        assert_eq!(here.sig.len(), 86);
    }
    // A signature of other bytes, none at all, and a signer who is no rotation key.
    let other = key(0).sign(b"other");
    let refused = unsigned.clone().with_signature(&other, &key(0).public_key());
    assert!(matches!(refused, Err(SignError::Signature(SignatureError::Mismatch))));
    let refused = unsigned.clone().with_signature(&Signature::from_bytes([0; 64]), &key(0).public_key());
    assert!(matches!(refused, Err(SignError::Signature(SignatureError::Range))));
    assert!(matches!(unsigned.sign(&key(2)), Err(SignError::NotARotationKey)));
}

#[test]
fn a_signature_has_one_spelling() {
    let operation = update(&[0], None, 0);
    let with = |sig: String| Operation { sig, ..operation.clone() };
    assert!(operation.signature().is_ok());
    let mut spare = operation.sig.clone();
    let last = spare.pop().unwrap();
    // Four bits of the last digit are spare.
    spare.push(char::from(u8::try_from(last).unwrap() + 1));
    let spellings = [
        operation.sig.clone() + "==",
        operation.sig.clone() + "\n",
        format!(" {}", operation.sig),
        operation.sig.replace(['-', '_'], "+"),
        spare,
        String::new(),
        operation.sig.clone() + "AAAA",
    ];
    for sig in spellings {
        if sig != operation.sig {
            assert_eq!(with(sig.clone()).signature(), Err(SignatureError::Length), "{sig:?}");
        }
    }
}

#[test]
fn differences_are_named() {
    let before = data(&[0, 1, 2]);
    assert_eq!(before.changes(&before), []);
    let mut after = data(&[2, 0, 3]);
    after.also_known_as = vec!["at://bob.example.com".to_owned(), before.also_known_as[0].clone()];
    after.services.get_mut("atproto_pds").unwrap().endpoint = "https://other.example.com".to_owned();
    after.verification_methods.clear();
    let text = |number| key(number).public_key().to_did_key();
    let pds = |host: &str| Some(format!("AtprotoPersonalDataServer https://{host}.example.com"));
    let changes = before.changes(&after);
    assert_eq!(
        changes,
        [
            Change::Removed { list: List::RotationKeys, value: text(1) },
            Change::Added { list: List::RotationKeys, value: text(3) },
            Change::Reordered(List::RotationKeys),
            Change::Set {
                map: Map::VerificationMethods,
                name: "atproto".to_owned(),
                before: Some(text(9)),
                after: None
            },
            Change::Added { list: List::Aliases, value: "at://bob.example.com".to_owned() },
            Change::Set {
                map: Map::Services,
                name: "atproto_pds".to_owned(),
                before: pds("pds"),
                after: pds("other")
            },
        ]
    );
    assert_eq!(changes[4].to_string(), "alias added: at://bob.example.com");
    assert!(changes[5].to_string().starts_with("service atproto_pds changed: "));
    assert_eq!(data(&[0, 1]).changes(&data(&[1, 0])), [Change::Reordered(List::RotationKeys)]);
}
