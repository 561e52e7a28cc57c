use super::session::SessionArguments;
use super::{Stop, client, run, service};
use crate::network::{Network, NetworkArguments, reason};
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::syntax::AtIdentifier;
use atproto_xrpc::api::com::atproto::server::GetSession;
use atproto_xrpc::auth::Login;
use clap::{Args, Subcommand};
use serde_json::json;
use std::env;
use std::io;
use tokio::runtime::Runtime;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Log in with an app password, which is $ATP_PASSWORD or a line of standard input.
    Login(LoginArguments),
    /// Say who has logged in, and where.
    Status(SessionArguments),
    /// End the session.
    Logout(SessionArguments),
}

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
    session: SessionArguments,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        run(output, |runtime, output| match self {
            Self::Login(arguments) => arguments.run(runtime, output),
            Self::Status(session) => status(&session, runtime, output),
            Self::Logout(session) => {
                let client = session.open(runtime)?;
                let did = client.auth().did();
                runtime.block_on(client.auth().clone().delete())?;
                output.line(format!("{did} is logged out"), &json!({"did": did}))?;
                Ok(Outcome::Done)
            }
        })
    }
}

impl LoginArguments {
    fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let store = self.session.store()?;
        let host = match &self.host {
            Some(host) => service(host)?,
            None => service(&host_of(&self.identifier, self.network)?)?,
        };
        let mut login = Login::new(&self.identifier, password()?);
        if let Some(token) = self.token {
            login = login.with_token(token);
        }
        let _guard = runtime.enter();
        let client = runtime.block_on(client(host, self.session.development)?.login_with(&login, store))?;
        let data = client.auth().data();
        let (did, handle, host) = (&data.did, &data.handle, data.host());
        output.line(
            format!("{handle} ({did}) is logged in at {host}"),
            &json!({"did": did, "handle": handle, "host": host}),
        )?;
        Ok(Outcome::Done)
    }
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

fn password() -> Result<String, Failure> {
    if let Ok(password) = env::var("ATP_PASSWORD") {
        return Ok(password);
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(Failure::file("standard input"))?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::Usage("no password: $ATP_PASSWORD, or a line of standard input".to_owned())),
        password => Ok(password.to_owned()),
    }
}

fn status(session: &SessionArguments, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
    let client = session.open(runtime)?;
    let answer = runtime.block_on(client.send(&GetSession))?.output;
    let (did, handle, host) = (&answer.did, &answer.handle, client.service());
    let is_active = answer.active.unwrap_or(true);
    let state = if is_active { "active" } else { "not active" };
    output.line(
        format!("did     {did}\nhandle  {handle}\nhost    {host}\nstate   {state}"),
        &json!({"did": did, "handle": handle, "host": host, "active": is_active}),
    )?;
    Ok(Outcome::Done)
}
