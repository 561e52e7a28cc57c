use super::lint::{Deny, Printer};
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::lint::{ChangeRule, breaking};
use atproto_lexicon::schema::Catalog;
use clap::Args;
use std::path::PathBuf;

/// Exit status 1 means that there is an error, or what is denied.
#[derive(Args)]
pub(crate) struct Breaking {
    /// The old documents: a file, or a folder with documents (`*.json`) at any depth.
    old: PathBuf,
    /// The new documents.
    new: PathBuf,
    /// Let these be errors, too, and all that is worse.
    #[arg(long, value_name = "SEVERITY")]
    deny: Option<Deny>,
}

impl Breaking {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut printer = Printer::new(output, self.deny);
        let (mut old, mut new) = (Catalog::new(), Catalog::new());
        printer.read(&mut old, &self.old)?;
        printer.read(&mut new, &self.new)?;
        printer.findings(&breaking(&old, &new), |rule: &ChangeRule| rule.name())?;
        Ok(printer.outcome)
    }
}
