use crate::stream::frame::{MAX_FRAME, MAX_SEQ, to_message};
use atproto_lexicon::data::cbor::EncodeError;
use atproto_lexicon::http::Bytes;
use atproto_lexicon::typed::Endpoint;
use serde::Serialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number, from 1 to [`MAX_SEQ`]. Numbers rise, and may leave gaps.
    pub seq: u64,
    /// What is sent: a frame ([`to_message`]). All consumers share it.
    pub frame: Bytes,
}

/// How much of a log is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The most events.
    pub events: usize,
    /// The most bytes of frames; one event may have more.
    pub bytes: usize,
}

/// A part of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// The number of the last event that the log no longer has; 0 where it has all.
    pub gone: u64,
    /// Events, from the oldest one on.
    pub events: Vec<Event>,
}

/// Where the events of a stream are kept. [`MemoryLog`] is one in memory, `RedbLog` (feature `redb`) one in a database; another one that
/// goes further back than memory asks its database where [`MemoryLog::read`] says that the events are gone.
///
/// Every consumer asks on its own, for what it can take.
pub trait EventLog: Send + Sync + 'static {
    /// Why it fails: consumers are disconnected, and not told.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The number of the last event; 0 before the first one.
    ///
    /// # Errors
    /// The log's own.
    fn last(&self) -> impl Future<Output = Result<u64, Self::Error>> + Send;

    /// The first events after a number that are still there, at least one if there are any, and how far the log goes back at this moment.
    ///
    /// # Errors
    /// The log's own.
    fn read(&self, after: u64, room: Room) -> impl Future<Output = Result<Batch, Self::Error>> + Send;

    /// Is ready when there may be events after a number, also where they were there before it was asked.
    fn changed(&self, after: u64) -> impl Future<Output = ()> + Send;
}

/// How much a [`MemoryLog`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// The most events: 100,000.
    pub events: usize,
    /// The most bytes of frames: 256 MiB. The last event stays in any case.
    pub bytes: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { events: 100_000, bytes: 256 << 20 }
    }
}

/// The last events of a stream, in memory: the oldest one goes where there is no room.
#[derive(Debug)]
pub struct MemoryLog {
    limits: LogLimits,
    events: Mutex<Kept>,
    last: watch::Sender<u64>,
}

#[derive(Debug)]
struct Kept {
    events: VecDeque<Event>,
    bytes: usize,
    gone: u64,
    last: u64,
}

/// Why an event is not appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Its number is not greater than the last one, or greater than [`MAX_SEQ`].
    #[error("event {seq} after event {last}")]
    Seq {
        /// The last number.
        last: u64,
        /// Its number.
        seq: u64,
    },
    /// It is longer than [`MAX_FRAME`]: no consumer would take it, and each would ask for it again.
    #[error("event of {length} bytes")]
    TooLong {
        /// The length of its frame, in bytes.
        length: usize,
    },
    /// It is not of the data model.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl MemoryLog {
    /// A log whose last event had this number, 0 before the first one. After a restart this is the last one that anybody has been sent, or
    /// more: a number is never given twice (<https://atproto.com/specs/event-stream#sequence-numbers>).
    pub fn new(last: u64, limits: LogLimits) -> Self {
        let events = Mutex::new(Kept { events: VecDeque::new(), bytes: 0, gone: last, last });
        Self { limits, events, last: watch::Sender::new(last) }
    }

    /// Appends a message of subscription `E` that is made with the number which it has to bear, and says that number. `make` runs while
    /// the log is locked.
    ///
    /// # Errors
    /// [`AppendError`].
    pub fn append<E>(&self, make: impl FnOnce(i64) -> E::Output) -> Result<u64, AppendError>
    where
        E: Endpoint,
        E::Output: Serialize,
    {
        let mut kept = self.lock();
        let seq = kept.last.saturating_add(1);
        let message = make(i64::try_from(seq).unwrap_or(i64::MAX));
        let event = Event { seq, frame: to_message::<E>(&message)?.into() };
        check(kept.last, &event)?;
        self.push(&mut kept, event);
        Ok(seq)
    }

    /// Appends an event that has its number already, as one that a database has given.
    ///
    /// # Errors
    /// [`AppendError::Seq`], [`AppendError::TooLong`].
    pub fn append_event(&self, event: Event) -> Result<(), AppendError> {
        let mut kept = self.lock();
        check(kept.last, &event)?;
        self.push(&mut kept, event);
        Ok(())
    }

    fn push(&self, kept: &mut Kept, event: Event) {
        let seq = event.seq;
        kept.last = seq;
        kept.bytes = kept.bytes.saturating_add(event.frame.len());
        kept.events.push_back(event);
        while kept.events.len() > self.limits.events.max(1)
            || (kept.bytes > self.limits.bytes && kept.events.len() > 1)
        {
            if let Some(oldest) = kept.events.pop_front() {
                kept.bytes = kept.bytes.saturating_sub(oldest.frame.len());
                kept.gone = oldest.seq;
            }
        }
        self.last.send_replace(seq);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an event may come after the one of a number.
pub(super) fn check(last: u64, event: &Event) -> Result<(), AppendError> {
    let (seq, length) = (event.seq, event.frame.len());
    if seq <= last || seq > MAX_SEQ {
        Err(AppendError::Seq { last, seq })
    } else if length > MAX_FRAME {
        Err(AppendError::TooLong { length })
    } else {
        Ok(())
    }
}

impl Kept {
    fn read(&self, after: u64, room: Room) -> Batch {
        let start = self.events.partition_point(|event| event.seq <= after);
        let mut bytes = 0_usize;
        let fits = |(number, event): &(usize, &Event)| {
            bytes = bytes.saturating_add(event.frame.len());
            *number == 0 || (*number < room.events && bytes <= room.bytes)
        };
        let events = self.events.iter().skip(start).enumerate().take_while(fits);
        Batch { gone: self.gone, events: events.map(|(_, event)| event.clone()).collect() }
    }
}

impl EventLog for MemoryLog {
    type Error = Infallible;

    async fn last(&self) -> Result<u64, Infallible> {
        Ok(self.lock().last)
    }

    async fn read(&self, after: u64, room: Room) -> Result<Batch, Infallible> {
        Ok(self.lock().read(after, room))
    }

    async fn changed(&self, after: u64) {
        // There is a sender for as long as there is a log.
        let _ = self.last.subscribe().wait_for(|last| *last > after).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::com::atproto::label::subscribe_labels::{Info, Labels, SubscribeLabels};

    fn log(events: usize, bytes: usize) -> MemoryLog {
        MemoryLog::new(0, LogLimits { events, bytes })
    }

    fn event(seq: u64, length: usize) -> Event {
        Event { seq, frame: vec![0; length].into() }
    }

    fn read(log: &MemoryLog, after: u64, events: usize, bytes: usize) -> (u64, Vec<u64>) {
        let batch = log.lock().read(after, Room { events, bytes });
        (batch.gone, batch.events.iter().map(|event| event.seq).collect())
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let by_count = log(3, 1000);
        for seq in [1, 2, 5, 6, 9] {
            by_count.append_event(event(seq, 10)).unwrap();
        }
        assert_eq!(read(&by_count, 0, 10, 1000), (2, vec![5, 6, 9]));
        assert_eq!(read(&by_count, 5, 10, 1000), (2, vec![6, 9]));
        assert_eq!(read(&by_count, 7, 10, 1000), (2, vec![9]));
        assert_eq!(read(&by_count, 9, 10, 1000), (2, vec![]));
        let by_bytes = log(1000, 25);
        for seq in 1..=4 {
            by_bytes.append_event(event(seq, 10)).unwrap();
        }
        assert_eq!(read(&by_bytes, 0, 10, 1000), (2, vec![3, 4]));
        by_bytes.append_event(event(5, 100)).unwrap();
        assert_eq!(read(&by_bytes, 0, 10, 1000), (4, vec![5]));
        assert_eq!(by_bytes.lock().bytes, 100);
    }

    #[test]
    fn no_more_is_read_than_there_is_room_for() {
        let log = log(100, 10_000);
        for seq in 1..=9 {
            log.append_event(event(seq, 10)).unwrap();
        }
        assert_eq!(read(&log, 2, 3, 1000), (0, vec![3, 4, 5]));
        assert_eq!(read(&log, 2, 10, 25), (0, vec![3, 4]));
        assert_eq!(read(&log, 2, 0, 0), (0, vec![3]));
    }

    #[test]
    fn numbers_rise() {
        let log = MemoryLog::new(7, LogLimits::default());
        let append = || log.append::<SubscribeLabels>(|seq| Labels::new(seq, Vec::new()).into());
        assert_eq!(append().unwrap(), 8);
        assert!(matches!(log.append_event(event(8, 1)), Err(AppendError::Seq { last: 8, seq: 8 })));
        log.append_event(event(MAX_SEQ, 1)).unwrap();
        assert!(matches!(append(), Err(AppendError::Seq { .. })));
        assert!(log.append_event(event(u64::MAX, 1)).is_err());
    }

    #[test]
    fn what_no_consumer_takes_is_not_appended() {
        let log = MemoryLog::new(0, LogLimits::default());
        let length = MAX_FRAME + 1;
        let refused = log.append_event(event(1, length));
        assert!(matches!(refused, Err(AppendError::TooLong { length: found }) if found == length));
        let name = |length| "n".repeat(length);
        let append =
            |length| log.append::<SubscribeLabels>(|_| Info::new(name(length).as_str().into()).into());
        assert!(matches!(append(length), Err(AppendError::TooLong { .. })));
        // Nothing of it is left, not even the number.
        assert_eq!(append(5).unwrap(), 1);
        log.append_event(event(2, MAX_FRAME)).unwrap();
    }
}
