//! The operations of did:plc, without a network.

use crate::write::Folder;
use crate::{run, run_json};
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_identity::plc::{LogEntry, Operation};
use atproto_lexicon::syntax::Datetime;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// A DID with the keys `first` and `second` in a folder, and its audit log.
pub(crate) struct Account {
    pub(crate) folder: Folder,
    pub(crate) did: String,
    pub(crate) log: Vec<LogEntry>,
}

/// A key that is always the same.
pub(crate) fn secret(number: u8) -> SecretKey {
    let curve = if number.is_multiple_of(2) { Curve::K256 } else { Curve::P256 };
    SecretKey::from_bytes(curve, &[number + 1; 32]).unwrap()
}

pub(crate) fn did_key(number: u8) -> String {
    secret(number).public_key().to_did_key()
}

impl Account {
    /// A genesis that key 1 has signed, an hour ago.
    pub(crate) fn new(more: &[&str]) -> Self {
        let folder = Folder::new();
        for (number, name) in [(0, "first"), (1, "second"), (2, "other")] {
            folder.write(name, secret(number).to_multikey().as_bytes());
        }
        let mut this = Self { folder, did: String::new(), log: Vec::new() };
        let keys = [did_key(0), did_key(1)];
        let arguments = ["plc", "genesis", "--rotation-key", &keys[0], "--rotation-key", &keys[1]];
        let key = this.folder.path("second");
        let (line, status) = this.folder.json(&[&arguments[..], &["--key-file", &key]].concat(), more);
        assert_eq!(status, 0, "{line}");
        this.did = line["did"].as_str().unwrap().to_owned();
        this.push(&line["operation"]);
        this
    }

    /// Adds an operation to the log, a second after the one before.
    pub(crate) fn push(&mut self, operation: &Json) {
        let operation: Operation = serde_json::from_value(operation.clone()).unwrap();
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let seconds = i64::try_from(time).unwrap() - 3600 + i64::try_from(self.log.len()).unwrap();
        self.log.push(LogEntry {
            did: self.did.parse().unwrap(),
            cid: operation.cid(),
            operation,
            nullified: false,
            created_at: Datetime::from_unix_micros(seconds * 1_000_000).unwrap(),
        });
    }

    /// The file with the log as it is now.
    pub(crate) fn file(&self) -> String {
        self.folder.write("log.json", &serde_json::to_vec(&self.log).unwrap())
    }

    /// An update of what is in the log, unsigned.
    fn update(&self, more: &[&str]) -> (Json, i32) {
        self.folder.json(&["plc", "update", "--log", &self.file()], more)
    }

    /// The same, signed.
    pub(crate) fn signed(&self, key: &str, more: &[&str]) -> Json {
        let (unsigned, status) = self.update(more);
        assert_eq!(status, 0, "{unsigned}");
        let file = self.folder.write("unsigned.json", unsigned.to_string().as_bytes());
        let key = self.folder.path(key);
        let (line, status) = self.folder.json(&["plc", "sign", "--key-file", &key, &file], &[]);
        assert_eq!(status, 0, "{line}");
        line["operation"].clone()
    }

    fn verify(&self) -> (Json, i32) {
        self.folder.json(&["plc", "verify", &self.file()], &[])
    }
}

#[test]
fn a_genesis_is_made_signed_and_verified() {
    let more =
        ["--handle", "Alice.example.com", "--pds", "https://pds.example.com/", "--signing-key", &did_key(2)];
    let service = ["--service", "#atproto_labeler=AtprotoLabeler,https://labels.example.com"];
    let account = Account::new(&[&more[..], &service].concat());
    let operation = serde_json::to_value(&account.log[0].operation).unwrap();
    assert_eq!(operation["alsoKnownAs"], json!(["at://alice.example.com"]));
    assert_eq!(operation["verificationMethods"], json!({"atproto": did_key(2)}));
    assert_eq!(
        operation["services"],
        json!({
            "atproto_pds": {"type": "AtprotoPersonalDataServer", "endpoint": "https://pds.example.com"},
            "atproto_labeler": {"type": "AtprotoLabeler", "endpoint": "https://labels.example.com"},
        })
    );
    let (line, status) = account.verify();
    let cid = account.log[0].cid.to_string();
    assert_eq!(
        (line, status),
        (
            json!({"verdict": "valid", "did": account.did, "operations": 1, "head": cid, "tombstoned": false}),
            0
        )
    );
    assert_eq!(
        run(&["plc", "verify", &account.file(), "--did", "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"], b"").1,
        1
    );

    // Without a key it is not signed; a key of somebody else does not sign it.
    let key = did_key(0);
    let (unsigned, status) = run_json(&["plc", "genesis", "--rotation-key", &key], b"");
    assert_eq!((&unsigned[0]["prev"], unsigned[0].get("sig"), status), (&Json::Null, None, 0));
    let other = account.folder.path("other");
    let by_other = ["plc", "genesis", "--rotation-key", &key, "--key-file", &other];
    let (line, status) = account.folder.json(&by_other, &[]);
    assert_eq!((&line["verdict"], status), (&json!("refused"), 1));
    let twice = ["plc", "genesis", "--rotation-key", &key, "--rotation-key", &key];
    assert_eq!(run(&twice, b"").1, 1);
    for bad in [
        &["plc", "genesis"][..],
        &["plc", "genesis", "--rotation-key", "did:key:z"],
        &["plc", "genesis", "--rotation-key", &key, "--pds", "pds.example.com"],
        &["plc", "genesis", "--rotation-key", &key, "--service", "a=b"],
        &["plc", "genesis", "--rotation-key", &key, "--handle", "alice"],
    ] {
        assert_eq!(run(bad, b"").1, 2, "{bad:?}");
    }
}

#[test]
fn a_signature_is_made_elsewhere() {
    let (account, key) = (Account::new(&[]), did_key(1));
    let (unsigned, _) = account.update(&["--handle", "alice.example.com"]);
    let unsigned = unsigned.to_string();
    let (bytes, status) = run(&["plc", "sign", "--bytes"], unsigned.as_bytes());
    assert_eq!(status, 0);
    let bytes = data_encoding::HEXLOWER.decode(bytes.trim().as_bytes()).unwrap();
    let signature = data_encoding::BASE64URL_NOPAD.encode(secret(1).sign(&bytes).as_bytes());
    let attach = ["plc", "sign", "--signature", &signature, "--public-key", &key, "-"];
    let (lines, status) = run_json(&attach, unsigned.as_bytes());
    assert_eq!(status, 0);
    let operation: Operation = serde_json::from_value(lines[0]["operation"].clone()).unwrap();
    operation.verify(&key.parse::<PublicKey>().unwrap()).unwrap();
    // Of another key, or of nobody.
    let other = did_key(0);
    let attach = ["plc", "sign", "--signature", &signature, "--public-key", &other];
    assert_eq!(run(&attach, unsigned.as_bytes()).1, 1);
    assert_eq!(run(&["plc", "sign", "--signature", &signature], unsigned.as_bytes()).1, 2);
    assert_eq!(run(&["plc", "sign"], unsigned.as_bytes()).1, 2);
    // What is signed already, and what is no operation.
    let file = account.folder.path("first");
    let signed = lines[0]["operation"].to_string();
    assert_eq!(run(&["plc", "sign", "--key-file", &file], signed.as_bytes()).1, 1);
    assert_eq!(run(&["plc", "sign", "--key-file", &file], b"{}").1, 1);
    assert_eq!(run(&["plc", "sign", "--key-file", "-"], unsigned.as_bytes()).1, 2);
    assert_eq!(run(&["plc", "sign", "--key-file", "/does/not/exist"], unsigned.as_bytes()).1, 3);
}

#[test]
fn what_people_see_can_be_piped() {
    let account = Account::new(&[]);
    let (unsigned, status) =
        run(&["plc", "update", "--log", &account.file(), "--handle", "b.example.com"], b"");
    assert!(status == 0 && unsigned.starts_with("{\n  \"type\": \"plc_operation\""), "{unsigned}");
    let key = account.folder.path("first");
    let (signed, status) = run(&["plc", "sign", "--key-file", &key], unsigned.as_bytes());
    assert_eq!(status, 0);
    assert!(serde_json::from_str::<Operation>(&signed).is_ok());
    let secret = String::from_utf8(account.folder.read("first")).unwrap();
    assert!(!signed.contains(&secret));
}

#[test]
fn states_are_updated() {
    let mut account = Account::new(&["--handle", "a.example.com", "--pds", "https://a.example.com"]);
    let more = [
        &["--handle", "b.example.com", "--pds", "https://b.example.com", "--add-alias", "https://b.example"]
            [..],
        &["--add-rotation-key", &did_key(2), "--prepend-rotation-key", &did_key(3)],
        &["--remove-rotation-key", &did_key(0), "--verification-method", &format!("x={}", did_key(4))],
    ];
    let operation = account.signed("second", &more.concat());
    assert_eq!(operation["prev"], account.log[0].cid.to_string());
    assert_eq!(operation["rotationKeys"], json!([did_key(3), did_key(1), did_key(2)]));
    assert_eq!(operation["alsoKnownAs"], json!(["at://b.example.com", "https://b.example"]));
    assert_eq!(operation["services"]["atproto_pds"]["endpoint"], "https://b.example.com");
    account.push(&operation);
    assert_eq!(account.verify().1, 0);

    let removed = ["--remove-service", "atproto_pds", "--remove-alias", "https://b.example"];
    let (line, _) = account.update(&[&removed[..], &["--remove-verification-method", "x"]].concat());
    assert_eq!(
        (&line["services"], &line["alsoKnownAs"], &line["verificationMethods"]),
        (&json!({}), &json!(["at://b.example.com"]), &json!({}))
    );
    // Nothing changes, or what should go is not there.
    for refused in [
        &[][..],
        &["--handle", "b.example.com"],
        &["--remove-service", "none"],
        &["--remove-rotation-key", &did_key(0)],
        &["--rotation-key", &did_key(0), "--add-rotation-key", &did_key(0)],
        &["--prev", "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a", "--tombstone"],
    ] {
        let (line, status) = account.update(refused);
        assert_eq!((&line["verdict"], status), (&json!("refused"), 1), "{refused:?}");
    }
    assert_eq!(account.update(&["--tombstone", "--handle", "b.example.com"]).1, 2);
    assert_eq!(run(&["plc", "update", "--handle", "b.example.com"], b"").1, 2);
}

#[test]
fn a_recovery_undoes_a_tombstone() {
    let mut account = Account::new(&[]);
    let tombstone = account.signed("second", &["--tombstone"]);
    assert_eq!(tombstone["type"], "plc_tombstone");
    account.push(&tombstone);
    let (line, status) = account.verify();
    assert_eq!((&line["tombstoned"], status), (&json!(true), 0));
    assert_eq!(account.update(&["--handle", "a.example.com"]).1, 1);

    let genesis = account.log[0].cid.to_string();
    let recovery = account.signed("first", &["--prev", &genesis]);
    account.push(&recovery);
    // The log does not say yet that the tombstone is undone.
    let (line, status) = account.verify();
    assert_eq!((&line["verdict"], &line["index"], status), (&json!("invalid"), &json!(1), 1));
    assert!(line["reason"].is_string() && line["head"].is_null());
    account.log[1].nullified = true;
    let (line, status) = account.verify();
    assert_eq!((&line["tombstoned"], &line["operations"], status), (&json!(false), &json!(3), 0));
    assert_eq!(account.update(&["--prev", &account.log[1].cid.to_string(), "--tombstone"]).1, 1);

    // The same log as lines; and what is no log.
    let lines: Vec<_> = account.log.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
    assert_eq!(run(&["plc", "verify", "-"], lines.join("\n").as_bytes()).1, 0);
    for bad in ["[]", "", "{}", "[1]"] {
        let (line, status) = run_json(&["plc", "verify", "-"], bad.as_bytes());
        assert_eq!((&line[0]["verdict"], status), (&json!("invalid"), 1), "{bad:?}");
    }
    assert_eq!(run(&["plc", "verify", "/does/not/exist"], b"").1, 3);
    assert_eq!(run(&["plc", "verify", "did:plc"], b"").1, 2);
}

#[test]
fn an_export_is_verified() {
    let accounts = [Account::new(&[]), Account::new(&["--handle", "a.example.com"])];
    let line = |entry: &LogEntry| serde_json::to_string(entry).unwrap();
    let lines = accounts.each_ref().map(|account| line(&account.log[0]));
    let verify = |text: &str| run_json(&["plc", "verify", "--export", "-"], text.as_bytes());
    let (printed, status) = verify(&lines.join("\n"));
    assert_eq!(
        (printed, status),
        (vec![json!({"verdict": "valid", "dids": 2, "operations": 2, "tombstoned": 0, "faults": 0})], 0)
    );
    assert_eq!(verify("").1, 0);

    // One that nothing undoes; another DID's genesis; no JSON; a line that is too long.
    let hidden = line(&LogEntry { nullified: true, ..accounts[0].log[0].clone() });
    let foreign = lines[1].replace(&accounts[1].did, "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
    let text = [&hidden, &foreign, &foreign, "{", &" ".repeat(70_000), &lines[1]];
    let (printed, status) = verify(&text.join("\n"));
    let faults: Vec<_> = printed.iter().map(|line| (&line["did"], &line["line"])).collect();
    assert_eq!(
        (&faults[..4], status),
        (
            &[
                (&json!("did:plc:aaaaaaaaaaaaaaaaaaaaaaaa"), &json!(2)),
                (&Json::Null, &json!(4)),
                (&Json::Null, &json!(5)),
                (&json!(accounts[0].did), &Json::Null),
            ][..],
            1
        )
    );
    assert_eq!(
        printed[4],
        json!({"verdict": "invalid", "dids": 2, "operations": 4, "tombstoned": 0, "faults": 5})
    );
}

/// A folder of others' data, where it is there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = testdata::root().join(name);
    assert!(path.exists() || !testdata::is_required(), "{} is not there", path.display());
    path.exists().then_some(path)
}

#[test]
fn the_public_logs_have_their_verdicts() {
    let Some(folder) = shared("conformance/did-plc/interop_tests/audit_log") else { return };
    for (kind, expected) in [("valid", 0), ("invalid", 1)] {
        for file in std::fs::read_dir(folder.join(kind)).unwrap() {
            let path = file.unwrap().path().display().to_string();
            let (lines, status) = run_json(&["plc", "verify", &path], b"");
            assert_eq!((lines[0]["verdict"].as_str(), status), (Some(kind), expected), "{path}");
        }
    }
}

#[test]
fn the_logs_of_a_reference_directory_are_valid() {
    let Some(folder) = shared("captures/plc") else { return };
    for name in ["p256", "recovered", "tombstone"] {
        let path = folder.join(format!("plc-{name}-log-audit.json")).display().to_string();
        assert_eq!(run(&["plc", "verify", &path], b"").1, 0, "{name}");
    }
    let export = folder.join("export.jsonl").display().to_string();
    let (lines, status) = run_json(&["plc", "verify", "--export", &export], b"");
    assert_eq!((&lines[0]["verdict"], lines.len(), status), (&json!("valid"), 1, 0), "{lines:?}");
}
