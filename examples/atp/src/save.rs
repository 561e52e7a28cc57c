//! Files that are there whole, or not at all.

use crate::output::Failure;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// How the names end of what is not in its place yet, in folders of this program.
const PART: &str = ".part";

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

    /// A file in the place of another that only its owner reads, in a folder of which this program says what is in it: what a command
    /// that was ended has left beside it is in nobody's way.
    pub(crate) fn own(path: &Path) -> Result<Self, Failure> {
        let mut part = path.to_owned().into_os_string();
        part.push(format!(".{}{PART}", std::process::id()));
        let lock = PathBuf::from(part);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let out = BufWriter::new(options.open(&lock).map_err(Failure::file(lock.display()))?);
        Ok(Self { target: path.to_owned(), lock, out, replaces: true, is_placed: false })
    }

    /// What has been written, to be read again.
    pub(crate) fn read(&mut self) -> io::Result<File> {
        self.out.flush()?;
        File::open(&self.lock)
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

/// Writes a file of this program, whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = Staged::own(path)?;
    file.write_all(bytes).map_err(|error| file.failure(error))?;
    file.finish()
}

/// Makes a folder that only its owner reads, where there is none.
pub(crate) fn private_folder(path: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Failure::file(path.display()))
}

/// Removes what commands that were ended have left in a folder of this program.
pub(crate) fn remove_parts(folder: &Path) -> Result<(), Failure> {
    let parts = fs::read_dir(folder).map_err(Failure::file(folder.display()))?;
    for part in parts.flatten().map(|entry| entry.path()) {
        if part.to_str().is_some_and(|name| name.ends_with(PART)) {
            fs::remove_file(&part).map_err(Failure::file(part.display()))?;
        }
    }
    Ok(())
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
