//! What is made for tests is what it says.

use crate::ways::check;
use atproto_lexicon::testing::{Hostile, Verdict};
use atproto_repo::mst::Tree;
use atproto_repo::repo::{Error, ProofError, verify_proof};
use atproto_repo::store::MemoryBlocks;
use atproto_repo::sync::{Account, Event, Head, Outcome, Policy, VerifyError};
use atproto_repo::testing::hostile::{self, EventCase};
use atproto_repo::testing::model::{Model, Repository};
use atproto_repo::testing::strategies;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Each is judged as it must be, and no two have the same name.
fn judge<T>(cases: Vec<Hostile<T>>, at_least: usize, check: impl Fn(&T) -> (Verdict, String)) {
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in &cases {
        assert!(names.insert(&case.name), "{} stands twice", case.name);
        let (verdict, found) = check(&case.artefact);
        if verdict != case.verdict {
            wrong.push(format!("{}: {verdict:?} instead of {:?}: {found}", case.name, case.verdict));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases.len() >= at_least, "{}", cases.len());
}

/// By every way to read it.
#[test]
fn hostile_repositories() {
    judge(hostile::repositories(), 110, |file| {
        let found = check(&file.car);
        let verdict = match &found {
            Ok(Ok(_)) => Verdict::Valid,
            Ok(Err(Error::Incomplete(_))) => Verdict::Incomplete,
            Ok(Err(_)) | Err(_) => Verdict::Invalid,
        };
        (verdict, format!("{found:?}"))
    });
}

#[test]
fn hostile_proofs() {
    judge(hostile::proofs(), 14, |case| {
        let proof = &case.proof;
        let found = verify_proof(&proof.car, &proof.did, &proof.key, &case.path);
        let verdict = match &found {
            Ok(entry) if entry.as_ref().map(|entry| entry.cid) == case.record => Verdict::Valid,
            Err(ProofError::Repo(Error::Incomplete(_))) => Verdict::Incomplete,
            Ok(_) | Err(_) => Verdict::Invalid,
        };
        (verdict, format!("{found:?}"))
    });
}

fn verify(case: &EventCase) -> Result<(), (Verdict, String)> {
    let invalid = |error: &dyn std::fmt::Display| (Verdict::Invalid, error.to_string());
    let event = match Event::from_frame(&case.frame).map_err(|error| invalid(&error))? {
        Some(Event::Commit(event)) => event,
        other => return Err((Verdict::Invalid, format!("{other:?}"))),
    };
    if event.repo != case.did {
        return Err((Verdict::Invalid, "of another account".into()));
    }
    match event.verify(&case.key, None, case.now, &Policy::default()) {
        Ok(_) => Ok(()),
        Err(error @ VerifyError::Incomplete(_)) => Err((Verdict::Incomplete, error.to_string())),
        Err(error) => Err(invalid(&error)),
    }
}

#[test]
fn hostile_events() {
    judge(hostile::events(), 40, |case| match verify(case) {
        Ok(()) => (Verdict::Valid, String::new()),
        Err(found) => found,
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn repositories_are_valid(repository in strategies::repository(24)) {
        let summary = check(&repository.car()).unwrap().unwrap();
        prop_assert_eq!(summary.records, repository.records.len() as u64);
    }

    #[test]
    fn trees_are_valid(pairs in strategies::pairs(60)) {
        let mut made = atproto_repo::testing::model::Blocks::default();
        let root = atproto_repo::testing::model::Model::of(&pairs).write(&mut made);
        let mut blocks = MemoryBlocks::default();
        for (_, block) in made.0 {
            blocks.insert(block);
        }
        let (mut walk, mut found) = (Tree::new(&blocks, root).walk(), Vec::new());
        while let Some(entry) = walk.next().unwrap() {
            found.push((entry.key.to_vec(), *entry.value));
        }
        prop_assert_eq!(found, pairs);
    }

    #[test]
    fn histories_are_followed(history in strategies::history(5, 12)) {
        let mut account = Account::new(history.did.clone(), None);
        let key = crate::model::key();
        for (body, commit) in history.events().iter().zip(&history.commits) {
            let Ok(Some(Event::Commit(event))) = Event::parse("#commit", body) else { panic!("no commit") };
            let outcome = account.commit(event, body, &key, u64::MAX);
            prop_assert!(matches!(outcome, Outcome::Commit(_)), "{outcome:?}");
            prop_assert_eq!(account.head(), Some(&Head { rev: commit.rev(), data: *commit.data() }));
        }
    }
}

#[test]
fn a_fuzzer_has_every_type() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut bytes = arbitrary::Unstructured::new(&bytes);
    let history: strategies::History = bytes.arbitrary().unwrap();
    assert!(!history.events().is_empty());
    let _: (Repository, Model) = bytes.arbitrary().unwrap();
}
