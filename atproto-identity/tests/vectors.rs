//! DID documents of the public suite, and those of a reference server.

use atproto_crypto::SignatureError;
use atproto_identity::document::DidDocument;
use atproto_identity::plc::{
    Data, Fault, History, LogEntry, LogError, Operation, verify_log, verify_operations,
};
use std::path::{Path, PathBuf};
use testdata::{Case, Suites};

fn main() -> std::process::ExitCode {
    let mut suites = Suites::default();
    suites.add("did_documents", "conformance/did-documents", 3, |folder| {
        Ok(vec![
            compare(folder, "did_plc_doc.json", "ewvi7nxzyoun6zhxrhs64oiz", Some("atproto.com")),
            compare(folder, "did_plc_doc_legacy.json", "ewvi7nxzyoun6zhxrhs64oiz", Some("atproto.com")),
            compare(folder, "did_web_doc.json", "discover.bsky.social", None),
        ])
    });
    // The current and the legacy form of a document have the same key.
    suites.add("captures::documents", "captures", 6, |folder| {
        let same = |account: &str| {
            let folder = folder.join(account);
            Case::new(account, move || {
                let (current, legacy) =
                    (read(&folder.join("did.json"))?, read(&folder.join("did-legacy.json"))?);
                if current.signing_key().is_none() || current.pds().is_none() || current.handle().is_none() {
                    return Err(format!("incomplete: {current:?}"));
                }
                let parts =
                    |document: &DidDocument| (document.signing_key(), document.pds().map(str::to_owned));
                if parts(&current) == parts(&legacy) { Ok(()) } else { Err("the two forms differ".into()) }
            })
        };
        Ok(["ana", "ben", "cat", "dot", "eve", "fay"].map(same).into())
    });
    suites.add("did_plc", "conformance/did-plc/interop_tests/audit_log", 15, |folder| {
        let mut cases = Vec::new();
        for (kind, is_valid) in [("valid", true), ("invalid", false)] {
            cases.extend(json_files(&folder.join(kind))?.into_iter().map(|(name, path)| {
                Case::new(format!("{kind}::{name}"), move || {
                    let verdict = verify(&path)?;
                    let is_right = match &verdict {
                        Ok(_) => is_valid,
                        Err(error) => !is_valid && is_expected(&path, &error.fault),
                    };
                    if is_right { Ok(()) } else { Err(format!("{verdict:?}")) }
                })
            }));
        }
        Ok(cases)
    });
    // What a directory keeps of accounts on a host.
    suites.add("captures::accounts", "captures", 6, |folder| {
        let case = |account: &str| {
            let folder = folder.join(account);
            Case::new(account, move || captured_account(&folder))
        };
        Ok(["ana", "ben", "cat", "dot", "eve", "fay"].map(case).into())
    });
    // What a directory keeps of accounts whose operations were nullified, ended by a tombstone, or signed on P-256.
    suites.add("captures::plc", "captures/plc", 3, |folder| {
        let cases = ["plc-recovered", "plc-tombstone", "plc-p256"].map(|name| {
            let folder = folder.to_owned();
            Case::new(name, move || captured_log(&folder, name))
        });
        Ok(cases.into())
    });
    suites.run()
}

/// Whether an invalid log is refused for what is wrong with it, as far as its name is known here.
fn is_expected(path: &Path, fault: &Fault) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    match name.strip_prefix("log_invalid_").unwrap_or(&name) {
        "nullification_reused_key" => matches!(fault, Fault::Authority { .. }),
        "sig_b64_newline" | "sig_b64_padding_chars" => {
            matches!(fault, Fault::Signature(SignatureError::Length))
        }
        // It has 64 bytes by chance.
        "sig_der" => matches!(fault, Fault::Signature(_)),
        "sig_k256_high_s" | "sig_p256_high_s" => matches!(fault, Fault::Signature(SignatureError::HighS)),
        "update_tombstoned" => matches!(fault, Fault::TombstonedPrev(_)),
        _ => true,
    }
}

fn json_files(folder: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> = paths
        .filter_map(|path| {
            Some((path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned(), path.clone()))
        })
        .collect();
    files.sort();
    Ok(files)
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// What can be read, with its verdict: a log that is not valid is read like any other.
fn verify(path: &Path) -> Result<Result<History, LogError>, String> {
    let log: Vec<LogEntry> = read_json(path)?;
    let did = log.first().ok_or("empty")?.did.clone();
    Ok(verify_log(&did, &log))
}

/// The audit log, the log of operations, the state and the document of an account are the same.
fn captured_account(folder: &Path) -> Result<(), String> {
    let audited = verify(&folder.join("plc-audit.json"))?.map_err(|error| error.to_string())?;
    let operations: Vec<Operation> = read_json(&folder.join("plc-log.json"))?;
    let plain = verify_operations(audited.did(), &operations).map_err(|error| error.to_string())?;
    let data: Data = read_json(&folder.join("plc-data.json"))?;
    if (plain.head(), plain.data(), Some(&data)) != (audited.head(), audited.data(), audited.data()) {
        return Err("log, audit log and state differ".into());
    }
    let (shown, made) = (read(&folder.join("did.json"))?, audited.document().ok_or("no document")?);
    let parts = |document: &DidDocument| {
        (document.id.clone(), document.signing_key(), document.pds().map(str::to_owned), document.handle())
    };
    if parts(&shown) == parts(&made) { Ok(()) } else { Err(format!("{shown:?} is not {made:?}")) }
}

/// The audit log and the log of operations lead to the same state, which is that of the document.
fn captured_log(folder: &Path, name: &str) -> Result<(), String> {
    let audited =
        verify(&folder.join(format!("{name}-log-audit.json")))?.map_err(|error| error.to_string())?;
    let operations: Vec<Operation> = read_json(&folder.join(format!("{name}-log.json")))?;
    let plain = verify_operations(audited.did(), &operations).map_err(|error| error.to_string())?;
    if (plain.head(), plain.data()) != (audited.head(), audited.data()) {
        return Err("the two logs differ".into());
    }
    let Some(document) = audited.document() else {
        return if audited.is_tombstoned() { Ok(()) } else { Err("no document".into()) };
    };
    for form in ["did", "did-legacy"] {
        let shown = read(&folder.join(format!("{name}-{form}.json")))?;
        let parts = |document: &DidDocument| {
            (document.signing_key(), document.pds().map(str::to_owned), document.handle())
        };
        if parts(&shown) != parts(&document) {
            return Err(format!("{shown:?} is not {document:?}"));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<DidDocument, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    DidDocument::from_json(&bytes).map_err(|error| error.to_string())
}

/// An account has a key and a PDS, a service like a feed generator has not.
fn compare(
    folder: &Path,
    file: &'static str,
    identifier: &'static str,
    handle: Option<&'static str>,
) -> Case {
    let path = folder.join(file);
    Case::new(file, move || {
        let document = read(&path)?;
        let found = document.handle();
        let is_account = document.signing_key().is_some() && document.pds().is_some();
        let is_right = document.id.identifier() == identifier
            && found.as_ref().map(|handle| handle.as_str()) == handle
            && is_account == handle.is_some();
        if is_right { Ok(()) } else { Err(format!("{document:?}")) }
    })
}
