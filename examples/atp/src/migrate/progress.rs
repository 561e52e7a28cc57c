use crate::output::Failure;
use crate::save::{private_folder, remove_parts, write};
use atproto_identity::plc::Operation;
use atproto_lexicon::syntax::{CidString, Did, Handle};
use atproto_xrpc::ServiceUrl;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A step of a move, in the order of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// The account is created on the new host, deactivated.
    Create,
    /// It is copied from the old host into a folder.
    Export,
    /// The copy is brought to the new host.
    Import,
    /// Both hosts have the same.
    Check,
    /// The DID names the new host and its key.
    Identity,
    /// The account is activated on the new host, which signs its repository.
    Activate,
    /// What the network sees is what was moved.
    Verify,
    /// The account is deactivated on the old host.
    Deactivate,
    /// The session is that of the new host.
    Session,
}

impl Step {
    pub(crate) const ALL: [Self; 9] = [
        Self::Create,
        Self::Export,
        Self::Import,
        Self::Check,
        Self::Identity,
        Self::Activate,
        Self::Verify,
        Self::Deactivate,
        Self::Session,
    ];
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Export => "export",
            Self::Import => "import",
            Self::Check => "check",
            Self::Identity => "identity",
            Self::Activate => "activate",
            Self::Verify => "verify",
            Self::Deactivate => "deactivate",
            Self::Session => "session",
        })
    }
}

/// How far a move is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) did: Did,
    pub(crate) from: ServiceUrl,
    pub(crate) to: ServiceUrl,
    /// The handle on the new host.
    pub(crate) handle: Handle,
    /// The last step that is done.
    pub(crate) done: Option<Step>,
    /// What was copied.
    pub(crate) copied: Option<Copied>,
    /// The operation that moves the identity, as it was signed.
    pub(crate) operation: Option<Operation>,
    /// The commit of the old host when it was deactivated, where something was written there after the copy.
    pub(crate) late: Option<CidString>,
}

/// What was copied from the old host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Copied {
    pub(crate) commit: CidString,
    /// The root of the tree of records.
    pub(crate) data: CidString,
    pub(crate) records: u64,
    pub(crate) blobs: u64,
    /// The blobs that the old host does not have.
    pub(crate) missing: Vec<String>,
}

/// The file that says how far a move is, in a folder of the account's own.
#[derive(Debug)]
pub(crate) struct Progress {
    folder: PathBuf,
    pub(crate) state: State,
}

impl Progress {
    /// The folder of an account, in the one that its session is in.
    pub(crate) fn folder_of(did: &Did, beside: &Path) -> PathBuf {
        beside.join("accounts").join(did.as_str().replace(':', "-"))
    }

    /// The move that was begun.
    pub(crate) fn load(folder: &Path) -> Result<Option<Self>, Failure> {
        let path = file_in(folder);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::file(path.display())(error)),
        };
        let state = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
        remove_parts(folder)?;
        Ok(Some(Self { folder: folder.to_owned(), state }))
    }

    /// A move that begins.
    pub(crate) fn begin(folder: &Path, state: State) -> Result<Self, Failure> {
        private_folder(folder)?;
        remove_parts(folder)?;
        let progress = Self { folder: folder.to_owned(), state };
        // That of a move which was given up is of another host.
        match fs::remove_file(progress.new_session()) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Failure::file(progress.new_session().display())(error));
            }
            _ => {}
        }
        progress.save()?;
        Ok(progress)
    }

    /// Keeps what is known now; after this it survives the program.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let json =
            serde_json::to_string_pretty(&self.state).map_err(|error| Failure::File(error.to_string()))?;
        write(&self.file(), json.as_bytes())
    }

    pub(crate) fn has_done(&self, step: Step) -> bool {
        self.state.done >= Some(step)
    }

    pub(crate) fn file(&self) -> PathBuf {
        file_in(&self.folder)
    }

    /// The folder with the copy of the account.
    pub(crate) fn copy(&self) -> PathBuf {
        self.folder.join("copy")
    }

    /// The session on the new host, until it takes the place of the old one.
    pub(crate) fn new_session(&self) -> PathBuf {
        self.folder.join("new-session.json")
    }

    /// What the new host gives out.
    pub(super) fn moved_repo(&self) -> PathBuf {
        self.folder.join("moved.car")
    }
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("migration.json")
}
