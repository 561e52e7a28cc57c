use crate::{read_array, text};
use atproto_lexicon::data::cbor::{self, Profile};
use atproto_lexicon::data::{Limits, Value};
use data_encoding::HEXLOWER;
use ipld_core::ipld::Ipld;
use serde_json::Value as Json;
use testdata::{Case, Suites};

/// The tags of the suite that belong to DRISL.
const TAGS: [&str; 3] = ["basic", "dag-cbor", "dasl-cid"];

pub(crate) fn add(suites: &mut Suites) {
    suites.add("dasl", "conformance/dasl-testing/fixtures/cbor", 92, |folder| {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>())
            .map_err(|error| error.to_string())?;
        files.sort();
        let mut cases = Vec::new();
        for file in files {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            for (index, entry) in read_array(&file)?.into_iter().enumerate() {
                let tags: Vec<_> =
                    entry["tags"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
                if tags.iter().any(|tag| TAGS.contains(tag)) {
                    let name = format!("{stem}::{index}: {}", entry["name"].as_str().unwrap_or(""));
                    cases.push(Case::new(name, move || check(&entry)));
                }
            }
        }
        Ok(cases)
    });
}

fn check(entry: &Json) -> Result<(), String> {
    let bytes = HEXLOWER.decode(text(entry, "data")?.as_bytes()).map_err(|error| error.to_string())?;
    let limits = Limits::default();
    let checked = cbor::validate_with(&bytes, Profile::Drisl, &limits);
    match text(entry, "type")?.as_str() {
        "roundtrip" => {
            checked.map_err(|error| error.to_string())?;
            let value: Ipld =
                cbor::from_slice_with(&bytes, Profile::Drisl, &limits).map_err(|e| e.to_string())?;
            let again = cbor::to_vec_with(&value, Profile::Drisl, &limits).map_err(|e| e.to_string())?;
            if again != bytes {
                return Err(format!("encoded as {again:02x?}"));
            }
            // What the narrower profile takes too must come out the same as our own value.
            if let Ok(value) = cbor::to_value(&bytes) {
                let again = cbor::to_vec::<Value>(&value).map_err(|error| error.to_string())?;
                if again != bytes {
                    return Err(format!("as a value encoded as {again:02x?}"));
                }
            }
            Ok(())
        }
        "invalid_in" => checked.is_err().then_some(()).ok_or("accepted".into()),
        "invalid_out" => {
            checked.is_err().then_some(()).ok_or("accepted")?;
            // A value that a laxer decoder made must not be written either.
            match serde_ipld_dagcbor::from_slice::<Ipld>(&bytes) {
                Ok(value) => match cbor::to_vec_with(&value, Profile::Drisl, &limits) {
                    Ok(out) => Err(format!("written as {out:02x?}")),
                    Err(_) => Ok(()),
                },
                Err(_) => Ok(()),
            }
        }
        other => Err(format!("unknown type {other}")),
    }
}
