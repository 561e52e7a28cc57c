//! What the program prints and how it ends.

use serde_json::Value as Json;
use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::process::ExitCode;

/// How a command that could be carried out ended; the greatest of several counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Done,
    Incomplete,
    /// It goes on when somebody has done what is said.
    Waiting,
    /// A host did not answer.
    Unreached,
    Negative,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Negative => 1,
            Outcome::Unreached => 3,
            Outcome::Incomplete => 4,
            Outcome::Waiting => 5,
        })
    }
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The arguments are not right.
    Usage(String),
    /// A file could not be read or written, or there is no network.
    File(String),
    /// Whoever read the output has stopped reading.
    Closed,
}

impl Failure {
    /// A file that could not be read or written.
    pub(crate) fn file(name: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::File(format!("{name}: {error}"))
    }

    /// Tells the person, not the script.
    pub(crate) fn report(&self) {
        match self {
            // Where standard error cannot be written to, the exit status still says it.
            Self::Usage(text) | Self::File(text) => {
                writeln!(io::stderr(), "atp: {text}").unwrap_or_default();
            }
            Self::Closed => {}
        }
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(match failure {
            Failure::Usage(_) => 2,
            Failure::File(_) | Failure::Closed => 3,
        })
    }
}

/// Standard output, for a person or for a script.
pub(crate) struct Output {
    json: bool,
    out: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, out: BufWriter::new(io::stdout().lock()) }
    }

    /// Prints one result: a line of text, or an object.
    pub(crate) fn line(&mut self, text: impl Display, json: &Json) -> Result<(), Failure> {
        if self.json { writeln!(self.out, "{json}") } else { writeln!(self.out, "{text}") }.map_err(stopped)
    }

    /// Tells a person what is not a part of the result, which may go into a file or to another command.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.json {
            // The result stands without it.
            writeln!(io::stderr(), "{text}").unwrap_or_default();
        }
    }

    /// Whether scripts are spoken to.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Where bytes go that are neither.
    pub(crate) fn raw(&mut self) -> &mut impl io::Write {
        &mut self.out
    }

    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(stopped)
    }
}

/// Text that a stranger has written, without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    let is_plain = |character: &char| matches!(character, '"' | '\'' | '\\');
    text.chars()
        .map(
            |character| {
                if is_plain(&character) { character.into() } else { character.escape_debug().to_string() }
            },
        )
        .collect()
}

/// Lines of such text.
pub(crate) fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

pub(crate) fn stopped(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::file("standard output")(error),
    }
}
