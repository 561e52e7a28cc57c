//! Random trees and repositories, about which two implementations are to say the same.

use crate::conformance::case::{Case, bytes};
use crate::conformance::ours;
use atproto_lexicon::testing::choose_from;
use atproto_repo::testing::model::{Blocks, Model};
use atproto_repo::testing::strategies;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const CASES: u32 = 1000;

/// A thousand of the questions that a strategy makes; what our crates answer is expected.
fn cases(name: &str, questions: &impl Strategy<Value = Json>) -> Vec<Case> {
    let case = |number: u32| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let request = choose_from(questions, &seed)?;
        let expected = ours::answer(&request);
        Some(Case::new(format!("{name} {number}"), request, expected))
    };
    (0..CASES).filter_map(case).collect()
}

fn tree(pairs: &[(Vec<u8>, atproto_lexicon::data::Cid)]) -> Json {
    let mut blocks = Blocks::default();
    let root = Model::of(pairs).write(&mut blocks);
    bytes(&blocks.car(&[root]))
}

/// Two trees that have some keys in common, and some of these with other values.
pub(super) fn diffs() -> Vec<Case> {
    let path = strategies::path();
    let entry = (path, 0..3_u8, 0..3_u8);
    let questions = prop::collection::vec(entry, 0..60).prop_map(|entries| {
        let side = |choose: fn(&(String, u8, u8)) -> u8| {
            let there = entries.iter().filter(|entry| choose(entry) > 0);
            let pair = |entry: &(String, u8, u8)| {
                let value = atproto_lexicon::data::Cid::of_dag_cbor(&[choose(entry)]);
                (entry.0.clone().into_bytes(), value)
            };
            let mut pairs: Vec<_> = there.map(pair).collect();
            pairs.sort();
            pairs.dedup_by(|later, earlier| later.0 == earlier.0);
            pairs
        };
        json!({"op": "diff", "before": tree(&side(|entry| entry.1)), "after": tree(&side(|entry| entry.2))})
    });
    cases("diff", &questions)
}

/// Signed repositories.
pub(super) fn repositories() -> Vec<Case> {
    let questions = strategies::repository(24).prop_map(|repository| {
        use atproto_repo::testing::model::{did, key};
        json!({"op": "repo", "did": did(), "key": key().to_did_key(), "car": bytes(&repository.car())})
    });
    let mut cases = cases("repository", &questions);
    for case in &mut cases {
        // Not every implementation tells it.
        if let Some(answer) = case.expected.as_object_mut() {
            answer.remove("data");
        }
    }
    cases
}
