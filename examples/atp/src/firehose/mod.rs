mod keys;
mod report;
mod repositories;
mod verify;
mod watch;

use crate::output::{Failure, Outcome, Output};
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Verify recorded messages of `com.atproto.sync.subscribeRepos`, each on what came before.
    ///
    /// A line an event: number, account, kind, outcome. An account's first commit that verifies by itself is believed. `unchanged`
    /// and `ignored` are as they should be; after `desynchronized` the repository would have to be fetched. Exit status 1 where an
    /// event is not what a host may send, 4 where one could not be verified.
    Verify(verify::Verify),
    /// Follow a relay or PDS: a line an event, until it is interrupted.
    ///
    /// Without `--verify` all of it is the word of the host. With it each account is resolved, and each event verified on what came
    /// before, beginning with the first commit of an account that verifies by itself. An account of which events were missed goes on
    /// from the commit that its host shows then.
    Watch(watch::Watch),
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::Verify(verify) => verify.run(output),
            Self::Watch(watch) => watch.run(output),
        }
    }
}
