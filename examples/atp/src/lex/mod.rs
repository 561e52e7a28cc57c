mod breaking;
mod check;
mod generate;
mod lint;
mod validate;

use crate::output::{Failure, Outcome, Output};
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say what changed between two versions of documents that data or code may not survive.
    Breaking(breaking::Breaking),
    /// Say of each document whether it is one, and whether all that it refers to is there.
    Check(check::Check),
    /// Generate Rust from documents.
    Gen(generate::Generate),
    /// Say what is wrong or unwise in documents.
    Lint(lint::Lint),
    /// Say of each value whether it is as its schema says.
    Validate(validate::Validate),
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::Breaking(breaking) => breaking.run(output),
            Self::Check(check) => check.run(output),
            Self::Gen(generate) => generate.run(output),
            Self::Lint(lint) => lint.run(output),
            Self::Validate(validate) => validate.run(output),
        }
    }
}
