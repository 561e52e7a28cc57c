//! A generated type beside the schema that it was made of.

use atproto_lexicon::data::{Value, cbor, json};
use atproto_lexicon::schema::{Catalog, Reference};
use atproto_lexicon::typed::{self, Validate};
use atproto_lexicon::validate::{ValidateError, Validator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Checks that all ways to a type agree, that nothing is lost on any, and that the type with its `validate` takes what the
/// schema takes; whether it does.
pub(crate) fn check<T>(catalog: &Catalog, reference: &Reference, value: &Value) -> Result<bool, String>
where
    T: Serialize + DeserializeOwned + Validate + PartialEq + Debug,
{
    let Ok(text) = json::to_string(value) else {
        return Ok(false);
    };
    let strict = match Validator::new(catalog).validate_definition(reference, value) {
        Ok(()) => Ok(()),
        Err(ValidateError::Invalid(failures)) => Err(failures.to_string()),
        Err(other) => return Err(format!("{reference}: {other}")),
    };
    let fault =
        |what: &str, detail: &dyn Debug| Err(format!("{reference}: {what}: {detail:?}\n{text}\n{strict:?}"));
    let block = cbor::to_vec(value).map_err(|error| error.to_string())?;
    let from_value = typed::from_value::<T>(value);
    let from_text = serde_json::from_str::<T>(&text);
    let from_block = cbor::from_slice::<T>(&block);
    if from_value.is_ok() != from_text.is_ok() || from_value.is_ok() != from_block.is_ok() {
        return fault("the ways disagree", &(from_value.err(), from_text.err(), from_block.err()));
    }
    let typed = match (from_value, from_text, from_block) {
        (Ok(typed), Ok(by_text), Ok(by_block)) => {
            if typed != by_text || typed != by_block {
                return fault("the ways differ", &(typed, by_text, by_block));
            }
            typed
        }
        (error, _, _) if strict.is_ok() => return fault("refused", &error.err()),
        _ => return Ok(false),
    };
    match cbor::to_vec(&typed) {
        Ok(bytes) if bytes == block => {}
        other => return fault("lost in DAG-CBOR", &other),
    }
    match serde_json::to_string(&typed).map(|text| json::from_str(&text)) {
        Ok(Ok(written)) if written == *value => {}
        other => return fault("lost in JSON", &other),
    }
    match (typed.validate(), &strict) {
        (Ok(()), Ok(())) => Ok(true),
        (Err(ours), Ok(())) => fault("refused by its checks", &ours),
        // Legacy blobs are read whatever their `cid` says, and no constraint says anything of them.
        (Ok(()), Err(theirs)) if !theirs.contains("legacy form") && !theirs.contains("not a blob") => {
            fault("accepted", &theirs)
        }
        _ => Ok(false),
    }
}
