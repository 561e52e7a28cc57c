//! Labels that a labeler of the reference implementation signed.

use crate::captures::{capture, frames};
use atproto_crypto::PublicKey;
use atproto_identity::DidDocument;
use atproto_lexicon::data::Limits;
use atproto_lexicon::typed::{self, Did};
use atproto_xrpc::api::com::atproto::label::defs::Label;
use atproto_xrpc::api::com::atproto::label::query_labels::QueryLabelsOutput;
use atproto_xrpc::api::com::atproto::label::{SubscribeLabels, subscribe_labels::SubscribeLabelsMessage};
use atproto_xrpc::label::{VerifyError, verify};

struct Labeler {
    did: Did,
    key: PublicKey,
    /// The account's other key, which signs its repository.
    repo_key: PublicKey,
}

fn labeler() -> Option<Labeler> {
    let document = DidDocument::from_json(&capture("labels/labeler-did.json")?).unwrap();
    let (key, repo_key) = (document.labeler_key().unwrap(), document.signing_key().unwrap());
    Some(Labeler { did: document.id.clone(), key, repo_key })
}

/// Each is signed, by this key alone, and no field of it can be another one.
fn check(label: &Label, labeler: &Labeler) {
    let verified = |label: &Label, key| verify(label, &labeler.did, key);
    verified(label, &labeler.key).unwrap_or_else(|error| panic!("{error}: {label:?}"));
    assert!(matches!(verified(label, &labeler.repo_key), Err(VerifyError::Signature(_))));
    let elsewhere = "at://did:web:example.com".parse().unwrap();
    let later = "2031-01-02T03:04:05.678Z".parse().unwrap();
    let cid = "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u".parse().unwrap();
    let changed = [
        Label { uri: elsewhere, ..label.clone() },
        Label { cts: later, ..label.clone() },
        Label { val: format!("{}s", label.val), ..label.clone() },
        Label { neg: label.neg.is_none().then_some(true), ..label.clone() },
        Label { cid: Some(cid), ..label.clone() },
        Label { exp: label.exp.is_none().then(|| label.cts.clone()), ..label.clone() },
    ];
    for changed in changed {
        assert!(matches!(verified(&changed, &labeler.key), Err(VerifyError::Signature(_))), "{changed:?}");
    }
    let unversioned = Label { ver: None, ..label.clone() };
    assert!(matches!(verified(&unversioned, &labeler.key), Err(VerifyError::NoVersion)));
}

#[test]
fn listed_labels_are_signed() {
    let (Some(labeler), Some(json)) = (labeler(), capture("labels/query.json")) else {
        return;
    };
    let answer: QueryLabelsOutput = serde_json::from_slice(&json).unwrap();
    assert!(answer.labels.len() >= 12);
    assert!(answer.labels.iter().any(|label| label.neg == Some(true)));
    assert!(answer.labels.iter().any(|label| label.exp.is_some()));
    answer.labels.iter().for_each(|label| check(label, &labeler));
}

#[test]
fn streamed_labels_are_signed() {
    let Some(labeler) = labeler() else {
        return;
    };
    let mut count = 0;
    for (t, body) in frames(&testdata::root().join("captures/labels/labels.frames")) {
        let message = typed::read_body::<SubscribeLabels>(&t, &body, &Limits::default()).unwrap();
        if let Some(SubscribeLabelsMessage::Labels(message)) = message {
            message.labels.iter().for_each(|label| check(label, &labeler));
            count += message.labels.len();
        }
    }
    assert!(count >= 12, "{count}");
}
