use crate::network::{Network, NetworkArguments};
use crate::output::{Failure, Outcome, Output};
use crate::remote::account::{refuse_active, signing_key};
use crate::remote::run;
use crate::remote::session::SessionArguments;
use crate::transfer::{import_repo, read_repo};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Import {
    /// CAR file.
    file: PathBuf,
    /// Also where the account is active: its records become those of the file, and others are deleted.
    #[arg(long)]
    force: bool,
    /// Do not verify the signature, as of a repository that was signed with a key of before.
    #[arg(long)]
    no_signature: bool,
    #[command(flatten)]
    session: SessionArguments,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Import {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        run(output, |runtime, output| {
            let client = self.session.open(runtime)?;
            let did = client.auth().did();
            let key = match self.no_signature {
                true => None,
                false => Some(signing_key(&did, &Network::open(self.network)?)?),
            };
            let repo = read_repo(&self.file, &did, key)?;
            refuse_active(&client, self.force, runtime)?;
            runtime.block_on(import_repo(&client, &self.file))?;
            let host = client.service();
            let json = json!({
                "did": did, "host": host, "commit": repo.commit.to_string(), "rev": repo.rev.to_string(),
                "data": repo.data.to_string(), "records": repo.records,
            });
            output
                .line(format!("{host} has the {} records of commit {}", repo.records, repo.commit), &json)?;
            Ok(Outcome::Done)
        })
    }
}
