use crate::{read, read_json, same, show, text};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Value, cbor, json};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::{Car, CarFile};
use atproto_repo::repo::{Error, Missing, Repo};
use atproto_repo::store::Archive;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use testdata::{Case, Suites};

pub(crate) fn add(suites: &mut Suites) {
    let is_full = |file: &Json| file["records"].is_u64();
    let is_proof = |file: &Json| file["present"].is_boolean();
    add_files(suites, "captures::repositories", 10, is_full, check_full);
    add_files(suites, "captures::proofs", 10, is_proof, check_proof);
    add_files(suites, "captures::since", 1, |file| file["since"].is_string(), check_since);
    // What the server says of the same records in JSON.
    for (account, file) in
        [("ana", "repo-2.car"), ("ben", "repo.car"), ("cat", "repo.car"), ("fay", "repo-after.car")]
    {
        suites.add(&format!("captures::records::{account}"), &format!("captures/{account}"), 1, |folder| {
            let (list, car) = (folder.join("records.jsonl"), folder.join(file));
            Ok(vec![Case::new("listing", move || check_listing(&list, &car))])
        });
    }
}

type Check = fn(&Path, &Json) -> Result<(), String>;

fn add_files(suites: &mut Suites, name: &str, at_least: usize, which: fn(&Json) -> bool, check: Check) {
    suites.add(name, "captures/index.json", at_least, |index| {
        let folder = index.parent().map(PathBuf::from).unwrap_or_default();
        let Json::Array(files) = read_json(index)?["files"].take() else {
            return Err("no files".into());
        };
        let is_car = |file: &Json| file["file"].as_str().is_some_and(|name| name.ends_with(".car"));
        let cases = files.into_iter().filter(|file| is_car(file) && which(file)).map(|file| {
            let name = file["file"].as_str().unwrap_or_default().to_owned();
            let path = folder.join(&name);
            Case::new(name, move || check(&path, &file))
        });
        Ok(cases.collect())
    });
}

/// Opens a file both ways and checks the same of both.
fn both<T>(path: &Path, check: impl Checks<T>) -> Result<T, String>
where
    T: PartialEq + Debug,
{
    let bytes = read(path)?;
    let car = Car::parse(&bytes).map_err(show)?;
    let file = CarFile::open(Cursor::new(&bytes)).map_err(show)?;
    same(file.len(), car.len())?;
    let (in_memory, in_file) = (check.check(&car)?, check.check(&file)?);
    same(&in_file, &in_memory)?;
    Ok(in_memory)
}

/// What is checked of an archive, whatever holds it.
trait Checks<T> {
    fn check<A: Archive<Error: Debug>>(&self, archive: &A) -> Result<T, String>;
}

fn verify<'a, A: Archive<Error: Debug>>(archive: &'a A, expected: &Json) -> Result<Repo<'a, A>, String> {
    let did: Did = text(expected, "did")?.parse().map_err(show)?;
    let key: PublicKey = text(expected, "signingKey")?.parse().map_err(show)?;
    let repo = Repo::verify(archive, &did, &key).map_err(|error| format!("{error:?}"))?;
    same(repo.commit_cid().to_string().as_str(), text(expected, "root")?)?;
    for (found, name) in [(repo.commit().rev.to_string(), "rev"), (repo.commit().data.to_string(), "data")] {
        if expected[name].is_string() {
            same(found.as_str(), text(expected, name)?)?;
        }
    }
    Ok(repo)
}

struct Full<'a>(&'a Json);

impl Checks<Vec<(String, String)>> for Full<'_> {
    fn check<A: Archive<Error: Debug>>(&self, archive: &A) -> Result<Vec<(String, String)>, String> {
        let repo = verify(archive, self.0)?;
        let mut faults = Vec::new();
        let summary = repo
            .check_records(|path, error| faults.push(format!("{path}: {error}")))
            .map_err(|error| format!("{error:?}"))?;
        same(faults, Vec::new())?;
        same(Some(summary.records), self.0["records"].as_u64())?;
        let mut listed = Vec::new();
        for entry in repo.records() {
            let entry = entry.map_err(|error| format!("{error:?}"))?;
            listed.push((entry.path, entry.cid.to_string()));
        }
        same(listed.len() as u64, summary.records)?;
        same(listed.is_sorted_by(|a, b| a.0 < b.0), true)?;
        Ok(listed)
    }
}

fn check_full(path: &Path, expected: &Json) -> Result<(), String> {
    both(path, Full(expected))?;
    let bytes = read(path)?;
    let car = Car::parse(&bytes).map_err(show)?;
    same(Some(car.len() as u64), expected["blocks"].as_u64())?;
    // One key more in the document does not make it another account's.
    let other: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa".parse().map_err(show)?;
    let key: PublicKey = text(expected, "signingKey")?.parse().map_err(show)?;
    same(Repo::verify(&car, &other, &key).is_err(), true)
}

struct Proof<'a>(&'a Json);

impl Checks<bool> for Proof<'_> {
    fn check<A: Archive<Error: Debug>>(&self, archive: &A) -> Result<bool, String> {
        let repo = verify(archive, self.0)?;
        let path = text(self.0, "path")?;
        let found = repo.get(path).map_err(|error| format!("{error:?}"))?;
        let present = found.is_some();
        same(Some(present), self.0["present"].as_bool())?;
        match repo.check() {
            // A proof from a repository without records is the whole of it.
            Ok(summary) => same(summary.records, 0)?,
            Err(Error::Incomplete(Missing::Node(_) | Missing::Record { .. })) => {}
            Err(error) => return Err(format!("{error:?}")),
        }
        // Elsewhere in a tree that is not all there, nothing is claimed.
        let elsewhere = if path.starts_with("aaa") { "zzz.example.x/z" } else { "aaa.example.x/a" };
        if let Err(error) = repo.get(elsewhere) {
            same(matches!(error, Error::Incomplete(Missing::Node(_))), true)?;
        }
        Ok(present)
    }
}

fn check_proof(path: &Path, expected: &Json) -> Result<(), String> {
    both(path, Proof(expected)).map(drop)
}

struct Since<'a>(&'a Json);

impl Checks<()> for Since<'_> {
    fn check<A: Archive<Error: Debug>>(&self, archive: &A) -> Result<(), String> {
        let repo = verify(archive, self.0)?;
        same(matches!(repo.check(), Err(Error::Incomplete(_))), true)
    }
}

fn check_since(path: &Path, expected: &Json) -> Result<(), String> {
    both(path, Since(expected))
}

fn check_listing(list: &Path, car: &Path) -> Result<(), String> {
    let mut expected = BTreeMap::new();
    for line in String::from_utf8(read(list)?).map_err(show)?.lines() {
        let line = json::from_str(line).map_err(show)?;
        let field = |name: &str| line.get(name).ok_or(format!("no {name}"));
        let path = field("uri")?.as_str().and_then(|uri| uri.splitn(4, '/').nth(3)).ok_or("no path")?;
        let cid = field("cid")?.as_str().ok_or("no cid")?;
        expected.insert(path.to_owned(), (cid.to_owned(), field("value")?.clone()));
    }
    let bytes = read(car)?;
    let car = Car::parse(&bytes).map_err(show)?;
    let repo = atproto_repo::repo::UnsignedRepo::open(&car).map_err(show)?;
    for entry in repo.records() {
        let entry = entry.map_err(show)?;
        let (cid, value) = expected.remove(&entry.path).ok_or(format!("{} is not listed", entry.path))?;
        same(entry.cid.to_string(), cid)?;
        let record = Value::Object(cbor::to_record(&entry.bytes).map_err(show)?);
        same(cbor::to_vec(&record).map_err(show)?, entry.bytes)?;
        same(without_byte_order_marks(record), value)?;
    }
    same(expected.into_keys().collect::<Vec<_>>(), Vec::new())
}

/// The server's own decoder drops a byte-order mark at the beginning of a text, so that its JSON does not have it.
fn without_byte_order_marks(value: Value) -> Value {
    let strip = |text: String| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    match value {
        Value::String(text) => Value::String(strip(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(without_byte_order_marks).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (strip(key), without_byte_order_marks(value)));
            Value::Object(fields.collect())
        }
        other => other,
    }
}
