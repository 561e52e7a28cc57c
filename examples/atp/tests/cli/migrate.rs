//! Moves of an account between the reference hosts, in one go and ended wherever they can be.

use crate::person::Person;
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
        let place = alice.look().0;
        assert_eq!(place, net.pds(usize::from(number > 4)), "before {step}");
        if step == "import" {
            alice.note("written after the copy");
        }
        assert!(Person::run_until(&migrate, &format!("done  {step}")), "{step}");
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
        alice.look();
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
    let (line, status) = run_all(&back);
    assert_eq!(status, 0, "{line}");
    assert_eq!((alice.look().0, alice.contents()), (net.pds(0), all));
    assert_eq!(rotation_keys(&alice), [own, net.text("/pds/0/rotationKey")]);
}
