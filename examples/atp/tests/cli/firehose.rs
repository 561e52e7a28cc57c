//! Recorded streams.

use crate::write::Folder;
use crate::{run, run_json};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use testdata::realnet::RealNet;

/// The recorded streams of the reference server. Without them there is nothing to check, unless they have to be there.
fn captures() -> Option<PathBuf> {
    let path = testdata::root().join("captures");
    assert!(path.exists() || !testdata::is_required(), "{} is not there", path.display());
    path.exists().then_some(path)
}

/// All keys that accounts have had, as arguments.
fn keys(captures: &Path) -> Vec<String> {
    let index: Json = serde_json::from_slice(&std::fs::read(captures.join("index.json")).unwrap()).unwrap();
    let keys = index["files"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|file| Some(format!("{}={}", file["did"].as_str()?, file["signingKey"].as_str()?)));
    keys.flat_map(|key| ["--key".to_owned(), key]).collect()
}

fn verify(file: &str, keys: &[String], more: &[&str]) -> (Vec<Json>, i32) {
    let keys = keys.iter().map(String::as_str);
    let arguments: Vec<_> =
        ["firehose", "verify", file].into_iter().chain(keys).chain(more.iter().copied()).collect();
    run_json(&arguments, b"")
}

#[test]
fn captures_are_followed() {
    let Some(captures) = captures() else { return };
    let keys = keys(&captures);
    let file = |name: &str| captures.join("firehose").join(name).display().to_string();
    let (lines, status) = verify(&file("pds1.frames"), &keys, &[]);
    let (summary, events) = lines.split_last().unwrap();
    assert_eq!((events.len(), status), (765, 0));
    assert_eq!(summary["summary"]["outcomes"], json!({"commit": 738, "unchanged": 27}));
    let (lines, status) = verify(&file("pds2.frames"), &keys, &[]);
    let refused: Vec<_> = lines.iter().filter(|line| line["outcome"] == "invalid").collect();
    assert_eq!(
        (refused.len(), &refused[0]["seq"], &refused[0]["kind"], status),
        (1, &json!(4), &json!("sync"), 1)
    );
    assert!(refused[0]["reason"].is_string());
    for (name, kind) in [("future-cursor.frames", "error"), ("outdated-cursor.frames", "info")] {
        let (lines, status) = verify(&file(name), &keys, &[]);
        assert_eq!((&lines[0]["kind"], &lines[0]["seq"], status), (&json!(kind), &Json::Null, 0));
    }
    // Documents in files and folders; a folder of another account has no key for this one.
    let documents = captures.join("fay").join("did.json").display().to_string();
    let folder = captures.join("fay").display().to_string();
    let other = captures.join("ana").display().to_string();
    for (documents, expected) in [(documents, "commit"), (folder, "commit"), (other, "refresh-identity")] {
        let (lines, _) = verify(&file("pds2.frames"), &[], &["--did-docs", &documents]);
        assert_eq!((&lines[4]["outcome"], &lines[4]["kind"]), (&json!(expected), &json!("commit")));
    }
}

/// Messages one after another, each with its length.
fn frames(messages: &[&[u8]]) -> Vec<u8> {
    let message = |message: &&[u8]| [&(message.len() as u32).to_be_bytes()[..], message].concat();
    messages.iter().flat_map(message).collect()
}

/// A folder with the events of writing three records.
fn written() -> (Folder, Vec<Vec<u8>>) {
    let folder = Folder::new();
    folder.create("r.car");
    let events = (1..=3_u32).map(|number| {
        let event = folder.path(&number.to_string());
        let more = ["--event", &event, "--seq", &number.to_string()];
        assert_eq!(folder.put("r.car", &format!("com.example.note/{number}"), number, &more).1, 0);
        folder.read(&number.to_string())
    });
    let events = events.collect();
    (folder, events)
}

fn outcomes(lines: &[Json]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["outcome"].as_str()).collect()
}

#[test]
fn events_of_writes_are_verified() {
    let (folder, events) = written();
    let [one, two, three] = [0, 1, 2].map(|index| &events[index][..]);
    let other = "did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF";
    let key = |key: &str| format!("--key={}={key}", crate::write::DID);
    let (own, other) = (key(&folder.key), key(other));
    let play = |messages: &[&[u8]], more: &[&str]| {
        run_json(&[&["firehose", "verify", "-"], more].concat(), &frames(messages))
    };
    let (lines, status) = play(&[one, two, three], &[&own]);
    assert_eq!((outcomes(&lines), status), (vec!["commit"; 3], 0));
    assert_eq!(lines[1]["ops"][0]["path"], "com.example.note/2");
    assert_eq!(lines[3]["summary"]["events"], 3);
    // Each key is tried.
    assert_eq!(play(&[one, two, three], &[&other, &own]).1, 0);
    let (lines, status) = play(&[one], &[&other]);
    assert_eq!((outcomes(&lines), status), (vec!["refresh-identity"], 1));
    let (lines, status) =
        play(&[one], &["--key", "did:web:b.test=did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF"]);
    assert_eq!((outcomes(&lines), status), (vec!["refresh-identity"], 4));
    // What came before comes again; what should come between is missing.
    let (lines, status) = play(&[two, one, two, three], &[&own]);
    assert_eq!((outcomes(&lines), status), (vec!["commit", "ignored", "ignored", "commit"], 0));
    let (lines, status) = play(&[one, three, two], &[&own]);
    assert_eq!((outcomes(&lines), status), (vec!["commit", "desynchronized", "ignored"], 4));
    // All of it is of the future.
    let (lines, status) = play(&[one], &[&own, "--now", "1"]);
    assert_eq!((outcomes(&lines), status), (vec!["invalid"], 1));
}

#[test]
fn messages_that_are_none_are_told() {
    let (folder, events) = written();
    let own = format!("--key={}={}", crate::write::DID, folder.key);
    let play = |bytes: &[u8]| run_json(&["firehose", "verify", "-", &own], bytes);
    let one = &events[0][..];
    let mut flipped = one.to_vec();
    let last = flipped.windows(4).position(|bytes| bytes == b"text").unwrap();
    flipped[last] ^= 1;
    let (lines, status) = play(&frames(&[&flipped, b"", b"\xff", one]));
    assert_eq!((outcomes(&lines), status), (vec!["invalid", "invalid", "invalid", "commit"], 1));
    let whole = frames(&[one]);
    for cut in [1, 3, 4, whole.len() - 1] {
        let (lines, status) = play(&whole[..cut]);
        assert_eq!((outcomes(&lines), status), (vec!["incomplete"], 4), "{cut}");
    }
    // A length is not believed before its bytes are there.
    assert_eq!(play(b"\xff\xff\xff\xff").1, 4);
    let long = frames(&[&vec![0; 5_000_001], one]);
    let (lines, status) = play(&long);
    assert_eq!((outcomes(&lines), status), (vec!["invalid", "commit"], 1));
    assert_eq!(play(b"").0[0]["summary"]["events"], 0);
    // A terminal obeys what a host may send.
    let error = b"\xa1\x62op\x20\xa1\x65error\x67a\x1b]0;x\x07";
    let (text, status) = run(&["firehose", "verify", "-", &own], &frames(&[error]));
    assert!(status == 0 && text.contains("server") && !text.contains('\x1b') && !text.contains('\x07'));
}

#[test]
fn wrong_usage_and_missing_files() {
    let key = "--key=did:web:a.test=did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF";
    assert_eq!(run(&["firehose", "verify", "-"], b"").1, 2);
    assert_eq!(run(&["firehose", "verify", "-", "--key", "did:key:z"], b"").1, 2);
    assert_eq!(run(&["firehose", "verify", "-", "--key", "a=b"], b"").1, 2);
    assert_eq!(run(&["firehose", "verify", "/does/not/exist", key], b"").1, 3);
    assert_eq!(run(&["firehose", "verify", "-", "--did-docs", "/does/not/exist"], b"").1, 3);
    assert_eq!(run(&["firehose", "verify", "-", "--did-docs", &crate::data("notes.car")], b"").1, 2);
    assert_eq!(run(&["firehose", "verify", "-", "--did-docs", &crate::data("did-docs.json")], b"").1, 0);
}

#[test]
fn what_cannot_be_followed_is_said() {
    let watch = |arguments: &[&str]| run_json(&[&["firehose", "watch"], arguments].concat(), b"");
    for arguments in [
        &["https://a.example/path"][..],
        &["a.example", "--pds"],
        &["a.example", "--cursor", "1", "--cursor-file", "place"],
        &["a.example", "--collection", "nsid"],
    ] {
        assert_eq!(watch(arguments).1, 2, "{arguments:?}");
    }
    // This machine is not asked without leave.
    assert_eq!(watch(&["http://127.0.0.1:1", "--limit", "1"]).1, 3);
    let subscribe = |arguments: &[&str]| run_json(&[&["xrpc", "subscribe"], arguments].concat(), b"");
    assert_eq!(subscribe(&["http://127.0.0.1:1", "com.example.watch"]).1, 3);
    assert_eq!(subscribe(&["a.example", "com.example.watch", "novalue"]).1, 2);
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_a_host_is_followed() {
    let net = RealNet::start(&[]).unwrap();
    let (host, plc) = (net.pds(0), net.text("/plc"));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let session = path("session.json");
    let call = |arguments: &[&str], input: &[u8]| {
        let (lines, status) = run_json(&[arguments, &["--development"]].concat(), input);
        assert_eq!(status, 0, "{arguments:?}: {lines:?}");
        lines
    };
    let account = r#"{"handle": "alice.test", "email": "alice@mail.test", "password": "abcd-efgh"}"#;
    let create = ["xrpc", "procedure", &host, "com.atproto.server.createAccount", "--input", "-"];
    call(&create, account.as_bytes());
    let login = ["account", "login", "alice.test", "--host", &host, "--session", &session];
    call(&login, b"abcd-efgh\n");
    let record = br#"{"text": "hello", "createdAt": "2026-01-02T03:04:05Z"}"#;
    for collection in ["com.example.note", "com.example.other", "com.example.note"] {
        call(&["record", "create", collection, "-", "--session", &session], record);
    }

    let port = host.rsplit(':').next().unwrap();
    let network = ["--plc", &plc, "--development-port", port];
    let watch = |arguments: &[&str]| {
        let (lines, status) = run_json(&[&["firehose", "watch", &host], arguments, &network].concat(), b"");
        assert_eq!(status, 0, "{lines:?}");
        lines
    };
    let kinds = |lines: &[Json]| -> Vec<String> {
        let text = |line: &Json, name: &str| line[name].as_str().unwrap().to_owned();
        lines.iter().map(|line| text(line, "kind") + " " + &text(line, "outcome")).collect()
    };
    let all = watch(&["--cursor", "0", "--limit", "7"]);
    assert_eq!(
        kinds(&all[3..]),
        ["sync unverified", "commit unverified", "commit unverified", "commit unverified"]
    );
    let verified = watch(&["--cursor", "0", "--limit", "7", "--verify", "--pds"]);
    assert_eq!(kinds(&verified[3..]), ["event unchanged", "commit commit", "commit commit", "commit commit"]);
    assert_eq!(all[4]["ops"], verified[4]["ops"]);

    // Only what is asked for, with its records, and from there on with what comes next.
    let place = path("place");
    std::fs::write(&place, "0\n").unwrap();
    let notes = ["--collection", "com.example.note", "--cursor-file", &place, "--limit", "1"];
    let first = watch(&[&notes[..], &["--verify", "--records"]].concat());
    assert_eq!(first[0]["ops"][0]["record"]["text"], "hello");
    let second = watch(&notes);
    assert!(second[0]["seq"].as_u64() > first[0]["seq"].as_u64());

    let subscribe =
        ["xrpc", "subscribe", &host, "com.atproto.sync.subscribeRepos", "cursor=0", "--limit", "7"];
    let messages = call(&subscribe, b"");
    assert_eq!(messages[6]["t"], "#commit");
    assert_eq!(messages[6]["body"]["seq"], all[6]["seq"]);
}
