//! Documents: every way of reading one agrees, findings are about places that there are, and what is generated is Rust in which
//! no name is given twice.

use crate::lexicons::find;
use crate::random_documents;
use crate::rust;
use atproto_lexicon::codegen::{CodegenError, Config};
use atproto_lexicon::data::{Limits, Value, cbor, json};
use atproto_lexicon::lint::{breaking, lint, lint_document};
use atproto_lexicon::schema::{Catalog, Document};
use atproto_lexicon::syntax::Nsid;
use std::collections::BTreeMap;

/// The first byte says whether the others are the text of a document, or choices and names for the random catalogs of the tests.
pub fn check(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    if kind % 4 == 0 {
        match json::from_slice(bytes, &Limits::default()) {
            Ok(value) => check_catalog(&[value]),
            Err(_) => assert!(Document::from_json(bytes).is_err()),
        }
    } else {
        check_catalog(&random_documents::of(*kind, bytes));
    }
}

/// Reads a document as a value, as JSON, and as the record that it is where it is published.
fn read(value: &Value) -> Option<Document> {
    let read = Document::from_value(value);
    assert_eq!(Document::from_json(json::to_string(value).unwrap().as_bytes()), read);
    let pointers = match (&read, value) {
        (Ok(document), Value::Object(fields)) => {
            let mut record = fields.clone();
            record.insert("$type".into(), "com.atproto.lexicon.schema".into());
            let block = cbor::to_vec(&Value::Object(record)).unwrap();
            assert_eq!(Document::from_value(&cbor::to_value(&block).unwrap()).as_ref(), Ok(document));
            [&document.unrecognised[..], &document.repeated].concat()
        }
        (Err(error), _) => vec![error.pointer.clone()],
        (Ok(_), _) => panic!("a document that is no object"),
    };
    for pointer in pointers {
        assert!(find(value, &pointer).is_some(), "{pointer}");
    }
    read.ok()
}

fn check_catalog(values: &[Value]) {
    let mut catalog = Catalog::new();
    let mut inserted: BTreeMap<Nsid, &Value> = BTreeMap::new();
    for value in values {
        let Some(document) = read(value) else { continue };
        let nsid = document.id.clone();
        if catalog.insert(document).is_ok() {
            inserted.insert(nsid, value);
        }
    }
    let findings = lint(&catalog);
    for finding in &findings {
        assert!(find(inserted[&finding.nsid], &finding.pointer).is_some(), "{finding}");
    }
    let one_by_one = catalog.documents().flat_map(|document| lint_document(&catalog, document));
    assert!(one_by_one.eq(findings));
    assert_eq!(breaking(&catalog, &catalog), []);
    let is_whole = catalog.missing().is_empty() && catalog.misdirected().is_empty();
    match Config::new().roots(inserted.keys().map(|nsid| nsid.as_str())).catalog(catalog).generate() {
        Ok(code) => {
            assert!(is_whole);
            rust::check(&code.to_text());
        }
        Err(CodegenError::Missing { .. } | CodegenError::Kind { .. }) => assert!(!is_whole),
        Err(_) => {}
    }
}
