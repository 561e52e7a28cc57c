//! DID documents of the public suite, and those of a reference server.

use atproto_identity::document::DidDocument;
use std::path::Path;
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
    suites.run()
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
