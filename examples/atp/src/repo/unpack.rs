use super::list::record_json;
use super::open::{Task, refuse, refuse_car};
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::data::{Cid, Codec};
use atproto_repo::car::CarError;
use atproto_repo::repo::{OwnedEntry, UnsignedRepo};
use atproto_repo::store::Archive;
use serde_json::json;
use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

pub(crate) struct Unpack<'o> {
    pub(crate) folder: PathBuf,
    pub(crate) output: &'o mut Output,
}

impl Task for Unpack<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        // Nothing is written of a repository that is not whole.
        let repo = match UnsignedRepo::open(archive).and_then(|repo| repo.check().map(|_| repo)) {
            Ok(repo) => repo,
            Err(error) => return refuse(self.output, &error),
        };
        let mut count = 0_u64;
        for entry in repo.records() {
            match entry {
                Ok(entry) => write(&self.folder, &entry)?,
                Err(error) => return refuse(self.output, &error),
            }
            count = count.saturating_add(1);
        }
        let folder = self.folder.display();
        let json = json!({"records": count, "folder": folder.to_string()});
        self.output.line(format!("{count} records in {folder}; signature not verified"), &json)?;
        Ok(Outcome::Done)
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}

/// Writes a record: as JSON in one line, or its bytes where it breaks the data model.
fn write(folder: &Path, entry: &OwnedEntry) -> Result<(), Failure> {
    let (collection, record_key) = entry.path.split_once('/').unwrap_or_default();
    let (contents, extension) = match record_json(entry) {
        Ok(value) => (format!("{value}\n").into_bytes(), "json"),
        Err(_) => (entry.bytes.clone(), "cbor"),
    };
    let folder = folder.join(collection);
    fs::create_dir_all(&folder).map_err(Failure::file(folder.display()))?;
    let file = folder.join(format!("{}.{extension}", file_name(record_key)));
    let created = fs::File::create_new(&file).and_then(|mut created| created.write_all(&contents));
    created.map_err(Failure::file(file.display()))
}

/// The record key; one that is longer than file names may be is cut, and then its hash tells it from others.
fn file_name(record_key: &str) -> String {
    match record_key.get(..150) {
        Some(start) if record_key.len() > 200 => {
            format!("{start}-{}", Cid::of(Codec::Raw, record_key.as_bytes()))
        }
        _ => record_key.to_owned(),
    }
}
