//! What is made for tests is what it says.

use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::Limits;
use atproto_lexicon::data::frame::Frame;
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::typed::from_json;
use atproto_xrpc::api::com::atproto::label::defs::Label;
#[cfg(feature = "oauth")]
use atproto_xrpc::auth::scope::{Scope, ScopeSet};
use atproto_xrpc::auth::service::{Audience, ServiceToken, Verifier};
use atproto_xrpc::label;
use atproto_xrpc::testing::{labels, strategies, tokens};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Each is judged as it must be, and no two have the same name.
fn judge<T>(cases: Vec<Hostile<T>>, count: usize, check: impl Fn(&T) -> Result<(), String>) {
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in &cases {
        assert!(names.insert(&case.name), "{} stands twice", case.name);
        let found = check(&case.artefact);
        if found.is_ok() != case.verdict.is_valid() {
            wrong.push(format!("{}: {found:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(cases.len(), count);
}

#[test]
fn hostile_tokens() {
    judge(tokens(), 61, |case| {
        let verifier = Verifier::new([case.audience.parse().unwrap()]);
        let read = verifier.read(&case.token, Some(&case.method), case.now);
        read.and_then(|unverified| unverified.verify(&case.key)).map(drop).map_err(|error| error.to_string())
    });
}

#[test]
fn hostile_labels() {
    judge(labels(), 17, |case| {
        let label: Label = from_json(case.label.to_string().as_bytes(), &Limits::default())
            .map_err(|error| error.to_string())?;
        label::verify(&label, &case.labeler, &case.key).map_err(|error| error.to_string())
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tokens_are_accepted(token: ServiceToken, bytes: [u8; 32]) {
        let key = SecretKey::from_hex(Curve::P256, &"2b".repeat(32)).unwrap();
        let text = token.sign(&key, &|out: &mut [u8]| out.iter_mut().zip(bytes).for_each(|(out, byte)| *out = byte));
        let verifier = Verifier {
            requires_method: token.method().is_some(),
            ..Verifier::new([token.audience().clone()])
        };
        let unverified = verifier.read(&text.unwrap(), token.method(), 1_750_000_000).unwrap();
        prop_assert!(unverified.verify(&key.public_key()).is_ok());
    }

    #[test]
    fn labels_are_signed(label: Label) {
        let labeler = label.src.clone();
        prop_assert!(label::verify(&label, &labeler, &strategies::labeler_key()).is_ok());
    }

    #[test]
    fn messages_are_frames((t, frame) in strategies::message()) {
        let Ok(Frame::Message { t: found, .. }) = Frame::parse(&frame, &Limits::default()) else { panic!("{frame:?}") };
        prop_assert_eq!(found, t);
    }

    #[cfg(feature = "oauth")]
    #[test]
    fn scopes_are_read(scope: Scope, set: ScopeSet) {
        prop_assert_eq!(scope.to_string().parse::<Scope>(), Ok(scope));
        prop_assert_eq!(set.to_string().parse::<ScopeSet>(), Ok(set));
    }
}

#[test]
fn a_fuzzer_has_every_type() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut bytes = arbitrary::Unstructured::new(&bytes);
    let label: Label = bytes.arbitrary().unwrap();
    assert!(label::verify(&label, &label.src, &strategies::labeler_key()).is_ok());
    let _: (Audience, ServiceToken) = bytes.arbitrary().unwrap();
    #[cfg(feature = "oauth")]
    let _: (Scope, ScopeSet) = bytes.arbitrary().unwrap();
}
