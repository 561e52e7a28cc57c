//! Files that are there whole, or not at all.

use crate::output::Failure;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that takes its place when all of it is written. Until then it lies beside it, its name with `.lock` at the end: of two
/// commands that would write the same file, the second is refused.
pub(crate) struct Staged {
    target: PathBuf,
    lock: PathBuf,
    out: BufWriter<File>,
    replaces: bool,
    is_placed: bool,
}

impl Staged {
    /// A file in the place of another, if there is one; without `replaces` only a new one.
    pub(crate) fn new(path: &Path, replaces: bool) -> Result<Self, Failure> {
        // What a link points to is replaced, not the link.
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut lock = target.clone().into_os_string();
        lock.push(".lock");
        let lock = PathBuf::from(lock);
        let file = File::create_new(&lock).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Failure::File(format!(
                "{} exists: another command is writing, or one was ended; then remove it",
                lock.display()
            )),
            _ => Failure::file(lock.display())(error),
        })?;
        let staged = Self { target, lock, out: BufWriter::new(file), replaces, is_placed: false };
        match fs::metadata(&staged.target) {
            Ok(_) if !replaces => {
                Err(staged.failure(io::Error::new(io::ErrorKind::AlreadyExists, "file exists")))
            }
            Ok(metadata) => staged
                .out
                .get_ref()
                .set_permissions(metadata.permissions())
                .map_err(|error| staged.failure(error))
                .map(|()| staged),
            Err(_) => Ok(staged),
        }
    }

    /// Puts it in its place, for good.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.place().map_err(|error| self.failure(error))
    }

    fn place(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()?;
        if !self.replaces {
            // A name that somebody has taken meanwhile is not taken from them.
            File::create_new(&self.target)?;
        }
        if let Err(error) = fs::rename(&self.lock, &self.target) {
            if !self.replaces {
                fs::remove_file(&self.target).unwrap_or_default();
            }
            return Err(error);
        }
        self.is_placed = true;
        #[cfg(unix)]
        if let Some(folder) = self.target.parent().filter(|folder| *folder != Path::new("")) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Why it cannot be written.
    pub(crate) fn failure(&self, error: io::Error) -> Failure {
        Failure::file(self.target.display())(error)
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Once it is in its place, the name may be another command's.
        if !self.is_placed {
            fs::remove_file(&self.lock).unwrap_or_default();
        }
    }
}
