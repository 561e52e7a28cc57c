use super::known::{Known, now_after};
use super::operation::read;
use super::stop::Stop;
use crate::network::{Network, NetworkArguments};
use crate::output::{Outcome, Output};
use atproto_identity::plc::{Applied, History, Operation, UnsignedOperation};
use atproto_lexicon::syntax::Did;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// The DID of a genesis is in it; that of another operation is given, or stands beside it in the file.
#[derive(Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Submit {
    /// The DID.
    did: Option<Did>,
    /// The signed operation as JSON: a file, or `-`.
    #[arg(value_name = "OPERATION.json")]
    operation: PathBuf,
    /// Do not check the operation against the verified history first.
    #[arg(long)]
    no_check: bool,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Submit {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Stop> {
        let (beside, operation): (_, Operation) = read(&self.operation)?;
        let own = operation.did();
        let did = self.did.clone().or(beside).or_else(|| own.clone());
        let did =
            did.ok_or_else(|| Stop::usage("whose operation it is does not stand in it: give the DID"))?;
        if let Some(own) = own.filter(|own| *own != did) {
            return Err(Stop::refused(format!("the genesis is that of {own}")));
        }
        let network = Network::open(self.network)?;
        let nullified = if self.no_check { Vec::new() } else { check(&did, &operation, &network)?.nullified };
        network.submit(&did, &operation).map_err(|error| Stop::client(&did, &error))?;
        let nullified: Vec<String> = nullified.iter().map(ToString::to_string).collect();
        let cid = operation.cid().to_string();
        let mut text = format!("accepted\n  did     {did}\n  cid     {cid}");
        for undone in &nullified {
            text.push_str(&format!("\n  undoes  {undone}"));
        }
        let json = json!({"verdict": "accepted", "did": did.as_str(), "cid": cid, "nullified": nullified});
        output.line(text, &json)?;
        Ok(Outcome::Done)
    }
}

/// Checks what the directory will.
fn check(did: &Did, operation: &Operation, network: &Network) -> Result<Applied, Stop> {
    match &operation.unsigned {
        UnsignedOperation::Update { data, .. } => data.check().map_err(Stop::refused)?,
        UnsignedOperation::Create(_) => {
            return Err(Stop::refused("legacy operations are not taken any more"));
        }
        UnsignedOperation::Tombstone { .. } => {}
    }
    let len = operation.to_bytes().len();
    if len > Operation::MAX_NEW_LEN {
        return Err(Stop::refused(format!("operation of {len} bytes, more than {}", Operation::MAX_NEW_LEN)));
    }
    let (history, now) = if operation.unsigned.prev().is_none() {
        // Whether the directory has one already, it will say.
        (History::new(did.clone()), now_after(None))
    } else {
        let known = Known::fetch(did, network)?;
        let now = known.now();
        (known.history, now)
    };
    let now = now.ok_or_else(|| Stop::refused("the clock is beyond the calendar"))?;
    history.check(operation, &now).map_err(Stop::refused)
}
