//! What is made for tests is what it says.

use arbitrary::Unstructured;
use atproto_crypto::testing::{did_keys, signatures};
use atproto_crypto::{PublicKey, SecretKey, Signature};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn signatures_are_judged() {
    let (cases, mut names) = (signatures(), BTreeSet::new());
    for case in &cases {
        assert!(names.insert(&case.name), "{} stands twice", case.name);
        let found = case.key.verify(&case.message, &case.signature);
        assert_eq!(found.is_ok(), case.is_valid, "{}: {found:?}", case.name);
        // High-S is all that the other way forgives.
        let malleable = case.key.verify_malleable(&case.message, &case.signature);
        assert_eq!(malleable.is_ok(), case.is_valid || case.name.ends_with("high S"), "{}", case.name);
    }
    assert_eq!(cases.len(), 44);
}

#[test]
fn texts_of_keys_are_judged() {
    let cases = did_keys();
    for (name, text, is_valid) in &cases {
        let found = PublicKey::from_did_key(text);
        assert_eq!(found.is_ok(), *is_valid, "{name}: {found:?}");
    }
    assert!(cases.len() >= 25);
}

#[test]
fn a_fuzzer_has_keys() {
    let bytes: Vec<u8> = (0..200).collect();
    let mut input = Unstructured::new(&bytes);
    let (one, other): (SecretKey, SecretKey) = input.arbitrary().unwrap();
    assert_ne!(one.public_key(), other.public_key());
    let _: (PublicKey, Signature) = input.arbitrary().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn keys_sign(key: SecretKey, message: Vec<u8>) {
        let signature = key.sign(&message);
        prop_assert!(key.public_key().verify(&message, signature.as_bytes()).is_ok());
    }
}
