use atproto_lexicon::data::cbor::{self, CborError, CborReason as Reason, Profile};
use atproto_lexicon::data::{Bytes, Cid, Codec, LimitError, Limits, Link, ModelError, Object, Value};
use proptest::prelude::*;

fn reason(bytes: &[u8]) -> Result<(), Reason> {
    cbor::validate(bytes).map_err(|error| error.reason)
}

#[test]
fn a_declared_length_costs_nothing() {
    for (major, fault) in [
        (0x5b, Reason::Truncated),
        (0x7b, Reason::Truncated),
        (0x9b, Reason::Limit(LimitError::Items)),
        (0xbb, Reason::Limit(LimitError::Items)),
    ] {
        let bytes = [major, 0x10, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(reason(&bytes), Err(fault));
        assert_eq!(cbor::to_value(&bytes).map_err(|error| error.reason), Err(fault));
    }
    assert_eq!(reason(&[0x99, 0xff, 0xff]), Err(Reason::Truncated));
    assert_eq!(reason(&[0xa2, 0x60, 0x00, 0x60]), Err(Reason::Truncated));
}

#[test]
fn depth_is_limited_and_costs_no_stack() {
    let nested = |levels: usize| [vec![0x81; levels], vec![0xf6]].concat();
    assert_eq!(reason(&nested(128)), Ok(()));
    assert_eq!(
        cbor::validate(&nested(129)),
        Err(CborError { reason: Reason::Limit(LimitError::Depth), offset: 128 })
    );
    let deep = nested(100_000);
    assert_eq!(reason(&deep), Err(Reason::Limit(LimitError::Depth)));
    let limits = Limits { depth: usize::MAX, ..Limits::OBJECT };
    assert!(cbor::to_value_with(&nested(Limits::MAX_DEPTH), &limits).is_ok());
    assert!(cbor::to_value_with(&deep, &limits).is_err());
}

#[test]
fn limits_are_exact() {
    let text = |length: u16| [&[0x79][..], &length.to_be_bytes(), &vec![b'a'; length.into()]].concat();
    let map = |length| [&[0xa1][..], &text(length), &[0]].concat();
    assert_eq!(reason(&map(8192)), Ok(()));
    assert_eq!(reason(&map(8193)), Err(Reason::Limit(LimitError::Key)));
    let array = |items: u32| [&[0x9a][..], &items.to_be_bytes(), &vec![0; items as usize]].concat();
    assert_eq!(reason(&array(131_072)), Ok(()));
    assert_eq!(reason(&array(131_073)), Err(Reason::Limit(LimitError::Items)));
    let limits = Limits { bytes: 3, ..Limits::OBJECT };
    let check =
        |bytes: &[u8]| cbor::validate_with(bytes, Profile::Atproto, &limits).map_err(|error| error.reason);
    assert_eq!(check(&[0x82, 0, 0]), Ok(()));
    assert_eq!(check(&[0x83, 0, 0, 0]), Err(Reason::Limit(LimitError::Bytes)));
    let split = |bytes: &[u8]| {
        cbor::split_first(bytes, Profile::Atproto, &limits)
            .map(|(a, b)| (a.len(), b.len()))
            .map_err(|e| e.reason)
    };
    assert_eq!(split(&[0x82, 0, 0, 1, 1]), Ok((3, 2)));
    assert_eq!(split(&[0x83, 0, 0, 0]), Err(Reason::Limit(LimitError::Bytes)));
    assert_eq!(split(&[0x82, 0]), Err(Reason::Truncated));
}

#[test]
fn profiles_differ_in_numbers_and_links() {
    let drisl = |bytes: &[u8]| {
        cbor::validate_with(bytes, Profile::Drisl, &Limits::OBJECT).map_err(|error| error.reason)
    };
    let float = |value: f64| [&[0xfb][..], &value.to_be_bytes()].concat();
    assert_eq!(drisl(&float(1.5)), Ok(()));
    assert_eq!(reason(&float(1.5)), Err(Reason::Float));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
        assert_eq!(drisl(&float(bad)), Err(Reason::FloatValue));
    }
    for major in [0x1b, 0x3b] {
        let bytes = [&[major][..], &[0xff; 8]].concat();
        assert_eq!(drisl(&bytes), Ok(()));
        assert_eq!(reason(&bytes), Err(Reason::IntegerRange));
    }
    let least = [&[0x3b][..], &[0x7f], &[0xff; 7]].concat();
    assert_eq!(cbor::to_value(&least), Ok(Value::Integer(i64::MIN)));
    let identity = [0xd8, 42, 0x45, 0, 1, 0x55, 0, 0];
    assert_eq!(reason(&identity), Ok(()));
    assert!(matches!(drisl(&identity), Err(Reason::Cid(_))));
}

#[test]
fn the_place_of_a_fault() {
    assert_eq!(
        cbor::validate(&[0xa1, 0x61, b'a', 0x82, 1, 0xf7]),
        Err(CborError { reason: Reason::Simple, offset: 5 })
    );
    assert_eq!(cbor::validate(&[0, 0]), Err(CborError { reason: Reason::Trailing, offset: 1 }));
    assert_eq!(cbor::validate(&[]), Err(CborError { reason: Reason::Truncated, offset: 0 }));
    assert_eq!(
        cbor::validate(&[0xa2, 0x61, b'a', 1, 0x61, b'a', 2]),
        Err(CborError { reason: Reason::DuplicateKey, offset: 4 })
    );
}

#[test]
fn rules_on_objects() {
    let check = |value: Value| {
        // Written by the library, which knows nothing of these rules.
        let bytes = serde_ipld_dagcbor::to_vec(&crate::ser::ipld(&value)).unwrap();
        assert_eq!(cbor::validate(&bytes), Ok(()));
        let model = |error: CborError| match error.reason {
            Reason::Model(reason) => reason,
            other => panic!("{other}"),
        };
        let verdict = value.check();
        assert_eq!(cbor::to_value(&bytes).map(drop).map_err(model), verdict);
        assert_eq!(cbor::validate_record(&bytes).map_err(model), verdict);
        assert_eq!(cbor::to_vec(&value).is_ok(), verdict.is_ok());
        verdict
    };
    let object = |fields: &[(&str, Value)]| {
        Value::Object(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    };
    let inside = |value: Value| object(&[("a", Value::Array(vec![value])), ("type", Value::Null)]);
    for (name, verdict) in
        [("x".into(), Ok(())), ("".into(), Err(ModelError::Type)), (Value::Null, Err(ModelError::Type))]
    {
        assert_eq!(check(object(&[("$type", name.clone())])), verdict);
        assert_eq!(check(inside(object(&[("$type", name)]))), verdict);
    }
    assert_eq!(check(object(&[("$type", inside("blob".into()))])), Err(ModelError::Type));
    let with = |name: &str, value: Option<Value>| {
        let Value::Object(mut blob) = blob(1, 0) else { panic!() };
        blob.remove(name);
        blob.extend(value.map(|value| (name.to_owned(), value)));
        (check(Value::Object(blob.clone())), check(inside(Value::Object(blob))))
    };
    let refused = |error| (Err(error), Err(error));
    assert_eq!(with("extra", Some(Value::Null)), (Ok(()), Ok(())));
    assert_eq!(with("ref", None), refused(ModelError::BlobRef));
    assert_eq!(with("ref", Some(Cid::of_dag_cbor(b"").into())), refused(ModelError::BlobRef));
    assert_eq!(with("ref", Some(other_link(&[7; 32]))), refused(ModelError::BlobRef));
    assert_eq!(
        with("ref", Some(Value::Array(vec![Cid::of(Codec::Raw, b"").into()]))),
        refused(ModelError::BlobRef)
    );
    assert_eq!(with("mimeType", None), refused(ModelError::BlobMimeType));
    assert_eq!(with("mimeType", Some("".into())), refused(ModelError::BlobMimeType));
    assert_eq!(with("mimeType", Some(Value::Array(vec!["x".into()]))), refused(ModelError::BlobMimeType));
    assert_eq!(with("size", None), refused(ModelError::BlobSize));
    assert_eq!(with("size", Some(Value::Integer(-1))), refused(ModelError::BlobSize));
    assert_eq!(with("size", Some("1".into())), refused(ModelError::BlobSize));
    for bytes in [&[0x80][..], &[0x81, 0xa0], &[0xf6]] {
        let fault = CborError { reason: Reason::Model(ModelError::NotObject), offset: 0 };
        assert_eq!(cbor::to_record(bytes), Err(fault));
        assert_eq!(cbor::validate_record(bytes), Err(fault));
    }
    assert_eq!(cbor::to_record(&[0xa0]), Ok(Object::new()));
    assert_eq!(cbor::validate_record(&[0xa0]), Ok(()));
}

#[test]
fn limits_hold_to_the_byte() {
    let text = |length: usize| {
        let content = (length - 8) as u32;
        [&[0xa1, 0x61, b'a', 0x7a][..], &content.to_be_bytes(), &vec![b'x'; length - 8]].concat()
    };
    let over = |limit| CborError { reason: Reason::Limit(LimitError::Bytes), offset: limit };
    let record = |bytes: &[u8]| {
        assert_eq!(cbor::to_record(bytes).err(), cbor::validate_record(bytes).err());
        cbor::validate_record(bytes)
    };
    assert_eq!(record(&text(1_000_000)), Ok(()));
    assert_eq!(record(&text(1_000_001)), Err(over(1_000_000)));
    assert_eq!(cbor::validate(&text(5 << 20)), Ok(()));
    assert_eq!(cbor::validate(&text((5 << 20) + 1)), Err(over(5 << 20)));
}

/// An array of the smallest objects is what costs most beside its bytes.
#[test]
fn memory_of_values_is_bounded() {
    assert!(size_of::<Value>() <= 40);
    let object = Object::from([(String::new(), Value::Null)]);
    assert!(size_of_val(&object) <= 24 && object.len() == 1);
}

fn other_link(hash: &[u8; 32]) -> Value {
    Value::Link(Link::from_bytes(&[&[1, 0x71, 0x1e, 32][..], hash].concat()).unwrap())
}

fn blob(seed: u8, size: u32) -> Value {
    Value::Object(Object::from([
        ("$type".into(), "blob".into()),
        ("ref".into(), Cid::of(Codec::Raw, &[seed]).into()),
        ("mimeType".into(), "image/png".into()),
        ("size".into(), size.into()),
    ]))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        ".{0,20}".prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(|bytes| Value::Bytes(Bytes(bytes))),
        any::<[u8; 4]>().prop_map(|seed| Value::Link(Link::Cid(Cid::of_dag_cbor(&seed)))),
        any::<[u8; 32]>().prop_map(|hash| other_link(&hash)),
        any::<(u8, u32)>().prop_map(|(seed, size)| blob(seed, size)),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
            proptest::collection::btree_map("[a-z\u{e9}\"\\\\\n]{0,30}|\\$x", inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_round_trip(value in value()) {
        let bytes = cbor::to_vec(&value).unwrap();
        prop_assert_eq!(&cbor::to_value(&bytes).unwrap(), &value);
        prop_assert_eq!(&cbor::from_slice::<Value>(&bytes).unwrap(), &value);
        let json = atproto_lexicon::data::json::to_string(&value).unwrap();
        prop_assert_eq!(&atproto_lexicon::data::json::from_str(&json).unwrap(), &value);
        prop_assert_eq!(&serde_json::from_str::<Value>(&json).unwrap(), &value);
        prop_assert_eq!(serde_json::to_value(&value).unwrap(), serde_json::from_str::<serde_json::Value>(&json).unwrap());
    }

    /// There is one encoding: what is accepted is what would be written.
    #[test]
    fn accepted_bytes_are_the_encoding(value in value(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = cbor::to_vec(&value).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if cbor::validate(&bytes).is_ok() {
            let ipld: ipld_core::ipld::Ipld = serde_ipld_dagcbor::from_slice(&bytes).unwrap();
            prop_assert_eq!(serde_ipld_dagcbor::to_vec(&ipld).unwrap(), bytes.clone());
            if let Ok(value) = cbor::to_value(&bytes) {
                prop_assert_eq!(cbor::to_vec(&value).unwrap(), bytes);
            }
        }
    }
}
