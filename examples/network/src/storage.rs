//! What a server keeps, in memory or in one file: a database of `redb`, in which its repositories are, too.
//!
//! Every change is one transaction: a commit, the event that tells of it and what is known of its account are there together, or none
//! of them is.

use atproto_repo::store::{RedbStore, StoreError};
use atproto_xrpc::server::ServeError;
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase as _, ReadableTable, TableDefinition, TableError, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

/// Rows by a text. Where that has several parts, they are joined by `/`, which no DID and no CID has in it.
pub(crate) type Rows = TableDefinition<'static, &'static str, &'static [u8]>;

/// The frames of the firehose, by their numbers.
pub(crate) const EVENTS: TableDefinition<'static, u64, &'static [u8]> = TableDefinition::new("events");

/// Why something was not read, written or made: nothing that an asker is told.
#[derive(Debug)]
pub(crate) struct Failed(pub(crate) Box<dyn Error + Send + Sync>);

impl<E: Error + Send + Sync + 'static> From<E> for Failed {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl Failed {
    pub(crate) fn new(what: &'static str) -> Self {
        Self(what.into())
    }
}

impl<E> From<Failed> for ServeError<E> {
    fn from(failed: Failed) -> Self {
        Self::Internal(failed.0)
    }
}

/// Where a server keeps everything.
#[derive(Debug, Clone)]
pub struct Storage(RedbStore);

/// A change that is being made.
pub(crate) struct Change(WriteTransaction);

impl Storage {
    /// In memory: it is gone with the process.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn memory() -> Result<Self, StoreError> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new());
        let database = database.map_err(|error| StoreError::Database(error.into()))?;
        Ok(Self(RedbStore::with_database(Arc::new(database))))
    }

    /// In a file, which is made where there is none. One process at a time has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn file(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Ok(Self(RedbStore::open(path)?))
    }

    pub(crate) fn repos(&self) -> &RedbStore {
        &self.0
    }

    pub(crate) fn get(&self, table: Rows, key: &str) -> Result<Option<Vec<u8>>, Failed> {
        match self.0.database().begin_read()?.open_table(table) {
            Ok(rows) => get(&rows, key),
            Err(error) => absent(error, None),
        }
    }

    pub(crate) fn get_json<T: DeserializeOwned>(&self, table: Rows, key: &str) -> Result<Option<T>, Failed> {
        Ok(self.get(table, key)?.map(|row| serde_json::from_slice(&row)).transpose()?)
    }

    /// Rows whose keys begin with `prefix` and come after `after`, in their order, at most so many.
    pub(crate) fn scan(
        &self,
        table: Rows,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, Failed> {
        match self.0.database().begin_read()?.open_table(table) {
            Ok(rows) => scan(&rows, prefix, after, limit),
            Err(error) => absent(error, Vec::new()),
        }
    }

    /// The last events, oldest first.
    pub(crate) fn last_events(&self, count: usize) -> Result<Vec<(u64, Vec<u8>)>, Failed> {
        let transaction = self.0.database().begin_read()?;
        let events = match transaction.open_table(EVENTS) {
            Ok(events) => events,
            Err(error) => return absent(error, Vec::new()),
        };
        let last = events.iter()?.rev().take(count).map(|row| {
            let (seq, frame) = row?;
            Ok((seq.value(), frame.value().to_vec()))
        });
        let mut last = last.collect::<Result<Vec<_>, Failed>>()?;
        last.reverse();
        Ok(last)
    }

    pub(crate) fn begin(&self) -> Result<Change, Failed> {
        Ok(Change(self.0.begin()?))
    }
}

impl Change {
    pub(crate) fn transaction(&self) -> &WriteTransaction {
        &self.0
    }

    pub(crate) fn get(&self, table: Rows, key: &str) -> Result<Option<Vec<u8>>, Failed> {
        get(&self.0.open_table(table)?, key)
    }

    pub(crate) fn get_json<T: DeserializeOwned>(&self, table: Rows, key: &str) -> Result<Option<T>, Failed> {
        Ok(self.get(table, key)?.map(|row| serde_json::from_slice(&row)).transpose()?)
    }

    pub(crate) fn scan(&self, table: Rows, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Failed> {
        scan(&self.0.open_table(table)?, prefix, "", usize::MAX)
    }

    pub(crate) fn put(&self, table: Rows, key: &str, row: &[u8]) -> Result<(), Failed> {
        self.0.open_table(table)?.insert(key, row)?;
        Ok(())
    }

    pub(crate) fn put_json(&self, table: Rows, key: &str, row: &impl Serialize) -> Result<(), Failed> {
        self.put(table, key, &serde_json::to_vec(row)?)
    }

    pub(crate) fn remove(&self, table: Rows, key: &str) -> Result<(), Failed> {
        self.0.open_table(table)?.remove(key)?;
        Ok(())
    }

    /// Removes the rows whose keys begin with `prefix`.
    pub(crate) fn remove_all(&self, table: Rows, prefix: &str) -> Result<(), Failed> {
        for (key, _) in self.scan(table, prefix)? {
            self.remove(table, &key)?;
        }
        Ok(())
    }

    /// The key of the last row.
    pub(crate) fn last_key(&self, table: Rows) -> Result<Option<String>, Failed> {
        Ok(self.0.open_table(table)?.last()?.map(|(key, _)| key.value().to_owned()))
    }

    /// The number of the last event; 0 before the first one.
    pub(crate) fn last_event(&self) -> Result<u64, Failed> {
        Ok(self.0.open_table(EVENTS)?.last()?.map_or(0, |(seq, _)| seq.value()))
    }

    /// Adds an event, and forgets those before `first`.
    pub(crate) fn put_event(&self, seq: u64, frame: &[u8], first: u64) -> Result<(), Failed> {
        let mut events = self.0.open_table(EVENTS)?;
        events.insert(seq, frame)?;
        events.retain_in(..first, |_, _| false)?;
        Ok(())
    }

    /// Makes it: all of it, for good.
    pub(crate) fn commit(self) -> Result<(), Failed> {
        Ok(self.0.commit()?)
    }
}

/// What there is where nobody has written yet.
fn absent<T>(error: TableError, nothing: T) -> Result<T, Failed> {
    match error {
        TableError::TableDoesNotExist(_) => Ok(nothing),
        error => Err(error.into()),
    }
}

fn get(rows: &impl ReadableTable<&'static str, &'static [u8]>, key: &str) -> Result<Option<Vec<u8>>, Failed> {
    Ok(rows.get(key)?.map(|row| row.value().to_vec()))
}

fn scan(
    rows: &impl ReadableTable<&'static str, &'static [u8]>,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<(String, Vec<u8>)>, Failed> {
    let start = format!("{prefix}{after}");
    let mut found = Vec::new();
    for row in rows.range(start.as_str()..)? {
        let (key, row) = row?;
        if !key.value().starts_with(prefix) || found.len() >= limit {
            break;
        }
        if after.is_empty() || key.value() != start {
            found.push((key.value().to_owned(), row.value().to_vec()));
        }
    }
    Ok(found)
}
