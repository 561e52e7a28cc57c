//! Events on the disk: what a consumer was sent once is there after a crash, under the same number, and no commit comes in twice.

use atproto_lexicon::data::Cid;
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::Did;
use atproto_repo::sync::Head;
use atproto_xrpc::server::{Batch, Event, EventLog, LogLimits, MemoryLog, Room};
use atproto_xrpc::stream::firehose::{AccountError, AccountState, AccountStore, Received};
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use std::path::Path;
use std::sync::Arc;
use systems::{Done, Stop, service};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

const EVENTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("events");
/// How many bytes the events have.
const SIZE: TableDefinition<'static, (), u64> = TableDefinition::new("size");
/// The revision and tree of accounts, whether they were lost sight of, whether they are active, and why not.
type State<'a> = (Option<&'a str>, Option<&'a [u8]>, bool, bool, Option<&'a str>);
const ACCOUNTS: TableDefinition<'static, &str, State<'static>> = TableDefinition::new("accounts");
/// How many events wait to be written, and with how many bytes.
const WAITING: usize = 4096;
const WAITING_BYTES: usize = 64 << 20;

/// The last events: the newest in memory, all on the disk.
#[derive(Debug)]
pub(super) struct DiskLog {
    memory: MemoryLog,
    database: Database,
    window: Window,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) events: u64,
    pub(super) bytes: u64,
}

/// What is to be written: an event, if any, and where its account is then, if that has changed.
pub(super) struct Entry {
    pub(super) event: Option<Received>,
    pub(super) did: Did,
    pub(super) state: Option<AccountState>,
}

/// An entry that waits, with the room that it takes, and who is told that it is on the disk.
type Waiting = (Entry, OwnedSemaphorePermit, oneshot::Sender<()>);

/// Takes events for a [`DiskLog`].
#[derive(Debug, Clone)]
pub(super) struct Appender {
    queue: mpsc::Sender<Waiting>,
    /// In bytes.
    room: Arc<Semaphore>,
}

impl Appender {
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

impl DiskLog {
    /// The log as it was left, and what writes it, which has to run on a thread of its own.
    pub(super) fn open(
        path: &Path,
        window: Window,
        limits: LogLimits,
    ) -> Done<(Arc<Self>, Appender, impl FnOnce() -> Done + Send + 'static)> {
        let database = service::open(path)?;
        let transaction = database.begin_write()?;
        let last = transaction.open_table(EVENTS)?.last()?.map_or(0, |(seq, _)| seq.value());
        drop((transaction.open_table(SIZE)?, transaction.open_table(ACCOUNTS)?));
        transaction.commit()?;
        let log = Arc::new(Self { memory: MemoryLog::new(last, limits), database, window });
        let (sender, receiver) = mpsc::channel(WAITING);
        let writing = Arc::clone(&log);
        let appender = Appender { queue: sender, room: Arc::new(Semaphore::new(WAITING_BYTES)) };
        Ok((log, appender, move || writing.write_all(receiver, last)))
    }

    /// Writes what waits, all of it at once, and then tells of it.
    fn write_all(&self, mut waiting: mpsc::Receiver<Waiting>, mut last: u64) -> Done {
        let mut batch = Vec::new();
        while waiting.blocking_recv_many(&mut batch, WAITING) > 0 {
            let (mut events, mut told) = (Vec::new(), Vec::new());
            let transaction = self.database.begin_write()?;
            {
                let mut table = transaction.open_table(EVENTS)?;
                let mut size_table = transaction.open_table(SIZE)?;
                let mut accounts = transaction.open_table(ACCOUNTS)?;
                let mut size = size_table.get(())?.map_or(0, |size| size.value());
                for (Entry { event, did, state }, room, done) in batch.drain(..) {
                    if let Some(received) = event {
                        last = last.saturating_add(1);
                        let frame = Bytes::from(received.to_frame(last)?);
                        table.insert(last, &frame[..])?;
                        size = size.saturating_add(length(&frame));
                        events.push(Event { seq: last, frame });
                    }
                    if let Some(AccountState { head, is_desynchronized, is_active, status }) = &state {
                        let rev = head.map(|head| head.rev.to_string());
                        let data = head.map(|head| head.data.as_bytes().to_vec());
                        let data = data.as_deref();
                        let state = (rev.as_deref(), data, *is_desynchronized, *is_active, status.as_deref());
                        accounts.insert(did.as_str(), state)?;
                    }
                    told.push((room, done));
                }
                let first = last.saturating_sub(self.window.events);
                loop {
                    let oldest = table.first()?.map(|(seq, frame)| (seq.value(), length(frame.value())));
                    let Some((seq, frame)) = oldest.filter(|(seq, _)| *seq < last) else { break };
                    if seq >= first && size <= self.window.bytes {
                        break;
                    }
                    table.remove(seq)?;
                    size = size.saturating_sub(frame);
                }
                size_table.insert((), size)?;
            }
            transaction.commit()?;
            for event in events {
                self.memory.append_event(event)?;
            }
            // Who gave one may be gone.
            for (room, done) in told {
                drop(room);
                let _ = done.send(());
            }
        }
        Ok(())
    }

    /// Events that are no longer in memory.
    fn read_disk(&self, after: u64, room: Room) -> Result<Batch, redb::Error> {
        let transaction = self.database.begin_read()?;
        let table = transaction.open_table(EVENTS)?;
        let gone = table.first()?.map_or(0, |(seq, _)| seq.value().saturating_sub(1));
        let (mut events, mut bytes) = (Vec::new(), 0_usize);
        for row in table.range(after.saturating_add(1)..)? {
            let (seq, frame) = row?;
            bytes = bytes.saturating_add(frame.value().len());
            if !events.is_empty() && (events.len() >= room.events || bytes > room.bytes) {
                break;
            }
            events.push(Event { seq: seq.value(), frame: Bytes::copy_from_slice(frame.value()) });
        }
        Ok(Batch { gone, events })
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Where accounts are: each is kept with the event that leads there.
#[derive(Debug, Clone)]
pub(super) struct Accounts(pub(super) Arc<DiskLog>);

impl AccountStore for Accounts {
    async fn load(&self, did: &Did) -> Result<Option<AccountState>, AccountError> {
        let load = || -> Done<Option<AccountState>> {
            let transaction = self.0.database.begin_read()?;
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

impl EventLog for DiskLog {
    type Error = redb::Error;

    async fn last(&self) -> Result<u64, redb::Error> {
        let Ok(last) = self.memory.last().await;
        Ok(last)
    }

    async fn read(&self, after: u64, room: Room) -> Result<Batch, redb::Error> {
        let Ok(batch) = self.memory.read(after, room).await;
        if batch.gone <= after { Ok(batch) } else { self.read_disk(after, room) }
    }

    async fn changed(&self, after: u64) {
        self.memory.changed(after).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use atproto_lexicon::data::{Object, Value, cbor};
    use atproto_xrpc::stream::frame::{Body, Frame};

    fn entry(number: i64) -> Entry {
        let body = Object::from([("seq".into(), Value::Integer(7)), ("n".into(), Value::Integer(number))]);
        let event = Some(Received::new("#account", cbor::to_vec(&body).unwrap().into()));
        let data = Cid::of_dag_cbor(&number.to_be_bytes());
        let head = Some(Head { rev: "3jzfcijpj2z2a".parse().unwrap(), data });
        let state = AccountState { head, is_desynchronized: false, is_active: number % 2 == 0, status: None };
        Entry { event, did: did(), state: Some(state) }
    }

    fn did() -> Did {
        "did:web:example.com".parse().unwrap()
    }

    async fn numbers(log: &DiskLog, after: u64) -> (u64, Vec<u64>) {
        let (mut seen, mut gone, mut after) = (Vec::new(), None, after);
        loop {
            let batch = log.read(after, Room { events: 10, bytes: 1 << 20 }).await.unwrap();
            // Later ones come from memory, which says how far back that goes.
            gone = gone.or(Some(batch.gone));
            let Some(last) = batch.events.last() else { return (gone.unwrap_or_default(), seen) };
            after = last.seq;
            for event in batch.events {
                let frame = Frame::parse(&event.frame, &Default::default()).unwrap();
                let Frame::Message { body, .. } = frame else { panic!() };
                assert_eq!(Body::parse(body).unwrap().seq(), Ok(Some(event.seq)));
                seen.push(event.seq);
            }
        }
    }

    #[tokio::test]
    async fn the_disk_goes_further_back_than_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let limits = LogLimits { events: 5, bytes: 1 << 20 };
        let mut last = 0;
        for start in 0..3 {
            let window = Window { events: 60, bytes: 1 << 20 };
            let (log, appender, write) = DiskLog::open(&path, window, limits).unwrap();
            let writer = tokio::task::spawn_blocking(write);
            assert_eq!(log.last().await.unwrap(), last);
            for number in 0..30 {
                let entry = entry(start * 30 + number);
                let state = entry.state.clone();
                appender.append(entry).await.unwrap().await.unwrap();
                assert_eq!(Accounts(Arc::clone(&log)).load(&did()).await.unwrap(), state);
                last += 1;
            }
            let first = last.saturating_sub(60);
            let (gone, seen) = numbers(&log, 0).await;
            assert_eq!((gone, seen), (first.saturating_sub(1), (first.max(1)..=last).collect::<Vec<_>>()));
            assert_eq!(numbers(&log, last - 2).await.1, [last - 1, last]);
            drop(appender);
            writer.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn no_more_bytes_are_kept_than_the_window_has() {
        let folder = tempfile::tempdir().unwrap();
        let limits = LogLimits { events: 1, bytes: 1 };
        let window = Window { events: 1000, bytes: 200 };
        let (log, appender, write) = DiskLog::open(&folder.path().join("log"), window, limits).unwrap();
        let writer = tokio::task::spawn_blocking(write);
        for number in 0..100 {
            appender.append(entry(number)).await.unwrap().await.unwrap();
        }
        let kept = log.read_disk(0, Room { events: 1000, bytes: 1 << 20 }).unwrap().events;
        let bytes: usize = kept.iter().map(|event| event.frame.len()).sum();
        let first = kept.first().unwrap();
        assert!(
            bytes <= 200 && bytes + first.frame.len() > 200 && kept.last().unwrap().seq == 100,
            "{bytes}"
        );
        drop(appender);
        writer.await.unwrap().unwrap();
    }
}
