//! Lexicon documents, and values checked against them.

use crate::write::Folder;
use crate::{run, run_json};
use serde_json::{Value as Json, json};
use std::path::Path;

const NOTE: &str = r##"{"lexicon": 1, "id": "com.example.note", "defs": {
    "main": {"type": "record", "key": "tid", "record": {"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string", "maxLength": 5},
        "at": {"type": "string", "format": "datetime"},
        "image": {"type": "blob"},
        "more": {"type": "ref", "ref": "com.example.more"}
    }}},
    "part": {"type": "object", "properties": {"text": {"type": "ref", "ref": "#text"}}},
    "text": {"type": "string"}
}}"##;
const MORE: &str = r#"{"lexicon": 1, "id": "com.example.more", "defs": {"main": {"type": "integer"}}}"#;

#[test]
fn documents_are_checked() {
    let folder = Folder::new();
    let (note, more) =
        (folder.write("note.json", NOTE.as_bytes()), folder.write("more.json", MORE.as_bytes()));
    let (lines, status) = run_json(&["lex", "check", &note, &more], b"");
    let valid = |file: &str, nsid| json!({"file": file, "nsid": nsid, "valid": true});
    assert_eq!(
        (lines, status),
        (vec![valid(&note, "com.example.note"), valid(&more, "com.example.more")], 0)
    );

    let (lines, status) = run_json(&["lex", "check", &note], b"");
    assert_eq!(status, 1);
    let expected = json!({
        "file": note, "nsid": "com.example.note", "valid": false, "pointer": "/defs/main",
        "reason": "com.example.note refers to com.example.more, which is not there", "missing": ["com.example.more"],
    });
    assert_eq!(lines, [expected]);

    let token = folder.write("token.json", MORE.replace("integer", "token").as_bytes());
    let (lines, status) = run_json(&["lex", "check", &note, &token], b"");
    assert_eq!((&lines[0]["valid"], &lines[1]["valid"], status), (&json!(false), &json!(true), 1));
    assert!(lines[0]["reason"].as_str().unwrap().contains("of the type \"token\""));

    let bad = folder.write("bad.json", MORE.replace("integer", "float").as_bytes());
    let (lines, status) = run_json(&["lex", "check", &more, &bad, &more], b"");
    assert_eq!((lines.len(), status), (3, 1));
    assert_eq!((&lines[0]["valid"], &lines[1]["valid"]), (&json!(true), &json!(false)));
    assert_eq!((&lines[1]["pointer"], &lines[1]["nsid"]), (&json!("/defs/main"), &json!(null)));
    assert_eq!(lines[2]["reason"], "there is a document com.example.more already");
    let (text, _) = run(&["lex", "check", &more, &bad], b"");
    assert_eq!(
        text.lines().map(|line| line.split(' ').next().unwrap()).collect::<Vec<_>>(),
        ["valid", "invalid"]
    );
    assert_eq!(run(&["lex", "check", &folder.path("gone.json")], b"").1, 3);
    assert_eq!(run(&["lex", "check"], b"").1, 2);
}

#[test]
fn values_are_validated() {
    let folder = Folder::new();
    let (note, more) =
        (folder.write("note.json", NOTE.as_bytes()), folder.write("more.json", MORE.as_bytes()));
    let validate = |arguments: &[&str], input: &str| {
        let lexicons = ["lex", "validate", "--lexicons", &note, "--lexicons", &more];
        run_json(&[&lexicons[..], arguments].concat(), input.as_bytes())
    };
    let good = r#"{"$type": "com.example.note", "text": "hello", "more": 5}"#;
    assert_eq!(validate(&[], good), (vec![json!({"valid": true, "failures": []})], 0));
    let bad = r#"{"$type": "com.example.note", "text": "too long", "more": null}"#;
    let (lines, status) = validate(&["-"], &[good, bad, "{", "{}", good].join("\n"));
    let valid: Vec<_> = lines.iter().map(|line| line["valid"].as_bool().unwrap()).collect();
    assert_eq!((valid, status), (vec![true, false, false, false, true], 1));
    let failures = json!([
        {"path": "/more", "reason": "null is not allowed"},
        {"path": "/text", "reason": "8 bytes, at most 5 are allowed"},
    ]);
    assert_eq!(lines[1], json!({"valid": false, "failures": failures}));
    assert_eq!(lines[3]["failures"], json!([{"path": "", "reason": "an object without $type"}]));

    let files = [folder.write("good", good.as_bytes()), folder.write("bad", bad.as_bytes())];
    let (lines, status) = validate(&[&files[0], &files[1]], "");
    assert_eq!((&lines[0]["file"], &lines[1]["file"], status), (&json!(files[0]), &json!(files[1]), 1));

    for (rkey, expected) in [("3jzfcijpj2z2a", 0), ("self", 1), ("..", 1)] {
        assert_eq!(validate(&["--rkey", rkey], good).1, expected, "{rkey}");
        assert_eq!(validate(&["--rkey", rkey, "--type", "com.example.note"], good).1, expected, "{rkey}");
    }
    let part = r#"{"text": "any length"}"#;
    assert_eq!(validate(&["--type", "com.example.note#part"], part).1, 0);
    assert_eq!(validate(&["--type", "com.example.note"], part).1, 1);
    assert_eq!(validate(&["--type", "com.example.note#part", "--rkey", "a"], part).1, 1);
    assert_eq!(validate(&["--type", "com.example.note#main"], part).1, 2);
    let date = r#"{"$type": "com.example.note", "text": "", "at": "yesterday"}"#;
    assert_eq!((validate(&[], date).1, validate(&["--lenient"], date).1), (1, 0));

    let alone = |arguments: &[&str], input: &str| {
        run_json(&[&["lex", "validate", "--lexicons", &note], arguments].concat(), input.as_bytes())
    };
    let (lines, status) = alone(&[], good);
    let failure =
        json!({"path": "/more", "reason": "the schema refers to com.example.more, which is not known"});
    assert_eq!(lines, [json!({"valid": false, "failures": [failure], "incomplete": true})]);
    assert_eq!((status, alone(&[], bad).1), (4, 1));
    assert_eq!(alone(&["--type", "com.example.gone"], good).1, 4);
    assert_eq!(alone(&[], r#"{"$type": "com.example.gone"}"#).1, 4);
    assert_eq!(alone(&[&folder.path("gone")], "").1, 3);
    assert_eq!(run(&["lex", "validate"], b"").1, 2);
    let (text, _) = run(&["lex", "validate", "--lexicons", &note], bad.as_bytes());
    assert!(
        text.starts_with("invalid     line 1\n            /more: null is not allowed\n            /text: 8"),
        "{text}"
    );
}

#[test]
fn verdicts_are_those_of_the_interoperability_suite() {
    let suite = testdata::root().join("conformance/atproto-interop-tests/lexicon");
    assert!(suite.exists() || !testdata::is_required(), "{} is not there", suite.display());
    let catalog = suite.join("catalog").display().to_string();
    for (file, valid, status) in [("record-data-valid", true, 0), ("record-data-invalid", false, 1)] {
        let Ok(bytes) = std::fs::read(suite.join(format!("{file}.json"))) else { return };
        let cases: Vec<Json> = serde_json::from_slice(&bytes).unwrap();
        let input: Vec<_> = cases.iter().map(|case| case["data"].to_string()).collect();
        let arguments = ["lex", "validate", "--lexicons", &catalog, "--rkey", "demo"];
        let (lines, found) = run_json(&arguments, input.join("\n").as_bytes());
        assert_eq!((lines.len(), found), (cases.len(), status));
        for (case, line) in cases.iter().zip(lines) {
            assert_eq!(line["valid"], valid, "{}: {line}", case["name"]);
        }
    }
}

#[test]
fn code_is_generated_whole_or_not_at_all() {
    let lexicons = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../atproto-lexicon/tests/codegen/lexicons");
    let lexicons = lexicons.display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name).display().to_string();
    let generate = |root: &str, out: &str| {
        run_json(&["lex", "gen", "--lexicons", &lexicons, "--root", root, "--output", out], b"")
    };
    assert_eq!(generate("org.example.settings", &out("api")).1, 0);
    let text = std::fs::read_to_string(folder.path().join("api/org/example/settings.rs")).unwrap();
    assert!(text.contains("pub struct Settings {"));
    assert_eq!(generate("org.example.settings", &out("one.rs")).1, 0);
    assert!(std::fs::read_to_string(out("one.rs")).unwrap().contains("pub mod example {"));
    let (lines, status) = generate("org.example.nothing", &out("none"));
    assert_eq!(
        (status, lines[0]["reason"].as_str()),
        (1, Some("the root \"org.example.nothing\" is not there"))
    );
    assert!(!folder.path().join("none").exists());
    assert_eq!(generate("org.example.settings", &out("one.rs/api")).1, 3);
    let arguments = [
        "lex",
        "gen",
        "--lexicons",
        &lexicons,
        "--root",
        "org.4chan",
        "--extern",
        "org.example=::x",
        "-o",
        "-",
    ];
    let (text, status) = run(&arguments, b"");
    assert!(status == 0 && text.contains("::x::defs::View"), "{text}");
}

#[test]
fn what_is_wrong_and_what_breaks_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let old = write("old/more.json", MORE);
    let (lines, status) = run_json(&["lex", "lint", &old], b"");
    assert_eq!((lines.len(), status), (0, 0), "{lines:?}");
    let bad = write("bad/note.json", NOTE);
    let (lines, status) = run_json(&["lex", "lint", &bad], b"");
    assert_eq!(status, 1);
    assert!(
        lines.iter().any(|line| line["rule"] == "missing-reference" && line["severity"] == "error"),
        "{lines:?}"
    );
    let (lines, status) = run_json(&["lex", "lint", &bad, "--with", &old], b"");
    assert!(status == 0 && lines.iter().all(|line| line["severity"] != "error"), "{lines:?}");
    assert_eq!(run_json(&["lex", "lint", &bad, "--with", &old, "--deny", "note"], b"").1, 1);
    let (text, status) = run(&["lex", "lint", "--list"], b"");
    assert!(status == 0 && text.contains("missing-reference"));

    let new = write("new/more.json", &MORE.replace("integer", "string"));
    let (lines, status) = run_json(&["lex", "breaking", &old, &new], b"");
    assert_eq!((status, lines.len(), &lines[0]["severity"]), (1, 1, &json!("error")), "{lines:?}");
    assert_eq!(run_json(&["lex", "breaking", &old, &old], b""), (Vec::new(), 0));
    assert_eq!(run_json(&["lex", "breaking", &old, "no/such/file"], b"").1, 3);
}
