use super::known::Known;
use super::operation::print;
use super::state::StateArguments;
use super::stop::Stop;
use crate::network::NetworkArguments;
use crate::output::{Outcome, Output, printable};
use atproto_crypto::PublicKey;
use atproto_identity::plc::{Data, LogEntry, UnsignedOperation};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use clap::Args;
use std::path::PathBuf;

/// What is not said stays as it is.
#[derive(Args)]
pub(crate) struct Update {
    /// The DID; its log is the directory's.
    #[arg(required_unless_present = "log")]
    did: Option<Did>,
    /// File with the audit log instead, or `-`: a JSON array, or an entry a line.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    state: StateArguments,
    #[command(flatten)]
    edits: Edits,
    /// Go on from this operation and undo those after it: a recovery, by a rotation key that stands before theirs, within
    /// 72 hours.
    #[arg(long, value_name = "CID")]
    prev: Option<Cid>,
    /// End the DID. Within 72 hours a recovery can undo it, and nothing after that.
    #[arg(long)]
    tombstone: bool,
    #[command(flatten)]
    network: NetworkArguments,
}

/// Entries that come and go.
#[derive(Args)]
struct Edits {
    /// Add a rotation key of less authority than those that are there.
    #[arg(long, value_name = "did:key")]
    add_rotation_key: Vec<PublicKey>,
    /// Add a rotation key of more authority than those that are there.
    #[arg(long, value_name = "did:key")]
    prepend_rotation_key: Vec<PublicKey>,
    /// Remove a rotation key, as it is written there.
    #[arg(long, value_name = "did:key")]
    remove_rotation_key: Vec<String>,
    /// Add another name, behind those that are there.
    #[arg(long, value_name = "URI")]
    add_alias: Vec<String>,
    /// Remove a name, as it is written there.
    #[arg(long, value_name = "URI")]
    remove_alias: Vec<String>,
    /// Remove a service.
    #[arg(long, value_name = "ID")]
    remove_service: Vec<String>,
    /// Remove a public key.
    #[arg(long, value_name = "ID")]
    remove_verification_method: Vec<String>,
}

impl Update {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Stop> {
        let is_unchanged = self.state.is_empty() && self.edits.is_empty();
        if self.tombstone && !is_unchanged {
            return Err(Stop::usage("a tombstone changes nothing else"));
        }
        let known = Known::load(self.did.as_ref(), self.log.as_deref(), self.network)?;
        let (prev, before) = last(&known, self.prev)?;
        let undone = undone(&known.log, &prev);
        let operation = if self.tombstone {
            output.note("ends the DID");
            UnsignedOperation::Tombstone { prev }
        } else {
            let mut data = before.clone();
            self.edits.remove(&mut data)?;
            self.state.apply(&mut data);
            self.edits.add(&mut data);
            // A recovery undoes, even where it changes nothing of what was before.
            if data == before && undone.is_empty() {
                return Err(Stop::refused("nothing would change"));
            }
            data.check().map_err(Stop::refused)?;
            for change in before.changes(&data) {
                output.note(printable(&change.to_string()));
            }
            UnsignedOperation::Update { data, prev: Some(prev) }
        };
        for entry in undone {
            output.note(format!("undoes {} of {}", entry.cid, entry.created_at));
        }
        print(&operation, output)?;
        Ok(Outcome::Done)
    }
}

/// The operation to go on from, and the state that it set.
fn last(known: &Known, prev: Option<Cid>) -> Result<(Cid, Data), Stop> {
    let head = known.history.head().copied();
    let cid = prev.or(head).ok_or_else(|| Stop::refused("the log is empty"))?;
    let entry = known.log.iter().rfind(|entry| entry.cid == cid);
    let entry = entry.ok_or_else(|| Stop::refused(format!("{cid} is not in the log")))?;
    if entry.nullified {
        return Err(Stop::refused(format!("{cid} is nullified")));
    }
    let data = entry.operation.unsigned.data();
    let data = data.ok_or_else(|| Stop::refused("the DID has been ended by a tombstone"))?;
    Ok((cid, data.into_owned()))
}

/// What goes if an operation follows on this one: all that counts and came after it.
fn undone<'a>(log: &'a [LogEntry], prev: &Cid) -> Vec<&'a LogEntry> {
    log.iter().rev().take_while(|entry| entry.cid != *prev).filter(|entry| !entry.nullified).collect()
}

impl Edits {
    fn is_empty(&self) -> bool {
        self.add_rotation_key.is_empty()
            && self.prepend_rotation_key.is_empty()
            && self.remove_rotation_key.is_empty()
            && self.add_alias.is_empty()
            && self.remove_alias.is_empty()
            && self.remove_service.is_empty()
            && self.remove_verification_method.is_empty()
    }

    /// Removes what is there; that it is not is a mistake.
    fn remove(&self, data: &mut Data) -> Result<(), Stop> {
        let absent = |what: &str, entry: &str| Stop::refused(format!("there is no {what} {entry:?}"));
        for (what, list, entries) in [
            ("rotation key", &mut data.rotation_keys, &self.remove_rotation_key),
            ("alias", &mut data.also_known_as, &self.remove_alias),
        ] {
            for entry in entries {
                let before = list.len();
                list.retain(|other| other != entry);
                if list.len() == before {
                    return Err(absent(what, entry));
                }
            }
        }
        for id in &self.remove_service {
            data.services.remove(id).ok_or_else(|| absent("service", id))?;
        }
        for id in &self.remove_verification_method {
            data.verification_methods.remove(id).ok_or_else(|| absent("verification method", id))?;
        }
        Ok(())
    }

    fn add(&self, data: &mut Data) {
        let prepended = self.prepend_rotation_key.iter().map(PublicKey::to_did_key);
        data.rotation_keys.splice(0..0, prepended);
        data.rotation_keys.extend(self.add_rotation_key.iter().map(PublicKey::to_did_key));
        data.also_known_as.extend_from_slice(&self.add_alias);
    }
}
