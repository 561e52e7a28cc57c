//! `atp`: the functions of the atproto crates for a person and for scripts.

mod cbor;
mod conformance;
mod firehose;
mod input;
mod key;
mod lex;
mod migrate;
mod network;
mod output;
mod plc;
mod remote;
mod repo;
mod resolve;
mod save;
mod syntax;
mod tid;
mod transfer;

use clap::{Parser, Subcommand};
use output::{Failure, Outcome, Output};
use std::process::ExitCode;

/// AT Protocol on the command line.
///
/// Exit status: 0 done or valid; 1 a negative verdict; 2 usage; 3 network or file; 4 incomplete; 5 it waits for what you
/// are told to do.
/// Where a value is `-` or left out, standard input is read, one item a line.
#[derive(Parser)]
#[command(version, max_term_width = 110)]
struct Cli {
    /// Print one JSON object per line.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check text against a string format of Lexicon.
    #[command(subcommand)]
    Syntax(syntax::Command),
    /// Make and take apart timestamp identifiers.
    #[command(subcommand)]
    Tid(tid::Command),
    /// Make keys, show them, sign and verify.
    #[command(subcommand)]
    Key(key::Command),
    /// Check and convert DAG-CBOR.
    #[command(subcommand)]
    Cbor(cbor::Command),
    /// Resolve handles and DIDs to identities; a handle counts where both directions agree.
    Resolve(resolve::Resolve),
    /// Make, sign, verify and submit the operations of did:plc.
    #[command(subcommand)]
    Plc(plc::Command),
    /// Call the endpoints of services.
    #[command(subcommand)]
    Xrpc(remote::xrpc::Command),
    /// Create an account, log in and out, copy it, move it to another host, end it.
    #[command(subcommand)]
    Account(Box<remote::account::Command>),
    /// Write and read the records of an account.
    #[command(subcommand)]
    Record(remote::record::Command),
    /// Upload, download and list blobs.
    #[command(subcommand)]
    Blob(remote::blob::Command),
    /// Check Lexicon documents, and values against them.
    #[command(subcommand)]
    Lex(lex::Command),
    /// Read, write and prove repositories in CAR files.
    #[command(subcommand)]
    Repo(repo::Command),
    /// Verify the events of repositories.
    #[command(subcommand)]
    Firehose(firehose::Command),
    /// Run the public suites and the hostile catalogue, here or against another implementation.
    Conformance(conformance::Conformance),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(cli.json);
    let done = match cli.command {
        Command::Syntax(command) => command.run(&mut output),
        Command::Tid(command) => command.run(&mut output),
        Command::Key(command) => command.run(&mut output),
        Command::Cbor(command) => command.run(&mut output),
        Command::Resolve(command) => command.run(&mut output),
        Command::Plc(command) => command.run(&mut output),
        Command::Xrpc(command) => command.run(&mut output),
        Command::Account(command) => command.run(&mut output),
        Command::Record(command) => command.run(&mut output),
        Command::Blob(command) => command.run(&mut output),
        Command::Lex(command) => command.run(&mut output),
        Command::Repo(command) => command.run(&mut output),
        Command::Firehose(command) => command.run(&mut output),
        Command::Conformance(command) => command.run(&mut output),
    };
    match done.and_then(|outcome: Outcome| output.finish().map(|()| outcome)) {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            failure.report();
            Failure::into(failure)
        }
    }
}
