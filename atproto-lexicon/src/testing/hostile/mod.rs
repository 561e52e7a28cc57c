//! Texts, blocks and documents with one defect each, and the verdict that they must get.

mod blocks;
mod documents;
mod json;
mod strings;

pub use blocks::{blocks, drisl_blocks, frames, records};
pub use documents::{documents, record_cases};
pub use json::json_records;
pub use strings::strings;

use super::Hostile;
use super::Verdict::{Invalid, Valid};

/// Cases in which the artefacts are valid, or all invalid.
fn cases<'a, T: Clone + 'a>(
    is_valid: bool,
    all: &'a [(&'a str, T)],
) -> impl Iterator<Item = Hostile<T>> + 'a {
    let verdict = if is_valid { Valid } else { Invalid };
    all.iter().map(move |(name, artefact)| Hostile::new(*name, artefact.clone(), verdict))
}
