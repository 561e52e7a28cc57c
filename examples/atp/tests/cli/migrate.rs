//! Moves of an account between the reference hosts, in one go and ended wherever they can be.

use crate::account::Hosted;
use crate::person::Person;
use crate::plc::did_key;
use crate::run_json;
use serde_json::{Value as Json, json};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use testdata::realnet::RealNet;

const STEPS: [&str; 9] =
    ["create", "export", "import", "check", "identity", "activate", "verify", "deactivate", "session"];

fn run_all(arguments: &[String]) -> (Json, i32) {
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (mut lines, status) = run_json(&arguments, b"");
    (lines.pop().unwrap_or_default(), status)
}

/// The account is at the second host, with all that it had, and nowhere else.
fn assert_moved(person: &Person<'_>, before: &Json) {
    let net = person.net;
    let (place, seen) = person.look();
    assert_eq!(place, net.pds(1));
    assert_eq!(seen["records"], before["records"].as_array().unwrap().len());
    let status = person.done(&["account", "status"], b"");
    assert_eq!((&status["host"], &status["active"]), (&json!(net.pds(1)), &json!(true)));
    assert_eq!(person.contents(), *before);
    let at_old = ["repo", "export", &person.did, "--host", &net.pds(0), "-o", &person.path("old.car")];
    assert_eq!(person.resolving_alone(&at_old).0["error"], "RepoDeactivated");
    // It is at home: what it writes is signed with the key of its DID.
    let note = person.note("at home");
    assert_eq!(person.look().1["records"], before["records"].as_array().unwrap().len() + 1);
    let rkey = note["uri"].as_str().unwrap().rsplit('/').next().unwrap();
    person.done(&["record", "delete", "com.example.note", rkey], b"");
}

/// The rotation keys of a DID.
fn rotation_keys(person: &Person<'_>) -> Vec<String> {
    let (entry, status) = person.resolving_alone(&["plc", "log", &person.did]);
    assert_eq!(status, 0);
    let keys = entry["operation"]["rotationKeys"].as_array().unwrap();
    keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect()
}

/// A move from the host 127.0.0.1 to the host localhost, which is the same server, up to the change of the identity.
struct Move {
    hosted: Hosted,
    to: String,
}

impl Move {
    fn new() -> Self {
        Self::of(Hosted::new())
    }

    fn of(hosted: Hosted) -> Self {
        let (car, port) = (hosted.repo("whole.car", &hosted.did, "key"), hosted.server.port);
        let this = Self { hosted, to: format!("http://localhost:{port}") };
        let (inspected, _) =
            this.hosted.folder.json(&["repo", "inspect", &this.hosted.folder.path("whole.car")], &[]);
        let did = this.hosted.did.as_str();
        let session =
            json!({"did": did, "handle": "alice.test", "accessJwt": "a", "refreshJwt": "r", "active": false});
        let status = json!({
            "activated": false, "validDid": false, "repoCommit": inspected["commit"], "repoRev": inspected["rev"],
            "repoBlocks": 3, "indexedRecords": 1, "privateStateValues": 0, "expectedBlobs": 0, "importedBlobs": 0,
        });
        for host in ["127.0.0.1", "localhost"] {
            this.answers(host, "server.checkAccountStatus", status.clone());
        }
        this.answers("127.0.0.1", "server.getServiceAuth", json!({"token": "t"}));
        this.answers("127.0.0.1", "sync.listBlobs", json!({"cids": []}));
        this.answers(
            "127.0.0.1",
            "identity.getRecommendedDidCredentials",
            json!({"rotationKeys": [did_key(1)]}),
        );
        let own = json!({"did": format!("did:web:localhost%3A{port}"), "availableUserDomains": []});
        this.answers("localhost", "server.describeServer", own);
        this.answers("localhost", "server.createAccount", session.clone());
        this.answers("localhost", "server.createSession", session);
        this.answers("localhost", "repo.listMissingBlobs", json!({"blobs": []}));
        this.answers("localhost", "repo.importRepo", json!({}));
        this.answers("localhost", "identity.getRecommendedDidCredentials", json!({
            "rotationKeys": [did_key(2)], "alsoKnownAs": ["at://alice.test"], "verificationMethods": {"atproto": did_key(4)},
            "services": {"atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": this.to}},
        }));
        for host in ["127.0.0.1", "localhost"] {
            this.hosted.server.serve(&format!("{host}/xrpc/com.atproto.sync.getRepo"), 200, car.clone());
        }
        this
    }

    fn answers(&self, host: &str, endpoint: &str, body: Json) {
        self.hosted.server.serve(&format!("{host}/xrpc/com.atproto.{endpoint}"), 200, body.to_string());
    }

    /// Goes on as far as it can, and is where the account was.
    fn run(&self, more: &[&str]) -> (Json, i32) {
        let session = self.hosted.folder.path("session");
        let arguments = ["account", "migrate", &self.to, "--session", &session, "--development"];
        let (mut lines, status) = self.hosted.server.json(&[&arguments[..], more].concat(), "password\n");
        assert!(self.hosted.server.log(&self.hosted.did).len() < 2, "nothing was submitted");
        let line = lines.pop().unwrap_or_default();
        for secret in ["password", "secret-one", "secret-two"] {
            assert!(!line.to_string().contains(secret), "{line}");
        }
        (line, status)
    }

    fn assert_stops(&self, more: &[&str], step: &str, error: &str) {
        let (line, _) = self.run(more);
        let error_or_verdict = line["error"].as_str().or(line["verdict"].as_str());
        assert_eq!((line["step"].as_str(), error_or_verdict), (Some(step), Some(error)), "{line}");
    }
}

#[test]
fn a_host_that_fails_at_a_copy_is_sent_it_again() {
    let (this, place) = (Move::new(), "localhost/xrpc/com.atproto.repo.importRepo");
    // Three times more, and then the command says at what it stopped.
    this.hosted.server.fail(place, 5);
    let (line, status) = this.run(&[]);
    assert_eq!(
        (line["step"].as_str(), line["status"].as_i64(), status),
        (Some("import"), Some(500), 3),
        "{line}"
    );
    assert!(line["reason"].as_str().unwrap().starts_with("com.atproto.repo.importRepo: "), "{line}");
    assert_eq!(this.hosted.server.failures_left(place), 1);
    // The next one meets the last failure, and gets beyond it.
    assert_eq!(this.run(&[]).0["step"], "identity");
    assert_eq!(this.hosted.server.failures_left(place), 0);
}

#[test]
fn hosts_that_lie_do_not_move_the_identity() {
    // The new host would have a token for another one.
    let this = Move::new();
    let other = json!({"did": "did:web:pds.example.com", "availableUserDomains": []});
    this.answers("localhost", "server.describeServer", other);
    this.assert_stops(&[], "create", "other_host");
    // It does not want the handle, and another one does.
    let this = Move::new();
    let (create, login) = ("com.atproto.server.createAccount", "com.atproto.server.createSession");
    this.hosted.server.serve(&format!("localhost/xrpc/{create}"), 400, r#"{"error":"InvalidHandle"}"#);
    this.hosted.server.serve(
        &format!("localhost/xrpc/{login}"),
        401,
        r#"{"error":"AuthenticationRequired"}"#,
    );
    this.assert_stops(&[], "create", "InvalidHandle");
    let session = json!({"did": this.hosted.did, "handle": "bob.test", "accessJwt": "a", "refreshJwt": "r"});
    this.answers("localhost", "server.createAccount", session.clone());
    this.answers("localhost", "server.createSession", session);
    this.answers("127.0.0.1", "identity.requestPlcOperationSignature", json!({}));
    this.assert_stops(&["--handle", "bob.test"], "identity", "token_needed");
    let (_, status) = this.run(&["--handle", "carol.test"]);
    assert_eq!(status, 2, "that is another move");
    // It creates another account.
    let this = Move::new();
    let other = json!({"did": "did:web:b.test", "handle": "a.test", "accessJwt": "a", "refreshJwt": "r"});
    this.answers("localhost", "server.createAccount", other);
    this.assert_stops(&[], "create", "other_account");
    // The old host gives out somebody else's repository, or one that nobody has signed for the account.
    let this = Move::new();
    let place = "127.0.0.1/xrpc/com.atproto.sync.getRepo";
    let car = this.hosted.repo("another.car", "did:web:b.test", "key");
    this.hosted.server.serve(place, 200, car);
    this.assert_stops(&[], "export", "invalid");
    // A blob is gone, which is said, and left behind only with leave.
    let this = Move::new();
    let gone = atproto_lexicon::data::Cid::of(atproto_lexicon::data::Codec::Raw, b"gone").to_string();
    this.answers("127.0.0.1", "sync.listBlobs", json!({"cids": [gone]}));
    this.hosted.server.serve("127.0.0.1/xrpc/com.atproto.sync.getBlob", 400, r#"{"error":"BlobNotFound"}"#);
    this.assert_stops(&[], "export", "missing_blobs");
    this.answers("127.0.0.1", "identity.requestPlcOperationSignature", json!({}));
    this.assert_stops(&["--skip-missing-blobs"], "identity", "token_needed");
    // The new host has less, or other records.
    let this = Move::new();
    let status = json!({
        "activated": false, "validDid": false, "repoCommit": "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u",
        "repoRev": "3kabcdefghi2a", "repoBlocks": 3, "indexedRecords": 0, "privateStateValues": 0, "expectedBlobs": 0,
        "importedBlobs": 0,
    });
    this.answers("localhost", "server.checkAccountStatus", status);
    this.assert_stops(&[], "check", "not_all_there");
    let this = Move::new();
    let file = this.hosted.folder.path("other.car");
    this.hosted.repo("other.car", &this.hosted.did, "key");
    let put = ["repo", "put", &file, "com.example.note/2", r#"{"$type":"com.example.note"}"#];
    assert_eq!(this.hosted.folder.json(&put, &["--key-file", &this.hosted.folder.path("key")]).1, 0);
    this.hosted.server.serve(
        "localhost/xrpc/com.atproto.sync.getRepo",
        200,
        this.hosted.folder.read("other.car"),
    );
    this.assert_stops(&[], "check", "other_records");
    // It sends the identity elsewhere.
    let this = Move::new();
    this.answers("localhost", "identity.getRecommendedDidCredentials", json!({
        "rotationKeys": [did_key(2)], "alsoKnownAs": ["at://alice.test"], "verificationMethods": {"atproto": did_key(4)},
        "services": {"atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": "https://evil.example"}},
    }));
    this.assert_stops(&[], "check", "other_host");
    // The old host signs another operation than it was asked for.
    let this = Move::new();
    this.answers("127.0.0.1", "identity.requestPlcOperationSignature", json!({}));
    let (line, status) = this.run(&[]);
    assert_eq!(
        (&line["step"], &line["error"], status),
        (&json!("identity"), &json!("token_needed"), 5),
        "{line}"
    );
    let key = did_key(5);
    let forged = this.hosted.account.signed("second", &["--pds", &this.to, "--rotation-key", &key]);
    this.answers("127.0.0.1", "identity.signPlcOperation", json!({"operation": forged}));
    this.assert_stops(&["--token", "T"], "identity", "other_operation");
    this.answers("127.0.0.1", "identity.signPlcOperation", json!({"operation": {"type": "plc_operation"}}));
    this.assert_stops(&["--token", "T"], "identity", "malformed");
    // With a key that we hold, one is made that is right; the new host says that it has submitted it, and has not.
    let second = this.hosted.account.folder.path("second");
    this.answers("localhost", "identity.submitPlcOperation", json!({}));
    this.assert_stops(&["--rotation-key", &second], "identity", "not_submitted");
}

#[test]
fn the_owner_of_a_document_changes_it() {
    let this = Move::of(Hosted::of_web("did:web:alice.test"));
    for _ in 0..2 {
        let (line, status) = this.run(&[]);
        assert_eq!(
            (&line["step"], &line["error"], status),
            (&json!("identity"), &json!("document_needed"), 5),
            "{line}"
        );
        let reason = line["reason"].as_str().unwrap();
        assert!(
            reason.contains(&this.to) && reason.contains(did_key(4).strip_prefix("did:key:").unwrap()),
            "{reason}"
        );
    }
    // A document that names another key is not what was asked for.
    this.hosted.document(&this.to, &did_key(6));
    assert_eq!(this.run(&[]).0["error"], "document_needed");
    this.hosted.document(&this.to, &did_key(4));
    for endpoint in ["server.activateAccount", "server.deleteSession"] {
        this.answers("localhost", endpoint, json!({}));
    }
    let (line, status) = this.run(&[]);
    assert_eq!((&line["host"], &line["records"], status), (&json!(this.to), &json!(1), 0), "{line}");
    let session = String::from_utf8(this.hosted.folder.read("session")).unwrap();
    assert!(session.contains(&this.to) && !session.contains("secret-one"));
    // It is done, and is not done again.
    assert_eq!(this.run(&[]), (line, 0));
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_an_account_moves_and_goes_on_after_each_step() {
    let net = RealNet::start(&["--pds", "2"]).unwrap();
    let alice = Person::new(&net, "alice");
    let (before, own) = (alice.contents(), rotation_keys(&alice)[0].clone());
    let key = alice.path("rotation");
    let migrate = alice.migrate("alice", &["--rotation-key", &key]);
    for (number, step) in STEPS.into_iter().enumerate() {
        // That of another account is no rotation key of this one; and a move that was begun is not made another.
        if step == "identity" {
            let wrong = alice.migrate(
                "alice",
                &[
                    "--rotation-key",
                    &alice.write("wrong", run_json(&["key", "new"], b"").0[0]["secret"].as_str().unwrap()),
                ],
            );
            assert_eq!(run_all(&wrong).1, 2);
            assert_eq!(run_all(&alice.migrate("alice", &["--handle", "other.test"])).1, 2);
        }
        let place = alice.place();
        assert_eq!(place, net.pds(usize::from(number > 4)), "before {step}");
        // Between the change of the identity and the activation, nobody gives it out.
        if step != "activate" {
            alice.look();
        }
        if step == "import" {
            alice.note("written after the copy");
        }
        let done = format!("done  {step}");
        assert!(Person::run_until(&migrate, &done), "{step}");
        // What was done, and could not be noted any more, is done again, and is no more than before.
        let folder = alice.path(&format!("accounts/{}", alice.did.replace(':', "-")));
        let mut state: Json =
            serde_json::from_slice(&std::fs::read(format!("{folder}/migration.json")).unwrap()).unwrap();
        state["done"] = number.checked_sub(1).map_or(Json::Null, |before| STEPS[before].into());
        std::fs::write(format!("{folder}/migration.json"), state.to_string()).unwrap();
        if step == "create" {
            std::fs::remove_file(format!("{folder}/new-session.json")).unwrap();
        }
        assert!(Person::run_until(&migrate, &done), "{step} again");
    }
    let mut after = alice.contents();
    let texts = after["records"].as_array_mut().unwrap();
    assert_eq!(texts.len(), 9, "what was written before the move of the identity has come along");
    assert_eq!((&after["blobs"], &after["preferences"]), (&before["blobs"], &before["preferences"]));
    assert_moved(&alice, &after);
    let (line, status) = run_all(&migrate);
    assert_eq!((&line["host"], &line["late"], status), (&json!(net.pds(1)), &Json::Null, 0), "{line}");
    assert_eq!(rotation_keys(&alice), [own, net.text("/pds/1/rotationKey")]);
    assert!(
        !std::fs::exists(alice.path(&format!("accounts/{}/new-session.json", alice.did.replace(':', "-"))))
            .unwrap()
    );
    // The copy has all.
    let copy = line["copy"].as_str().unwrap();
    assert_eq!(std::fs::read_dir(format!("{copy}/blobs")).unwrap().count(), 3);
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_an_account_moves_though_it_is_ended_at_any_time() {
    let net = RealNet::start(&["--pds", "2"]).unwrap();
    let alice = Person::new(&net, "alice");
    let before = alice.contents();
    let key = alice.path("rotation");
    let migrate = alice.migrate("alice", &["--rotation-key", &key]);
    let mut kills = 0;
    for wait in (1..).map(|number| Duration::from_millis(15 * number)) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_atp"))
            .args(&migrate)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        sleep(wait);
        let ended = child.try_wait().unwrap();
        drop(child.kill());
        child.wait().unwrap();
        if let Some(status) = ended {
            assert!(status.success(), "after {kills} kills: {}", run_all(&migrate).0);
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "{kills}");
    assert_moved(&alice, &before);
    assert_eq!(rotation_keys(&alice).len(), 2);
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_an_account_moves_by_a_token_and_back() {
    let net = RealNet::start(&["--pds", "2"]).unwrap();
    let alice = Person::new(&net, "alice");
    let (before, own) = (alice.contents(), rotation_keys(&alice)[0].clone());
    let (line, status) = run_all(&alice.migrate("alice", &[]));
    assert_eq!(
        (&line["error"], &line["step"], status),
        (&json!("token_needed"), &json!("identity"), 5),
        "{line}"
    );
    assert_eq!(alice.look().0, net.pds(0));
    let (line, status) = run_all(&alice.migrate("alice", &["--token", "AAAAA-AAAAA"]));
    assert_eq!(
        (&line["error"], &line["step"], status),
        (&json!("InvalidToken"), &json!("identity"), 1),
        "{line}"
    );
    let token = alice.token("alice");
    // What is written meanwhile is copied, too, and no other token needed.
    alice.note("meanwhile");
    let (line, status) = run_all(&alice.migrate("alice", &["--token", &token]));
    assert_eq!(status, 0, "{line}");
    assert!(!line.to_string().contains(&token));
    let mut expected = before.clone();
    let all = alice.contents();
    assert_eq!(all["records"].as_array().unwrap().len(), 9);
    expected["records"] = all["records"].clone();
    assert_moved(&alice, &expected);
    assert_eq!(rotation_keys(&alice), [own.clone(), net.text("/pds/1/rotationKey")]);

    // The way back, to where the account still is, deactivated.
    let mut back = alice.migrate("alice", &["--rotation-key", &alice.path("rotation")]);
    back[2] = net.pds(0);
    assert!(Person::run_until(&back, "done  verify"));
    // What is written on the host that the account has left is not lost, and that it is there is said.
    let late = alice.note("late");
    let (line, status) = run_all(&back);
    assert_eq!(status, 4, "{line}");
    assert!(line["late"].is_string() && late["uri"].is_string(), "{line}");
    assert_eq!((alice.look().0, alice.contents()), (net.pds(0), all));
    assert_eq!(rotation_keys(&alice), [own, net.text("/pds/0/rotationKey")]);
}
