//! What waits to be written: events, each with where its account is then, so that after a crash no commit comes in twice.

use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use atproto_repo::sync::Head;
use atproto_xrpc::server::RedbLog;
use atproto_xrpc::stream::firehose::{AccountError, AccountState, AccountStore, Received};
use redb::{ReadableDatabase as _, TableDefinition};
use std::sync::Arc;
use systems::{Done, Stop};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// The revision and tree of accounts, whether they were lost sight of, whether they are active, and why not.
type State<'a> = (Option<&'a str>, Option<&'a [u8]>, bool, bool, Option<&'a str>);
const ACCOUNTS: TableDefinition<'static, &str, State<'static>> = TableDefinition::new("accounts");
/// How many events wait to be written, and with how many bytes.
const WAITING: usize = 4096;
const WAITING_BYTES: usize = 64 << 20;

/// What is to be written: an event, if any, and where its account is then, if that has changed.
pub(super) struct Entry {
    pub(super) event: Option<Received>,
    pub(super) did: Did,
    pub(super) state: Option<AccountState>,
}

/// An entry that waits, with the room that it takes, and who is told that it is on the disk.
type Waiting = (Entry, OwnedSemaphorePermit, oneshot::Sender<()>);

/// Takes events for a log.
#[derive(Debug, Clone)]
pub(super) struct Appender {
    queue: mpsc::Sender<Waiting>,
    /// In bytes.
    room: Arc<Semaphore>,
}

impl Appender {
    /// What takes events, and what writes them, which has to run on a thread of its own.
    pub(super) fn new(log: Arc<RedbLog>) -> Done<(Self, impl FnOnce() -> Done + Send + 'static)> {
        let transaction = log.database().begin_write()?;
        drop(transaction.open_table(ACCOUNTS)?);
        transaction.commit()?;
        let (queue, waiting) = mpsc::channel(WAITING);
        let appender = Self { queue, room: Arc::new(Semaphore::new(WAITING_BYTES)) };
        Ok((appender, move || write_all(&log, waiting)))
    }

    /// Whether the log takes no more.
    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Gives an entry to the log. What comes back says when it is on the disk.
    pub(super) async fn append(&self, entry: Entry) -> Done<oneshot::Receiver<()>> {
        let (done, is_done) = oneshot::channel();
        let bytes = entry.event.as_ref().map_or(0, |event| event.body.len());
        let bytes = u32::try_from(bytes.min(WAITING_BYTES))?;
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await?;
        let sent = self.queue.send((entry, room, done)).await;
        sent.map_err(|_| Stop::new("the log takes no more events"))?;
        Ok(is_done)
    }
}

/// Writes what waits, all of it at once, and then tells of it.
fn write_all(log: &RedbLog, mut waiting: mpsc::Receiver<Waiting>) -> Done {
    let mut batch = Vec::new();
    while waiting.blocking_recv_many(&mut batch, WAITING) > 0 {
        let mut write = log.begin()?;
        for (entry, ..) in &batch {
            if let Some(event) = &entry.event {
                write.append_frame(event.to_frame(write.next_seq())?.into())?;
            }
        }
        let mut accounts = write.transaction().open_table(ACCOUNTS)?;
        for (Entry { did, state, .. }, ..) in &batch {
            if let Some(AccountState { head, is_desynchronized, is_active, status }) = state {
                let rev = head.map(|head| head.rev.to_string());
                let data = head.map(|head| head.data.as_bytes().to_vec());
                let data = data.as_deref();
                let state = (rev.as_deref(), data, *is_desynchronized, *is_active, status.as_deref());
                accounts.insert(did.as_str(), state)?;
            }
        }
        drop(accounts);
        write.commit()?;
        for (_, room, done) in batch.drain(..) {
            drop(room);
            // Who gave one may be gone.
            let _ = done.send(());
        }
    }
    Ok(())
}

/// Where accounts are: each is kept with the event that leads there.
#[derive(Debug, Clone)]
pub(super) struct Accounts(pub(super) Arc<RedbLog>);

impl AccountStore for Accounts {
    async fn load(&self, did: &Did) -> Result<Option<AccountState>, AccountError> {
        let load = || -> Done<Option<AccountState>> {
            let transaction = self.0.database().begin_read()?;
            let Some(state) = transaction.open_table(ACCOUNTS)?.get(did.as_str())? else { return Ok(None) };
            let (rev, data, is_desynchronized, is_active, status) = state.value();
            let head = match rev.zip(data) {
                Some((rev, data)) => Some(Head { rev: rev.parse()?, data: Cid::from_bytes(data)? }),
                None => None,
            };
            let status = status.map(str::to_owned);
            Ok(Some(AccountState { head, is_desynchronized, is_active, status }))
        };
        load().map_err(|stop| AccountError::new(std::io::Error::other(stop.to_string())))
    }

    async fn save(&self, _: &Did, _: &AccountState) -> Result<(), AccountError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use atproto_lexicon::data::{Object, Value, cbor};
    use atproto_xrpc::server::{EventLog as _, LogLimits, Room};
    use atproto_xrpc::stream::frame::{Body, Frame};

    fn entry(number: i64) -> Entry {
        let body = Object::from([("seq".into(), Value::Integer(7)), ("n".into(), Value::Integer(number))]);
        // Every third one is no event, and the account is elsewhere all the same.
        let event = Received::new("#account", cbor::to_vec(&body).unwrap().into());
        let data = Cid::of_dag_cbor(&number.to_be_bytes());
        let head = Some(Head { rev: "3jzfcijpj2z2a".parse().unwrap(), data });
        let state = AccountState { head, is_desynchronized: false, is_active: number % 2 == 0, status: None };
        Entry { event: Some(event).filter(|_| number % 3 > 0), did: did(), state: Some(state) }
    }

    fn did() -> Did {
        "did:web:example.com".parse().unwrap()
    }

    #[tokio::test]
    async fn an_event_and_where_its_account_is_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut state = None;
        for start in 0..3 {
            let database = Arc::new(systems::service::open(&path).unwrap());
            let log = RedbLog::open(database, LogLimits::default(), LogLimits::default()).unwrap();
            let log = Arc::new(log);
            let (appender, write) = Appender::new(Arc::clone(&log)).unwrap();
            let writer = tokio::task::spawn_blocking(write);
            assert_eq!(Accounts(Arc::clone(&log)).load(&did()).await.unwrap(), state);
            for number in start * 30..start * 30 + 30 {
                let entry = entry(number);
                state = entry.state.clone();
                appender.append(entry).await.unwrap().await.unwrap();
                assert_eq!(Accounts(Arc::clone(&log)).load(&did()).await.unwrap(), state);
            }
            drop(appender);
            writer.await.unwrap().unwrap();
            let seqs: u64 = (start as u64 + 1) * 20;
            let events = log.read(0, Room { events: 100, bytes: 1 << 20 }).await.unwrap().events;
            assert_eq!(
                events.iter().map(|event| event.seq).collect::<Vec<_>>(),
                (1..=seqs).collect::<Vec<_>>()
            );
            for event in events {
                let frame = Frame::parse(&event.frame, &Default::default()).unwrap();
                let Frame::Message { body, .. } = frame else { panic!() };
                assert_eq!(Body::parse(body).unwrap().seq(), Ok(Some(event.seq)));
            }
        }
    }
}
