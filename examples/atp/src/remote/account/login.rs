use super::PasswordArguments;
use crate::network::{Network, NetworkArguments, reason};
use crate::output::{Failure, Outcome, Output};
use crate::remote::session::{LoggedIn, SessionArguments};
use crate::remote::{Stop, service};
use atproto_lexicon::syntax::AtIdentifier;
use atproto_xrpc::auth::Login;
use clap::Args;
use serde_json::json;
use tokio::runtime::Runtime;

#[derive(Args)]
pub(crate) struct LoginArguments {
    /// Handle, DID, or with a host an e-mail address.
    identifier: String,
    /// The account's host; without it, the one that its DID document names.
    #[arg(long, value_name = "URL")]
    host: Option<String>,
    /// The token that was sent by e-mail.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    session: SessionArguments,
    #[command(flatten)]
    network: NetworkArguments,
}

impl LoginArguments {
    pub(super) fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let file = self.session.file()?;
        let host = match &self.host {
            Some(host) => service(host)?,
            None => service(&host_of(&self.identifier, self.network)?)?,
        };
        let mut login = Login::new(&self.identifier, self.password.read()?);
        if let Some(token) = self.token {
            login = login.with_token(token);
        }
        print(&file.log_in(&login, host, runtime)?, output)
    }
}

/// Prints who has logged in.
pub(super) fn print(client: &LoggedIn, output: &mut Output) -> Result<Outcome, Stop> {
    let data = client.auth().data();
    let (did, handle, host) = (&data.did, &data.handle, data.host());
    output.line(
        format!("{handle} ({did}) is logged in at {host}"),
        &json!({"did": did, "handle": handle, "host": host}),
    )?;
    Ok(Outcome::Done)
}

/// Where an account is, by its DID document.
fn host_of(identifier: &str, network: NetworkArguments) -> Result<String, Stop> {
    let identifier: AtIdentifier = identifier
        .parse()
        .map_err(|error| Stop::usage(format!("{identifier}: {error}; or name a --host")))?;
    let network = Network::open(network)?;
    let identity = network.resolve(&identifier).map_err(|error| Failure::File(reason(&error)))?;
    identity.pds().map(str::to_owned).map_err(|missing| Failure::File(missing.to_string()).into())
}
