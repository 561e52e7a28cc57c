use super::{Answer, bytes, list, parsed, text, verdict};
use crate::conformance::case;
use atproto_lexicon::data::cbor::{self, Profile};
use atproto_lexicon::data::frame::Frame;
use atproto_lexicon::data::{Cid, Limits, json};
use atproto_lexicon::schema::{Catalog, Document};
use atproto_lexicon::syntax::{Format, Nsid, RecordKey};
use atproto_lexicon::validate::Validator;
use ipld_core::ipld::Ipld;
use serde_json::Value as Json;

pub(super) fn syntax(request: &Json) -> Answer {
    Ok(verdict(parsed::<Format>(request, "format")?.check(text(request, "text")?)))
}

/// A value in DAG-CBOR: with `profile` `drisl` what DRISL takes, else what the data model does.
pub(super) fn cbor(request: &Json) -> Answer {
    let block = bytes(request, "bytes")?;
    let profile = if request["profile"] == "drisl" { Profile::Drisl } else { Profile::Atproto };
    let mut answer = verdict(cbor::validate_with(&block, profile, &Limits::default()));
    if answer["verdict"] == "valid" {
        answer["cid"] = Cid::of_dag_cbor(&block).to_string().into();
        // A value of DRISL may be none of the data model.
        let limits = Limits::default();
        let again = match cbor::to_value(&block) {
            Ok(value) => cbor::to_vec(&value),
            Err(_) => {
                let value: Ipld =
                    cbor::from_slice_with(&block, profile, &limits).map_err(|error| error.to_string())?;
                cbor::to_vec_with(&value, profile, &limits)
            }
        };
        answer["again"] = case::bytes(&again.map_err(|error| error.to_string())?);
    }
    Ok(answer)
}

pub(super) fn cbor_record(request: &Json) -> Answer {
    Ok(verdict(cbor::validate_record(&bytes(request, "bytes")?)))
}

pub(super) fn json_record(request: &Json) -> Answer {
    let read = json::to_record(text(request, "json")?.as_bytes());
    let mut answer = verdict(read.as_ref());
    if let Ok(record) = read {
        let block = cbor::to_vec(&record).map_err(|error| error.to_string())?;
        answer["cid"] = Cid::of_dag_cbor(&block).to_string().into();
        answer["cbor"] = case::bytes(&block);
    }
    Ok(answer)
}

pub(super) fn frame(request: &Json) -> Answer {
    let frame = bytes(request, "bytes")?;
    Ok(verdict(Frame::parse(&frame, &Limits::OBJECT)))
}

pub(super) fn lexicon(request: &Json) -> Answer {
    Ok(verdict(Document::from_json(request["document"].to_string().as_bytes())))
}

pub(super) fn record(request: &Json) -> Answer {
    let mut catalog = Catalog::new();
    for document in list(request, "documents")? {
        let document =
            Document::from_json(document.to_string().as_bytes()).map_err(|error| error.to_string())?;
        catalog.insert(document).map_err(|error| error.to_string())?;
    }
    let (nsid, key) = (parsed::<Nsid>(request, "collection")?, parsed::<RecordKey>(request, "rkey")?);
    Ok(match json::from_slice_lenient(request["record"].to_string().as_bytes(), &Limits::JSON_RECORD) {
        Ok(record) => verdict(Validator::new(&catalog).validate_record(&nsid, &key, &record)),
        Err(error) => verdict::<(), _>(Err(error)),
    })
}
