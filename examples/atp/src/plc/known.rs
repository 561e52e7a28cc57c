//! What is known of a DID: its log, verified.

use super::stop::Stop;
use crate::input::read_file;
use crate::network::{Network, NetworkArguments};
use crate::tid::now_micros;
use atproto_identity::plc::{ClientError, History, LogEntry, verify_log};
use atproto_lexicon::syntax::{Datetime, Did};
use std::path::Path;

/// A log that is valid, and what follows from it.
pub(crate) struct Known {
    pub(crate) log: Vec<LogEntry>,
    pub(crate) history: History,
}

impl Known {
    /// From the directory.
    pub(crate) fn fetch(did: &Did, network: &Network) -> Result<Self, Stop> {
        let log = network.audit_log(did).map_err(|error| Stop::client(did, &error))?;
        match verify_log(did, &log) {
            Ok(history) => Ok(Self { log, history }),
            Err(error) => Err(Stop::client(did, &ClientError::Log(error))),
        }
    }

    /// From a file; from the directory where there is none.
    pub(super) fn load(
        did: Option<&Did>,
        file: Option<&Path>,
        network: NetworkArguments,
    ) -> Result<Self, Stop> {
        let Some(path) = file else {
            let did = did.ok_or_else(|| Stop::usage("there is neither a DID nor a log"))?;
            return Self::fetch(did, &Network::open(network)?);
        };
        let log = read_log(&read_file(path)?).map_err(|reason| Stop::refused(format!("log: {reason}")))?;
        let did = did.or_else(|| log.first().map(|entry| &entry.did)).cloned();
        let did = did.ok_or_else(|| Stop::refused("the log is empty"))?;
        let history = verify_log(&did, &log).map_err(Stop::refused)?;
        Ok(Self { log, history })
    }

    /// The time at which an operation is submitted: now, and later than the last one also where this clock is behind the
    /// directory's.
    pub(crate) fn now(&self) -> Option<Datetime> {
        now_after(self.log.last().map(|entry| &entry.created_at))
    }
}

/// The time, and later than this.
pub(super) fn now_after(last: Option<&Datetime>) -> Option<Datetime> {
    let last = last.map_or(i64::MIN, |time| {
        let micros = time.unix_seconds().saturating_mul(1_000_000);
        micros.saturating_add(i64::from(time.subsec_nanos() / 1000)).saturating_add(1)
    });
    Datetime::from_unix_micros(i64::try_from(now_micros()).unwrap_or(i64::MAX).max(last))
}

/// Reads an audit log: a JSON array, or an entry a line.
pub(super) fn read_log(bytes: &[u8]) -> Result<Vec<LogEntry>, String> {
    if bytes.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(bytes).map_err(|error| error.to_string());
    }
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines
        .map(|(number, line)| {
            let number = number.saturating_add(1);
            serde_json::from_slice(line).map_err(|error| format!("line {number}: {error}"))
        })
        .collect()
}
