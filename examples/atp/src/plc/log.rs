use super::stop::Stop;
use crate::network::{Network, NetworkArguments};
use crate::output::{Failure, Outcome, Output, printable};
use atproto_identity::plc::{Applied, Data, History, LogEntry, LogError, UnsignedOperation, verify_log};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use clap::Args;
use serde_json::{Value as Json, json};

/// With `--json` each line is an entry of the audit log, which `plc verify` and `plc update` read, with its changes.
#[derive(Args)]
pub(crate) struct Log {
    /// The DID.
    did: Did,
    /// Also what recoveries have undone.
    #[arg(long)]
    audit: bool,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Log {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Stop> {
        let did = self.did;
        let network = Network::open(self.network)?;
        let log = network.audit_log(&did).map_err(|error| Stop::client(&did, &error))?;
        let fault = verify_log(&did, &log).err();
        let mut history = History::new(did.clone());
        for (index, entry) in log.iter().enumerate() {
            let applied = history.apply(&entry.operation, &entry.created_at, Some(&entry.cid)).ok();
            let fault = fault.as_ref().filter(|fault| fault.index == index);
            if self.audit || !entry.nullified || fault.is_some() {
                print(&log, entry, applied.as_ref(), fault, output)?;
            }
        }
        match fault {
            None => Ok(Outcome::Done),
            // There is no entry that shows it.
            Some(fault) if log.is_empty() => {
                Err(Stop::client(&did, &atproto_identity::plc::ClientError::Log(fault)))
            }
            Some(_) => Ok(Outcome::Negative),
        }
    }
}

fn print(
    log: &[LogEntry],
    entry: &LogEntry,
    applied: Option<&Applied>,
    fault: Option<&LogError>,
    output: &mut Output,
) -> Result<(), Failure> {
    let undone = applied.map(|applied| applied.nullified.as_slice()).unwrap_or_default();
    let mut changes = changes(log, entry);
    if let UnsignedOperation::Tombstone { .. } = entry.operation.unsigned {
        changes.push("ends the DID".into());
    }
    let mut json = serde_json::to_value(entry).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.insert("changes".into(), changes.clone().into());
        fields.insert("undoes".into(), undone.iter().map(|cid| Json::from(cid.to_string())).collect());
        if let Some(fault) = fault {
            fields.insert("fault".into(), json!(fault.fault.to_string()));
        }
    }
    let mut text = format!("{}  {}", entry.created_at, entry.cid);
    if entry.nullified {
        text.push_str("  nullified");
    }
    for cid in undone {
        text.push_str(&format!("\n  undoes {cid}"));
    }
    for change in changes {
        text.push_str(&format!("\n  {}", printable(&change)));
    }
    if let Some(fault) = fault {
        text.push_str(&format!("\n  invalid: {}", printable(&fault.fault.to_string())));
    }
    output.line(text, &json)
}

/// What the operation has changed of the state that the one before it set.
fn changes(log: &[LogEntry], entry: &LogEntry) -> Vec<String> {
    let state = |cid: &Cid| {
        let entry = log.iter().rfind(|entry| entry.cid == *cid);
        entry.and_then(|entry| Some(entry.operation.unsigned.data()?.into_owned()))
    };
    let before: Data = entry.operation.unsigned.prev().and_then(state).unwrap_or_default();
    let after = entry.operation.unsigned.data();
    let changes = after.map(|after| before.changes(&after)).unwrap_or_default();
    changes.iter().map(ToString::to_string).collect()
}
