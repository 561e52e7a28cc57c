mod diff;
mod export;
mod fetch;
mod import;
mod inspect;
mod list;
mod open;
mod proof;
mod signer;
mod target;
mod tree;
mod unpack;
mod verify;
mod write;

use crate::output::{Failure, Outcome, Output};
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show the header and the commit; nothing is verified but the blocks' hashes.
    Inspect {
        /// CAR file, or `-`.
        file: PathBuf,
    },
    /// Verify the commit, its signature, the whole tree, and that every record is there.
    Verify(verify::Verify),
    /// List the paths of the records with their CIDs. The signature is not looked at.
    Ls {
        /// CAR file, or `-`.
        file: PathBuf,
        /// Only paths that begin with this, such as `app.bsky.feed.post/`.
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Print a record as JSON, or that it is absent. The signature is not looked at.
    Get {
        /// CAR file, or `-`.
        file: PathBuf,
        /// COLLECTION/RECORD-KEY
        path: String,
    },
    /// Write every record as JSON to a file of its own. The signature is not looked at.
    Unpack {
        /// CAR file, or `-`.
        file: PathBuf,
        /// Folder, which is made; COLLECTION/RECORD-KEY.json inside. Only new files are written.
        #[arg(long, short)]
        output: PathBuf,
    },
    /// Show the nodes of the tree, from the root down, as far as they are there.
    Mst {
        /// CAR file, or `-`; its root is a commit, or the root of a tree.
        file: PathBuf,
    },
    /// Make a repository without records.
    Create(write::Create),
    /// Create or update a record. The repository is verified before.
    Put(write::Put),
    /// Delete a record. The repository is verified before.
    Delete(write::Delete),
    /// Write the repository of a file, or a part of it with its proof, in pre-order; or fetch that of an account, verified.
    ///
    /// The signature of a file's repository is not looked at. That of an account's is verified with the key of its DID document, and the
    /// file is there only where all is valid.
    Export(Box<export::Export>),
    /// Put a repository in the place of that of the account that has logged in, for which it is verified.
    ///
    /// The account must not be active, which is how it is created for a move. Its blobs and what it prefers are for `atp account import`.
    Import(import::Import),
    /// Say by which records two repositories or trees differ.
    #[command(mut_group("SignerArguments", |signer| signer.required(false)))]
    Diff(diff::Diff),
    /// Prove what is at a path: a record, or none. The signature is not looked at.
    Proof(proof::Proof),
    /// Verify what is at a path.
    CheckProof(proof::CheckProof),
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::Inspect { file } => open::with_archive(&file, inspect::Inspect { output }),
            Self::Verify(verify) => verify.run(output),
            Self::Ls { file, prefix } => open::with_archive(&file, list::List { prefix, output }),
            Self::Get { file, path } => open::with_archive(&file, list::Get { path, output }),
            Self::Unpack { file, output: folder } => {
                open::with_archive(&file, unpack::Unpack { folder, output })
            }
            Self::Mst { file } => open::with_archive(&file, tree::Tree { output }),
            Self::Create(create) => create.run(output),
            Self::Put(put) => put.run(output),
            Self::Delete(delete) => delete.run(output),
            Self::Export(export) => export.run(output),
            Self::Import(import) => import.run(output),
            Self::Diff(diff) => diff.run(output),
            Self::Proof(proof) => proof.run(output),
            Self::CheckProof(check) => check.run(output),
        }
    }
}
