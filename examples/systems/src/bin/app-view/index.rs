//! The records in a database.

use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Cid, cbor};
use atproto_lexicon::syntax::{Did, Tid};
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_repo::sync::{Head, Reconcile};
use atproto_xrpc::api::app::bsky::feed::post::ReplyRef;
use atproto_xrpc::api::app::bsky::feed::{Like, Repost};
use atproto_xrpc::api::app::bsky::graph::Follow;
use atproto_xrpc::api::com::atproto::sync::list_repos::Repo as Listed;
use atproto_xrpc::stream::firehose::{AccountError, AccountState, AccountStore, Ignored, Report, Verdict};
use atproto_xrpc::stream::{CursorError, CursorStore};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::cell::Cell;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use systems::follow::where_is;
use systems::keep::micros;
use systems::{Done, Stop};

/// An account that `is_due` has to be fetched, where it is 2 once more; `hosted` is when its host last said whether it is there, `listed`
/// where its repository was then; `missed` is how often accounts may have changed unseen; a link is
/// from a record to the record or account that it is about.
const TABLES: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA cache_size = -65536;
    PRAGMA wal_autocheckpoint = 65536;
    CREATE TABLE IF NOT EXISTS accounts (
        id INTEGER PRIMARY KEY, did TEXT NOT NULL UNIQUE, rev TEXT, data BLOB, is_due INTEGER NOT NULL DEFAULT 1,
        is_active INTEGER NOT NULL DEFAULT 1, status TEXT, records INTEGER NOT NULL DEFAULT 0,
        hosted INTEGER NOT NULL, listed TEXT, deletions INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX IF NOT EXISTS due ON accounts (id) WHERE is_due AND is_active;
    CREATE TABLE IF NOT EXISTS records (
        account INTEGER NOT NULL, path TEXT NOT NULL, cid BLOB NOT NULL, value BLOB NOT NULL, seen INTEGER NOT NULL,
        PRIMARY KEY (account, path)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS links (
        target TEXT NOT NULL, path TEXT NOT NULL, account INTEGER NOT NULL, PRIMARY KEY (target, path, account)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS place (
        host TEXT PRIMARY KEY, cursor INTEGER NOT NULL, missed INTEGER NOT NULL DEFAULT 1
    ) WITHOUT ROWID;";

/// The database. Its clones are the same one.
#[derive(Clone)]
pub(super) struct Index(Arc<Connections>);

struct Connections {
    /// Whose events it follows.
    host: String,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    /// For what is to be fetched: it does not wait for questions.
    looker: Mutex<Connection>,
    tidier: Mutex<Connection>,
    last_due: AtomicI64,
}

impl Index {
    /// In a file, which is made where there is none.
    pub(super) fn open(path: &Path, host: &str) -> Done<Self> {
        let open = || {
            let writer = Connection::open(path)?;
            writer.execute_batch(TABLES)?;
            let other = || Connection::open(path).map(Mutex::new);
            Ok(Connections {
                host: host.to_owned(),
                writer: Mutex::new(writer),
                reader: other()?,
                looker: other()?,
                tidier: other()?,
                last_due: AtomicI64::new(0),
            })
        };
        let fail = |error: rusqlite::Error| Stop::new(format!("{}: {error}", path.display()));
        Ok(Self(Arc::new(open().map_err(fail)?)))
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        lock(&self.0.writer)
    }

    /// For questions.
    pub(super) fn reader(&self) -> MutexGuard<'_, Connection> {
        lock(&self.0.reader)
    }

    /// Brings what was written to its place in the file. Nobody waits for that, as they would if it were left to who writes.
    pub(super) fn tidy(&self) -> Done {
        Ok(lock(&self.0.tidier).query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }

    /// How often accounts may have changed unseen, since it is known where to go on in the stream.
    pub(super) fn missed(&self) -> Done<i64> {
        let missed = "SELECT missed FROM place WHERE host = ?";
        let missed =
            self.writer().prepare_cached(missed)?.query_row([&self.0.host], |row| row.get(0)).optional()?;
        Ok(missed.unwrap_or_default())
    }

    /// Counts one time more; or, negative, so many times less, since all accounts were looked at.
    pub(super) fn add_missed(&self, times: i64) -> Done {
        let add = "UPDATE place SET missed = missed + ? WHERE host = ?";
        self.writer().execute(add, params![times, self.0.host])?;
        Ok(())
    }

    /// Takes note of accounts that were asked for at a time in microseconds, to be fetched where they are not known; and where they may have
    /// changed unseen, of whether they are as they are known. What the stream has said since is newer.
    pub(super) fn note(&self, repos: &[Listed], has_missed: bool, asked: u64) -> Done {
        let note = "INSERT INTO accounts (did, is_active, status, hosted) VALUES (?1, ?4, ?5, ?6) \
            ON CONFLICT DO UPDATE SET is_due = max(is_due, rev IS NOT ?3 OR (?4 AND NOT is_active)), \
            is_active = iif(hosted > ?6, is_active, ?4), status = iif(hosted > ?6, status, ?5), \
            hosted = max(hosted, ?6), listed = ?3 WHERE ?2 OR NOT is_active";
        let mut connection = self.writer();
        let transaction = connection.transaction()?;
        for Listed { did, rev, active, status, .. } in repos {
            let (rev, status) = (rev.to_string(), status.as_ref().map(|status| -> &str { status.as_ref() }));
            let values = params![did.as_str(), has_missed, rev, active.unwrap_or(true), status, asked];
            transaction.prepare_cached(note)?.execute(values)?;
        }
        Ok(transaction.commit()?)
    }

    /// Takes note that accounts which the host did not name from a time in microseconds on, when it named all, are not there any more.
    pub(super) fn leave_out(&self, start: u64) -> Done {
        let gone =
            "UPDATE accounts SET is_active = 0, status = NULL, is_due = 1 WHERE is_active AND hosted < ?";
        self.writer().execute(gone, [start])?;
        Ok(())
    }

    /// How often an account was deleted.
    pub(super) fn deletions(&self, did: &Did) -> Done<i64> {
        let deletions = "SELECT deletions FROM accounts WHERE did = ?";
        let deletions =
            lock(&self.0.looker).query_row(deletions, [did.as_str()], |row| row.get(0)).optional()?;
        Ok(deletions.unwrap_or_default())
    }

    /// The account after the last one said that is to be fetched; `None` at the end, from where it begins again.
    pub(super) fn next_due(&self) -> Done<Option<Did>> {
        let next = "SELECT id, did FROM accounts WHERE is_due AND is_active AND id > ? ORDER BY id LIMIT 1";
        let last = self.0.last_due.load(Ordering::Relaxed);
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get::<_, String>(1)?));
        let due = lock(&self.0.looker).prepare_cached(next)?.query_row([last], read).optional()?;
        self.0.last_due.store(due.as_ref().map_or(0, |(id, _)| *id), Ordering::Relaxed);
        Ok(due.map(|(_, did)| did.parse()).transpose()?)
    }

    /// Keeps the records of a repository, once all of it is verified, in place of those of its account, unless these are newer or the
    /// account was deleted since. Where it is, and how many records break the data model, which are not kept.
    pub(super) fn replace(
        &self,
        did: &Did,
        key: &PublicKey,
        bytes: &[u8],
        deletions: i64,
    ) -> Done<(Head, usize)> {
        let car = Car::parse(bytes)?;
        let repo = Repo::verify(&car, did, key)?;
        let head = where_is(&repo)?;
        let mut broken = HashSet::new();
        repo.check_records(|path, _| broken.extend([path.to_owned()]))?;
        let mut connection = self.writer();
        let writes = Writes::begin(&mut connection, did)?;
        if writes.rev()?.is_some_and(|known| known > head.rev) {
            return Err(Stop::new("its host has an older repository than what is known"));
        } else if writes.deletions()? != deletions {
            return Err(Stop::new("it was deleted meanwhile"));
        }
        let mut stored = Vec::new();
        let mut known =
            writes.transaction.prepare("SELECT path, cid FROM records WHERE account = ? ORDER BY path")?;
        let mut rows = known.query([writes.account])?;
        while let Some(row) = rows.next()? {
            stored.push((row.get(0)?, Cid::from_bytes(row.get_ref(1)?.as_blob()?)?));
        }
        drop(rows);
        drop(known);
        let mut changes = Reconcile::new(stored.into_iter(), repo.walk());
        while let Some(change) = changes.next()? {
            if change.prev.is_some() {
                writes.remove(&change.path)?;
            }
            if let Some(cid) = change.cid.filter(|_| !broken.contains(&change.path))
                && let Some(record) = car.get(&cid)
            {
                writes.put(&change.path, &cid, record)?;
            }
        }
        writes.go_to(&head)?;
        writes.commit()?;
        Ok((head, broken.len()))
    }

    /// Keeps what an event comes to, all of it or nothing: the records, and where the account is now. How many records break the data
    /// model.
    pub(super) fn take(&self, report: &Report) -> Done<usize> {
        if let Verdict::Invalid(_) | Verdict::Ignored(Ignored::NoIdentity(_) | Ignored::Incapable(_)) =
            &report.verdict
        {
            // Whoever is named there need not exist.
            return Ok(0);
        }
        let mut connection = self.writer();
        let writes = Writes::begin(&mut connection, &report.did)?;
        let mut broken = 0_usize;
        if let Verdict::Commit(commit) = &report.verdict {
            if writes.rev()?.is_some_and(|known| known >= commit.head.rev) {
                // A repository was fetched that is as new.
                return Ok(0);
            }
            for op in &commit.ops {
                writes.remove(&op.path)?;
                match (&op.cid, &op.record) {
                    (Some(cid), Some(record)) if cbor::validate_record(record).is_ok() => {
                        writes.put(&op.path, cid, record)?;
                    }
                    (Some(_), _) => broken = broken.saturating_add(1),
                    _ => {}
                }
            }
        }
        if let Verdict::Incomplete(_) = &report.verdict {
            // A fetch that has begun may have been too early.
            writes.transaction.execute("UPDATE accounts SET is_due = 2 WHERE id = ?", [writes.account])?;
        }
        if let Some(state) = &report.state {
            // What comes of fetching has no number; with the last event that has waited for it, it is done.
            let is_fetched = report.seq.is_none() && !state.is_desynchronized;
            writes.state(state, is_fetched, matches!(report.verdict, Verdict::Account { .. }))?;
        }
        writes.commit()?;
        Ok(broken)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes that are about one account.
struct Writes<'c> {
    transaction: rusqlite::Transaction<'c>,
    account: i64,
    /// How many records are more.
    records: Cell<i64>,
}

impl<'c> Writes<'c> {
    fn begin(connection: &'c mut Connection, did: &Did) -> Done<Self> {
        let transaction = connection.transaction()?;
        let id = "INSERT INTO accounts (did, hosted) VALUES (?, ?) ON CONFLICT DO UPDATE SET did = did RETURNING id";
        let account =
            transaction.prepare_cached(id)?.query_row(params![did.as_str(), micros()], |row| row.get(0))?;
        Ok(Self { transaction, account, records: Cell::new(0) })
    }

    fn commit(self) -> Done {
        let count = "UPDATE accounts SET records = records + ? WHERE id = ?";
        self.transaction.prepare_cached(count)?.execute([self.records.get(), self.account])?;
        Ok(self.transaction.commit()?)
    }

    fn put(&self, path: &str, cid: &Cid, record: &[u8]) -> Done {
        let values = params![self.account, path, cid.as_bytes(), record, micros()];
        self.transaction.prepare_cached("INSERT INTO records VALUES (?, ?, ?, ?, ?)")?.execute(values)?;
        self.records.update(|records| records.saturating_add(1));
        if let Some(target) = target(path, record) {
            let link = "INSERT INTO links VALUES (?, ?, ?)";
            self.transaction.prepare_cached(link)?.execute(params![target, path, self.account])?;
        }
        Ok(())
    }

    fn remove(&self, path: &str) -> Done {
        let gone = "DELETE FROM records WHERE account = ? AND path = ? RETURNING value";
        let mut gone = self.transaction.prepare_cached(gone)?;
        let record: Option<Vec<u8>> =
            gone.query_row(params![self.account, path], |row| row.get(0)).optional()?;
        let Some(record) = record else { return Ok(()) };
        self.records.update(|records| records.saturating_sub(1));
        if let Some(target) = target(path, &record) {
            let link = "DELETE FROM links WHERE target = ? AND path = ? AND account = ?";
            self.transaction.prepare_cached(link)?.execute(params![target, path, self.account])?;
        }
        Ok(())
    }

    /// Where the account is known to be.
    fn rev(&self) -> Done<Option<Tid>> {
        let rev = "SELECT rev FROM accounts WHERE id = ?";
        let rev: Option<String> =
            self.transaction.prepare_cached(rev)?.query_row([self.account], |row| row.get(0))?;
        Ok(rev.map(|rev| rev.parse()).transpose()?)
    }

    fn deletions(&self) -> Done<i64> {
        let deletions = "SELECT deletions FROM accounts WHERE id = ?";
        Ok(self.transaction.prepare_cached(deletions)?.query_row([self.account], |row| row.get(0))?)
    }

    fn go_to(&self, head: &Head) -> Done {
        let update = "UPDATE accounts SET rev = ?, data = ? WHERE id = ?";
        let values = params![head.rev.to_string(), head.data.as_bytes(), self.account];
        self.transaction.prepare_cached(update)?.execute(values)?;
        Ok(())
    }

    /// Of an account that its host has deleted nothing is left, whatever is being fetched. One that is active again is fetched: what it did
    /// meanwhile was not looked at. So is one that was listed, while it was fetched, as further on.
    fn state(&self, state: &AccountState, is_fetched: bool, is_hosting: bool) -> Done {
        let is_deleted = is_hosting && !state.is_active && state.status.as_deref() == Some("deleted");
        if is_deleted {
            let mut paths = self.transaction.prepare("SELECT path FROM records WHERE account = ?")?;
            let paths = paths.query_map([self.account], |row| row.get(0))?;
            paths.collect::<Result<Vec<String>, _>>()?.iter().try_for_each(|path| self.remove(path))?;
            let count = "UPDATE accounts SET deletions = deletions + 1, is_due = 2 WHERE id = ?";
            self.transaction.prepare_cached(count)?.execute([self.account])?;
        }
        if is_hosting {
            let hosting = "UPDATE accounts SET is_due = max(is_due, ?1 AND NOT is_active), is_active = ?1, status = ?2, \
                hosted = ?3 WHERE id = ?4";
            let values = params![state.is_active, state.status, micros(), self.account];
            self.transaction.prepare_cached(hosting)?.execute(values)?;
        }
        let head = state.head.filter(|_| !is_deleted);
        let (rev, data) =
            (head.map(|head| head.rev.to_string()), head.map(|head| head.data.as_bytes().to_vec()));
        let update = "UPDATE accounts SET rev = ?1, data = ?2, \
            is_due = max(?3, iif(?4, max(is_due - 1, coalesce(listed > ?1, 0)), is_due)), \
            listed = iif(?4, NULL, listed) WHERE id = ?5";
        let values = params![rev, data, state.is_desynchronized, is_fetched, self.account];
        self.transaction.prepare_cached(update)?.execute(values)?;
        Ok(())
    }
}

/// What counts of a post here.
#[derive(serde::Deserialize)]
struct Reply {
    reply: Option<ReplyRef>,
}

/// What a record of Bluesky's is about.
fn target(path: &str, record: &[u8]) -> Option<String> {
    let (collection, _) = path.split_once('/')?;
    Some(match collection {
        "app.bsky.feed.like" => cbor::from_record::<Like>(record).ok()?.subject.uri.to_string(),
        "app.bsky.feed.repost" => cbor::from_record::<Repost>(record).ok()?.subject.uri.to_string(),
        "app.bsky.feed.post" => cbor::from_record::<Reply>(record).ok()?.reply?.parent.uri.to_string(),
        "app.bsky.graph.follow" => cbor::from_record::<Follow>(record).ok()?.subject.to_string(),
        _ => return None,
    })
}

/// An account that was not seen before has to be fetched.
impl AccountStore for Index {
    async fn load(&self, did: &Did) -> Result<Option<AccountState>, AccountError> {
        let load = || -> Done<AccountState> {
            let connection = self.writer();
            let known = "SELECT rev, data, is_due, is_active, status FROM accounts WHERE did = ?";
            let mut known = connection.prepare_cached(known)?;
            let mut rows = known.query([did.as_str()])?;
            let Some(row) = rows.next()? else {
                return Ok(AccountState {
                    head: None,
                    is_desynchronized: true,
                    is_active: true,
                    status: None,
                });
            };
            let (rev, data): (Option<String>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?);
            let head = match rev.zip(data) {
                Some((rev, data)) => Some(Head { rev: rev.parse()?, data: Cid::from_bytes(&data)? }),
                None => None,
            };
            Ok(AccountState {
                head,
                is_desynchronized: row.get(2)?,
                is_active: row.get(3)?,
                status: row.get(4)?,
            })
        };
        load().map(Some).map_err(|stop| AccountError::new(std::io::Error::other(stop.to_string())))
    }

    /// [`Index::take`] has done that.
    async fn save(&self, _: &Did, _: &AccountState) -> Result<(), AccountError> {
        Ok(())
    }
}

/// Where there is no place yet, it is now.
impl CursorStore for Index {
    async fn load(&mut self) -> Result<Option<u64>, CursorError> {
        let place = "SELECT cursor FROM place WHERE host = ?";
        let place = self.writer().query_row(place, [&self.0.host], |row| row.get(0)).optional();
        place.map_err(CursorError::new)
    }

    async fn save(&mut self, cursor: u64) -> Result<(), CursorError> {
        let save = "INSERT INTO place (host, cursor) VALUES (?, ?) ON CONFLICT DO UPDATE SET cursor = excluded.cursor";
        let saved = self.writer().execute(save, params![self.0.host, cursor]);
        saved.map(drop).map_err(CursorError::new)
    }
}
