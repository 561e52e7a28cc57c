//! Schemas where their authors publish them.

use crate::run_json;
use serde_json::Value as Json;
use testdata::realnet::RealNet;

#[test]
fn schemas_that_cannot_be_found_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("session.json").display().to_string();
    let document = folder.path().join("note.json");
    std::fs::write(&document, NOTE).unwrap();
    let document = document.display().to_string();
    assert_eq!(run_json(&["lex", "publish", &document, "--session", &session], b"").1, 2);
    assert_eq!(run_json(&["lex", "resolve", "note"], b"").1, 2);
    assert_eq!(run_json(&["lex", "pull", "com.example.note"], b"").1, 2);
    // The account's directory does not answer.
    let authority = [
        "--authority",
        "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
        "--plc",
        "http://127.0.0.1:1",
        "--development-port",
        "1",
    ];
    let (lines, status) = run_json(&[&["lex", "resolve", "com.example.note"], &authority[..]].concat(), b"");
    assert_eq!((lines[0]["error"].as_str(), status), (Some("unreachable"), 3), "{lines:?}");
}

const NOTE: &str = r##"{"lexicon": 1, "id": "com.example.note", "defs": {"main": {"type": "record", "description": "A note.",
    "key": "tid", "record": {"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string", "maxLength": 100}, "about": {"type": "ref", "ref": "com.example.topic"}}}}}}"##;
const TOPIC: &str = r##"{"lexicon": 1, "id": "com.example.topic", "defs": {"main": {"type": "object", "description": "A topic.",
    "properties": {"name": {"type": "string", "maxLength": 100}}}}}"##;

#[test]
#[ignore = "needs the reference servers"]
fn realnet_schemas_are_published() {
    let net = RealNet::start(&[]).unwrap();
    let host = net.pds(0);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let session = path("session.json");
    let port = host.rsplit(':').next().unwrap();
    let plc = net.text("/plc");
    let network = ["--plc", &plc, "--development-port", port];
    let call = |arguments: &[&str], input: &[u8]| run_json(arguments, input);
    let account = r#"{"handle": "alice.test", "email": "alice@mail.test", "password": "abcd-efgh"}"#;
    let create =
        ["xrpc", "procedure", &host, "com.atproto.server.createAccount", "--input", "-", "--development"];
    let did = call(&create, account.as_bytes()).0[0]["did"].as_str().unwrap().to_owned();
    let login = ["account", "login", "alice.test", "--host", &host, "--session", &session, "--development"];
    assert_eq!(call(&login, b"abcd-efgh\n").1, 0);

    let documents = path("documents");
    std::fs::create_dir(&documents).unwrap();
    let write =
        |name: &str, text: &str| std::fs::write(folder.path().join("documents").join(name), text).unwrap();
    write("note.json", NOTE);
    write("topic.json", TOPIC);
    let publish = |more: &[&str]| {
        let publish = ["lex", "publish", &documents, "--session", &session, "--development"];
        let (lines, status) = call(&[&publish[..], &network, more].concat(), b"");
        let changes: Vec<_> = lines
            .iter()
            .map(|line| line["change"].as_str().or(line["rule"].as_str()).unwrap().to_owned())
            .collect();
        (changes, status)
    };
    let resolve =
        |nsid: &str| call(&[&["lex", "resolve", nsid, "--authority", &did], &network[..]].concat(), b"");
    // Nothing is there before, nor after what is only said.
    assert_eq!(publish(&["--dry-run"]), (vec!["created".to_owned(); 2], 0));
    let (lines, status) = resolve("com.example.note");
    assert_eq!((lines[0]["error"].as_str(), status), (Some("not_found"), 1));
    assert_eq!(publish(&[]), (vec!["created".to_owned(); 2], 0));
    assert_eq!(publish(&[]), (vec!["unchanged".to_owned(); 2], 0));
    let (lines, status) = resolve("com.example.note");
    assert_eq!((&lines[0]["document"], status), (&serde_json::from_str(NOTE).unwrap(), 0));
    assert_eq!(lines[0]["uri"], format!("at://{did}/com.atproto.lexicon.schema/com.example.note"));

    // One that breaks what is published stays where it is, with all others.
    write("topic.json", &TOPIC.replace("topic.\"", "topic of notes.\""));
    write("note.json", &NOTE.replace("[\"text\"]", "[\"text\", \"about\"]"));
    let (changes, status) = publish(&[]);
    assert_eq!(status, 1, "{changes:?}");
    assert_eq!(resolve("com.example.topic").0[0]["document"], serde_json::from_str::<Json>(TOPIC).unwrap());
    write("note.json", NOTE);
    assert_eq!(publish(&[]), (vec!["unchanged".to_owned(), "updated".to_owned()], 0));

    // One is asked for, and what it refers to comes with it.
    let pulled = path("pulled");
    let pull = ["lex", "pull", "com.example.note", "-o", &pulled, "--authority", &did];
    let (lines, status) = call(&[&pull[..], &network].concat(), b"");
    assert_eq!((lines.len(), status), (2, 0));
    let read = |name: &str| std::fs::read(folder.path().join("pulled/com/example").join(name)).unwrap();
    let note: Json = serde_json::from_slice(&read("note.json")).unwrap();
    assert_eq!(note, serde_json::from_str::<Json>(NOTE).unwrap());
    assert!(String::from_utf8(read("topic.json")).unwrap().contains("topic of notes"));
}
