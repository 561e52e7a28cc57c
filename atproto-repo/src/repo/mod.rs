//! A signed repository: its commit, and the records in its tree (<https://atproto.com/specs/repository>).

mod commit;
mod error;
mod export;
mod open;
#[cfg(feature = "rayon")]
mod parallel;
mod record;
pub mod stream;
mod walk;
mod write;

pub use commit::{Commit, CommitReason};
pub use error::{Error, Invalid, Missing, PathReason};
pub use export::{ExportError, ProofError, verify_proof};
pub use open::{Repo, Summary, UnsignedRepo};
pub use record::{Record, RecordError};
pub(crate) use walk::Paths;
pub use walk::{Entry, OwnedEntry, RecordWalk, Records};
pub use write::{MAX_WRITES, RecordChange, SignedCommit, UnsignedCommit, Write, WriteError};
