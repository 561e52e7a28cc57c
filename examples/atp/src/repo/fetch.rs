//! Repositories of accounts, fetched from their hosts.

use super::target::Target;
use crate::network::{Network, NetworkArguments, reason};
use crate::output::{Failure, Outcome, Output};
use crate::remote::{Stop, client, run, service};
use crate::transfer::receive_repo;
use atproto_lexicon::syntax::AtIdentifier;
use atproto_xrpc::api::com::atproto::sync::GetRepo;
use clap::Args;
use serde_json::json;
use std::path::Path;
use tokio::runtime::Runtime;

#[derive(Args)]
pub(super) struct Account {
    /// The host, or a relay that has the repository; without it, the host that the account's DID document names.
    #[arg(long, value_name = "URL")]
    host: Option<String>,
    /// Do not verify the signature of an account's repository: anybody can have made what comes.
    #[arg(long)]
    no_signature: bool,
    #[command(flatten)]
    network: NetworkArguments,
}

/// The account that a source names which is no file.
pub(super) fn account(source: &Path) -> Option<AtIdentifier> {
    let text = source.to_str().filter(|text| !text.ends_with(".car"))?;
    if source.exists() { None } else { text.parse().ok() }
}

impl Account {
    /// Writes the repository of an account to a file.
    pub(super) fn fetch(
        self,
        identifier: &AtIdentifier,
        target: &Target,
        output: &mut Output,
    ) -> Result<Outcome, Failure> {
        run(output, |runtime, output| self.write(identifier, target, runtime, output))
    }

    fn write(
        self,
        identifier: &AtIdentifier,
        target: &Target,
        runtime: &Runtime,
        output: &mut Output,
    ) -> Result<Outcome, Stop> {
        let mut file = target.stage()?;
        let development = self.network.is_development();
        let network = Network::open(self.network)?;
        let identity = network.resolve(identifier).map_err(|error| Failure::File(reason(&error)))?;
        let missing = |missing: atproto_identity::Missing| Stop::wrong("no_repository", missing);
        let key = match self.no_signature {
            true => None,
            false => Some(identity.signing_key().map_err(missing)?),
        };
        let host = match &self.host {
            Some(host) => service(host)?,
            None => service(identity.pds().map_err(missing)?)?,
        };
        let guard = runtime.enter();
        let client = client(host, development)?;
        drop(guard);
        let did = identity.did();
        let repo = runtime.block_on(async {
            let body = client.download(&GetRepo::new(did.clone())).await?.output;
            receive_repo(body, did, key, &mut file).await
        })?;
        file.finish()?;
        let signature = if key.is_some() { "verified" } else { "not verified" };
        let name = target.name().unwrap_or_default();
        let json = json!({
            "did": did, "commit": repo.commit.to_string(), "rev": repo.rev.to_string(), "data": repo.data.to_string(),
            "records": repo.records, "size": repo.size, "file": name, "signed": key.is_some(),
        });
        let text = format!(
            "commit {} of {did} in {name}: {} records; signature {signature}",
            repo.commit, repo.records
        );
        output.line(text, &json)?;
        Ok(Outcome::Done)
    }
}
