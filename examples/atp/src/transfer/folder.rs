use super::blob::Hash;
use crate::output::Failure;
use crate::save::{private_folder, remove_parts, write};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{CidString, Did, Handle};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// A folder with what an account has.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// What a folder is of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct About {
    /// The account.
    pub(crate) did: Did,
    /// Its handle, by the word of its host.
    pub(crate) handle: Handle,
    /// The URL of its host.
    pub(crate) host: String,
    /// The key that the repository was verified with, as did:key; none where nobody's signature was.
    pub(crate) key: Option<String>,
    pub(crate) commit: CidString,
    pub(crate) rev: String,
    /// The root of the tree of records.
    pub(crate) data: CidString,
    pub(crate) records: u64,
}

impl Folder {
    /// A folder, which is made where it is not there.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        let folder = Self { path: path.to_owned() };
        for path in [path, &folder.path("blobs")] {
            private_folder(path)?;
            remove_parts(path)?;
        }
        Ok(folder)
    }

    /// A folder with what was exported before.
    pub(crate) fn open(path: &Path) -> Result<(Self, About), Failure> {
        let folder = Self { path: path.to_owned() };
        let name = folder.path("account.json");
        let bytes = fs::read(&name).map_err(Failure::file(name.display()))?;
        let about = serde_json::from_slice(&bytes);
        about
            .map(|about| (folder, about))
            .map_err(|error| Failure::Usage(format!("{}: {error}", name.display())))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.path("repo.car")
    }

    /// The file of a blob. The CID was read and is written anew: nothing else of a stranger's gets into a path.
    pub(crate) fn blob(&self, cid: &Cid) -> PathBuf {
        self.path("blobs").join(cid.to_string())
    }

    /// Whether a blob is there, with its bytes.
    pub(super) fn has_blob(&self, cid: &Cid) -> Result<bool, Failure> {
        let path = self.blob(cid);
        let failed = || Failure::file(path.display());
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed()(error)),
        };
        let (mut hash, mut buffer) = (Hash::default(), vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut buffer).map_err(failed())?;
            match buffer.get(..read) {
                Some(piece) if read > 0 => hash.add(piece),
                _ => return Ok(hash.finish() == *cid),
            }
        }
    }

    pub(super) fn preferences(&self) -> Result<Option<Vec<u8>>, Failure> {
        let path = self.path("preferences.json");
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::file(path.display())(error)),
        }
    }

    /// Keeps what an account prefers; `None` where its host does not say.
    pub(super) fn set_preferences(&self, json: Option<&str>) -> Result<(), Failure> {
        let path = self.path("preferences.json");
        match json {
            Some(json) => write(&path, json.as_bytes()),
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(Failure::file(path.display())(error))
                }
                _ => Ok(()),
            },
        }
    }

    pub(super) fn set_about(&self, about: &About) -> Result<(), Failure> {
        let json = serde_json::to_string_pretty(about).map_err(|error| Failure::File(error.to_string()))?;
        write(&self.path("account.json"), json.as_bytes())
    }
}
