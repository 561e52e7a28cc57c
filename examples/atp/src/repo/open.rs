//! Opening CAR files, whatever their size.

use crate::input::read_file;
use crate::output::{Failure, Outcome, Output};
use atproto_repo::car::{Car, CarError, CarFile, Limits, OpenError};
use atproto_repo::repo::Error;
use atproto_repo::store::Archive;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::fmt::Display;
use std::fs::File;
use std::path::Path;

/// What is done with an archive.
pub(crate) trait Task {
    fn run<A: Archive<Error: Display>>(self, archive: &A, blocks: usize) -> Result<Outcome, Failure>;

    /// The file is no CAR.
    fn refuse(self, error: CarError) -> Result<Outcome, Failure>;
}

/// Files up to this size are read into memory, larger ones block by block.
const IN_MEMORY: u64 = 256 << 20;

/// Opens a file, or standard input for `-`, and runs the task on it.
pub(crate) fn with_archive(path: &Path, task: impl Task) -> Result<Outcome, Failure> {
    let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size <= IN_MEMORY {
        let bytes = read_file(path)?;
        return match Car::parse(&bytes) {
            Ok(car) => task.run(&car, car.len()),
            Err(error) => task.refuse(error),
        };
    }
    let file = File::open(path).map_err(Failure::file(path.display()))?;
    let bar = progress_bar(size);
    let opened = CarFile::open_with(file, &Limits::default(), |read| bar.set_position(read));
    bar.finish_and_clear();
    match opened {
        Ok(file) => task.run(&file, file.len()),
        Err(OpenError::Car(error)) => task.refuse(error),
        Err(OpenError::Io(error)) => Err(Failure::file(path.display())(error)),
        Err(error) => Err(Failure::File(error.to_string())),
    }
}

/// A bar on standard error, shown on a terminal only.
fn progress_bar(bytes: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Prints why a repository could not be read.
pub(crate) fn refuse<E: Display>(output: &mut Output, error: &Error<E>) -> Result<Outcome, Failure> {
    let (verdict, outcome) = verdict(error)?;
    output.line(error, &json!({"verdict": verdict, "reason": error.to_string()}))?;
    Ok(outcome)
}

/// Prints why a file is no CAR.
pub(crate) fn refuse_car(output: &mut Output, error: CarError) -> Result<Outcome, Failure> {
    output.line(format!("invalid: {error}"), &json!({"verdict": "invalid", "reason": error.to_string()}))?;
    Ok(Outcome::Negative)
}

/// The verdict that an error is; a file that cannot be read is none.
pub(crate) fn verdict<E: Display>(error: &Error<E>) -> Result<(&'static str, Outcome), Failure> {
    match error {
        Error::Invalid(_) => Ok(("invalid", Outcome::Negative)),
        Error::Incomplete(_) => Ok(("incomplete", Outcome::Incomplete)),
        Error::Source(error) => Err(Failure::File(error.to_string())),
    }
}
