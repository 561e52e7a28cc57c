use super::log::{AppendError, Batch, Event, EventLog, LogLimits, MemoryLog, Room, check};
use crate::stream::frame::to_message;
use atproto_lexicon::http::Bytes;
use atproto_lexicon::typed::Endpoint;
use redb::{
    CommitError, Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};
use serde::Serialize;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Frames, by their numbers.
const EVENTS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("events");
/// How many bytes they have.
const SIZE: TableDefinition<'static, (), u64> = TableDefinition::new("events_size");

/// The last events of a stream in a database of `redb`, and the newest of them in memory, too. An event is on the disk before any consumer
/// sees it: after a crash it is there, under the number that it had, and no number is given twice.
///
/// Its tables are `events` and `events_size`. The database may have others: what belongs to an event is written with it, or neither is.
/// Whatever else writes to the database meanwhile has to wait, as with any database of `redb`.
///
/// ```
/// use atproto_xrpc::api::com::atproto::label::subscribe_labels::{Labels, SubscribeLabels};
/// use atproto_xrpc::server::{LogLimits, RedbLog};
/// # use redb::{Database, TableDefinition, backends::InMemoryBackend};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let database = Database::builder().create_with_backend(InMemoryBackend::new())?;
/// const NOTES: TableDefinition<'static, u64, &str> = TableDefinition::new("notes");
/// let window = LogLimits { events: 1_000_000, bytes: 16 << 30 };
/// let log = RedbLog::open(database.into(), window, LogLimits::default())?;
///
/// let mut write = log.begin()?;
/// let seq = write.append::<SubscribeLabels>(|seq| Labels::new(seq, Vec::new()).into())?;
/// write.transaction().open_table(NOTES)?.insert(seq, "the first one")?;
/// write.commit()?;
/// # assert_eq!(seq, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedbLog {
    database: Arc<Database>,
    window: LogLimits,
    memory: MemoryLog,
    /// Whose turn it is to write, and whether that can still be done.
    turn: Mutex<Turn>,
}

#[derive(Debug)]
struct Turn {
    is_uncertain: bool,
}

/// Why events are not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedbLogError {
    /// The event cannot be one.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The database could not be read or written. Nothing was changed.
    #[error("database: {0}")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    /// Writing failed at its end, now or earlier: all of it is there, or nothing. Only opening the database anew tells.
    #[error("database, where the last events may be written or not: {0}")]
    Uncertain(#[source] Box<dyn Error + Send + Sync>),
}

impl RedbLogError {
    fn of(error: impl Into<redb::Error>) -> Self {
        Self::Database(Box::new(error.into()))
    }
}

impl RedbLog {
    /// The log as it was left in a database. In it is as much as `window` says, at least the last event, and in memory as much as `memory`
    /// says.
    ///
    /// # Errors
    /// [`RedbLogError::Database`].
    pub fn open(database: Arc<Database>, window: LogLimits, memory: LogLimits) -> Result<Self, RedbLogError> {
        let open = || -> Result<u64, redb::Error> {
            let transaction = database.begin_write()?;
            let last = transaction.open_table(EVENTS)?.last()?.map_or(0, |(seq, _)| seq.value());
            drop(transaction.open_table(SIZE)?);
            transaction.commit()?;
            Ok(last)
        };
        let memory = MemoryLog::new(open().map_err(RedbLogError::of)?, memory);
        Ok(Self { database, window, memory, turn: Mutex::new(Turn { is_uncertain: false }) })
    }

    /// The database.
    pub fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// Begins to write events: once all who began before are done. It waits for them, and for the disk: where that must not be, on a thread
    /// of its own.
    ///
    /// # Errors
    /// [`RedbLogError`].
    pub fn begin(&self) -> Result<LogWrite<'_>, RedbLogError> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if turn.is_uncertain {
            return Err(RedbLogError::Uncertain("writing failed before".into()));
        }
        let begin = || -> Result<_, redb::Error> {
            let transaction = self.database.begin_write()?;
            let last = transaction.open_table(EVENTS)?.last()?.map_or(0, |(seq, _)| seq.value());
            Ok((transaction, last))
        };
        let (transaction, last) = begin().map_err(RedbLogError::of)?;
        Ok(LogWrite { log: self, turn, transaction, last, events: Vec::new() })
    }

    /// Events that are no longer in memory.
    fn read_disk(&self, after: u64, room: Room) -> Result<Batch, redb::Error> {
        let table = self.database.begin_read()?.open_table(EVENTS)?;
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

/// Events that are being written, together. Where it is dropped, nothing was.
pub struct LogWrite<'l> {
    log: &'l RedbLog,
    turn: MutexGuard<'l, Turn>,
    transaction: WriteTransaction,
    last: u64,
    events: Vec<Event>,
}

impl fmt::Debug for LogWrite<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWrite").field("last", &self.last).finish_non_exhaustive()
    }
}

impl LogWrite<'_> {
    /// The transaction, for what is to be written with the events.
    pub fn transaction(&self) -> &WriteTransaction {
        &self.transaction
    }

    /// The number that the next event will have.
    pub fn next_seq(&self) -> u64 {
        self.last.saturating_add(1)
    }

    /// Adds a message of subscription `E` that is made with the number which it has to bear, and says that number.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn append<E>(&mut self, make: impl FnOnce(i64) -> E::Output) -> Result<u64, AppendError>
    where
        E: Endpoint,
        E::Output: Serialize,
    {
        let message = make(i64::try_from(self.next_seq()).unwrap_or(i64::MAX));
        self.append_frame(to_message::<E>(&message)?.into())
    }

    /// Adds a frame that bears the number [`next_seq`](Self::next_seq), and says that number.
    ///
    /// # Errors
    /// [`AppendError::Seq`] after the last number that there is, [`AppendError::TooLong`].
    pub fn append_frame(&mut self, frame: Bytes) -> Result<u64, AppendError> {
        let event = Event { seq: self.next_seq(), frame };
        check(self.last, &event)?;
        self.last = event.seq;
        self.events.push(event);
        Ok(self.last)
    }

    /// Writes them, makes room for them, and then shows them to consumers.
    ///
    /// # Errors
    /// [`RedbLogError::Database`]; [`RedbLogError::Uncertain`], after which the log takes no more.
    pub fn commit(mut self) -> Result<(), RedbLogError> {
        self.write().map_err(RedbLogError::of)?;
        let Self { log, mut turn, transaction, events, .. } = self;
        transaction.commit().map_err(|error| match error {
            CommitError::TransactionPoisoned => RedbLogError::of(error),
            error => {
                turn.is_uncertain = true;
                RedbLogError::Uncertain(Box::new(error))
            }
        })?;
        for event in events {
            log.memory.append_event(event)?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), redb::Error> {
        let mut table = self.transaction.open_table(EVENTS)?;
        let mut size_table = self.transaction.open_table(SIZE)?;
        let mut size = size_table.get(())?.map_or(0, |size| size.value());
        for event in &self.events {
            table.insert(event.seq, &event.frame[..])?;
            size = size.saturating_add(length(&event.frame));
        }
        let LogLimits { events, bytes } = self.log.window;
        let first = self.last.saturating_sub(u64::try_from(events).unwrap_or(u64::MAX));
        loop {
            let oldest = table.first()?.map(|(seq, frame)| (seq.value(), length(frame.value())));
            // The last event stays: by it the next number is known.
            let Some((seq, frame)) = oldest.filter(|(seq, _)| *seq < self.last) else { break };
            if seq > first && size <= u64::try_from(bytes).unwrap_or(u64::MAX) {
                break;
            }
            table.remove(seq)?;
            size = size.saturating_sub(frame);
        }
        size_table.insert((), size)?;
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// What memory no longer has is read from the disk while the future is polled.
impl EventLog for RedbLog {
    type Error = RedbLogError;

    async fn last(&self) -> Result<u64, RedbLogError> {
        let Ok(last) = self.memory.last().await;
        Ok(last)
    }

    async fn read(&self, after: u64, room: Room) -> Result<Batch, RedbLogError> {
        let Ok(batch) = self.memory.read(after, room).await;
        if batch.gone <= after { Ok(batch) } else { self.read_disk(after, room).map_err(RedbLogError::of) }
    }

    async fn changed(&self, after: u64) {
        self.memory.changed(after).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::com::atproto::label::subscribe_labels::{Info, SubscribeLabels};
    use redb::backends::InMemoryBackend;

    const NOTES: TableDefinition<'static, u64, u64> = TableDefinition::new("notes");

    fn memory() -> Arc<Database> {
        Database::builder().create_with_backend(InMemoryBackend::new()).unwrap().into()
    }

    fn append(log: &RedbLog, frames: &[&str]) -> u64 {
        let mut write = log.begin().unwrap();
        for frame in frames {
            let seq = write.append_frame(Bytes::copy_from_slice(frame.as_bytes())).unwrap();
            write.transaction().open_table(NOTES).unwrap().insert(seq, length(frame.as_bytes())).unwrap();
        }
        let last = write.next_seq() - 1;
        write.commit().unwrap();
        last
    }

    /// Everything after a number, in small batches, and the first word on what is gone.
    async fn numbers(log: &RedbLog, mut after: u64) -> (u64, Vec<u64>) {
        let (mut seen, mut gone) = (Vec::new(), None);
        loop {
            let batch = log.read(after, Room { events: 10, bytes: 1 << 20 }).await.unwrap();
            gone = gone.or(Some(batch.gone));
            let Some(last) = batch.events.last() else { return (gone.unwrap_or_default(), seen) };
            after = last.seq;
            seen.extend(batch.events.iter().map(|event| event.seq));
        }
    }

    #[tokio::test]
    async fn the_disk_goes_further_back_than_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let limits = |events| LogLimits { events, bytes: 1 << 20 };
        let mut last = 0;
        for _ in 0..3 {
            let database = Arc::new(Database::create(&path).unwrap());
            let log = RedbLog::open(database, limits(60), limits(5)).unwrap();
            assert_eq!(log.last().await.unwrap(), last);
            for _ in 0..15 {
                last = append(&log, &["one", "two"]);
            }
            let before = last.saturating_sub(60);
            assert_eq!(numbers(&log, 0).await, (before, (before + 1..=last).collect::<Vec<_>>()));
            assert_eq!(numbers(&log, last - 2).await.1, [last - 1, last]);
            let read = log.read(last - 1, Room { events: 1, bytes: 1 }).await.unwrap();
            assert_eq!(read.events, [Event { seq: last, frame: "two".into() }]);
        }
        assert_eq!(last, 90);
    }

    #[tokio::test]
    async fn no_more_bytes_are_kept_than_the_window_has() {
        let small = LogLimits { events: 1, bytes: 1 };
        let log = RedbLog::open(memory(), LogLimits { events: usize::MAX, bytes: 200 }, small).unwrap();
        for number in 0..100 {
            append(&log, &["x".repeat(number % 50).as_str()]);
        }
        let kept = log.read_disk(0, Room { events: 1000, bytes: 1 << 20 }).unwrap();
        let bytes: usize = kept.events.iter().map(|event| event.frame.len()).sum();
        let next = usize::try_from(kept.gone - 1).unwrap() % 50;
        assert!(bytes <= 200 && bytes + next > 200, "{bytes} + {next}");
        assert_eq!(kept.events.last().unwrap().seq, 100);
        // One that is larger than the window is there all the same, alone.
        append(&log, &["x".repeat(300).as_str()]);
        assert_eq!(numbers(&log, 0).await, (100, vec![101]));
    }

    #[tokio::test]
    async fn what_is_not_committed_was_never_there() {
        let log = RedbLog::open(memory(), LogLimits::default(), LogLimits::default()).unwrap();
        append(&log, &["one"]);
        let mut write = log.begin().unwrap();
        write.append_frame("two".into()).unwrap();
        write.transaction().open_table(NOTES).unwrap().insert(2, 2).unwrap();
        drop(write);
        let mut write = log.begin().unwrap();
        let long = "n".repeat(crate::stream::frame::MAX_FRAME);
        let refused = write.append::<SubscribeLabels>(|_| Info::new(long.as_str().into()).into());
        assert!(matches!(refused, Err(AppendError::TooLong { .. })));
        let made =
            write.append::<SubscribeLabels>(|seq| Info::new(seq.to_string().as_str().into()).into()).unwrap();
        assert_eq!((made, log.last().await.unwrap()), (2, 1), "nobody sees it yet");
        write.commit().unwrap();
        assert_eq!(numbers(&log, 0).await, (0, vec![1, 2]));
        let notes = log.database().begin_read().unwrap().open_table(NOTES).unwrap();
        assert!(notes.get(1).unwrap().is_some() && notes.get(2).unwrap().is_none());
    }

    #[test]
    fn each_number_is_given_once_however_many_write() {
        let log = RedbLog::open(memory(), LogLimits::default(), LogLimits::default()).unwrap();
        let write = || (0..50).map(|_| append(&log, &["one"])).collect::<Vec<_>>();
        let mut given = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..4).map(|_| scope.spawn(write)).collect();
            writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
        });
        given.sort_unstable();
        assert_eq!(given, (1..=200).collect::<Vec<_>>());
    }
}
