//! Where items and bytes come from.

use crate::output::{Failure, Outcome};
use std::io::{self, BufRead as _, Read as _};
use std::path::Path;

/// Handles each argument; each line of standard input where there are none, or for `-`. Lines are not trimmed.
pub(crate) fn each_item(
    arguments: &[String],
    mut handle: impl FnMut(&[u8]) -> Result<Outcome, Failure>,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::Done;
    let from_input = ["-".to_owned()];
    for argument in if arguments.is_empty() { &from_input[..] } else { arguments } {
        if argument == "-" {
            for line in io::stdin().lock().split(b'\n') {
                outcome = outcome.max(handle(&line.map_err(Failure::file("standard input"))?)?);
            }
        } else {
            outcome = outcome.max(handle(argument.as_bytes())?);
        }
    }
    Ok(outcome)
}

/// A whole file, or standard input for `-`.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map_err(Failure::file("standard input"))?;
        return Ok(bytes);
    }
    std::fs::read(path).map_err(Failure::file(path.display()))
}

/// Bytes in hexadecimal, in either case.
pub(crate) fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text).ok()
}

/// Hexadecimal in lower case.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
