//! Where a CAR is written to.

use super::open;
use crate::output::{Failure, Outcome, Output, stopped};
use crate::save::Staged;
use atproto_repo::car::CarError;
use atproto_repo::repo::Error;
use clap::Args;
use serde_json::Value as Json;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Target {
    /// CAR file, which is made; without it the CAR goes to standard output.
    #[arg(long = "output", short, value_name = "OUT.car")]
    out: Option<PathBuf>,
    /// Replace a file that is there.
    #[arg(long, requires = "out")]
    force: bool,
}

impl Target {
    /// Whether the CAR can go there, which is said before anything is read.
    pub(super) fn check(&self, output: &Output) -> Result<(), Failure> {
        if self.file().is_some() {
            return Ok(());
        }
        if output.is_json() {
            return Err(Failure::Usage("with --json, --output names a file for the CAR".into()));
        }
        if io::stdout().is_terminal() {
            return Err(Failure::Usage("standard output is a terminal; --output names a file".into()));
        }
        Ok(())
    }

    /// The file as it will be, which takes its place when it is finished.
    pub(super) fn stage(&self) -> Result<Staged, Failure> {
        let needed = || Failure::Usage("--output names a file for the CAR".into());
        Staged::new(self.file().ok_or_else(needed)?, self.force)
    }

    fn file(&self) -> Option<&Path> {
        self.out.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// The file's name, where it goes to one.
    pub(super) fn name(&self) -> Option<String> {
        self.file().map(|path| path.display().to_string())
    }

    /// Writes the CAR. A file is there only where `write` has come to its end.
    pub(super) fn write<T, E>(
        &self,
        output: &mut Output,
        write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
    ) -> Result<Result<T, E>, Failure> {
        let Some(path) = self.file() else { return Ok(write(output.raw())) };
        let mut staged = Staged::new(path, self.force)?;
        let written = write(&mut staged);
        if written.is_ok() {
            staged.finish()?;
        }
        Ok(written)
    }

    /// Why the CAR could not be written.
    pub(super) fn failure(&self, error: io::Error) -> Failure {
        match self.file() {
            Some(path) => Failure::file(path.display())(error),
            None => stopped(error),
        }
    }

    /// Says why nothing, or not all, was written; beside a CAR on standard output.
    pub(super) fn refuse<E: Display>(
        &self,
        output: &mut Output,
        error: &Error<E>,
    ) -> Result<Outcome, Failure> {
        if self.file().is_some() {
            return open::refuse(output, error);
        }
        let (_, outcome) = open::verdict(error)?;
        writeln!(io::stderr(), "atp: {error}").unwrap_or_default();
        Ok(outcome)
    }

    /// Says that what was read is no CAR.
    pub(super) fn refuse_car(&self, output: &mut Output, error: CarError) -> Result<Outcome, Failure> {
        if self.file().is_some() {
            return open::refuse_car(output, error);
        }
        writeln!(io::stderr(), "atp: {error}").unwrap_or_default();
        Ok(Outcome::Negative)
    }

    /// Says what was written, where standard output is free for that.
    pub(super) fn report(&self, output: &mut Output, text: impl Display, json: &Json) -> Result<(), Failure> {
        if self.file().is_some() { output.line(text, json) } else { Ok(()) }
    }
}
