//! What is made for tests is what it says.

use atproto_lexicon::data::Limits;
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::typed::from_json;
use atproto_xrpc::api::com::atproto::label::defs::Label;
use atproto_xrpc::auth::service::Verifier;
use atproto_xrpc::label;
use atproto_xrpc::testing::{labels, tokens};
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
