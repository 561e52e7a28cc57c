//! Somebody with an account on a host of the reference network.

use crate::{run, run_json};
use serde_json::{Value as Json, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use testdata::realnet::RealNet;

pub(crate) const PASSWORD: &str = "a password";

/// An account with a folder of its own, in which its session is.
pub(crate) struct Person<'n> {
    pub(crate) net: &'n RealNet,
    folder: TempDir,
    pub(crate) did: String,
}

impl<'n> Person<'n> {
    /// An account on the first host, with some records, blobs and preferences, and a rotation key of its own in the file `rotation`.
    pub(crate) fn new(net: &'n RealNet, name: &str) -> Self {
        let mut person = Self { net, folder: tempfile::tempdir().unwrap(), did: String::new() };
        let (key, _) = run_json(&["key", "new"], b"");
        person.write("rotation", key[0]["secret"].as_str().unwrap());
        person.write("password", &format!("{PASSWORD}\n"));
        let recovery = key[0]["key"].as_str().unwrap().to_owned();
        let (handle, email) = (format!("{name}.test"), format!("{name}@mail.test"));
        let password = person.path("password");
        let create = ["account", "create", &net.pds(0), "--handle", &handle, "--email", &email];
        let more = ["--password-file", &password, "--recovery-key", &recovery];
        let created = person.done(&[&create[..], &more].concat(), b"");
        assert_eq!((&created["handle"], &created["host"]), (&json!(handle), &json!(net.pds(0))));
        person.did = created["did"].as_str().unwrap().to_owned();
        for number in 0..5 {
            person.note(&number.to_string());
        }
        for number in 0..3 {
            let file = person.write("blob", &format!("the bytes of blob {number}"));
            let blob = person.done(&["blob", "upload", &file, "--type", "text/plain"], b"");
            let record = json!({"$type": "com.example.file", "files": [{"file": blob}]}).to_string();
            person.done(&["record", "create", "com.example.file"], record.as_bytes());
        }
        let preferences =
            json!({"preferences": [{"$type": "app.bsky.actor.defs#adultContentPref", "enabled": true}]});
        let put = ["xrpc", "procedure", "session", "app.bsky.actor.putPreferences", "--input", "-"];
        person.done(&put, preferences.to_string().as_bytes());
        person
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self.path(name)
    }

    fn session(&self) -> [String; 3] {
        ["--session".to_owned(), self.path("session.json"), "--development".to_owned()]
    }

    /// What the directory is called, and this machine allowed.
    pub(crate) fn network(&self) -> [String; 4] {
        let port = self.net.text("/control").rsplit(':').next().unwrap().to_owned();
        ["--plc".to_owned(), self.net.text("/plc"), "--development-port".to_owned(), port]
    }

    /// Runs a command with the session.
    pub(crate) fn call(&self, arguments: &[&str], input: &[u8]) -> (Vec<Json>, i32) {
        let session = self.session();
        run_json(&[arguments, &session.each_ref().map(String::as_str)].concat(), input)
    }

    /// The same, which has an end that is good.
    pub(crate) fn done(&self, arguments: &[&str], input: &[u8]) -> Json {
        let (mut lines, status) = self.call(arguments, input);
        assert_eq!(status, 0, "{arguments:?}: {lines:?}");
        lines.pop().unwrap_or(Json::Null)
    }

    /// A command that resolves identities, too.
    pub(crate) fn resolving(&self, arguments: &[&str]) -> (Json, i32) {
        let network = self.network();
        let (mut lines, status) =
            self.call(&[arguments, &network.each_ref().map(String::as_str)].concat(), b"");
        (lines.pop().unwrap_or(Json::Null), status)
    }

    pub(crate) fn note(&self, text: &str) -> Json {
        let record = json!({"$type": "com.example.note", "text": text}).to_string();
        self.done(&["record", "create", "com.example.note"], record.as_bytes())
    }

    /// All that the account has where it is: records, blobs with their bytes, preferences.
    pub(crate) fn contents(&self) -> Json {
        let mut records = Vec::new();
        for collection in ["com.example.note", "com.example.file"] {
            records.extend(self.call(&["record", "ls", collection], b"").0);
        }
        let mut blobs = Vec::new();
        for blob in self.call(&["blob", "ls"], b"").0 {
            let file = self.path("download");
            drop(std::fs::remove_file(&file));
            self.done(&["blob", "download", blob["cid"].as_str().unwrap(), "-o", &file], b"");
            blobs.push(json!([blob["cid"], std::fs::read_to_string(&file).unwrap()]));
        }
        let preferences = self.done(&["xrpc", "query", "session", "app.bsky.actor.getPreferences"], b"");
        json!({"records": records, "blobs": blobs, "preferences": preferences})
    }

    /// The last token that was sent to somebody by e-mail.
    pub(crate) fn token(&self, name: &str) -> String {
        self.net.mail(&format!("{name}@mail.test")).unwrap()
    }

    /// The arguments of a move to the second host.
    pub(crate) fn migrate(&self, name: &str, more: &[&str]) -> Vec<String> {
        let (host, email, password) = (self.net.pds(1), format!("{name}@mail.test"), self.path("password"));
        let arguments = ["account", "migrate", &host, "--email", &email, "--password-file", &password];
        let all = arguments.iter().chain(more).map(|text| (*text).to_owned());
        all.chain(self.network()).chain(self.session()).collect()
    }

    /// Runs a command until it says this on standard error, and kills it there; whether it did.
    pub(crate) fn run_until(arguments: &[String], said: &str) -> bool {
        let mut child = Command::new(env!("CARGO_BIN_EXE_atp"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let is_said = lines.map_while(Result::ok).any(|line| line == said);
        drop(child.kill());
        child.wait().unwrap();
        is_said
    }

    /// Where the DID says that the account is.
    pub(crate) fn place(&self) -> String {
        let (identity, status) = self.resolving_alone(&["resolve", &self.did]);
        assert_eq!(status, 0, "{identity}");
        identity["pds"].as_str().unwrap().to_owned()
    }

    /// Has a look from outside: where the DID says that the account is, and whether what is there is signed with the DID's key.
    pub(crate) fn look(&self) -> (String, Json) {
        let (identity, status) = self.resolving_alone(&["resolve", &self.did]);
        assert_eq!(status, 0, "{identity}");
        let file = self.path("seen.car");
        let (seen, status) = self.resolving_alone(&["repo", "export", &self.did, "-o", &file, "--force"]);
        assert_eq!(status, 0, "{seen}");
        let key = identity["signing_key"].as_str().unwrap();
        assert_eq!(run(&["repo", "verify", &file, "--key", key, "--did", &self.did], b"").1, 0);
        (identity["pds"].as_str().unwrap().to_owned(), seen)
    }

    /// A command without a session.
    pub(crate) fn resolving_alone(&self, arguments: &[&str]) -> (Json, i32) {
        let network = self.network();
        let (mut lines, status) =
            run_json(&[arguments, &network.each_ref().map(String::as_str)].concat(), b"");
        (lines.pop().unwrap_or(Json::Null), status)
    }
}
