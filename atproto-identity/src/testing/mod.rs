//! DID documents and logs of did:plc for property tests and fuzzers: of this crate, of crates on top of it, and of other
//! implementations.
//!
//! [`plc`] makes operations and valid logs; [`hostile`] has logs with one defect each and the verdict that they must get, and
//! documents with what must be read in them.
//!
//! What is made here never takes input from a stranger: what is impossible panics, as it does in a test.
//!
//! ```
//! use atproto_identity::{plc::{LogEntry, verify_log}, testing::hostile};
//!
//! for case in hostile::logs() {
//!     let log: Result<Vec<LogEntry>, _> = serde_json::from_value(case.artefact.log);
//!     let is_valid = log.is_ok_and(|log| verify_log(&case.artefact.did, &log).is_ok());
//!     assert_eq!(is_valid, case.verdict.is_valid(), "{}", case.name);
//! }
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "it is a part of tests"
)]

pub mod hostile;
pub mod plc;
