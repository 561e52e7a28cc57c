//! Inputs for property tests and fuzzers: of this crate, of crates on top of it, and of other implementations.
//!
//! Every value of [`syntax`](crate::syntax) and [`data`](crate::data) has an [`Arbitrary`](proptest::arbitrary::Arbitrary) of
//! `proptest`, and one of [`arbitrary`] for which a fuzzer's bytes are the seed. [`strings`], [`values`] and
//! [`schemas`] have the strategies by name; [`hostile`] has texts, blocks and documents with one defect each, and the verdict that
//! they must get.
//!
//! What is made here never takes input from a stranger: what is impossible panics, as it does in a test.
//!
//! ```
//! use atproto_lexicon::{data::{Value, cbor}, syntax::AtUri, testing::hostile};
//! use proptest::prelude::*;
//!
//! proptest!(|(uri: AtUri, value: Value)| {
//!     prop_assert_eq!(uri.as_str().parse::<AtUri>().unwrap(), uri);
//!     prop_assert_eq!(cbor::to_value(&cbor::to_vec(&value).unwrap()).unwrap(), value);
//! });
//! for case in hostile::blocks() {
//!     assert_eq!(cbor::validate(&case.artefact).is_ok(), case.verdict.is_valid(), "{}", case.name);
//! }
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "it is a part of tests"
)]

mod any;
pub mod hostile;
pub mod schemas;
pub mod strings;
pub mod values;

pub use any::{choose, choose_from};

/// What must be said of an artefact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is as the specification says.
    Valid,
    /// It breaks a rule.
    Invalid,
    /// Something is missing with which it could be judged.
    Incomplete,
}

impl Verdict {
    /// Whether it is [`Valid`](Self::Valid).
    pub fn is_valid(self) -> bool {
        self == Self::Valid
    }

    /// `valid`, `invalid` or `incomplete`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Incomplete => "incomplete",
        }
    }
}

/// An artefact with one defect, or, so that not everything is refused, with none.
#[derive(Debug, Clone)]
pub struct Hostile<T> {
    /// What is wrong with it, in a few words that are a name, too: no two of a catalogue are the same.
    pub name: String,
    /// What is to be judged.
    pub artefact: T,
    /// What must be said of it.
    pub verdict: Verdict,
}

impl<T> Hostile<T> {
    /// With these three.
    pub fn new(name: impl Into<String>, artefact: T, verdict: Verdict) -> Self {
        Self { name: name.into(), artefact, verdict }
    }

    /// With another artefact made of its own.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Hostile<U> {
        Hostile { name: self.name, artefact: make(self.artefact), verdict: self.verdict }
    }
}
