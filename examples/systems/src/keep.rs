//! What a program has done, kept in a file.

use crate::{Done, Stop};
use atproto_lexicon::syntax::{Datetime, RecordKey, Tid, TidSource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// A value in a file of JSON. A new one takes the place of the old one at once: whenever the program dies, the file holds one or the
/// other.
#[derive(Debug)]
pub struct Kept<T> {
    path: PathBuf,
    /// The value; [`save`](Self::save) keeps it.
    pub value: T,
}

impl<T: Serialize + DeserializeOwned + Default> Kept<T> {
    /// As it was left; the default where there is no file.
    ///
    /// # Errors
    /// Where the file cannot be read, or is another one.
    pub fn open(path: impl Into<PathBuf>) -> Done<Self> {
        let path = path.into();
        let fail = |error: &dyn std::fmt::Display| Stop::new(format!("{}: {error}", path.display()));
        let value = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| fail(&error))?,
            Err(error) if error.kind() == ErrorKind::NotFound => T::default(),
            Err(error) => return Err(fail(&error)),
        };
        Ok(Self { path, value })
    }

    /// Keeps the value as it is now.
    ///
    /// # Errors
    /// Where the file cannot be written; it is as it was then.
    pub fn save(&self) -> Done {
        replace(&self.path, &serde_json::to_vec_pretty(&self.value)?)
    }
}

/// Puts a file in the place of another one, or of none.
///
/// # Errors
/// Where it cannot be written; the other one is as it was then.
pub fn replace(path: &Path, bytes: &[u8]) -> Done {
    write(path, bytes, 0o666)
}

/// [`replace`], for what only the owner of the file may read.
///
/// # Errors
/// As of [`replace`].
pub fn replace_secret(path: &Path, bytes: &[u8]) -> Done {
    write(path, bytes, 0o600)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Done {
    let write = || {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = path.with_file_name(name);
        drop(fs::remove_file(&new));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        let mut file = options.open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(new, path)
    };
    write().map_err(|error| Stop::new(format!("{}: {error}", path.display())))
}

/// Microseconds since 1970.
pub fn micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// Now.
///
/// # Errors
/// After the year 9999.
pub fn now() -> Done<Datetime> {
    let now = i64::try_from(micros()).ok().and_then(Datetime::from_unix_micros);
    now.ok_or_else(|| Stop::new("the clock is beyond the year 9999"))
}

/// The key of a record that is to be written. It is kept before that is tried: then trying again makes no second record.
///
/// # Errors
/// Where the clock is beyond the last identifier.
pub fn new_key(source: &TidSource) -> Done<RecordKey> {
    Ok(source.next(micros()).ok_or_else(|| Stop::new("the clock is beyond the last identifier"))?.into())
}

/// The key of a record that is about something of a name and a moment, the same each time: so the record is not written twice, whatever
/// was forgotten. Among those of one moment it has a number that follows from the name.
///
/// # Errors
/// Where the moment, in microseconds since 1970, is beyond the last identifier.
pub fn key_of(name: &str, micros: u64) -> Done<RecordKey> {
    let hash = Sha256::digest(name.as_bytes());
    let number = hash.iter().take(2).fold(0_u16, |number, byte| number << 8 | u16::from(*byte)) & 1023;
    let key = Tid::from_parts(micros, number);
    Ok(key.ok_or_else(|| Stop::new(format!("{name}: no record can have its time")))?.into())
}
