//! A generated type beside the schema that it was made of.

use atproto_lexicon::data::{Value, cbor, json};
use atproto_lexicon::schema::{Catalog, Reference};
use atproto_lexicon::typed::{self, Validate};
use atproto_lexicon::validate::{ValidateError, Validator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Reads a value in all ways, and writes it again: the ways agree, and nothing is lost on any. `None` where the value is not of
/// the type.
pub(crate) fn read<T>(value: &Value) -> Result<Option<T>, String>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let text = json::to_string(value).map_err(|error| error.to_string())?;
    let block = cbor::to_vec(value).map_err(|error| error.to_string())?;
    let fault = |what: &str, detail: &dyn Debug| Err(format!("{what}: {detail:?}\n{text}"));
    let from_value = typed::from_value::<T>(value);
    let from_text = serde_json::from_str::<T>(&text);
    let from_block = cbor::from_slice::<T>(&block);
    let typed = match (from_value, from_text, from_block) {
        (Ok(typed), Ok(by_text), Ok(by_block)) => {
            if typed != by_text || typed != by_block {
                return fault("the ways differ", &(typed, by_text, by_block));
            }
            typed
        }
        (Err(_), Err(_), Err(_)) => return Ok(None),
        (from_value, from_text, from_block) => {
            return fault("the ways disagree", &(from_value.err(), from_text.err(), from_block.err()));
        }
    };
    match cbor::to_vec(&typed) {
        Ok(bytes) if bytes == block => {}
        other => return fault("lost in DAG-CBOR", &other),
    }
    match serde_json::to_string(&typed).map(|text| json::from_str(&text)) {
        Ok(Ok(written)) if written == *value => {}
        other => return fault("lost in JSON", &other),
    }
    Ok(Some(typed))
}

/// [`read`], and the type with its `validate` takes what the schema takes; whether it does.
pub(crate) fn check<T>(catalog: &Catalog, reference: &Reference, value: &Value) -> Result<bool, String>
where
    T: Serialize + DeserializeOwned + Validate + PartialEq + Debug,
{
    let strict = match Validator::new(catalog).validate_definition(reference, value) {
        Ok(()) => Ok(()),
        Err(ValidateError::Invalid(failures)) => Err(failures.to_string()),
        Err(other) => return Err(format!("{reference}: {other}")),
    };
    let typed = read::<T>(value).map_err(|fault| format!("{reference}: {fault}\n{strict:?}"))?;
    let fault = |what: &str| Err(format!("{reference}: {what}\n{value:?}\n{strict:?}"));
    match (typed.map(|typed| typed.validate()), &strict) {
        (Some(Ok(())), Ok(())) => Ok(true),
        (None, Ok(())) => fault("refused"),
        (Some(Err(ours)), Ok(())) => fault(&format!("refused by its checks: {ours}")),
        // Legacy blobs are read whatever their `cid` says, and no constraint says anything of them.
        (Some(Ok(())), Err(theirs)) if !theirs.contains("legacy form") && !theirs.contains("not a blob") => {
            fault("accepted")
        }
        _ => Ok(false),
    }
}
