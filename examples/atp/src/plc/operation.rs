//! Operations, as they are read and printed.

use super::stop::Stop;
use crate::input::read_file;
use crate::output::{Failure, Output};
use atproto_identity::plc::Operation;
use atproto_lexicon::syntax::Did;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use std::path::Path;

/// Reads an operation, alone or with its DID, as it is printed here and stands in a log.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<(Option<Did>, T), Stop> {
    #[derive(serde::Deserialize)]
    struct Wrapped<T> {
        did: Option<Did>,
        operation: T,
    }
    let bytes = read_file(path)?;
    // Whether a name stands twice is seen where the text is read, not in a value of it.
    let shape: Json = serde_json::from_slice(&bytes).map_err(malformed)?;
    if shape.get("operation").is_some() {
        let wrapped: Wrapped<T> = serde_json::from_slice(&bytes).map_err(malformed)?;
        return Ok((wrapped.did, wrapped.operation));
    }
    Ok((None, serde_json::from_slice(&bytes).map_err(malformed)?))
}

fn malformed(error: serde_json::Error) -> Stop {
    Stop::refused(format!("operation: {error}"))
}

/// Prints an operation that is not signed yet.
pub(super) fn print(operation: &impl Serialize, output: &mut Output) -> Result<(), Failure> {
    output.line(pretty(operation), &serde_json::to_value(operation).unwrap_or_default())
}

/// Prints a signed one; a genesis with its DID.
pub(super) fn print_signed(operation: &Operation, output: &mut Output) -> Result<(), Failure> {
    let mut json = json!({"operation": operation});
    if let (Some(did), Some(fields)) = (operation.did(), json.as_object_mut()) {
        output.note(format!("did  {did}"));
        fields.insert("did".into(), did.as_str().into());
    }
    output.line(pretty(operation), &json)
}

/// For a person. The order of the fields is that of the specification.
fn pretty(operation: &impl Serialize) -> String {
    // Texts, lists and maps with names of text: there is nothing that has no JSON.
    serde_json::to_string_pretty(operation).unwrap_or_default()
}
