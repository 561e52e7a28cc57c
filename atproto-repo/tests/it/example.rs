//! The repository under `examples/data`, which is made here; `BLESS=1` writes it anew.

use crate::model::{Blocks, Model, commit, did, key};
use atproto_lexicon::data::{Bytes, Object, Value, cbor};
use atproto_lexicon::syntax::{Datetime, Tid};
use std::path::Path;

/// A profile and 120 notes, each of which links the one before.
fn make() -> Vec<u8> {
    let mut blocks = Blocks::default();
    let profile = Object::from([
        ("$type".into(), Value::from("com.example.profile")),
        ("name".into(), "Ada of the example".into()),
        ("seed".into(), Value::Bytes(Bytes((0..16).collect()))),
    ]);
    let mut pairs = Vec::new();
    let mut previous = Value::Null;
    for number in 0..120_i64 {
        let micros = 1_767_225_600_000_000 + number * 61_000_000;
        let tid = Tid::from_parts(micros.unsigned_abs(), 7).unwrap();
        let note = Object::from([
            ("$type".into(), Value::from("com.example.note")),
            ("text".into(), format!("Note {number} of 120: ☀ and ☾").into()),
            ("createdAt".into(), Datetime::from_unix_micros(micros).unwrap().as_str().into()),
            ("previous".into(), previous),
        ]);
        let cid = blocks.add(cbor::to_vec(&note).unwrap());
        pairs.push((format!("com.example.note/{tid}").into_bytes(), cid));
        previous = cid.into();
    }
    pairs.push((b"com.example.profile/self".to_vec(), blocks.add(cbor::to_vec(&profile).unwrap())));
    let root = Model::of(&pairs).write(&mut blocks);
    let root = blocks.add(commit(root));
    blocks.car(&[root])
}

/// The DID document of its account, in an object by DID.
fn documents() -> String {
    let (did, key) = (did(), key().to_multikey());
    let document = serde_json::json!({did.as_str(): {
        "id": did.as_str(),
        "alsoKnownAs": ["at://ada.example"],
        "verificationMethod": [{
            "id": format!("{did}#atproto"), "type": "Multikey", "controller": did.as_str(), "publicKeyMultibase": key,
        }],
        "service": [{
            "id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": "https://pds.example",
        }],
    }});
    format!("{document:#}\n")
}

#[test]
fn the_example_is_what_is_made_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data");
    for (name, contents) in [("notes.car", make()), ("did-docs.json", documents().into_bytes())] {
        let path = folder.join(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &contents).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == contents, "{name} differs: BLESS=1 writes it anew");
    }
}
