//! The suites of other repositories.

use super::{files, read, read_array, read_json, read_text, stem, text};
use crate::conformance::case::{Case, bytes, valid};
use atproto_lexicon::data::{cbor, json as data_json};
use atproto_repo::testing::events;
use data_encoding::HEXLOWER;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::path::Path;

/// The cases of `dasl-testing` that belong to DRISL.
pub(super) fn dasl(folder: &Path) -> Result<Vec<Case>, String> {
    const TAGS: [&str; 3] = ["basic", "dag-cbor", "dasl-cid"];
    let mut cases = Vec::new();
    for path in files(folder, "json")? {
        for (number, entry) in (1..).zip(read_array(&path)?) {
            let mut tags = entry["tags"].as_array().into_iter().flatten().filter_map(Json::as_str);
            if !tags.any(|tag| TAGS.contains(&tag)) {
                continue;
            }
            let block =
                HEXLOWER.decode(text(&entry, "data")?.as_bytes()).map_err(|error| error.to_string())?;
            let block = bytes(&block);
            let expected = match text(&entry, "type")? {
                "roundtrip" => json!({"verdict": "valid", "again": block}),
                // What must not be written must not be read either.
                "invalid_in" | "invalid_out" => json!({"verdict": "invalid"}),
                other => return Err(format!("{}: unknown type {other}", path.display())),
            };
            let name = format!("{} {number}: {}", stem(&path), entry["name"].as_str().unwrap_or_default());
            let request = json!({"op": "cbor", "profile": "drisl", "bytes": block});
            cases.push(Case::new(name, request, expected));
        }
    }
    Ok(cases)
}

/// Each file is a tree, whose root is the file's.
pub(super) fn cars(folder: &Path) -> Result<Vec<Case>, String> {
    let case = |path: &std::path::PathBuf| {
        let file = read(path)?;
        let car = atproto_repo::car::Car::parse(&file).map_err(|error| error.to_string())?;
        let root = car.roots().first().map(ToString::to_string);
        Ok(Case::new(
            stem(path),
            json!({"op": "tree", "car": bytes(&file)}),
            json!({"verdict": "valid", "root": root}),
        ))
    };
    files(folder, "car")?.iter().map(case).collect()
}

pub(super) fn diffs(folder: &Path) -> Result<Vec<Case>, String> {
    let root = folder.ancestors().nth(3).ok_or("no folder of the suite")?;
    let (mut cases, mut known) = (Vec::new(), HashMap::<String, Json>::new());
    for path in files(folder, "json")? {
        let entry = read_json(&path)?;
        let mut file = |name: &str| -> Result<Json, String> {
            let place = text(&entry["inputs"], name)?;
            if let Some(file) = known.get(place) {
                return Ok(file.clone());
            }
            let file = bytes(&read(&root.join(place))?);
            known.insert(place.to_owned(), file.clone());
            Ok(file)
        };
        let request = json!({"op": "diff", "before": file("mst_a")?, "after": file("mst_b")?});
        let results = &entry["results"];
        let expected = json!({
            "record_ops": results["record_ops"], "created_nodes": results["created_nodes"],
            "deleted_nodes": results["deleted_nodes"],
        });
        cases.push(Case::new(stem(&path), request, expected));
    }
    Ok(cases)
}

pub(super) fn plc(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for kind in ["valid", "invalid"] {
        for path in files(&folder.join(kind), "json")? {
            let log = read_json(&path)?;
            let did = log[0]["did"].as_str().ok_or("a log without a DID")?;
            let request = json!({"op": "plc_log", "did": did, "log": log});
            cases.push(Case::verdict(format!("{kind} {}", stem(&path)), request, kind));
        }
    }
    Ok(cases)
}

pub(super) fn scopes(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for is_valid in [true, false] {
        let name = format!("permission_scopes_{}", valid(is_valid));
        for (number, line) in (1..).zip(read_text(&folder.join(format!("{name}.txt")))?.lines()) {
            if !line.is_empty() && !line.starts_with('#') {
                let request = json!({"op": "scope", "text": line});
                cases.push(Case::verdict(format!("{name} line {number}"), request, valid(is_valid)));
            }
        }
    }
    Ok(cases)
}

/// A scenario is one request; what a relay does with each of its messages is the answer.
pub(super) fn relay(folder: &Path) -> Result<Vec<Case>, String> {
    let case = |path: &std::path::PathBuf| {
        let scenario = read_json(path)?;
        let list = |name: &str| scenario[name].as_array().ok_or(format!("no list {name}"));
        let account = |account: &Json| {
            let identity = &account["identity"];
            let key = text(&identity["keys"]["atproto"], "publicKeyMultibase")?;
            Ok(json!({"did": identity["did"], "key": format!("did:key:{key}")}))
        };
        let accounts = list("accounts")?.iter().map(account).collect::<Result<Vec<_>, String>>()?;
        let (mut frames, mut outcomes) = (Vec::new(), Vec::new());
        for message in list("messages")? {
            let frame = &message["frame"];
            let body = data_json::from_str(&frame["body"].to_string()).map_err(|error| error.to_string())?;
            let body = cbor::to_vec(&body).map_err(|error| error.to_string())?;
            let header = events::encode(&events::header(1, frame["header"]["t"].as_str()));
            frames.push(bytes(&[header, body].concat()));
            // What is no event at all is dropped, and the suite does not call it invalid.
            outcomes.push(json!({"drop": message["drop"], "update": message["update"]}));
        }
        let request = json!({
            "op": "events", "lenient": scenario["lenient"], "now": 1_800_000_000_000_000_u64,
            "accounts": accounts, "frames": frames,
        });
        Ok(Case::new(stem(path), request, json!({ "outcomes": outcomes })))
    };
    files(folder, "json")?.iter().map(case).collect()
}
