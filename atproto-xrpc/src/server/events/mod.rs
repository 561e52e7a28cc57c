//! Event streams (<https://atproto.com/specs/event-stream>): a log of events, and consumers that follow it.
//!
//! A consumer is sent what it asks the log for, and asks when it has sent what it had: there is no queue for a consumer, so that a slow
//! one holds no more than what is being sent to it. One that the log has forgotten the next event of is told `ConsumerTooSlow`.

mod follow;
mod log;
#[cfg(feature = "redb")]
mod redb;
mod socket;

pub use log::{AppendError, Batch, Event, EventLog, LogLimits, MemoryLog, Room};
#[cfg(feature = "redb")]
pub use redb::{LogWrite, RedbLog, RedbLogError};
pub(super) use socket::{Consumers, open};

use super::error::Refusal;
use std::sync::Arc;

/// What a handler of a subscription answers: the events of a log, from a cursor on.
#[derive(Debug)]
pub struct Events<L> {
    log: Arc<L>,
    cursor: Option<u64>,
}

impl<L: EventLog> Events<L> {
    /// The events after a cursor, which is what the parameter of that name says; without one, those which are still to come.
    ///
    /// From 0 on, that is all which the log still has. Where the log no longer has all of them, the consumer is told `OutdatedCursor`
    /// first; a cursor that no event has come to yet is answered by `FutureCursor`. The specification has the event at the cursor come
    /// again (<https://atproto.com/specs/event-stream#sequence-numbers>); as with the reference implementation it does not, since who
    /// names it has it.
    ///
    /// # Errors
    /// `InvalidRequest` where the cursor is negative.
    pub fn new(log: Arc<L>, cursor: Option<i64>) -> Result<Self, Refusal> {
        let cursor = cursor.map(u64::try_from).transpose();
        let cursor = cursor.map_err(|_| Refusal::invalid_request("cursor: negative"))?;
        Ok(Self { log, cursor })
    }
}
