//! Repositories, trees, histories and events for property tests and fuzzers: of this crate, of crates on top of it, and of other
//! implementations.
//!
//! [`strategies`] makes valid ones for `proptest`; [`hostile`] has files, proofs and events with one defect each, and the verdict
//! that they must get. [`model`], [`events`] and [`forge`] make others: nodes, commits and bodies field by field, right or wrong.
//!
//! What is made here never takes input from a stranger: what is impossible panics, as it does in a test.
//!
//! ```
//! use atproto_repo::{car::Car, repo::Repo, testing::hostile};
//!
//! for case in hostile::repositories() {
//!     let file = &case.artefact;
//!     let is_valid = Car::parse(&file.car)
//!         .is_ok_and(|car| Repo::verify(&car, &file.did, &file.key).is_ok_and(|repo| repo.check().is_ok()));
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

pub mod events;
pub mod forge;
pub mod hostile;
pub mod model;
pub mod strategies;
