//! The public conformance suite for keys and signatures.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use atproto_crypto::{Curve, PublicKey, SecretKey, SignatureError};
use data_encoding::BASE64_NOPAD;
use serde_json::Value as Json;
use std::path::Path;
use testdata::{Case, Suites};

const FOLDER: &str = "conformance/atproto-interop-tests/crypto";

fn main() -> std::process::ExitCode {
    let mut suites = Suites::default();
    add(&mut suites, "signature-fixtures", 6, signature);
    add(&mut suites, "w3c_didkey_K256", 5, k256);
    add(&mut suites, "w3c_didkey_P256", 1, p256);
    suites.run()
}

fn add(suites: &mut Suites, name: &str, at_least: usize, check: fn(&Json) -> Result<(), String>) {
    suites.add(&format!("crypto::{name}"), &format!("{FOLDER}/{name}.json"), at_least, |path| {
        let case = |(index, entry): (usize, Json)| {
            let name = entry["comment"].as_str().unwrap_or_default();
            Case::new(format!("{index}: {name}"), move || check(&entry))
        };
        Ok(read(path)?.into_iter().enumerate().map(case).collect())
    });
}

fn read(path: &Path) -> Result<Vec<Json>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn text<'a>(entry: &'a Json, name: &str) -> Result<&'a str, String> {
    entry[name].as_str().ok_or(format!("no {name}"))
}

fn show(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn signature(entry: &Json) -> Result<(), String> {
    let key = PublicKey::from_did_key(text(entry, "publicKeyDid")?).map_err(show)?;
    let legacy =
        PublicKey::from_verification_method(text(entry, "didDocSuite")?, text(entry, "publicKeyMultibase")?);
    if legacy != Ok(key) || key.curve().jwt_algorithm() != text(entry, "algorithm")? {
        return Err(format!("the legacy form is {legacy:?}"));
    }
    let message = BASE64_NOPAD.decode(text(entry, "messageBase64")?.as_bytes()).map_err(show)?;
    let signature = BASE64_NOPAD.decode(text(entry, "signatureBase64")?.as_bytes()).map_err(show)?;
    let tagged = |tag: &str| entry["tags"].as_array().is_some_and(|tags| tags.iter().any(|t| t == tag));
    let expected = match entry["validSignature"].as_bool() {
        Some(true) => Ok(()),
        _ if tagged("high-s") => Err(SignatureError::HighS),
        _ if tagged("der-encoded") => Err(SignatureError::Length),
        _ => return Err("an invalid signature of an unknown kind".into()),
    };
    let verdict = key.verify(&message, &signature);
    let malleable = key.verify_malleable(&message, &signature);
    let malleable_expected = if tagged("high-s") { Ok(()) } else { expected };
    if verdict == expected && malleable == malleable_expected {
        Ok(())
    } else {
        Err(format!("{verdict:?}, malleable {malleable:?}"))
    }
}

fn k256(entry: &Json) -> Result<(), String> {
    same_key(&SecretKey::from_hex(Curve::K256, text(entry, "privateKeyBytesHex")?).map_err(show)?, entry)
}

fn p256(entry: &Json) -> Result<(), String> {
    let mut bytes = [0; 32];
    if bs58::decode(text(entry, "privateKeyBytesBase58")?).onto(&mut bytes[..]).map_err(show)? != 32 {
        return Err("not 32 bytes".into());
    }
    same_key(&SecretKey::from_bytes(Curve::P256, &bytes).map_err(show)?, entry)
}

fn same_key(secret: &SecretKey, entry: &Json) -> Result<(), String> {
    let expected = text(entry, "publicDidKey")?;
    let written = secret.public_key().to_did_key();
    if written != expected || PublicKey::from_did_key(expected) != Ok(secret.public_key()) {
        return Err(format!("the public key is {written}"));
    }
    Ok(())
}
