//! Audit logs: which operations count, and why one does not.

use super::history::{Fault, History};
use super::operation::Operation;
use super::text;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{Datetime, Did};
use serde::{Deserialize, Serialize};

/// An entry of an audit log (`/{did}/log/audit`): an operation with what the directory says of it. `serde_json` reads a log as a
/// `Vec` of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// Whose operation it is.
    pub did: Did,
    /// The operation.
    pub operation: Operation,
    /// Its CID.
    #[serde(with = "text::cid")]
    pub cid: Cid,
    /// Whether a recovery has undone it.
    pub nullified: bool,
    /// When the directory took it.
    pub created_at: Datetime,
}

/// Why a log is not valid, and which entry shows it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} of the log: {fault}")]
pub struct LogError {
    /// The entry, counted from 0. That of an empty log is 0.
    pub index: usize,
    /// What is wrong with it.
    #[source]
    pub fault: Fault,
}

/// Verifies all of an audit log: the DID is the hash of the genesis, each operation is signed by a key that had the authority
/// at its time, each recovery came within 72 hours, each hash and time is right, and what the log calls nullified is what
/// the recoveries have undone (<https://web.plc.directory/spec/v0.1/did-plc#audit-logs>).
///
/// ```
/// use atproto_identity::plc::{LogEntry, verify_log};
///
/// // As `https://plc.directory/did:plc:…/log/audit` gives it.
/// let log: Vec<LogEntry> = serde_json::from_str(r#"[{
///     "did": "did:plc:wnxtdoa2d3rskycpqzobl5hx",
///     "operation": {"type": "plc_operation", "rotationKeys": [], "verificationMethods": {}, "alsoKnownAs": [], "services": {},
///         "prev": null, "sig": "not a signature"},
///     "cid": "bafyreifvhlo2mtzxdidtxx4yg6b5kzqjvaqrjggcyoahgxgjr5dz6j4yne", "nullified": false,
///     "createdAt": "2026-01-01T00:00:00Z"
/// }]"#)?;
/// let error = verify_log(&log[0].did, &log).unwrap_err();
/// assert_eq!(error.index, 0);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// The directory's word remains: that there are no further operations, and when it took them.
///
/// # Errors
/// The first entry that is at fault.
pub fn verify_log(did: &Did, log: &[LogEntry]) -> Result<History, LogError> {
    let mut history = History::new(did.clone());
    if log.is_empty() {
        return Err(LogError { index: 0, fault: Fault::Empty });
    }
    for (index, entry) in log.iter().enumerate() {
        let at = |fault| LogError { index, fault };
        if entry.did != *did {
            return Err(at(Fault::OtherDid(entry.did.clone())));
        }
        history.apply(&entry.operation, &entry.created_at, Some(&entry.cid)).map_err(at)?;
    }
    for (index, (entry, known)) in log.iter().zip(history.entries()).enumerate() {
        if entry.nullified != known.is_nullified() {
            return Err(LogError { index, fault: Fault::NullifiedFlag { says: entry.nullified } });
        }
    }
    Ok(history)
}

/// Verifies a log of operations alone (`/{did}/log`): those that count, without times. What a recovery has undone is not in
/// it, so that it shows less than an audit log.
///
/// # Errors
/// The first operation that is at fault.
pub fn verify_operations(did: &Did, operations: &[Operation]) -> Result<History, LogError> {
    let mut history = History::new(did.clone());
    if operations.is_empty() {
        return Err(LogError { index: 0, fault: Fault::Empty });
    }
    for (index, operation) in operations.iter().enumerate() {
        history.extend(operation).map_err(|fault| LogError { index, fault })?;
    }
    Ok(history)
}
