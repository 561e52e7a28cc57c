mod breaking;
mod check;
mod generate;
mod lint;
mod validate;

pub(crate) use lint::{Deny, Printer};

use crate::output::{Failure, Outcome, Output};
use crate::remote::lexicon;
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
    /// Publish documents in one's own repository, as far as they break nothing that is published.
    Publish(lexicon::Publish),
    /// Save a schema and all that it refers to, each as its author publishes it.
    Pull(lexicon::Pull),
    /// Print a schema, as its author publishes it.
    Resolve(lexicon::Resolve),
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
            Self::Publish(publish) => publish.run(output),
            Self::Pull(pull) => pull.run(output),
            Self::Resolve(resolve) => resolve.run(output),
            Self::Validate(validate) => validate.run(output),
        }
    }
}
