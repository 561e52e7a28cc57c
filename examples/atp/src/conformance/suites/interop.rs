//! `atproto-interop-tests`.

use super::{files, read_array, read_json, read_text, stem, text};
use crate::conformance::case::{Case, bytes, valid};
use atproto_lexicon::syntax::Format;
use data_encoding::{BASE64_NOPAD, HEXLOWER};
use serde_json::{Value as Json, json};
use std::path::Path;

/// A case per line; lines are not trimmed, since white space is a case.
pub(super) fn syntax(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for path in files(folder, "txt")? {
        let name = stem(&path);
        let Some((file, is_valid)) = name.split_once('_').map(|(file, kind)| (file, kind == "syntax_valid"))
        else {
            continue;
        };
        // What only a strict parser of languages refuses is of the format.
        let is_valid = is_valid || name == "language_parse_invalid";
        let format = Format::ALL.into_iter().find(|format| format.name().replace('-', "") == file);
        let format = format.ok_or(format!("{name}: no such format"))?;
        for (number, line) in (1..).zip(read_text(&path)?.split('\n')) {
            if !line.is_empty() && !line.starts_with('#') {
                let request = json!({"op": "syntax", "format": format.name(), "text": line});
                cases.push(Case::verdict(format!("{name} line {number}"), request, valid(is_valid)));
            }
        }
    }
    Ok(cases)
}

pub(super) fn crypto(folder: &Path) -> Result<Vec<Case>, String> {
    let base64 = |entry: &Json, name: &str| {
        BASE64_NOPAD.decode(text(entry, name)?.as_bytes()).map_err(|error| format!("{name}: {error}"))
    };
    let mut cases = Vec::new();
    for (number, entry) in (1..).zip(read_array(&folder.join("signature-fixtures.json"))?) {
        let request = json!({
            "op": "signature", "key": entry["publicKeyDid"],
            "message": bytes(&base64(&entry, "messageBase64")?),
            "signature": bytes(&base64(&entry, "signatureBase64")?),
        });
        let name = format!("signature {number}: {}", text(&entry, "comment")?);
        cases.push(Case::verdict(name, request, valid(entry["validSignature"] == true)));
    }
    let key = |name: String, curve: &str, secret: &[u8], entry: &Json| {
        let request = json!({"op": "public_key", "curve": curve, "secret": bytes(secret)});
        Case::new(name, request, json!({"did_key": entry["publicDidKey"]}))
    };
    for (number, entry) in (1..).zip(read_array(&folder.join("w3c_didkey_K256.json"))?) {
        let secret = HEXLOWER.decode(text(&entry, "privateKeyBytesHex")?.as_bytes());
        let secret = secret.map_err(|error| error.to_string())?;
        cases.push(key(format!("w3c_didkey_K256 {number}"), "K-256", &secret, &entry));
    }
    for (number, entry) in (1..).zip(read_array(&folder.join("w3c_didkey_P256.json"))?) {
        let mut secret = [0; 32];
        let decoded = bs58::decode(text(&entry, "privateKeyBytesBase58")?).onto(&mut secret[..]);
        decoded.map_err(|error| error.to_string())?;
        cases.push(key(format!("w3c_didkey_P256 {number}"), "P-256", &secret, &entry));
    }
    Ok(cases)
}

pub(super) fn data_model(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (file, is_valid) in [("data-model-valid", true), ("data-model-invalid", false)] {
        for (number, entry) in (1..).zip(read_array(&folder.join(format!("{file}.json")))?) {
            let request = json!({"op": "json_record", "json": entry["json"].to_string()});
            let name = format!("{file} {number}: {}", entry["note"].as_str().unwrap_or_default());
            cases.push(Case::verdict(name, request, valid(is_valid)));
        }
    }
    for (number, entry) in (1..).zip(read_array(&folder.join("data-model-fixtures.json"))?) {
        let block = BASE64_NOPAD.decode(text(&entry, "cbor_base64")?.as_bytes());
        let block = bytes(&block.map_err(|error| error.to_string())?);
        let name = format!("data-model-fixtures {number}");
        let request = json!({"op": "json_record", "json": entry["json"].to_string()});
        let expected = json!({"verdict": "valid", "cid": entry["cid"], "cbor": block});
        cases.push(Case::new(format!("{name}, from JSON"), request, expected));
        let request = json!({"op": "cbor", "profile": "atproto", "bytes": block});
        let expected = json!({"verdict": "valid", "cid": entry["cid"], "again": block});
        cases.push(Case::new(format!("{name}, from CBOR"), request, expected));
    }
    Ok(cases)
}

pub(super) fn lexicon(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for (file, is_valid) in [("lexicon-valid", true), ("lexicon-invalid", false)] {
        for (number, entry) in (1..).zip(read_array(&folder.join(format!("{file}.json")))?) {
            let name = format!("{file} {number}: {}", entry["name"].as_str().unwrap_or_default());
            let request = json!({"op": "lexicon", "document": entry["lexicon"]});
            cases.push(Case::verdict(name, request, valid(is_valid)));
        }
    }
    let catalog = files(&folder.join("catalog"), "json")?;
    let documents = catalog.iter().map(|path| read_json(path)).collect::<Result<Vec<_>, _>>()?;
    for (file, is_valid) in [("record-data-valid", true), ("record-data-invalid", false)] {
        for (number, entry) in (1..).zip(read_array(&folder.join(format!("{file}.json")))?) {
            let name = format!("{file} {number}: {}", entry["name"].as_str().unwrap_or_default());
            let request = json!({
                "op": "record", "documents": documents, "collection": "example.lexicon.record",
                "rkey": entry["rkey"], "record": entry["data"],
            });
            cases.push(Case::verdict(name, request, valid(is_valid)));
        }
    }
    Ok(cases)
}

pub(super) fn mst(folder: &Path) -> Result<Vec<Case>, String> {
    let layer = |name: String, key: &str, layer: Json| {
        Case::new(name, json!({"op": "layer", "key": key}), json!({ "layer": layer }))
    };
    let mut cases = Vec::new();
    for entry in read_array(&folder.join("key_heights.json"))? {
        let key = text(&entry, "key")?;
        cases.push(layer(format!("key_heights {key:?}"), key, entry["height"].clone()));
    }
    // The digit in these keys is their layer.
    for key in read_text(&folder.join("example_keys.txt"))?.lines() {
        let digit =
            key.chars().nth(1).and_then(|digit| digit.to_digit(10)).ok_or("a key without its layer")?;
        cases.push(layer(format!("example_keys {key}"), key, digit.into()));
    }
    Ok(cases)
}

pub(super) fn firehose(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for entry in read_array(&folder.join("commit-proof-fixtures.json"))? {
        let request = json!({
            "op": "covering", "keys": entry["keys"], "adds": entry["adds"], "dels": entry["dels"], "value": entry["leafValue"],
        });
        let mut nodes = entry["blocksInProof"].as_array().ok_or("no blocksInProof")?.clone();
        nodes.sort_by_key(Json::to_string);
        let expected = json!({
            "root_before": entry["rootBeforeCommit"], "root_after": entry["rootAfterCommit"], "nodes": nodes,
        });
        cases.push(Case::new(
            format!("commit-proof-fixtures: {}", text(&entry, "comment")?),
            request,
            expected,
        ));
    }
    Ok(cases)
}
