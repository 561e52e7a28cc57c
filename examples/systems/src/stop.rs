//! How programs begin and end.

use clap::Parser;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::process::ExitCode;

/// Why a program ends: a line for whoever started it. Any error is one, with what caused it.
pub struct Stop(String);

impl Stop {
    /// Ends with this line.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl<E: Error> From<E> for Stop {
    fn from(error: E) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            // Some errors say themselves what caused them.
            let cause = error.to_string();
            if !text.contains(&cause) {
                let _ = write!(text, ": {cause}");
            }
            source = error.source();
        }
        Self(text)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What most functions of a program come to.
pub type Done<T = ()> = Result<T, Stop>;

/// Runs a program with its arguments, until it is done or somebody presses Ctrl-C, which is as good as being killed.
pub fn run<A: Parser>(program: impl AsyncFnOnce(A) -> Done) -> ExitCode {
    let arguments = A::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            done = program(arguments) => done.map(|()| ExitCode::SUCCESS),
            _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(130)),
        }
    });
    runtime.shutdown_background();
    ended.unwrap_or_else(|stop| fail(&stop))
}

fn fail(stop: &Stop) -> ExitCode {
    eprintln!("{stop}");
    ExitCode::FAILURE
}
