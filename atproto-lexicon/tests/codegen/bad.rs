//! What cannot be generated is an error, and nothing is written.

use atproto_lexicon::codegen::{CodegenError, Config};
use atproto_lexicon::schema::{Catalog, Document};
use std::fs;

/// Documents from their NSIDs and definitions.
fn generate(documents: &[(&str, &str)]) -> Result<String, CodegenError> {
    let mut catalog = Catalog::new();
    for (id, defs) in documents {
        let json = format!(r#"{{"lexicon":1,"id":"{id}","defs":{defs}}}"#);
        let document = Document::from_json(json.as_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"));
        catalog.insert(document).unwrap();
    }
    Config::new().catalog(catalog).root("org").generate().map(|code| code.to_text())
}

fn error(documents: &[(&str, &str)]) -> String {
    generate(documents).unwrap_err().to_string()
}

#[test]
fn each_has_its_error() {
    let object = r#"{"main":{"type":"object","properties":{}}}"#;
    let to = |reference: &str| {
        format!(r#"{{"main":{{"type":"object","properties":{{"x":{{"type":"ref","ref":"{reference}"}}}}}}}}"#)
    };
    assert_eq!(error(&[("com.example.a", object)]), r#"the root "org" is not there"#);
    assert_eq!(
        error(&[("org.example.a", &to("org.example.b#c"))]),
        "org.example.a refers to org.example.b#c, which is not there"
    );
    assert_eq!(
        error(&[("org.example.a", &to("org.example.b")), ("org.example.b", r#"{"main":{"type":"token"}}"#)]),
        "org.example.a refers to org.example.b, which is a token"
    );
    assert_eq!(
        error(&[("org.example.fooBar", object), ("org.example.foobar", object)]),
        "org.example.fooBar and org.example.foobar differ only in case or punctuation, so that they would be one module"
    );
    assert_eq!(
        error(&[("org.example.a", r#"{"ab":{"type":"token"},"aB":{"type":"token"}}"#)]),
        "org.example.a#aB and org.example.a#ab differ only in case"
    );
    assert_eq!(
        error(&[(
            "org.example.a",
            r##"{"x":{"type":"array","items":{"type":"ref","ref":"#y"}},
            "y":{"type":"array","items":{"type":"array","items":{"type":"ref","ref":"#x"}}}}"##
        )]),
        "org.example.a#x is an array of nothing but itself"
    );
}

#[test]
fn a_type_has_a_value() {
    let a = |x: &str, required: &str| {
        let defs = format!(r#"{{"main":{{"type":"object",{required}"properties":{{"x":{x}}}}}}}"#);
        generate(&[("org.example.a", &defs)]).map(drop).map_err(|error| error.to_string())
    };
    let endless =
        Err("no value can be a org.example.a: what it requires leads to one of its own kind within it"
            .to_owned());
    let required = r#""required":["x"],"#;
    let itself = r##"{"type":"ref","ref":"#main"}"##;
    assert_eq!(a(itself, required), endless);
    assert_eq!(a(itself, ""), Ok(()));
    assert_eq!(a(itself, r#""required":["x"],"nullable":["x"],"#), Ok(()));
    assert_eq!(a(r##"{"type":"union","refs":["#main"],"closed":true}"##, required), endless);
    assert_eq!(a(r##"{"type":"union","refs":["#main"]}"##, required), Ok(()));
    assert_eq!(a(&format!(r#"{{"type":"array","items":{itself}}}"#), required), Ok(()));
    assert_eq!(a(&format!(r#"{{"type":"array","minLength":1,"items":{itself}}}"#), required), endless);
}

/// Closed unions that lead to one another, through two documents.
#[test]
fn a_cycle_of_unions_has_no_value() {
    let to = |reference: &str| {
        format!(
            r#"{{"main":{{"type":"object","required":["x"],"properties":{{"x":{{"type":"union","closed":true,"refs":["{reference}"]}}}}}}}}"#
        )
    };
    assert_eq!(
        error(&[("org.example.a", &to("org.example.b")), ("org.example.b", &to("org.example.a"))]),
        "no value can be a org.example.a: what it requires leads to one of its own kind within it"
    );
    // A way out is enough.
    let out = r#"{"main":{"type":"object","properties":{}}}"#;
    assert!(generate(&[("org.example.a", &to("org.example.b")), ("org.example.b", out)]).is_ok());
}

#[test]
fn a_closed_union_of_nothing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.json");
    let schema = r#"{"type":"object","properties":{"x":{"type":"union","closed":true,"refs":[]}}}"#;
    fs::write(&file, format!(r#"{{"lexicon":1,"id":"org.example.a","defs":{{"main":{schema}}}}}"#)).unwrap();
    let error = Config::new().lexicons(folder.path()).root("org").generate().unwrap_err().to_string();
    let place = "/defs/main/properties/x";
    assert_eq!(error, format!("{}: a closed union has at least one member at {place}", file.display()));
}

#[test]
fn a_bad_document_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.json");
    fs::write(&file, r#"{"lexicon":1,"id":"org.example.a","defs":{"main":{"type":"strin"}}}"#).unwrap();
    let error = Config::new().lexicons(folder.path()).root("org").generate().unwrap_err().to_string();
    assert_eq!(error, format!("{}: there is no type \"strin\" at /defs/main", file.display()));
}

#[test]
fn a_folder_of_others_is_left_alone() {
    let mut catalog = Catalog::new();
    let json = br#"{"lexicon":1,"id":"org.example.a","defs":{"main":{"type":"object","properties":{}}}}"#;
    catalog.insert(Document::from_json(json).unwrap()).unwrap();
    let code = Config::new().catalog(catalog).root("org").generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("api");
    code.write_folder(&out).unwrap();
    // Again: what was generated is replaced, and nothing of it is left over.
    fs::create_dir(out.join("old")).unwrap();
    fs::copy(out.join("mod.rs"), out.join("old/mod.rs")).unwrap();
    code.write_folder(&out).unwrap();
    assert!(!out.join("old").exists());
    fs::write(out.join("mine.rs"), "fn main() {}").unwrap();
    assert!(code.write_folder(&out).unwrap_err().to_string().contains("mine.rs was not generated"));
    assert!(out.join("mine.rs").exists() && out.join("org.rs").exists());
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["api"], "nothing is left beside it");
    // Where it cannot be written, what was there stays, and nothing is left beside it.
    let taken = folder.path().join("taken");
    fs::write(&taken, "not a folder").unwrap();
    assert!(code.write_folder(&taken).is_err());
    assert_eq!(fs::read(&taken).unwrap(), b"not a folder");
    assert!(code.write_file(&folder.path().join("no/such/folder.rs")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}
