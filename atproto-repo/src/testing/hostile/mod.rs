//! Files, proofs and events with one defect each, and the verdict that they must get.

mod commits;
mod events;
mod files;
mod proofs;
mod trees;

pub use events::{EventCase, events};
pub use proofs::{ProofCase, proofs};

use super::model::{Repository, did, key};
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::Did;
use atproto_lexicon::testing::{Hostile, Verdict};

/// A repository's file, and what it is to be verified by.
#[derive(Debug, Clone)]
pub struct SignedCar {
    /// The account.
    pub did: Did,
    /// Its key.
    pub key: PublicKey,
    /// The file.
    pub car: Vec<u8>,
}

impl SignedCar {
    fn new(car: Vec<u8>) -> Self {
        Self { did: did(), key: key(), car }
    }
}

/// Files of repositories: framing, commit, tree and records.
pub fn repositories() -> Vec<Hostile<SignedCar>> {
    let of = |part: &str, cases: Vec<Hostile<Vec<u8>>>| -> Vec<Hostile<SignedCar>> {
        let named = |case: Hostile<Vec<u8>>| {
            Hostile::new(format!("{part}: {}", case.name), SignedCar::new(case.artefact), case.verdict)
        };
        cases.into_iter().map(named).collect()
    };
    [of("file", files::cases()), of("commit", commits::cases()), of("tree", trees::cases())].concat()
}

fn case<T>(name: &str, artefact: T, verdict: Verdict) -> Hostile<T> {
    Hostile::new(name, artefact, verdict)
}

/// The repository in which most defects are put.
fn repository() -> Repository {
    Repository::of(&super::model::paths(12))
}
