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
/// # use atproto_crypto::{Curve, SecretKey};
/// use atproto_identity::plc::{Data, LogEntry, UnsignedOperation, verify_log};
/// # let key = SecretKey::from_hex(Curve::P256, &"17".repeat(32))?;
/// # let data = Data { rotation_keys: vec![key.public_key().to_did_key()], ..Data::default() };
/// # let operation = UnsignedOperation::Update { data, prev: None }.sign(&key)?;
/// # let (did, cid) = (operation.did().unwrap(), operation.cid());
/// # let entry = LogEntry { did: did.clone(), operation, cid, nullified: false, created_at: "2026-01-01T00:00:00Z".parse()? };
/// # let response = serde_json::to_vec(&[entry])?;
///
/// // The response of `https://plc.directory/did:plc:…/log/audit`.
/// let mut log: Vec<LogEntry> = serde_json::from_slice(&response)?;
/// let history = verify_log(&did, &log)?;
/// assert_eq!(history.document().unwrap().id, did);
///
/// // What the directory says of an operation is checked, too.
/// log[0].nullified = true;
/// let error = verify_log(&did, &log).unwrap_err();
/// assert_eq!(error.to_string(), "entry 0 of the log: the log says nullified: true, the operations say otherwise");
/// # Ok::<(), Box<dyn std::error::Error>>(())
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
