//! Events on the disk: what a consumer was sent once is there after a crash, under the same number.

use atproto_lexicon::http::Bytes;
use atproto_xrpc::server::{Batch, Event, EventLog, LogLimits, MemoryLog, Room};
use atproto_xrpc::stream::firehose::Received;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use std::path::Path;
use std::sync::Arc;
use systems::{Done, Stop, service};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

const EVENTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("events");
/// How many events wait to be written, and with how many bytes.
const WAITING: usize = 4096;
const WAITING_BYTES: usize = 64 << 20;

/// The last events: the newest in memory, all on the disk.
#[derive(Debug)]
pub(super) struct DiskLog {
    memory: MemoryLog,
    database: Database,
    /// How many are kept.
    window: u64,
}

/// An event that waits, with the room that it takes, and who is told that it is on the disk.
type Waiting = (Received, OwnedSemaphorePermit, oneshot::Sender<()>);

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

    /// Gives an event to the log. What comes back says when it is on the disk.
    pub(super) async fn append(&self, event: Received) -> Done<oneshot::Receiver<()>> {
        let (done, is_done) = oneshot::channel();
        let bytes = u32::try_from(event.body.len().min(WAITING_BYTES))?;
        let room = Arc::clone(&self.room).acquire_many_owned(bytes).await?;
        let sent = self.queue.send((event, room, done)).await;
        sent.map_err(|_| Stop::new("the log takes no more events"))?;
        Ok(is_done)
    }
}

impl DiskLog {
    /// The log as it was left, and what writes it, which has to run on a thread of its own.
    pub(super) fn open(
        path: &Path,
        window: u64,
        limits: LogLimits,
    ) -> Done<(Arc<Self>, Appender, impl FnOnce() -> Done + Send + 'static)> {
        let database = service::open(path)?;
        let transaction = database.begin_write()?;
        let last = transaction.open_table(EVENTS)?.last()?.map_or(0, |(seq, _)| seq.value());
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
            for (received, room, done) in batch.drain(..) {
                last = last.saturating_add(1);
                events.push(Event { seq: last, frame: Bytes::from(received.to_frame(last)?) });
                told.push((room, done));
            }
            let transaction = self.database.begin_write()?;
            {
                let mut table = transaction.open_table(EVENTS)?;
                for event in &events {
                    table.insert(event.seq, &event.frame[..])?;
                }
                let first = last.saturating_sub(self.window);
                table.retain_in(..first, |_, _| false)?;
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

    fn received(number: i64) -> Received {
        let body = Object::from([("seq".into(), Value::Integer(7)), ("n".into(), Value::Integer(number))]);
        Received::new("#account", cbor::to_vec(&body).unwrap().into())
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
            let (log, appender, write) = DiskLog::open(&path, 60, limits).unwrap();
            let writer = tokio::task::spawn_blocking(write);
            assert_eq!(log.last().await.unwrap(), last);
            for number in 0..30 {
                appender.append(received(start * 30 + number)).await.unwrap().await.unwrap();
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
}
