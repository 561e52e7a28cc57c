use super::{Catalog, Document, DocumentError, Duplicate};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file could not be taken into a catalog.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct FileError {
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub fault: FileFault,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no Lexicon document.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Another file has the same NSID.
    #[error(transparent)]
    Duplicate(#[from] Duplicate),
}

impl Catalog {
    /// Reads a file, or all files of a folder whose names end in `.json`, at any depth.
    ///
    /// # Errors
    /// [`FileError`] for the first file in the order of their paths which cannot be read, is no document, or has an NSID that
    /// is there already.
    pub fn read_path(&mut self, path: &Path) -> Result<(), FileError> {
        for file in Self::files(path)? {
            let document = Document::read_file(&file)?;
            self.insert(document).map_err(|fault| FileError { path: file, fault: fault.into() })?;
        }
        Ok(())
    }

    /// The files that [`read_path`](Self::read_path) reads, in order.
    ///
    /// # Errors
    /// [`FileError`] for a folder that cannot be read.
    pub fn files(path: &Path) -> Result<Vec<PathBuf>, FileError> {
        if !path.is_dir() {
            return Ok(vec![path.to_owned()]);
        }
        let mut files = Vec::new();
        let mut folders = vec![path.to_owned()];
        while let Some(folder) = folders.pop() {
            let at = |fault: io::Error| FileError { path: folder.clone(), fault: fault.into() };
            for entry in fs::read_dir(&folder).map_err(at)? {
                let entry = entry.map_err(at)?;
                let path = entry.path();
                // A link to a folder is not followed, so that a circle of them ends.
                if entry.file_type().map_err(at)?.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "json") && !path.is_dir() {
                    files.push(path);
                }
            }
        }
        files.sort();
        Ok(files)
    }
}

impl Document {
    /// Reads a file.
    ///
    /// # Errors
    /// [`FileError`] where it cannot be read or is no document.
    pub fn read_file(path: &Path) -> Result<Self, FileError> {
        let error = |fault| FileError { path: path.to_owned(), fault };
        let bytes = fs::read(path).map_err(|fault| error(fault.into()))?;
        Self::from_json(&bytes).map_err(|fault| error(fault.into()))
    }
}
