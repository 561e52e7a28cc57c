//! The commands that call services: against the reference host, and where there is none.

use crate::{run, run_json};
use serde_json::{Value as Json, json};
use testdata::realnet::RealNet;

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

#[test]
fn who_has_not_logged_in_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let session = path(&folder, "deep/er/session.json");
    for arguments in [
        &["account", "status"][..],
        &["account", "logout"],
        &["record", "ls", "com.example.note"],
        &["blob", "ls"],
        &["xrpc", "query", "session", "com.example.get"],
    ] {
        assert_eq!(run(&[arguments, &["--session", &session]].concat(), b"").1, 2, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_called_is_said() {
    // This machine is not asked without leave.
    let query = |host: &str, more: &[&str]| {
        run_json(&[&["xrpc", "query", host, "com.example.get"], more].concat(), b"")
    };
    let (lines, status) = query("http://127.0.0.1:1", &[]);
    assert_eq!((lines[0]["error"].as_str(), status), (Some("unreachable"), 3));
    assert!(lines[0]["reason"].as_str().unwrap().contains("forbidden"));
    assert_eq!(query("http://127.0.0.1:1", &["--development"]).1, 3);
    assert_eq!(query("https://a.example/path", &[]).1, 2);
    assert_eq!(query("a.example", &["novalue"]).1, 2);
    assert_eq!(query("a.example", &["--proxy", "did:web:a.example"]).1, 2);
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_an_account_does_all_that_it_can() {
    let net = RealNet::start(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (session, host) = (path(&folder, "session.json"), net.pds(0));
    let call = |arguments: &[&str], input: &[u8]| {
        let (lines, status) =
            run_json(&[arguments, &["--session", &session, "--development"]].concat(), input);
        (lines, status)
    };
    let done = |arguments: &[&str], input: &[u8]| {
        let (mut lines, status) = call(arguments, input);
        assert_eq!(status, 0, "{arguments:?}: {lines:?}");
        lines.pop().unwrap_or(Json::Null)
    };
    let account =
        json!({"handle": "alice.test", "email": "alice@mail.test", "password": "abcd-efgh"}).to_string();
    let created = done(
        &["xrpc", "procedure", &host, "com.atproto.server.createAccount", "--input", "-"],
        account.as_bytes(),
    );
    let did = created["did"].as_str().unwrap();
    let port = host.rsplit(':').next().unwrap().to_owned();
    let plc = net.text("/plc");
    let (lines, status) = call(&["account", "login", "alice.test", "--host", &host], b"wrong\n");
    assert_eq!((lines[0]["error"].as_str(), status), (Some("AuthenticationRequired"), 1));
    // The host is found by the handle.
    let login = ["account", "login", "alice.test", "--plc", &plc, "--development-port", &port];
    assert_eq!(done(&login, b"abcd-efgh\n")["host"], host.as_str());
    assert_eq!(done(&["account", "status"], b"")["did"], did);

    let note = r#"{"$type":"com.example.note","text":"hi"}"#;
    let first = done(&["record", "create", "com.example.note", "--rkey", "one"], note.as_bytes());
    assert_eq!(first["uri"], format!("at://{did}/com.example.note/one"));
    let cid = first["cid"].as_str().unwrap();
    let other = note.replace("hi", "ho");
    let put = ["record", "put", "com.example.note", "one", "--swap", cid];
    let second = done(&put, other.as_bytes());
    // What is there already would be no write.
    let (lines, status) = call(&put, note.replace("hi", "hu").as_bytes());
    assert_eq!((lines[0]["error"].as_str(), status), (Some("InvalidSwap"), 1));
    assert_eq!(done(&["record", "get", "com.example.note", "one"], b"")["text"], "ho");
    assert_eq!(done(&["record", "ls", "com.example.note"], b""), second);

    let file = path(&folder, "blob");
    std::fs::write(&file, "some bytes").unwrap();
    let blob = done(&["blob", "upload", &file, "--type", "text/plain"], b"");
    assert_eq!((blob["mimeType"].as_str(), blob["size"].as_u64()), (Some("text/plain"), Some(10)));
    let with_blob = json!({"$type": "com.example.note", "file": blob}).to_string();
    done(&["record", "create", "com.example.note"], with_blob.as_bytes());
    let cid = blob["ref"]["$link"].as_str().unwrap();
    assert_eq!(done(&["blob", "ls"], b"")["cid"], cid);
    let copy = path(&folder, "copy");
    done(&["blob", "download", cid, "-o", &copy], b"");
    assert_eq!(std::fs::read(&copy).unwrap(), b"some bytes");

    // What the host exports is verified by the same program.
    let car = path(&folder, "repo.car");
    done(&["xrpc", "query", "session", "com.atproto.sync.getRepo", &format!("did={did}"), "-o", &car], b"");
    let described =
        done(&["xrpc", "query", "session", "com.atproto.repo.describeRepo", &format!("repo={did}")], b"");
    let key = described["didDoc"]["verificationMethod"][0]["publicKeyMultibase"].as_str().unwrap();
    let (lines, status) =
        run_json(&["repo", "verify", &car, "--key", &format!("did:key:{key}"), "--did", did], b"");
    assert_eq!(
        (lines[0]["verdict"].as_str(), lines[0]["records"].as_u64(), status),
        (Some("valid"), Some(2), 0)
    );

    done(&["record", "delete", "com.example.note", "one"], b"");
    assert_eq!(call(&["record", "get", "com.example.note", "one"], b"").0[0]["error"], "RecordNotFound");
    done(&["account", "logout"], b"");
    assert_eq!(call(&["account", "status"], b"").1, 2);
    assert!(!std::path::Path::new(&session).exists());
}
