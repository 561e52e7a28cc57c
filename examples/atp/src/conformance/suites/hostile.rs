//! The hostile catalogue: what the `testing` modules of the crates make.

use crate::conformance::case::{Case, bytes, valid};
use atproto_identity::testing::hostile as identity;
use atproto_lexicon::testing::{Hostile, hostile as lexicon};
use atproto_repo::testing::hostile as repo;
use atproto_xrpc::testing as xrpc;
use serde_json::{Value as Json, json};

fn cases<T>(group: &str, all: Vec<Hostile<T>>, request: impl Fn(T) -> Json) -> Vec<Case> {
    let name = |name: String| if group.is_empty() { name } else { format!("{group}: {name}") };
    let case =
        |case: Hostile<T>| Case::verdict(name(case.name), request(case.artefact), case.verdict.as_str());
    all.into_iter().map(case).collect()
}

pub(super) fn strings() -> Vec<Case> {
    cases(
        "",
        lexicon::strings(),
        |(format, text)| json!({"op": "syntax", "format": format.name(), "text": text}),
    )
}

pub(super) fn cbor() -> Vec<Case> {
    let of = |profile: &'static str| move |block: Vec<u8>| json!({"op": "cbor", "profile": profile, "bytes": bytes(&block)});
    [
        cases("data model", lexicon::blocks(), of("atproto")),
        cases("DRISL", lexicon::drisl_blocks(), of("drisl")),
        cases("record", lexicon::records(), |block| json!({"op": "cbor_record", "bytes": bytes(&block)})),
    ]
    .concat()
}

pub(super) fn json() -> Vec<Case> {
    cases("", lexicon::json_records(), |text| json!({"op": "json_record", "json": text}))
}

pub(super) fn frames() -> Vec<Case> {
    cases("", lexicon::frames(), |frame| json!({"op": "frame", "bytes": bytes(&frame)}))
}

pub(super) fn lexicons() -> Vec<Case> {
    let (document, records) = lexicon::record_cases();
    let record = |(key, record)| {
        json!({
            "op": "record", "documents": [document], "collection": "com.example.thing", "rkey": key, "record": record,
        })
    };
    let documents =
        cases("document", lexicon::documents(), |document| json!({"op": "lexicon", "document": document}));
    [documents, cases("record", records, record)].concat()
}

pub(super) fn keys() -> Vec<Case> {
    let signatures = atproto_crypto::testing::signatures().into_iter().map(|case| {
        let request = json!({
            "op": "signature", "key": case.key.to_did_key(), "message": bytes(&case.message),
            "signature": bytes(&case.signature),
        });
        Case::verdict(case.name, request, valid(case.is_valid))
    });
    let keys = atproto_crypto::testing::did_keys().into_iter().map(|(name, text, is_valid)| {
        Case::verdict(format!("did:key: {name}"), json!({"op": "did_key", "text": text}), valid(is_valid))
    });
    signatures.chain(keys).collect()
}

pub(super) fn repositories() -> Vec<Case> {
    cases(
        "",
        repo::repositories(),
        |file| json!({"op": "repo", "did": file.did, "key": file.key.to_did_key(), "car": bytes(&file.car)}),
    )
}

pub(super) fn proofs() -> Vec<Case> {
    let case = |case: Hostile<repo::ProofCase>| {
        let (proof, mut expected) = (&case.artefact.proof, json!({"verdict": case.verdict.as_str()}));
        if case.verdict.is_valid() {
            expected["record"] = case.artefact.record.map(|cid| cid.to_string()).into();
        }
        let request = json!({
            "op": "proof", "did": proof.did, "key": proof.key.to_did_key(), "path": case.artefact.path,
            "car": bytes(&proof.car),
        });
        Case::new(case.name, request, expected)
    };
    repo::proofs().into_iter().map(case).collect()
}

pub(super) fn events() -> Vec<Case> {
    cases("", repo::events(), |case| {
        json!({
            "op": "events", "lenient": false, "now": case.now,
            "accounts": [{"did": case.did, "key": case.key.to_did_key()}], "frames": [bytes(&case.frame)],
        })
    })
}

pub(super) fn plc_logs() -> Vec<Case> {
    cases("", identity::logs(), |case| json!({"op": "plc_log", "did": case.did, "log": case.log}))
}

pub(super) fn did_documents() -> Vec<Case> {
    let case = |case: identity::DocumentCase| {
        let expected = json!({"handle": case.handle, "pds": case.pds, "key": case.key});
        Case::new(case.name, json!({"op": "did_document", "document": case.document}), expected)
    };
    identity::documents().into_iter().map(case).collect()
}

pub(super) fn tokens() -> Vec<Case> {
    cases("", xrpc::tokens(), |case| {
        json!({
            "op": "service_auth", "token": case.token, "audience": case.audience, "method": case.method,
            "key": case.key.to_did_key(), "now": case.now,
        })
    })
}

pub(super) fn labels() -> Vec<Case> {
    cases(
        "",
        xrpc::labels(),
        |case| json!({"op": "label", "label": case.label, "labeler": case.labeler, "key": case.key.to_did_key()}),
    )
}
