use super::operation::{print, print_signed};
use super::state::StateArguments;
use super::stop::Stop;
use crate::key::read_secret;
use crate::output::{Outcome, Output};
use atproto_identity::plc::{Data, UnsignedOperation};
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Genesis {
    #[command(flatten)]
    state: StateArguments,
    /// Sign with this one of the rotation keys: a file with the secret key as a multikey, or `-`.
    #[arg(long, visible_alias = "sign-with", value_name = "FILE.key")]
    key_file: Option<PathBuf>,
}

impl Genesis {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Stop> {
        let mut data = Data::default();
        self.state.apply(&mut data);
        data.check().map_err(Stop::refused)?;
        let operation = UnsignedOperation::Update { data, prev: None };
        match self.key_file {
            None => print(&operation, output)?,
            Some(path) => {
                print_signed(&operation.sign(&read_secret(&path)?).map_err(Stop::refused)?, output)?;
            }
        }
        Ok(Outcome::Done)
    }
}
