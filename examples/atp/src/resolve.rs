use crate::input::each_item;
use crate::network::{Network, NetworkArguments, describe, outcome, reason, word};
use crate::output::{Failure, Outcome, Output, printable, printable_lines};
use atproto_identity::{HandleFault, HandleState, Identity, ResolveError};
use atproto_lexicon::syntax::AtIdentifier;
use clap::Args;
use serde_json::{Map, Value as Json};

/// A DID whose handle does not lead back is resolved all the same, its handle being `handle.invalid`.
#[derive(Args)]
pub(crate) struct Resolve {
    /// Handles and DIDs.
    #[arg(value_name = "HANDLE|DID")]
    identifiers: Vec<String>,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Resolve {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let network = Network::open(self.network)?;
        each_item(&self.identifiers, |query| resolve(&network, &String::from_utf8_lossy(query), output))
    }
}

fn resolve(network: &Network, query: &str, output: &mut Output) -> Result<Outcome, Failure> {
    let mut json = Map::new();
    json.insert("query".into(), query.into());
    let resolved = match query.parse::<AtIdentifier>() {
        Ok(identifier) => network.resolve(&identifier),
        Err(error) => {
            json.insert("error".into(), "invalid_syntax".into());
            json.insert("reason".into(), error.to_string().into());
            output.line(format!("invalid_syntax  {}: {error}", printable(query)), &json.into())?;
            return Ok(Outcome::Negative);
        }
    };
    match resolved {
        Ok(identity) => {
            output.line(printable_lines(&to_text(&identity)), &to_json(json, &identity))?;
            Ok(Outcome::Done)
        }
        Err(error) => {
            json.extend(describe(&error));
            let text = format!("{}  {query}: {}", word(&error), reason(&error));
            output.line(printable(&text), &json.into())?;
            Ok(outcome(&error))
        }
    }
}

fn to_json(mut json: Map<String, Json>, identity: &Identity) -> Json {
    let mut set = |name: &str, value: Json| json.insert(name.into(), value);
    set("did", identity.did().as_str().into());
    set("handle", identity.handle().into());
    match identity.handle_state() {
        HandleState::Verified(_) => set("handle_state", "verified".into()),
        HandleState::Invalid { claimed, fault } => {
            set("handle_claimed", claimed.as_str().into());
            set("handle_fault", fault_word(fault).into());
            set("handle_reason", fault_reason(fault).into());
            if let HandleFault::Unresolved(error) = fault
                && let Some(after) = error.retry_after()
            {
                set("retry_after", after.as_secs().into());
            }
            set("handle_state", "invalid".into())
        }
        _ => set("handle_state", "none".into()),
    };
    if let Ok(pds) = identity.pds() {
        set("pds", pds.into());
    }
    if let Ok(key) = identity.signing_key() {
        set("signing_key", key.to_did_key().into());
    }
    set("document", identity.document().to_json());
    json.into()
}

fn to_text(identity: &Identity) -> String {
    let mut text = format!("did          {}", identity.did());
    match identity.handle_state() {
        HandleState::Verified(handle) => text.push_str(&format!("\nhandle       {handle}")),
        HandleState::Invalid { claimed, fault } => {
            text.push_str(&format!("\nhandle       {}\n", identity.handle()));
            text.push_str(&format!("  claimed    {claimed}: {}", fault_reason(fault)));
        }
        _ => text.push_str("\nhandle       none"),
    }
    match identity.pds() {
        Ok(pds) => text.push_str(&format!("\npds          {pds}")),
        Err(missing) => text.push_str(&format!("\npds          {missing}")),
    }
    match identity.signing_key() {
        Ok(key) => text.push_str(&format!("\nsigning key  {key}", key = key.to_did_key())),
        Err(missing) => text.push_str(&format!("\nsigning key  {missing}")),
    }
    text
}

fn fault_word(fault: &HandleFault) -> &'static str {
    match fault {
        HandleFault::Unresolved(error) => word(error),
        _ => "elsewhere",
    }
}

fn fault_reason(fault: &HandleFault) -> String {
    match fault {
        HandleFault::Unresolved(error @ ResolveError::Unreachable { .. }) => reason(error),
        other => other.to_string(),
    }
}
