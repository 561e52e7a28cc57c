use super::store::{SessionData, SessionStore};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// The most bytes of a session's file.
const MAX_FILE: u64 = 64 * 1024;

/// Keeps a session in a file of JSON that only its owner reads (mode 0600 on Unix). A new session takes the place of the old one at
/// once: whenever the program dies, the file holds one or the other.
///
/// The file is read and written while the future is polled, which takes as long as the disk does.
#[derive(Debug, Clone)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// Keeps the session at a path, whose folder must be there. One program at a time uses it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn read(&self) -> io::Result<Option<SessionData>> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if file.metadata()?.len() > MAX_FILE {
            return Err(io::Error::new(ErrorKind::InvalidData, "too large for a session"));
        }
        // What is wrong in the file is not shown: that may be a token.
        let bad = |_| io::Error::new(ErrorKind::InvalidData, "no session");
        serde_json::from_reader(io::BufReader::new(file)).map(Some).map_err(bad)
    }

    fn write(&self, session: &SessionData) -> io::Result<()> {
        let json = serde_json::to_vec(session)?;
        let new = beside(&self.path);
        // A file that was left there may be open to others.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = create_private(&new)?;
        file.write_all(&json)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        sync_folder(&self.path)
    }
}

impl SessionStore for FileStore {
    type Error = io::Error;

    async fn load(&self) -> io::Result<Option<SessionData>> {
        self.read()
    }

    async fn save(&self, session: &SessionData) -> io::Result<()> {
        self.write(session)
    }

    async fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The new name of a file survives a crash of the machine once its folder is written.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    let _ = path;
    Ok(())
}
