use super::{PasswordArguments, read_line};
use crate::output::{Failure, Outcome, Output};
use crate::remote::Stop;
use crate::remote::session::SessionArguments;
use atproto_lexicon::syntax::Datetime;
use atproto_xrpc::api::com::atproto::server::{
    ActivateAccount, DeactivateAccount, DeleteAccount, GetSession, RequestAccountDelete,
};
use clap::Args;
use serde_json::json;
use std::io::{self, IsTerminal as _};
use tokio::runtime::Runtime;

#[derive(Args)]
pub(crate) struct Deactivate {
    /// When the host may delete the account, if it is not active again by then.
    #[arg(long, value_name = "DATETIME")]
    delete_after: Option<Datetime>,
    #[command(flatten)]
    session: SessionArguments,
}

#[derive(Args)]
pub(crate) struct Delete {
    /// The token that was sent by e-mail; without it, one is sent.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    password: PasswordArguments,
    #[command(flatten)]
    session: SessionArguments,
}

pub(super) fn print(
    session: &SessionArguments,
    runtime: &Runtime,
    output: &mut Output,
) -> Result<Outcome, Stop> {
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

pub(super) fn activate(
    session: &SessionArguments,
    runtime: &Runtime,
    output: &mut Output,
) -> Result<Outcome, Stop> {
    let client = session.open(runtime)?;
    runtime.block_on(client.send(&ActivateAccount))?;
    let did = client.auth().did();
    output.line(format!("{did} is active at {}", client.service()), &json!({"did": did, "active": true}))?;
    Ok(Outcome::Done)
}

impl Deactivate {
    pub(super) fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let client = self.session.open(runtime)?;
        let deactivate =
            DeactivateAccount { delete_after: self.delete_after.clone(), ..DeactivateAccount::default() };
        runtime.block_on(client.send(&deactivate))?;
        let did = client.auth().did();
        let json = json!({"did": did, "active": false, "delete_after": self.delete_after});
        output.line(format!("{did} is not active at {}", client.service()), &json)?;
        Ok(Outcome::Done)
    }
}

impl Delete {
    pub(super) fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let client = self.session.open(runtime)?;
        let (did, host) = (client.auth().did(), client.service());
        let Some(token) = self.token else {
            runtime.block_on(client.send(&RequestAccountDelete))?;
            output.line(
                format!("{host} has sent an e-mail: run the command again with the --token that is in it"),
                &json!({"did": did, "waits_for": "token"}),
            )?;
            return Ok(Outcome::Waiting);
        };
        if !self.yes {
            confirm(client.auth().handle().as_str(), output)?;
        }
        let delete = DeleteAccount::new(did.clone(), self.password.read()?, token);
        runtime.block_on(client.send(&delete))?;
        self.session.file()?.clear(runtime)?;
        output.line(format!("{did} is deleted at {host}"), &json!({"did": did, "deleted": true}))?;
        Ok(Outcome::Done)
    }
}

/// Has the handle typed: what follows cannot be undone.
fn confirm(handle: &str, output: &Output) -> Result<(), Failure> {
    if output.is_json() || !io::stdin().is_terminal() {
        return Err(Failure::Usage("nobody can be asked here: say --yes".to_owned()));
    }
    output.note(format!("This deletes the account with all that it has. Type {handle} to go on:"));
    match read_line()? {
        Some(line) if line == handle => Ok(()),
        _ => Err(Failure::Usage("nothing is deleted".to_owned())),
    }
}
