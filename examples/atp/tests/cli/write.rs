//! Repositories that are made and changed.

use crate::{data, model, run, run_json};
use atproto_lexicon::data::{Cid, json as data_json};
use atproto_repo::repo::stream::{Reader, RepoStream};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub(crate) const DID: &str = "did:web:a.test";
pub(crate) const OTHER_KEY: &str = "did:key:zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF";

/// A folder with a key in it.
pub(crate) struct Folder {
    folder: TempDir,
    pub(crate) key: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (made, _) = run_json(&["key", "new"], b"");
        std::fs::write(folder.path().join("key"), made[0]["secret"].as_str().unwrap()).unwrap();
        Self { folder, key: made[0]["key"].as_str().unwrap().to_owned() }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// A repository without records.
    pub(crate) fn create(&self, name: &str) -> Json {
        let (lines, status) = self
            .json(&["repo", "create", "--did", DID, &self.path(name)], &["--key-file", &self.path("key")]);
        assert_eq!(status, 0);
        lines
    }

    /// Puts a record, whose text is a number.
    pub(crate) fn put(&self, name: &str, path: &str, text: u32, more: &[&str]) -> (Json, i32) {
        let record = json!({"$type": "com.example.note", "text": text.to_string()}).to_string();
        let arguments = ["repo", "put", &self.path(name), path, &record, "--key-file", &self.path("key")];
        self.json(&arguments, more)
    }

    pub(crate) fn delete(&self, name: &str, path: &str, more: &[&str]) -> (Json, i32) {
        self.json(&["repo", "delete", &self.path(name), path, "--key-file", &self.path("key")], more)
    }

    /// The one object that is printed, or null.
    pub(crate) fn json(&self, arguments: &[&str], more: &[&str]) -> (Json, i32) {
        let (mut lines, status) = run_json(&[arguments, more].concat(), b"");
        assert!(lines.len() <= 1);
        (lines.pop().unwrap_or_default(), status)
    }

    /// Everything that lies in the folder.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn note(number: u32) -> String {
    format!("com.example.note/{number}")
}

/// Paths of a repository, with their CIDs.
pub(crate) fn list(file: &str) -> Vec<(String, String)> {
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    let (lines, status) = run_json(&["repo", "ls", file], b"");
    assert_eq!(status, 0);
    lines.iter().map(|line| (text(&line["path"]), text(&line["cid"]))).collect()
}

#[test]
fn a_repository_is_made_and_written() {
    let folder = Folder::new();
    let file = folder.path("r.car");
    let created = folder.create("r.car");
    assert_eq!((&created["did"], &created["ops"]), (&json!(DID), &json!([])));
    let mut commits = vec![created];
    for number in [1, 2, 3] {
        let (put, status) = folder.put("r.car", &note(number), number, &[]);
        assert_eq!(status, 0);
        let op = &put["ops"][0];
        assert_eq!(
            (&op["action"], &op["path"], &op["prev"]),
            (&json!("create"), &json!(note(number)), &Json::Null)
        );
        assert!(put["created_nodes"].as_array().unwrap().contains(&put["data"]));
        commits.push(put);
    }
    let before = list(&file);
    let (updated, _) = folder.put("r.car", &note(1), 11, &[]);
    assert_eq!(
        (&updated["ops"][0]["action"], &updated["ops"][0]["prev"]),
        (&json!("update"), &json!(before[0].1))
    );
    commits.push(updated);
    let (deleted, status) = folder.delete("r.car", &note(2), &[]);
    assert_eq!(
        (&deleted["ops"][0]["cid"], &deleted["ops"][0]["prev"], status),
        (&Json::Null, &json!(before[1].1), 0)
    );
    commits.push(deleted);
    let revs: Vec<_> = commits.iter().map(|commit| commit["rev"].as_str().unwrap()).collect();
    assert!(revs.is_sorted_by(|one, next| one < next));

    let (lines, status) =
        run_json(&["repo", "verify", &file, "--key", &folder.key, "--did", DID, "--records"], b"");
    let last = commits.last().unwrap();
    assert_eq!((&lines[0]["verdict"], &lines[0]["records"], status), (&json!("valid"), &json!(2), 0));
    for field in ["commit", "rev", "data"] {
        assert_eq!(lines[0][field], last[field]);
    }
    // What is no longer linked is gone, and each block comes where a reader in one pass asks for it.
    let (bytes, did) = (folder.read("r.car"), DID.parse().unwrap());
    let stream = RepoStream::verify(Reader::new(&bytes[..]), did, folder.key.parse().unwrap());
    assert_eq!(stream.check().unwrap().records, 2);
    assert_eq!(folder.names(), ["key", "r.car"], "nothing is left beside it");
    // The same record is no commit.
    let (same, status) = folder.put("r.car", &note(1), 11, &[]);
    assert_eq!((&same["commit"], &same["ops"], status), (&last["commit"], &json!([]), 0));
    assert!(folder.read("r.car") == bytes);
}

#[test]
fn records_are_strict_dag_cbor() {
    let folder = Folder::new();
    folder.create("r.car");
    let text = r#"{"b":{"$bytes":"AAE"},"aa":1,"$type":"com.example.note"}"#;
    let file = folder.path("r.car");
    let (lines, status) =
        run_json(&["repo", "put", &file, &note(1), "--key-file", &folder.path("key")], text.as_bytes());
    let record = data_json::to_record(text.as_bytes()).unwrap();
    let cid = Cid::of_dag_cbor(&atproto_lexicon::data::cbor::to_vec(&record).unwrap());
    assert_eq!((&lines[0]["ops"][0]["cid"], status), (&json!(cid.to_string()), 0));
    for wrong in ["1", "[]", "{\"a\":1.5}", "{\"a\":1,\"a\":1}", "", "{\"$type\":1}", "{"] {
        let (lines, status) = run_json(
            &["repo", "put", &file, &note(2), "-", "--key-file", &folder.path("key")],
            wrong.as_bytes(),
        );
        assert_eq!((&lines[0]["verdict"], status), (&json!("refused"), 1), "{wrong}");
    }
    assert_eq!(list(&file).len(), 1);
}

#[test]
fn writes_that_are_refused_leave_the_file_alone() {
    let folder = Folder::new();
    let first = folder.create("r.car");
    let (second, _) = folder.put("r.car", &note(1), 1, &[]);
    let (file, cid) = (folder.path("r.car"), second["ops"][0]["cid"].as_str().unwrap());
    let (old, new) = (first["commit"].as_str().unwrap(), second["commit"].as_str().unwrap());
    let bytes = folder.read("r.car");
    assert_eq!(folder.put("r.car", &note(1), 2, &["--swap-commit", old]).1, 1);
    assert_eq!(folder.put("r.car", &note(1), 1, &["--swap-commit", old]).1, 1, "though it is there already");
    assert_eq!(folder.put("r.car", &note(1), 2, &["--swap-record", old]).1, 1);
    assert_eq!(folder.put("r.car", &note(2), 2, &["--swap-record", cid]).1, 1, "there is none");
    assert_eq!(folder.delete("r.car", &note(2), &[]).1, 1);
    assert_eq!(folder.delete("r.car", &note(1), &["--swap-record", new]).1, 1);
    assert_eq!(folder.delete("r.car", &note(1), &["--swap-commit", old]).1, 1);
    assert_eq!(folder.put("r.car", "no path", 2, &[]).1, 2);
    assert_eq!(folder.put("r.car", &note(2), 2, &["--swap-record", "x"]).1, 2);
    assert_eq!(folder.put("r.car", &note(2), 2, &["--seq", "4"]).1, 2, "of what?");
    assert_eq!(folder.put("none.car", &note(2), 2, &[]).1, 3);
    assert_eq!(folder.put("r.car", &note(2), 2, &["--event", "/does/not/exist"]).1, 3);
    assert_eq!(folder.put("r.car", &note(2), 2, &["--event", &folder.path("key")]).1, 3, "it is there");
    assert_eq!(folder.put("r.car", &note(2), 2, &["--event", &folder.path("e"), "--seq", "0"]).1, 1);
    let key = folder.path("key");
    assert_eq!(run(&["repo", "create", "--did", DID, &file, "--key-file", &key], b"").1, 3);
    assert_eq!(run(&["repo", "create", "--did", "x", &folder.path("new"), "--key-file", &key], b"").1, 2);
    assert_eq!(run(&["repo", "create", "--did", DID, "-", "--key-file", &key], b"").1, 2);
    assert_eq!(run(&["repo", "create", "--did", DID, &folder.path("new"), "--key-file", &file], b"").1, 2);
    assert_eq!(run(&["repo", "create", "--did", DID, &folder.path("new"), "--key-file", "/none"], b"").1, 3);
    // Another one is writing.
    folder.write("r.car.lock", b"");
    assert_eq!(folder.put("r.car", &note(2), 2, &[]).1, 3);
    std::fs::remove_file(folder.path("r.car.lock")).unwrap();
    assert!(folder.read("r.car") == bytes);
    assert_eq!(folder.names(), ["key", "r.car"]);

    assert_eq!(folder.put("r.car", &note(1), 2, &["--swap-record", cid, "--swap-commit", new]).1, 0);
    assert_eq!(run(&["repo", "create", "--did", DID, &file, "--key-file", &key, "--force"], b"").1, 0);
    assert_eq!(list(&file), []);
}

/// A repository is verified before it is written.
#[test]
fn a_bad_repository_is_not_written() {
    let folder = Folder::new();
    // Signed by somebody else.
    std::fs::copy(data("notes.car"), folder.path("notes.car")).unwrap();
    let (line, status) = folder.put("notes.car", &note(1), 1, &[]);
    assert_eq!((&line["verdict"], status), (&json!("invalid"), 1));
    // Of our own, but not whole, or not what it should be.
    folder.write("key", model::secret().to_multikey().as_bytes());
    let mut repository = model::Repository::of(&model::paths(40));
    folder.write("whole.car", &repository.car());
    assert_eq!(folder.put("whole.car", &note(1), 1, &[]).1, 0);
    let removed = repository.blocks.0.remove(0);
    folder.write("partial.car", &repository.car());
    assert_eq!(folder.put("partial.car", &note(1), 1, &[]).1, 4);
    repository.blocks.0.insert(0, (removed.0, b"\xa0".to_vec()));
    folder.write("forged.car", &repository.car());
    assert_eq!(folder.put("forged.car", &note(1), 1, &[]).1, 1);
    folder.write("no.car", b"");
    assert_eq!(folder.put("no.car", &note(1), 1, &[]).1, 1);
    assert!(folder.names().iter().all(|name| !name.ends_with(".lock")));
}

#[cfg(unix)]
#[test]
fn a_file_keeps_its_permissions_and_its_links() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.create("r.car");
    std::fs::set_permissions(folder.path("r.car"), PermissionsExt::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("r.car", folder.path("link.car")).unwrap();
    assert_eq!(folder.put("link.car", &note(1), 1, &[]).1, 0);
    assert!(std::fs::symlink_metadata(folder.path("link.car")).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(folder.path("r.car")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(list(&folder.path("r.car")).len(), 1);
}
