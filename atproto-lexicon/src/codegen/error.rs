use crate::schema::{FileError, Reference};
use crate::syntax::Nsid;
use std::io;
use std::path::PathBuf;

/// Why no code was generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodegenError {
    /// A document could not be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A root is neither a document, nor a definition in one, nor the beginning of a document's NSID.
    #[error("the root {0:?} is not there")]
    Root(String),
    /// A definition refers to one that is not there and lies under no external path.
    #[error("{from} refers to {to}, which is not there")]
    Missing {
        /// The definition that holds the reference.
        from: Reference,
        /// What it refers to.
        to: Reference,
    },
    /// A reference leads to a definition that cannot stand there: in a union to no record or object, elsewhere to no type of data.
    #[error("{from} refers to {to}, which is a {kind}")]
    Kind {
        /// The definition that holds the reference.
        from: Reference,
        /// What it refers to.
        to: Reference,
        /// The kind of it.
        kind: &'static str,
    },
    /// No finite value can be of the type: it requires itself, or its closed unions do.
    #[error("no value can be a {0}: what it requires leads to one of its own kind within it")]
    Endless(Reference),
    /// Arrays that hold only one another have no Rust type.
    #[error("{0} is an array of nothing but itself")]
    EndlessArray(Reference),
    /// Two documents would be one module.
    #[error("{first} and {second} differ only in case or punctuation, so that they would be one module")]
    SameModule {
        /// The first of them.
        first: Nsid,
        /// The other one.
        second: Nsid,
    },
    /// Two definitions of a document differ only in case.
    #[error("{first} and {second} differ only in case")]
    SameName {
        /// The first of them.
        first: Reference,
        /// The other one.
        second: Reference,
    },
    /// The code could not be written.
    #[error("{}: {error}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Not called from a build script.
    #[error("OUT_DIR is not set: this is for build scripts")]
    OutDir,
}
