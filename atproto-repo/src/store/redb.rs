use super::{Archive, Blocks, CommitError, Store, WriteSet};
use crate::mst::Walk;
use crate::repo::{self, Repo};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use redb::{Database, ReadableDatabase as _, ReadableTable, TableDefinition, TableError, WriteTransaction};
use std::error;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

type CidBytes = &'static [u8; Cid::LEN];
/// Each block by its CID, and how often it is linked.
type Links = (u64, &'static [u8]);

/// The commit that each repository is at, by its DID.
const ROOTS: TableDefinition<'_, &str, CidBytes> = TableDefinition::new("roots");

/// The name of the table of a repository's blocks.
fn blocks_of(did: &Did) -> String {
    format!("blocks:{did}")
}

/// Repositories in one file, a database of `redb`, each by its DID. Blocks are stored and counted for each repository on its
/// own, so that one is removed without looking at the others.
///
/// One process at a time has the file open. In it a `RedbStore` is cloned freely; one writes at a time, and nobody who reads
/// waits for that.
///
/// A commit is on the disk when it returns: it is written in two phases with the state that recovery needs. After a crash the file
/// is at a commit again, the last one that returned or the one that was under way, and opening it does not read all of it.
///
/// ```no_run
/// use atproto_repo::{repo::Repo, store::{RedbStore, Store as _}};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse()?;
/// # let key = "did:key:zDnaeomi6TLanz7WdashnRidAi4daTPAFxrwFNKg3D9FDbvJM".parse()?;
/// # let secret = atproto_crypto::SecretKey::from_hex(atproto_crypto::Curve::K256, &"2b".repeat(32))?;
/// # let (writes, rev) = (Vec::new(), "3jzfcijpj2z2a".parse()?);
/// let store = RedbStore::open("repositories.redb")?;
/// let mut blocks = store.repo(&did)?;                  // a snapshot
/// let repo = Repo::verify(&blocks, &did, &key)?;
/// let commit = repo.write(&writes, None, rev)?.sign(&secret);
/// blocks.commit(&commit.write_set())?;                 // durable, and a new snapshot
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct RedbStore {
    database: Arc<Database>,
}

/// Why a database did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another has the file open.
    #[error("database is open elsewhere")]
    InUse,
    /// It could not be opened, read or written. Nothing was changed.
    #[error("database: {0}")]
    Database(#[source] Box<dyn error::Error + Send + Sync>),
    /// Writing failed at its end: all of it is there, or nothing. Only opening the file anew tells.
    #[error("database, where the last change may be written or not: {0}")]
    Uncertain(#[source] Box<dyn error::Error + Send + Sync>),
    /// The file holds what this store never writes.
    #[error("database holds {0}")]
    Corrupt(&'static str),
}

impl StoreError {
    fn of(error: impl Into<redb::Error>) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            error => Self::Database(Box::new(error)),
        }
    }

    fn of_commit(error: redb::CommitError) -> Self {
        match error {
            redb::CommitError::TransactionPoisoned => Self::of(error),
            error => Self::Uncertain(Box::new(error)),
        }
    }
}

impl From<StoreError> for CommitError<StoreError> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a repository was not imported; `E` is the error of the blocks that it was to come from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError<E> {
    /// The store is at another commit than the one that was to be replaced.
    #[error("store is not at the commit before")]
    Conflict,
    /// The repository is invalid, incomplete, or could not be read.
    #[error(transparent)]
    Repo(#[from] repo::Error<E>),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a database beside its place, and puts it there when it is one: whoever is killed meanwhile leaves no file that is none, and
/// of two that do the same the first one wins.
fn create(path: &Path) -> Result<(), StoreError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.new", std::process::id(), now.as_nanos()));
    let beside = path.with_file_name(name);
    let database = Database::create(&beside).map_err(StoreError::of)?;
    drop(database);
    match fs::hard_link(&beside, path) {
        // Where a file has one name only.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => fs::rename(&beside, path),
        _ => fs::remove_file(&beside),
    }
    .map_err(StoreError::of)
}

impl RedbStore {
    /// Opens a file, which is made where there is none. Where it was not closed, it is recovered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path.as_ref(), false)
    }

    /// [`open`](Self::open) that also reads all of the file and compares its checksums. It is for a file that may have been changed
    /// by others or have rotted, of which `redb` without that believes how it is built; blocks are hashed in any case.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_checked(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path.as_ref(), true)
    }

    fn open_with(path: &Path, is_checked: bool) -> Result<Self, StoreError> {
        if !path.try_exists().map_err(StoreError::of)? {
            create(path)?;
        }
        let mut builder = Database::builder();
        builder.set_check_integrity_on_open(is_checked);
        let database = builder.create(path).map_err(StoreError::of)?;
        // A new file is there for good once its folder says so.
        #[cfg(unix)]
        if let Some(folder) = path.canonicalize().map_err(StoreError::of)?.parent() {
            std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::of)?;
        }
        Ok(Self { database: Arc::new(database) })
    }

    /// Repositories in a database that holds other things of the program's as well. Their tables are `roots` and, for each account,
    /// `blocks:` with its DID.
    pub fn with_database(database: Arc<Database>) -> Self {
        Self { database }
    }

    /// The database.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// Begins a transaction that is as durable as a [`commit`](Store::commit), to change repositories and other tables at once:
    /// a commit and the event that tells of it, for one. Others who write wait until it ends.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.database.begin_write().map_err(StoreError::of)?;
        // Strangers choose what is in records. With one phase, all that tells a torn commit from a whole one is a checksum which
        // is not made to withstand them.
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(true);
        Ok(transaction)
    }

    /// Goes from one commit of a repository to the next, when the transaction is committed. What counts is the commit that the
    /// transaction sees, not one of a snapshot.
    ///
    /// # Errors
    /// [`CommitError`]; the transaction has to be aborted then.
    pub fn commit_in(
        transaction: &WriteTransaction,
        did: &Did,
        writes: &WriteSet,
    ) -> Result<(), CommitError<StoreError>> {
        if put_root(transaction, did, writes.since(), writes.commit())?.is_none() {
            return Err(CommitError::Conflict);
        }
        let name = blocks_of(did);
        let mut blocks = transaction.open_table(TableDefinition::new(&name)).map_err(StoreError::of)?;
        writes.put().try_for_each(|(cid, block)| link(&mut blocks, cid, block))?;
        writes.removed().try_for_each(|cid| unlink(&mut blocks, cid))?;
        Ok(())
    }

    /// The repository of an account as it is now, which may be that there is none: it has no root then, and takes a first commit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn repo(&self, did: &Did) -> Result<RedbRepo, StoreError> {
        Ok(RedbRepo { store: self.clone(), did: did.clone(), now: self.snapshot(did)? })
    }

    /// The accounts whose repositories are here, in the order of their DIDs.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn dids(&self) -> Result<Vec<Did>, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::of)?;
        let Some(roots) = if_there(transaction.open_table(ROOTS))? else { return Ok(Vec::new()) };
        let did = |entry: Result<(redb::AccessGuard<'_, &str>, _), _>| {
            let (did, _) = entry.map_err(StoreError::of)?;
            did.value().parse().map_err(|_| StoreError::Corrupt("a DID that is none"))
        };
        roots.iter().map_err(StoreError::of)?.map(did).collect()
    }

    /// Takes a whole repository, in one transaction: every block, counted once for each of its links. The tree is checked on the way
    /// as [`check`](repo::UnsignedRepo::check) does. `since` is the commit of that account which is here and goes; `None` where
    /// there is none. Others who write wait while the source is read.
    ///
    /// # Errors
    /// [`ImportError`]. Nothing was written, but for [`StoreError::Uncertain`].
    pub fn import<B: Blocks>(
        &self,
        repo: &Repo<'_, B>,
        since: Option<&Cid>,
    ) -> Result<(), ImportError<B::Error>> {
        self.write(|transaction| Self::import_in(transaction, repo, since))
    }

    /// [`import`](Self::import), when the transaction is committed.
    ///
    /// # Errors
    /// [`ImportError`]; the transaction has to be aborted then.
    pub fn import_in<B: Blocks>(
        transaction: &WriteTransaction,
        repo: &Repo<'_, B>,
        since: Option<&Cid>,
    ) -> Result<(), ImportError<B::Error>> {
        let did = &repo.commit().did;
        if put_root(transaction, did, since, repo.commit_cid())?.is_none() {
            return Err(ImportError::Conflict);
        }
        let name = blocks_of(did);
        let table = TableDefinition::new(&name);
        transaction.delete_table(table as TableDefinition<'_, CidBytes, Links>).map_err(StoreError::of)?;
        let mut blocks = transaction.open_table(table).map_err(StoreError::of)?;
        let walk = Walk::new(repo.commit().data);
        repo.each_link(walk, |cid, block| Ok::<_, ImportError<_>>(link(&mut blocks, cid, block)?))
    }

    /// Removes a repository with all its blocks; false where there is none. Its snapshots stay readable.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove(&self, did: &Did) -> Result<bool, StoreError> {
        self.write(|transaction| Self::remove_in(transaction, did))
    }

    /// [`remove`](Self::remove), when the transaction is committed.
    ///
    /// # Errors
    /// [`StoreError`]; the transaction has to be aborted then.
    pub fn remove_in(transaction: &WriteTransaction, did: &Did) -> Result<bool, StoreError> {
        let mut roots = transaction.open_table(ROOTS).map_err(StoreError::of)?;
        let was_there = roots.remove(did.as_str()).map_err(StoreError::of)?.is_some();
        let name = blocks_of(did);
        let table: TableDefinition<'_, CidBytes, Links> = TableDefinition::new(&name);
        transaction.delete_table(table).map_err(StoreError::of)?;
        Ok(was_there)
    }

    /// Makes a change: all of it, for good, or nothing.
    fn write<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&WriteTransaction) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self.begin()?;
        let done = change(&transaction)?;
        transaction.commit().map_err(StoreError::of_commit)?;
        Ok(done)
    }

    fn snapshot(&self, did: &Did) -> Result<Snapshot, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::of)?;
        let root = match if_there(transaction.open_table(ROOTS))? {
            Some(roots) => root_of(&roots, did)?,
            None => None,
        };
        let blocks = match root {
            Some(_) => Some(
                if_there(transaction.open_table(TableDefinition::new(&blocks_of(did))))?
                    .ok_or(StoreError::Corrupt("a repository without blocks"))?,
            ),
            None => None,
        };
        Ok(Snapshot { root, blocks })
    }
}

/// A table, or `None` where nobody has written to it.
fn if_there<T>(table: Result<T, TableError>) -> Result<Option<T>, StoreError> {
    match table {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(StoreError::of(error)),
    }
}

fn root_of(roots: &impl ReadableTable<&'static str, CidBytes>, did: &Did) -> Result<Option<Cid>, StoreError> {
    let root = roots.get(did.as_str()).map_err(StoreError::of)?;
    let cid = root.map(|root| Cid::from_bytes(root.value())).transpose();
    cid.map_err(|_| StoreError::Corrupt("a CID that is none"))
}

/// Goes from one commit to another; `None` where it is not at the first one.
fn put_root(
    transaction: &WriteTransaction,
    did: &Did,
    since: Option<&Cid>,
    commit: &Cid,
) -> Result<Option<()>, StoreError> {
    let mut roots = transaction.open_table(ROOTS).map_err(StoreError::of)?;
    if root_of(&roots, did)?.as_ref() != since {
        return Ok(None);
    }
    roots.insert(did.as_str(), commit.as_bytes()).map_err(StoreError::of)?;
    Ok(Some(()))
}

fn link(blocks: &mut redb::Table<'_, CidBytes, Links>, cid: &Cid, block: &[u8]) -> Result<(), StoreError> {
    let links = blocks.get(cid.as_bytes()).map_err(StoreError::of)?.map_or(0, |found| found.value().0);
    blocks.insert(cid.as_bytes(), (links.saturating_add(1), block)).map_err(StoreError::of)?;
    Ok(())
}

fn unlink(blocks: &mut redb::Table<'_, CidBytes, Links>, cid: &Cid) -> Result<(), StoreError> {
    let (links, block) = match blocks.get(cid.as_bytes()).map_err(StoreError::of)? {
        Some(found) if found.value().0 > 1 => (found.value().0.saturating_sub(1), found.value().1.to_vec()),
        _ => (0, Vec::new()),
    };
    if links == 0 {
        blocks.remove(cid.as_bytes()).map_err(StoreError::of)?;
    } else {
        blocks.insert(cid.as_bytes(), (links, block.as_slice())).map_err(StoreError::of)?;
    }
    Ok(())
}

/// A repository in a [`RedbStore`] at one of its commits: root and blocks are those of one snapshot, taken when it was opened, by
/// [`refresh`](Self::refresh), and after each [`commit`](Store::commit) of its own. What others write meanwhile is not seen, and the
/// file keeps the room of all that a snapshot can see.
///
/// What it gives was hashed when it was written, and is hashed again when it is used, since a file can rot.
#[derive(Debug)]
pub struct RedbRepo {
    store: RedbStore,
    did: Did,
    now: Snapshot,
}

#[derive(Debug)]
struct Snapshot {
    root: Option<Cid>,
    /// There, where the root is. It holds on to its transaction.
    blocks: Option<redb::ReadOnlyTable<CidBytes, Links>>,
}

impl RedbRepo {
    /// The account.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Goes to the newest commit.
    ///
    /// # Errors
    /// [`StoreError`]; it is where it was.
    pub fn refresh(&mut self) -> Result<(), StoreError> {
        self.now = self.store.snapshot(&self.did)?;
        Ok(())
    }

    /// The CID of every block, and how often it is linked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn links(&self) -> Result<impl Iterator<Item = Result<(Cid, u64), StoreError>>, StoreError> {
        let blocks = self.now.blocks.as_ref().map(ReadableTable::iter).transpose().map_err(StoreError::of)?;
        Ok(blocks.into_iter().flatten().map(|entry| {
            let (cid, found) = entry.map_err(StoreError::of)?;
            let cid = Cid::from_bytes(cid.value()).map_err(|_| StoreError::Corrupt("a CID that is none"))?;
            Ok((cid, found.value().0))
        }))
    }
}

impl Blocks for RedbRepo {
    type Error = StoreError;

    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, StoreError> {
        let Some(blocks) = &self.now.blocks else { return Ok(None) };
        let Some(found) = blocks.get(cid.as_bytes()).map_err(StoreError::of)? else { return Ok(None) };
        buf.clear();
        buf.extend_from_slice(found.value().1);
        Ok(Some(buf))
    }
}

impl Archive for RedbRepo {
    fn roots(&self) -> &[Cid] {
        self.now.root.as_slice()
    }
}

impl Store for RedbRepo {
    /// What counts is the commit in the file, not the one of the snapshot.
    fn commit(&mut self, writes: &WriteSet) -> Result<(), CommitError<StoreError>> {
        self.store.write(|transaction| RedbStore::commit_in(transaction, &self.did, writes))?;
        // It is written, whatever comes of reading it: then this stays where it was, and its next commit is a conflict.
        drop(self.refresh());
        Ok(())
    }
}
