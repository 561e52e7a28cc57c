//! The program as scripts see it: what it prints, and its exit status.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod account;
mod conformance;
mod diff;
mod firehose;
mod lex;
mod migrate;
mod network;
mod person;
mod plc;
mod prove;
mod publish;
mod remote;
mod write;

use atproto_repo::testing::model;
use serde_json::{Value as Json, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs with this standard input; what it printed, and its exit status.
fn run(arguments: &[&str], input: &[u8]) -> (String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_atp"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // The program may end without reading all of it.
    let _closed = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// The objects printed with `--json`.
fn run_json(arguments: &[&str], input: &[u8]) -> (Vec<Json>, i32) {
    let (text, status) = run(&[&["--json"], arguments].concat(), input);
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), status)
}

fn data(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(name).display().to_string()
}

fn key() -> String {
    let documents: Json =
        serde_json::from_str(&std::fs::read_to_string(data("did-docs.json")).unwrap()).unwrap();
    let document = documents.as_object().unwrap().values().next().unwrap();
    format!("did:key:{}", document["verificationMethod"][0]["publicKeyMultibase"].as_str().unwrap())
}

#[test]
fn syntax_takes_lines_as_they_are() {
    let (lines, status) = run_json(&["syntax", "check", "handle"], b"a.test\n b.test\n\na\xff.test");
    let valid: Vec<_> = lines.iter().map(|line| line["valid"].as_bool().unwrap()).collect();
    assert_eq!((valid, status), (vec![true, false, false, false], 1));
    assert_eq!(lines[0], json!({"value": "a.test", "valid": true}));
    assert_eq!(lines[1]["value"], " b.test");
    assert!(lines[1]["reason"].is_string());
    assert_eq!(run(&["syntax", "check", "did", "did:web:a.test", "-"], b"").1, 0);
    assert_eq!(run(&["syntax", "check", "did", "did:web:a.test", "-"], b"\n").1, 1);
    assert_eq!(run(&["syntax", "check", "no-format", "x"], b"").1, 2);
    assert_eq!(run(&["syntax", "check", "record-key", "--", "-a", "--json"], b"").1, 0);
    let (text, status) = run(&["syntax", "check", "handle", "a.test", "--json"], b"");
    assert_eq!((text.as_str(), status), ("{\"valid\":true,\"value\":\"a.test\"}\n", 0));
}

#[test]
fn tids_are_made_and_taken_apart() {
    let (made, status) = run_json(&["tid", "new", "-n", "3", "--clock", "5"], b"");
    let texts: Vec<_> = made.iter().map(|line| line["tid"].as_str().unwrap()).collect();
    assert!(status == 0 && texts.len() == 3 && texts.is_sorted());
    let (inspected, _) = run_json(&["tid", "inspect", texts[0]], b"");
    assert_eq!(inspected, made[..1]);
    assert_eq!(inspected[0]["clock"], 5);
    assert_eq!(run(&["tid", "inspect", "3jzfcijpj2z2"], b"").1, 1);
    assert_eq!(run(&["tid", "inspect", "jzzzzzzzzzzzz"], b"").1, 0);
}

#[test]
fn keys_sign_and_verify() {
    let folder = tempfile::tempdir().unwrap();
    for curve in ["p256", "k256"] {
        let (made, _) = run_json(&["key", "new", "--curve", curve], b"");
        let (key, secret) = (made[0]["key"].as_str().unwrap(), made[0]["secret"].as_str().unwrap());
        let file = folder.path().join(curve).display().to_string();
        std::fs::write(&file, secret).unwrap();
        let (signature, _) = run(&["key", "sign", "--secret-file", &file], b"message");
        let verify = |message: &[u8]| {
            run(&["key", "verify", "--key", key, "--signature", signature.trim()], message).1
        };
        assert_eq!((verify(b"message"), verify(b"another")), (0, 1));
        let (shown, status) = run_json(&["key", "inspect", key], b"");
        assert_eq!((shown[0]["curve"].as_str(), status), (Some(curve), 0));
        assert_eq!(run(&["key", "inspect", secret], b"").1, 1);
    }
    assert_eq!(run(&["key", "verify", "--key", "did:key:z", "--signature", "00"], b"").1, 2);
    assert_eq!(run(&["key", "verify", "--key", &key(), "--signature", "00"], b"").1, 1);
    assert_eq!(run(&["key", "sign", "--secret-file", "/does/not/exist"], b"").1, 3);
}

#[test]
fn cbor_is_checked_and_converted() {
    let (lines, status) = run_json(&["cbor", "check"], b"a1616101\nfb3ff8000000000000\nxyz\n");
    assert_eq!(status, 1);
    assert_eq!(lines[0]["json"], json!({"a": 1}));
    assert!(lines[0]["cid"].as_str().unwrap().starts_with("bafyrei"));
    assert!(lines[1..].iter().all(|line| line["valid"] == false && line["reason"].is_string()));
    assert_eq!(run(&["cbor", "check", "--profile", "drisl", "fb3ff8000000000000"], b"").1, 0);
    let text = r#"{"a":{"$bytes":"AAE"},"b":[1,null,"x"],"c":{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"}}"#;
    let (hex, status) = run(&["cbor", "encode"], text.as_bytes());
    assert_eq!(status, 0);
    assert_eq!(run(&["cbor", "decode"], hex.as_bytes()), (format!("{text}\n"), 0));
    assert_eq!(run(&["cbor", "encode", "1.5"], b"").1, 1);
    assert_eq!(run(&["cbor", "encode", "1"], b"").1, 1);
    assert_eq!(run(&["cbor", "encode", "--any", "-1"], b""), ("20\n".into(), 0));
}

#[test]
fn a_repository_is_verified() {
    let car = data("notes.car");
    for signer in [["--key", &key()], ["--did-docs", &data("did-docs.json")]] {
        let (lines, status) = run_json(&["repo", "verify", &car, signer[0], signer[1], "--records"], b"");
        assert_eq!((lines.len(), status), (1, 0));
        let line = &lines[0];
        assert_eq!(
            (&line["verdict"], &line["records"], &line["record_faults"]),
            (&json!("valid"), &json!(121), &json!(0))
        );
        for field in ["did", "rev", "data", "commit"] {
            assert!(line[field].is_string(), "{field}");
        }
        assert!(line.get("reason").is_none() && line["blocks"].is_u64());
    }
    let (text, status) = run(&["repo", "verify", "-", "--no-signature"], &std::fs::read(&car).unwrap());
    assert!(
        status == 0 && text.starts_with("structure-valid\n") && text.contains("anybody can have made this")
    );
}

fn verify_json(car: &str, more: &[&str]) -> (String, i32) {
    let (lines, status) = run_json(&[&["repo", "verify", car], more].concat(), b"");
    (lines[0]["verdict"].as_str().unwrap().to_owned(), status)
}

#[test]
fn what_is_wrong_gives_its_verdict() {
    let (folder, car) = (tempfile::tempdir().unwrap(), data("notes.car"));
    let file = |name: &str, contents: &[u8]| {
        let path: PathBuf = folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        path.display().to_string()
    };
    let bytes = std::fs::read(&car).unwrap();
    let invalid = ("invalid".to_owned(), 1);
    let incomplete = ("incomplete".to_owned(), 4);

    let other_key = "did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF";
    assert_eq!(verify_json(&car, &["--key", other_key]), invalid);
    assert_eq!(verify_json(&car, &["--key", &key(), "--did", "did:web:a.test"]), invalid);
    assert_eq!(verify_json(&car, &["--no-signature", "--did", "did:web:a.test"]), invalid);
    assert_eq!(verify_json(&car, &["--did-docs", &file("none.json", b"{}")]), incomplete);
    let documents = data("did-docs.json");
    assert_eq!(verify_json(&car, &["--did-docs", &documents, "--did", "did:web:a.test"]), invalid);
    let text = std::fs::read_to_string(&documents).unwrap();
    let of_another = text
        .replace("\"id\": \"did:plc", "\"id\": \"did:web")
        .replace("\"id\":\"did:plc", "\"id\":\"did:web");
    assert_ne!(of_another, text);
    assert_eq!(verify_json(&car, &["--did-docs", &file("another.json", of_another.as_bytes())]), incomplete);
    let without_key = text.replace("verificationMethod", "other");
    assert_eq!(verify_json(&car, &["--did-docs", &file("no-key.json", without_key.as_bytes())]), invalid);
    // What is invalid whoever signed it is said before that nobody is known to have.
    let untrimmed =
        model::Repository::changed(&[], |_| model::Model { left: Some(Box::default()), entries: vec![] });
    let untrimmed = file("untrimmed.car", &untrimmed.car());
    assert_eq!(verify_json(&untrimmed, &["--did-docs", &file("none.json", b"{}")]), invalid);
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(verify_json(&file("flipped.car", &flipped), &["--key", &key()]), invalid);
    assert_eq!(verify_json(&file("cut.car", &bytes[..bytes.len() - 1]), &["--key", &key()]), invalid);
    // The first block is a record; its section is 59 bytes of header and its own length.
    let header = bytes[0] as usize + 1;
    let first = usize::from(bytes[header] & 0x7f) | usize::from(bytes[header + 1]) << 7;
    let dropped = [&bytes[..header], &bytes[header + 2 + first..]].concat();
    assert_eq!(verify_json(&file("dropped.car", &dropped), &["--key", &key()]), incomplete);
    assert_eq!(run(&["repo", "ls", &file("dropped.car", &dropped)], b"").1, 0, "paths need no records");
    assert_eq!(run(&["repo", "verify", &file("empty.car", b""), "--no-signature"], b"").1, 1);
    assert_eq!(run(&["repo", "verify", "/does/not/exist", "--no-signature"], b"").1, 3);
    assert_eq!(run(&["repo", "verify", &car], b"").1, 2);
    assert_eq!(run(&["repo", "verify", &car, "--no-signature", "--key", &key()], b"").1, 2);
    assert_eq!(run(&["repo", "verify", &car, "--did-docs", &file("bad.json", b"[")], b"").1, 2);
}

#[test]
fn records_are_listed_read_and_unpacked() {
    let car = data("notes.car");
    let (all, _) = run_json(&["repo", "ls", &car], b"");
    let (notes, _) = run_json(&["repo", "ls", &car, "--prefix", "com.example.note/"], b"");
    assert_eq!((all.len(), notes.len()), (121, 120));
    let path = notes[0]["path"].as_str().unwrap();
    let (got, status) = run_json(&["repo", "get", &car, path], b"");
    assert_eq!(
        (&got[0]["cid"], &got[0]["value"]["$type"], status),
        (&notes[0]["cid"], &json!("com.example.note"), 0)
    );
    let (absent, status) = run_json(&["repo", "get", &car, "com.example.note/absent"], b"");
    assert_eq!((&absent[0]["present"], status), (&json!(false), 1));

    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out").display().to_string();
    assert_eq!(run(&["repo", "unpack", &car, "-o", &target], b"").1, 0);
    let profile = std::fs::read(folder.path().join("out/com.example.profile/self.json")).unwrap();
    let profile: Json = serde_json::from_slice(&profile).unwrap();
    assert_eq!(profile["seed"], json!({"$bytes": "AAECAwQFBgcICQoLDA0ODw"}));
    assert_eq!(run(&["repo", "unpack", &car, "-o", &target], b"").1, 3, "nothing is overwritten");

    let (nodes, status) = run_json(&["repo", "mst", &car], b"");
    let keys: usize = nodes.iter().map(|node| node["entries"].as_array().unwrap().len()).sum();
    assert_eq!((keys, status), (121, 0));
    let (inspected, status) = run_json(&["repo", "inspect", &car], b"");
    assert_eq!((&inspected[0]["data"], status), (&nodes[0]["node"], 0));
}

/// A repository with a record that breaks the data model, record keys that are too long for file names, and one key more that is no
/// path where it is asked for.
fn odd_repository(with_bad_key: bool) -> model::Repository {
    let mut repository = model::Repository::of(&model::paths(2));
    let float = repository.blocks.add(vec![0xa1, 0x61, b'x', 0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]);
    let good = repository.blocks.add(b"\xa0".to_vec());
    let mut pairs: Vec<_> =
        repository.records.iter().map(|(path, cid)| (path.clone().into_bytes(), *cid)).collect();
    pairs.push((b"com.example.note/float".to_vec(), float));
    for length in [201, 202] {
        pairs.push((format!("com.example.note/{}", "k".repeat(length)).into_bytes(), good));
    }
    if with_bad_key {
        pairs.push((b"x\x1b]0;owned\x07\n- fake".to_vec(), good));
    }
    pairs.sort();
    let root = model::Model::of(&pairs).write(&mut repository.blocks);
    repository.commit = repository.blocks.add(model::commit(root));
    repository
}

#[test]
fn odd_records_are_told_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("odd.car"), odd_repository(false).car()).unwrap();
    let key = model::key().to_did_key();
    let (lines, status) = run_json(&["repo", "verify", &path("odd.car"), "--key", &key, "--records"], b"");
    assert_eq!((&lines[0]["verdict"], &lines[0]["record_faults"], status), (&json!("valid"), &json!(1), 0));
    assert_eq!(lines[0]["faults"][0]["path"], "com.example.note/float");
    let (text, _) = run(&["repo", "verify", &path("odd.car"), "--key", &key, "--records"], b"");
    assert!(
        text.contains("1 of the records break") && text.contains("com.example.note/float: float not allowed")
    );
    let (lines, status) = run_json(&["repo", "get", &path("odd.car"), "com.example.note/float"], b"");
    assert_eq!(
        (&lines[0]["value"], &lines[0]["hex"], status),
        (&Json::Null, &json!("a16178fb3ff8000000000000"), 1)
    );
    assert_eq!(run(&["repo", "get", &path("odd.car"), "no path"], b"").1, 2);
    assert_eq!(run(&["repo", "unpack", &path("odd.car"), "-o", &path("out")], b"").1, 0);
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("out/com.example.note"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 5);
    assert!(names.iter().all(|name| name.len() < 255));
    let float = std::fs::read(folder.path().join("out/com.example.note/float.cbor")).unwrap();
    assert_eq!(float.len(), 12);
}

#[test]
fn what_is_missing_or_wrong_ends_with_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: Vec<u8>| {
        let path = folder.path().join(name).display().to_string();
        std::fs::write(&path, bytes).unwrap();
        path
    };
    // Keys of two layers, of which the lower node is missing.
    let mut partial = model::Repository::of(&model::paths(40));
    let leaf = partial.blocks.0.iter().position(|(_, block)| block.starts_with(b"\xa2\x61e")).unwrap();
    partial.blocks.0.remove(leaf);
    let partial = file("partial.car", partial.car());
    assert_eq!(run(&["repo", "ls", &partial], b"").1, 4);
    assert_eq!(run(&["repo", "mst", &partial], b"").1, 4);
    let found: Vec<i32> =
        model::paths(40).iter().map(|path| run(&["repo", "get", &partial, path], b"").1).collect();
    assert!(found.contains(&4) && found.iter().all(|status| matches!(status, 0 | 4)), "{found:?}");
    assert_eq!(
        run(&["repo", "unpack", &partial, "-o", &folder.path().join("out").display().to_string()], b"").1,
        4
    );
    let no_tree = file(
        "no-tree.car",
        model::Blocks(vec![(atproto_lexicon::data::Cid::of_dag_cbor(b"\x01"), vec![1])])
            .car(&[atproto_lexicon::data::Cid::of_dag_cbor(b"\x01")]),
    );
    assert_eq!(run(&["repo", "mst", &no_tree], b"").1, 1);
    assert_eq!(run(&["repo", "ls", &no_tree], b"").1, 1);
    // A terminal obeys what a key may hold.
    let escape = file("escape.car", odd_repository(true).car());
    let (text, status) = run(&["repo", "mst", &escape], b"");
    assert!(status == 0 && !text.contains('\x1b') && !text.contains("\n- fake"));
    assert_eq!(run(&["repo", "ls", &escape], b"").1, 1);
}

/// Where nothing can be printed, the exit status still says it.
#[cfg(target_os = "linux")]
#[test]
fn outputs_that_cannot_be_written_to() {
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let run = |arguments: &[&str], out: Stdio, error: Stdio| {
        let program = env!("CARGO_BIN_EXE_atp");
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error)
            .status()
            .unwrap()
            .code()
    };
    assert_eq!(run(&["repo", "ls", "/does/not/exist"], Stdio::null(), full()), Some(3));
    assert_eq!(run(&["repo", "ls", &data("notes.car")], full(), full()), Some(3));
}
