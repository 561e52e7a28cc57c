//! Accounts made, copied, brought back and ended; and hosts that lie.

use crate::network::Server;
use crate::person::{PASSWORD, Person};
use crate::plc::{Account, did_key};
use crate::write::Folder;
use crate::{run, run_json};
use serde_json::{Value as Json, json};
use testdata::realnet::RealNet;

/// An account whose repository a host gives out, and whose session is in the file `session`.
pub(crate) struct Hosted {
    pub(crate) server: Server,
    pub(crate) folder: Folder,
    pub(crate) account: Account,
    pub(crate) did: String,
}

impl Hosted {
    pub(crate) fn new() -> Self {
        Self::of(None)
    }

    /// With a did:web whose document is at its host.
    pub(crate) fn of_web(did: &str) -> Self {
        let this = Self::of(Some(did));
        this.document(&format!("http://127.0.0.1:{}", this.server.port), &this.folder.key);
        this
    }

    /// Serves the document of a did:web.
    pub(crate) fn document(&self, pds: &str, key: &str) {
        let did = &self.did;
        let document = json!({
            "id": did, "alsoKnownAs": ["at://alice.test"],
            "verificationMethod": [{
                "id": format!("{did}#atproto"), "type": "Multikey", "controller": did,
                "publicKeyMultibase": key.strip_prefix("did:key:").unwrap(),
            }],
            "service": [{"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": pds}],
        });
        let host = did.strip_prefix("did:web:").unwrap();
        self.server.serve(&format!("{host}/.well-known/did.json"), 200, document.to_string());
    }

    fn of(did: Option<&str>) -> Self {
        let (server, folder) = (Server::start(), Folder::new());
        let host = format!("http://127.0.0.1:{}", server.port);
        let pds = ["--handle", "alice.test", "--pds", &host, "--signing-key", &folder.key];
        let account = Account::new(&pds);
        server.put(&account);
        let did = did.unwrap_or(&account.did).to_owned();
        let session = json!({
            "service": host, "did": did, "handle": "alice.test", "pds": null, "access": "secret-one",
            "refresh": "secret-two",
        });
        folder.write("session", session.to_string().as_bytes());
        Self { server, folder, did, account }
    }

    /// A repository of a DID that this key signs.
    pub(crate) fn repo(&self, name: &str, did: &str, key: &str) -> Vec<u8> {
        let (file, key) = (self.folder.path(name), self.folder.path(key));
        for arguments in [
            &["repo", "create", "--did", did, &file][..],
            &["repo", "put", &file, "com.example.note/1", r#"{"$type":"com.example.note"}"#],
        ] {
            assert_eq!(self.folder.json(arguments, &["--key-file", &key]).1, 0);
        }
        self.folder.read(name)
    }

    fn gives(&self, endpoint: &str, parameters: &str, status: u16, body: impl Into<Vec<u8>>) {
        let place = format!("127.0.0.1/xrpc/com.atproto.sync.{endpoint}?{parameters}");
        self.server.serve(&place.replace("{did}", &self.did.replace(':', "%3A")), status, body);
    }

    fn export_repo(&self, more: &[&str]) -> (Json, i32) {
        let host = format!("http://127.0.0.1:{}", self.server.port);
        let out = self.folder.path("out.car");
        let arguments = ["repo", "export", &self.did, "--host", &host, "-o", &out];
        let (mut lines, status) = self.server.json(&[&arguments[..], more].concat(), "");
        (lines.pop().unwrap_or_default(), status)
    }

    fn export(&self) -> (Json, i32) {
        let (session, out) = (self.folder.path("session"), self.folder.path("copy"));
        let arguments = ["account", "export", "-o", &out, "--session", &session, "--development"];
        let (mut lines, status) = self.server.json(&arguments, "");
        (lines.pop().unwrap_or_default(), status)
    }
}

#[test]
fn a_repository_counts_that_is_the_accounts() {
    let hosted = Hosted::new();
    let whole = hosted.repo("whole.car", &hosted.did, "key");
    hosted.folder.write("wrong", run_json(&["key", "new"], b"").0[0]["secret"].as_str().unwrap().as_bytes());
    let of_another = hosted.repo("another.car", "did:web:b.test", "key");
    let by_another = hosted.repo("forged.car", &hosted.did, "wrong");
    let out = hosted.folder.path("out.car");
    let gives = |bytes: &[u8]| hosted.gives("getRepo", "did={did}", 200, bytes);
    for (bytes, verdict, expected) in [
        (&of_another[..], "invalid", 1),
        (&by_another, "invalid", 1),
        (&whole[..whole.len() - 1], "invalid", 1),
        (b"<html>", "invalid", 1),
        (b"", "invalid", 1),
    ] {
        gives(bytes);
        let (line, status) = hosted.export_repo(&[]);
        assert_eq!((&line["verdict"], status), (&json!(verdict), expected), "{line}");
        assert!(!std::fs::exists(&out).unwrap() && !std::fs::exists(format!("{out}.lock")).unwrap());
    }
    // Without its record, it is not known what it has.
    let tree = run_json(&["repo", "ls", &hosted.folder.path("whole.car")], b"").0;
    assert_eq!(tree.len(), 1);
    gives(&of_another);
    assert_eq!(hosted.export_repo(&["--no-signature"]).1, 1, "it is still that of another account");
    gives(&by_another);
    assert_eq!(hosted.export_repo(&["--no-signature"]).0["signed"], false);
    gives(&whole);
    assert_eq!(hosted.export_repo(&[]).1, 3, "a file is there");
    let (line, status) = hosted.export_repo(&["--force"]);
    assert_eq!((&line["signed"], &line["records"], status), (&json!(true), &json!(1), 0), "{line}");
    assert_eq!(std::fs::read(&out).unwrap(), whole);
    hosted.gives("getRepo", "did={did}", 400, r#"{"error":"RepoDeactivated","message":"no\u001b[2J"}"#);
    let (line, status) = hosted.export_repo(&["--force"]);
    assert_eq!((&line["error"], status), (&json!("RepoDeactivated"), 1));
    assert_eq!(run(&["repo", "export", &hosted.did], b"").1, 2, "a host's repository goes to a file");
    assert_eq!(hosted.export_repo(&["--prefix", "a/"]).1, 2);
    assert_eq!(run(&["repo", "export", "missing.car"], b"").1, 3, "the name of a file is no account");
}

#[test]
fn a_blob_counts_whose_bytes_are_its_own() {
    let hosted = Hosted::new();
    hosted.gives("getRepo", "did={did}", 200, hosted.repo("whole.car", &hosted.did, "key"));
    let cid =
        |bytes: &[u8]| atproto_lexicon::data::Cid::of(atproto_lexicon::data::Codec::Raw, bytes).to_string();
    let (good, bad, gone) = (cid(b"good"), cid(b"bad"), cid(b"gone"));
    let block = atproto_lexicon::data::Cid::of_dag_cbor(b"x").to_string();
    hosted.gives("listBlobs", "did={did}", 200, json!({"cids": [good, bad, gone, block]}).to_string());
    let blob = |cid: &str, status, body: &str| {
        hosted.gives("getBlob", &format!("did={{did}}&cid={cid}"), status, body);
        hosted.gives("getBlob", &format!("cid={cid}&did={{did}}"), status, body);
    };
    blob(&good, 200, "good");
    blob(&bad, 200, "other");
    blob(&gone, 400, r#"{"error":"BlobNotFound"}"#);
    let (line, status) = hosted.export();
    assert_eq!(status, 4, "{line}");
    assert_eq!(
        (&line["blobs"], &line["fetched"], &line["preferences"]),
        (&json!(1), &json!(1), &json!(false))
    );
    let missing: Vec<_> = line["missing"].as_array().unwrap().iter().map(|blob| &blob["cid"]).collect();
    assert_eq!(missing, [&json!(bad), &json!(gone), &json!(block)]);
    let names = |folder: &str| {
        let entries = std::fs::read_dir(hosted.folder.path(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(
        (names("copy"), names("copy/blobs")),
        (vec!["account.json".into(), "blobs".into(), "repo.car".into()], vec![good])
    );
    // What a command that was ended has left is cleared away, and nothing is fetched again.
    let part = hosted.folder.write("copy/blobs/x.1.part", b"x");
    let (line, _) = hosted.export();
    assert_eq!((&line["blobs"], &line["fetched"]), (&json!(1), &json!(0)));
    assert!(!std::fs::exists(part).unwrap());
    // What is no CID does not get into a path.
    for text in ["../../x", "/etc/passwd", "..", &format!("{}/../../x", cid(b"x"))] {
        hosted.gives("listBlobs", "did={did}", 200, json!({"cids": [text]}).to_string());
        let (line, status) = hosted.export();
        assert!(status == 1 || status == 4, "{line}");
    }
    assert_eq!(names("copy").len(), 3);
    hosted.gives("getRepo", "did={did}", 200, hosted.repo("another.car", "did:web:b.test", "key"));
    let before = hosted.folder.read("copy/repo.car");
    let (line, status) = hosted.export();
    assert_eq!((&line["verdict"], status), (&json!("invalid"), 1));
    assert_eq!(hosted.folder.read("copy/repo.car"), before, "what is not valid takes nothing's place");
}

#[test]
fn what_is_not_right_is_said_before_anything_is_sent() {
    let hosted = Hosted::new();
    let session = hosted.folder.path("session");
    let call = |arguments: &[&str]| {
        run(&[arguments, &["--session", &session, "--development"]].concat(), b"password\n").1
    };
    let key = did_key(0);
    for arguments in [
        &["account", "create", "a.example", "--handle", "no handle"][..],
        &["account", "create", "https://a.example/x", "--handle", "a.example"],
        &["account", "create", "a.example", "--handle", "a.example", "--did", &hosted.did],
        &[
            "account",
            "create",
            "a.example",
            "--handle",
            "a.example",
            "--did",
            "did:web:b.test",
            "--new-session",
            &hosted.folder.path("new"),
        ],
        &["account", "create", "a.example", "--handle", "a.example", "--recovery-key", "did:key:z"],
        &["account", "migrate", "a.example", "--token", "x", "--rotation-key", &session],
        &["account", "migrate", "a.example", "--rotation-key", &session],
        &["account", "migrate", "a.example", "--keep-rotation-key", &key[1..]],
        &["account", "deactivate", "--delete-after", "tomorrow"],
        &["account", "delete", "--token", "x"],
    ] {
        assert_eq!(call(arguments), 2, "{arguments:?}");
    }
    assert_eq!(call(&["account", "import", &hosted.folder.path("nothing")]), 3);
    assert_eq!(
        call(&[
            "account",
            "create",
            "a.example",
            "--handle",
            "a.example",
            "--password-file",
            "/does/not/exist"
        ]),
        3
    );
    let empty = hosted.folder.write("empty", b"\n");
    assert_eq!(
        call(&["account", "create", "a.example", "--handle", "a.example", "--password-file", &empty]),
        2
    );
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_an_account_is_copied_brought_elsewhere_and_ended() {
    let net = RealNet::start(&["--pds", "2"]).unwrap();
    let alice = Person::new(&net, "alice");
    let (before, copy) = (alice.contents(), alice.path("copy"));
    assert_eq!(
        (before["records"].as_array().unwrap().len(), before["blobs"].as_array().unwrap().len()),
        (8, 3)
    );
    let export = ["account", "export", "-o", &copy];
    let (first, status) = alice.resolving(&export);
    assert_eq!(status, 0, "{first}");
    assert_eq!(
        [&first["records"], &first["blobs"], &first["fetched"], &first["missing"], &first["preferences"]],
        [&json!(8), &json!(3), &json!(3), &json!([]), &json!(true)]
    );
    // What is there and right is not fetched again; what is broken is.
    let broken = format!("{copy}/blobs/{}", before["blobs"][0][0].as_str().unwrap());
    std::fs::write(&broken, "other").unwrap();
    assert_eq!(alice.resolving(&export).0["fetched"], 1);
    assert_eq!(std::fs::read_to_string(&broken).unwrap(), before["blobs"][0][1].as_str().unwrap());
    let car = alice.path("repo.car");
    for who in ["alice.test", &alice.did] {
        let (line, status) = alice.resolving_alone(&["repo", "export", who, "-o", &car, "--force"]);
        assert_eq!((&line["commit"], &line["signed"], status), (&first["commit"], &json!(true), 0), "{line}");
    }
    assert_eq!(std::fs::read(&car).unwrap(), std::fs::read(format!("{copy}/repo.car")).unwrap());

    // A repository goes back.
    let extra = alice.note("more");
    assert_eq!(alice.resolving(&["repo", "import", &car]).1, 2, "the account is in use");
    assert_eq!(alice.resolving(&["repo", "import", &car, "--force"]).1, 0);
    let rkey = extra["uri"].as_str().unwrap().rsplit('/').next().unwrap();
    assert_eq!(alice.call(&["record", "get", "com.example.note", rkey], b"").1, 1);
    assert_eq!(alice.contents(), before);

    alice.done(&["account", "deactivate"], b"");
    assert_eq!(alice.done(&["account", "status"], b"")["active"], false);
    assert_eq!(alice.resolving_alone(&["repo", "export", &alice.did, "-o", &car, "--force"]).1, 1);
    assert_eq!(alice.resolving(&export).1, 0, "one's own is given out");
    alice.done(&["account", "activate"], b"");
    assert_eq!(alice.done(&["account", "status"], b"")["active"], true);

    // The copy is brought to another host, which the identity does not name.
    let (new, host) = (alice.path("new.json"), net.pds(1));
    let create = ["account", "create", &host, "--handle", "alice.test", "--did", &alice.did];
    let more = ["--email", "alice@mail.test", "--new-session", &new];
    let created = alice.done(&[&create[..], &more].concat(), format!("{PASSWORD}\n").as_bytes());
    assert_eq!((created["did"].as_str(), created["host"].as_str()), (Some(&*alice.did), Some(&*host)));
    let there = |arguments: &[&str]| {
        let (mut lines, status) = run_json(&[arguments, &["--session", &new, "--development"]].concat(), b"");
        (lines.pop().unwrap_or_default(), status)
    };
    assert_eq!(there(&["account", "status"]).0["active"], false);
    for uploaded in [3, 0] {
        let (line, status) = there(&["account", "import", &copy]);
        assert_eq!(status, 0, "{line}");
        assert_eq!(
            (&line["uploaded"], &line["missing"], &line["preferences"]),
            (&json!(uploaded), &json!([]), &json!(true))
        );
        assert_eq!((&line["status"]["records"], &line["status"]["imported_blobs"]), (&json!(8), &json!(3)));
    }
    let (line, status) = there(&["account", "activate"]);
    assert_eq!(status, 1, "the identity names another host: {line}");

    // The end takes a token, and the password.
    let (lines, status) = alice.call(&["account", "delete"], b"");
    assert_eq!((&lines[0]["waits_for"], status), (&json!("token"), 5));
    let token = alice.token("alice");
    let delete = ["account", "delete", "--yes", "--token", &token];
    assert_eq!(alice.call(&["account", "delete", "--token", &token], b"").1, 2, "nobody can be asked");
    assert_eq!(alice.call(&delete, b"wrong\n").1, 1);
    assert_eq!(alice.done(&delete, format!("{PASSWORD}\n").as_bytes())["deleted"], true);
    assert_eq!(alice.call(&["account", "status"], b"").1, 2);
    let login = ["account", "login", &alice.did, "--host", &net.pds(0)];
    assert_eq!(alice.call(&login, format!("{PASSWORD}\n").as_bytes()).1, 1);
}
