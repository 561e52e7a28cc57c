use crate::{read_array, text};
use atproto_lexicon::data::{Cid, Value, cbor, json};
use data_encoding::BASE64_NOPAD;
use serde_json::Value as Json;
use testdata::{Case, Suites};

pub(crate) fn add(suites: &mut Suites) {
    type Check = fn(&Json) -> Result<(), String>;
    for (file, at_least, check) in [
        ("data-model-fixtures", 3, fixture as Check),
        ("data-model-valid", 5, valid),
        ("data-model-invalid", 12, invalid),
    ] {
        let path = format!("conformance/atproto-interop-tests/data-model/{file}.json");
        suites.add(&format!("data_model::{file}"), &path, at_least, |path| {
            let case = |(index, entry): (usize, Json)| {
                Case::new(format!("{index}: {}", entry["note"].as_str().unwrap_or("")), move || check(&entry))
            };
            Ok(read_array(path)?.into_iter().enumerate().map(case).collect())
        });
    }
}

fn record(entry: &Json) -> Result<Value, String> {
    let json = entry["json"].to_string();
    json::to_record(json.as_bytes()).map(Value::Object).map_err(|error| error.to_string())
}

/// JSON → CBOR → JSON gives the same, by way of the exact bytes and CID where they are known.
fn fixture(entry: &Json) -> Result<(), String> {
    let bytes = round_trip(entry)?;
    let expected =
        BASE64_NOPAD.decode(text(entry, "cbor_base64")?.as_bytes()).map_err(|error| error.to_string())?;
    if bytes != expected {
        return Err(format!("encoded as {bytes:02x?}"));
    }
    let cid = Cid::of_dag_cbor(&bytes).to_string();
    if cid == text(entry, "cid")? { Ok(()) } else { Err(format!("CID is {cid}")) }
}

fn valid(entry: &Json) -> Result<(), String> {
    round_trip(entry).map(drop)
}

fn round_trip(entry: &Json) -> Result<Vec<u8>, String> {
    let value = record(entry)?;
    let bytes = cbor::to_vec(&value).map_err(|error| error.to_string())?;
    let again = cbor::to_value(&bytes).map_err(|error| error.to_string())?;
    let typed: Value = cbor::from_slice(&bytes).map_err(|error| error.to_string())?;
    let json = json::to_string(&again).map_err(|error| error.to_string())?;
    let reread = json::from_str(&json).map_err(|error| error.to_string())?;
    if again == value && typed == value && reread == value {
        Ok(bytes)
    } else {
        Err(format!("became {json}"))
    }
}

fn invalid(entry: &Json) -> Result<(), String> {
    match record(entry) {
        Err(_) => Ok(()),
        Ok(value) => Err(format!("accepted as {value:?}")),
    }
}
