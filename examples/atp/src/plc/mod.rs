mod genesis;
pub(crate) mod known;
mod log;
mod operation;
mod sign;
pub(crate) mod state;
pub(crate) mod stop;
mod submit;
mod update;
mod verify;

use crate::output::{Failure, Outcome, Output};
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the operations of a DID, verified, and what each has changed.
    Log(log::Log),
    /// Verify an audit log, of the directory or in a file, or an export.
    Verify(verify::Verify),
    /// Make the first operation of a new DID, and with a key sign it.
    #[command(mut_arg("rotation_keys", |keys| keys.required(true)))]
    Genesis(Box<genesis::Genesis>),
    /// Make the next operation of a DID, unsigned, from its verified state.
    Update(Box<update::Update>),
    /// Sign an operation, or attach a signature that was made elsewhere.
    Sign(sign::Sign),
    /// Submit a signed operation to the directory, which the verified history allows.
    Submit(submit::Submit),
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let done = match self {
            Self::Log(log) => log.run(output),
            Self::Verify(verify) => verify.run(output),
            Self::Genesis(genesis) => genesis.run(output),
            Self::Update(update) => update.run(output),
            Self::Sign(sign) => sign.run(output),
            Self::Submit(submit) => submit.run(output),
        };
        done.or_else(|stop| stop.print(output))
    }
}
