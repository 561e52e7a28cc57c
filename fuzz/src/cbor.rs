//! The strict pass beside `serde_ipld_dagcbor`: what we accept, it accepts and writes again byte for byte; what it writes
//! again byte for byte and the data model has, we accept.

use atproto_lexicon::data::cbor::{self, CborReason, Profile};
use atproto_lexicon::data::{Limits, Value, json};
use ipld_core::ipld::Ipld;

pub fn check(data: &[u8]) {
    let library: Option<Ipld> = serde_ipld_dagcbor::from_slice(data).ok();
    let is_canonical = library.as_ref().is_some_and(|ipld| serde_ipld_dagcbor::to_vec(ipld).unwrap() == data);
    match cbor::validate(data) {
        Ok(()) => {
            // The library has no room for a digest of more than 64 bytes, and less depth.
            let limits = Limits { depth: 120, ..Limits::default() };
            let is_deep = cbor::validate_with(data, Profile::Atproto, &limits).is_err();
            assert!(is_canonical || has_long_digest(data) || is_deep, "accepted, and not by the library");
            check_value(data, library);
        }
        Err(error) => {
            assert!(error.offset <= data.len());
            let other = library.filter(|_| is_canonical).map(Value::try_from);
            if !matches!(error.reason, CborReason::Limit(_)) {
                assert!(!matches!(other, Some(Ok(_))), "{error}");
            }
        }
    }
    check_profiles(data);
}

fn check_value(data: &[u8], library: Option<Ipld>) {
    match cbor::to_value(data) {
        Ok(value) => {
            assert_eq!(cbor::to_vec(&value).unwrap(), data);
            assert_eq!(cbor::from_slice::<Value>(data).unwrap(), value);
            if let Some(ipld) = library {
                assert_eq!(Value::try_from(ipld), Ok(value.clone()));
            }
            if let Ok(text) = json::to_string(&value) {
                assert_eq!(json::from_str(&text).unwrap(), value, "{text}");
            }
        }
        // The rules on objects are those of values.
        Err(error) => assert!(matches!(error.reason, CborReason::Model(_)), "{error}"),
    }
    let is_object = data.first().is_some_and(|first| first >> 5 == 5);
    assert_eq!(cbor::validate_record(data).is_ok(), is_object && cbor::to_value(data).is_ok());
    let fields = cbor::split_object(data).unwrap();
    assert_eq!(fields.is_some(), is_object);
    for (_, value) in fields.unwrap_or_default() {
        assert_eq!(cbor::validate(value), Ok(()));
    }
}

fn check_profiles(data: &[u8]) {
    let limits = Limits { bytes: 1 << 20, depth: 16, items: 64, key: 16 };
    for profile in [Profile::Atproto, Profile::Drisl] {
        let whole = cbor::validate_with(data, profile, &limits);
        match cbor::split_first(data, profile, &limits) {
            Ok((first, rest)) => {
                assert_eq!(cbor::validate_with(first, profile, &limits), Ok(()));
                assert_eq!(whole.is_ok(), rest.is_empty());
            }
            Err(error) => assert_eq!(whole, Err(error)),
        }
    }
    if cbor::validate_with(data, Profile::Drisl, &limits).is_ok() {
        let library: Result<Ipld, _> = serde_ipld_dagcbor::from_slice(data);
        if let Ok(ipld) = library {
            assert_eq!(serde_ipld_dagcbor::to_vec(&ipld).unwrap(), data);
            assert_eq!(cbor::to_vec_with(&ipld, Profile::Drisl, &limits).unwrap(), data);
        }
    }
}

/// Whether somewhere a link may have more than the 64 bytes of digest for which the library has room.
fn has_long_digest(data: &[u8]) -> bool {
    data.windows(4).any(|head| matches!(head, [0xd8, 42, 0x58, 65..=255] | [0xd8, 42, 0x59, _]))
}
