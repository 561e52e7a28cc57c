use crate::input::read_file;
use crate::output::Failure;
use atproto_crypto::PublicKey;
use atproto_identity::document::DidDocument;
use atproto_lexicon::syntax::Did;
use clap::Args;
use serde_json::{Map, Value as Json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[group(required = true, multiple = true)]
pub(super) struct KeyArguments {
    /// A signing key of an account; of several, each is tried.
    #[arg(long, value_name = "DID=did:key:…", value_parser = parse_key)]
    key: Vec<(Did, PublicKey)>,
    /// JSON file with a DID document, or an object of them by their DID; or a folder of such files.
    #[arg(long, value_name = "FILE.json|FOLDER")]
    did_docs: Vec<PathBuf>,
}

fn parse_key(text: &str) -> Result<(Did, PublicKey), String> {
    let (did, key) = text.split_once('=').ok_or("not DID=did:key:…")?;
    let did = did.parse::<Did>().map_err(|error| error.to_string())?;
    Ok((did, key.parse::<PublicKey>().map_err(|error| error.to_string())?))
}

/// The signing keys that accounts have, or have had.
#[derive(Default)]
pub(super) struct Keys(HashMap<Did, Vec<PublicKey>>);

impl Keys {
    pub(super) fn load(arguments: KeyArguments) -> Result<Self, Failure> {
        let mut keys = Self::default();
        for (did, key) in arguments.key {
            keys.add(did, key);
        }
        for path in &arguments.did_docs {
            if path.is_dir() {
                keys.read_folder(path)?;
            } else {
                let usage = |reason: String| Failure::Usage(format!("{}: {reason}", path.display()));
                let object =
                    serde_json::from_slice(&read_file(path)?).map_err(|error| usage(error.to_string()))?;
                keys.read(object);
            }
        }
        Ok(keys)
    }

    /// Reads all files with JSON objects; others may lie beside them.
    fn read_folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let failure = |error| Failure::file(folder.display())(error);
        let mut paths = std::fs::read_dir(folder)
            .and_then(|files| files.map(|file| file.map(|file| file.path())).collect::<Result<Vec<_>, _>>())
            .map_err(failure)?;
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "json")) {
            if let Ok(object) = serde_json::from_slice(&read_file(path)?) {
                self.read(object);
            }
        }
        Ok(())
    }

    /// Takes the key of a document, or of each of several. What has none leaves its account without one.
    fn read(&mut self, object: Map<String, Json>) {
        if object.get("id").is_some_and(Json::is_string) {
            self.document(&object.into());
        } else {
            for (did, document) in &object {
                if document.get("id").and_then(Json::as_str) == Some(did) {
                    self.document(document);
                }
            }
        }
    }

    fn document(&mut self, json: &Json) {
        let document = DidDocument::from_json(json.to_string().as_bytes());
        if let Ok(document) = document
            && let Some(key) = document.signing_key()
        {
            self.add(document.id, key);
        }
    }

    fn add(&mut self, did: Did, key: PublicKey) {
        let keys = self.0.entry(did).or_default();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }

    pub(super) fn of(&self, did: &Did) -> &[PublicKey] {
        self.0.get(did).map(Vec::as_slice).unwrap_or_default()
    }
}
