//! An account and its session: made, used, copied, moved, ended.

mod copy;
mod create;
mod login;
mod migrate;
mod status;

pub(crate) use copy::{refuse_active, signing_key};
pub(crate) use create::{NewAccount, Terms};

use super::session::SessionArguments;
use super::{Stop, run};
use crate::output::{Failure, Outcome, Output};
use clap::{Args, Subcommand};
use serde_json::json;
use std::env;
use std::io;
use std::path::PathBuf;
use tokio::runtime::Runtime;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create an account on a host, and log in to it.
    Create(Box<create::Create>),
    /// Log in: with an app password, or for what changes the account itself with its own.
    Login(login::LoginArguments),
    /// Say who has logged in, and where.
    Status(SessionArguments),
    /// End the session.
    Logout(SessionArguments),
    /// Copy the account into a folder: its repository, verified, its blobs, and what it prefers.
    ///
    /// In the folder are `repo.car`, `blobs/CID` for each blob, `preferences.json` and, on whose they are, `account.json`. Blobs that are
    /// there with the right hash are not fetched again.
    Export(copy::Export),
    /// Bring such a copy to the account that has logged in.
    ///
    /// It must not be active, which is how it is created for a move.
    Import(copy::Import),
    /// Move the account to another host.
    ///
    /// It must have logged in at its present host, with its own password. It is created on the new host, copied and checked; then the
    /// identity is changed, and then the account is activated there and deactivated here. What has ended anywhere goes on when the same
    /// command is run again; how far it is, and the copy, is in the folder `accounts` beside the session.
    ///
    /// Who signs for the identity is a rotation key that you hold, or the present host: it sends a token by e-mail first, and the command
    /// ends with status 5. A did:web has its document changed by its owner, and waits for that in the same way.
    #[command(mut_arg("password_file", |file| file.help("A file with the password on the new host in its first line; otherwise it is \
        $ATP_PASSWORD or a line of standard input")))]
    Migrate(Box<migrate::Migrate>),
    /// Hide the account, until it is activated.
    Deactivate(status::Deactivate),
    /// Show the account again.
    Activate(SessionArguments),
    /// Delete the account on its host, for good.
    Delete(status::Delete),
}

/// Where a password comes from: the file, or $ATP_PASSWORD, or else a line of standard input.
#[derive(Args)]
pub(crate) struct PasswordArguments {
    /// A file with the password in its first line; otherwise it is $ATP_PASSWORD or a line of standard input.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        run(output, |runtime, output| match self {
            Self::Create(create) => create.run(runtime, output),
            Self::Login(login) => login.run(runtime, output),
            Self::Status(session) => status::print(&session, runtime, output),
            Self::Logout(session) => logout(&session, runtime, output),
            Self::Export(export) => export.run(runtime, output),
            Self::Import(import) => import.run(runtime, output),
            Self::Migrate(migrate) => migrate.run(runtime, output),
            Self::Deactivate(deactivate) => deactivate.run(runtime, output),
            Self::Activate(session) => status::activate(&session, runtime, output),
            Self::Delete(delete) => delete.run(runtime, output),
        })
    }
}

fn logout(session: &SessionArguments, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
    let client = session.open(runtime)?;
    let did = client.auth().did();
    runtime.block_on(client.auth().clone().delete())?;
    output.line(format!("{did} is logged out"), &json!({"did": did}))?;
    Ok(Outcome::Done)
}

impl PasswordArguments {
    pub(crate) fn read(&self) -> Result<String, Failure> {
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path).map_err(Failure::file(path.display()))?;
            let empty = || Failure::Usage(format!("{}: the first line is empty", path.display()));
            return text.lines().next().filter(|line| !line.is_empty()).map(str::to_owned).ok_or_else(empty);
        }
        if let Ok(password) = env::var("ATP_PASSWORD") {
            return Ok(password);
        }
        let none = "no password: --password-file, $ATP_PASSWORD, or a line of standard input";
        read_line()?.ok_or_else(|| Failure::Usage(none.to_owned()))
    }
}

/// A line of standard input, unless it is empty.
fn read_line() -> Result<Option<String>, Failure> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(Failure::file("standard input"))?;
    let line = line.trim_end_matches(['\r', '\n']);
    Ok((!line.is_empty()).then(|| line.to_owned()))
}
