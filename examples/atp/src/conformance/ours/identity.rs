use super::{Answer, bytes, parsed, text, verdict};
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_identity::DidDocument;
use atproto_identity::plc::{LogEntry, verify_log};
use atproto_lexicon::data::Limits;
use atproto_lexicon::syntax::Did;
use atproto_lexicon::typed::from_json;
use atproto_xrpc::api::com::atproto::label::defs::Label;
use atproto_xrpc::auth::scope::Scope;
use atproto_xrpc::auth::service::Verifier;
use atproto_xrpc::label;
use serde_json::{Value as Json, json};

pub(super) fn did_key(request: &Json) -> Answer {
    Ok(verdict(PublicKey::from_did_key(text(request, "text")?)))
}

/// The did:key of a secret key.
pub(super) fn public_key(request: &Json) -> Answer {
    let curve = match text(request, "curve")? {
        "K-256" => Curve::K256,
        "P-256" => Curve::P256,
        other => return Err(format!("unknown curve {other}")),
    };
    let secret = bytes(request, "secret")?.try_into().map_err(|_| "a secret key has 32 bytes")?;
    let secret = SecretKey::from_bytes(curve, &secret).map_err(|error| error.to_string())?;
    Ok(json!({"verdict": "valid", "did_key": secret.public_key().to_did_key()}))
}

pub(super) fn signature(request: &Json) -> Answer {
    let (key, message) = (parsed::<PublicKey>(request, "key")?, bytes(request, "message")?);
    Ok(verdict(key.verify(&message, &bytes(request, "signature")?)))
}

pub(super) fn plc_log(request: &Json) -> Answer {
    let did = parsed::<Did>(request, "did")?;
    Ok(match serde_json::from_value::<Vec<LogEntry>>(request["log"].clone()) {
        Ok(log) => verdict(verify_log(&did, &log)),
        Err(error) => verdict::<(), _>(Err(error)),
    })
}

pub(super) fn did_document(request: &Json) -> Answer {
    let read = DidDocument::from_json(request["document"].to_string().as_bytes());
    let mut answer = verdict(read.as_ref());
    if let Ok(document) = read {
        answer["handle"] = document.handle().map(|handle| handle.to_string()).into();
        answer["pds"] = document.pds().into();
        answer["key"] = document.signing_key().map(|key| key.to_did_key()).into();
    }
    Ok(answer)
}

pub(super) fn scope(request: &Json) -> Answer {
    Ok(verdict(text(request, "text")?.parse::<Scope>()))
}

pub(super) fn service_auth(request: &Json) -> Answer {
    let (audience, method) = (parsed(request, "audience")?, parsed(request, "method")?);
    let (key, now) =
        (parsed::<PublicKey>(request, "key")?, request["now"].as_u64().ok_or("no time now, in seconds")?);
    let read = Verifier::new([audience]).read(text(request, "token")?, Some(&method), now);
    Ok(verdict(read.and_then(|unverified| unverified.verify(&key))))
}

pub(super) fn label(request: &Json) -> Answer {
    let (labeler, key) = (parsed::<Did>(request, "labeler")?, parsed::<PublicKey>(request, "key")?);
    Ok(match from_json::<Label>(request["label"].to_string().as_bytes(), &Limits::default()) {
        Ok(label) => verdict(label::verify(&label, &labeler, &key)),
        Err(error) => verdict::<(), _>(Err(error)),
    })
}
