//! Changes to a valid file, each of which must give the right verdict.

use crate::model::{Repository, paths};
use crate::ways::check;
use atproto_repo::car::Car;
use atproto_repo::repo::Error;
use proptest::prelude::*;

/// What all ways of reading say, in short.
fn verdict(bytes: &[u8]) -> &'static str {
    match check(bytes) {
        Ok(Ok(_)) => "valid",
        Ok(Err(Error::Incomplete(_))) => "incomplete",
        Ok(Err(_)) | Err(_) => "invalid",
    }
}

#[test]
fn no_bit_can_be_flipped() {
    let repository = Repository::of(&paths(12));
    let bytes = repository.car();
    assert_eq!(verdict(&bytes), "valid");
    let header = crate::model::header(&[repository.commit]).len();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let verdict = verdict(&flipped);
            // Another root is a commit that is not there; nothing else can become a file of good form.
            let is_root = at < header && Car::parse(&flipped).is_ok();
            assert_eq!(verdict, if is_root { "incomplete" } else { "invalid" }, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn no_record_can_be_exchanged_dropped_or_added() {
    let whole = Repository::of(&paths(50));
    // Under the genuine commit, the blocks of a tree with a record more or less, as well.
    for count in [49, 51] {
        let other = Repository::of(&paths(count));
        let mut blocks = other.blocks.clone();
        blocks.0.push(whole.blocks.0.last().unwrap().clone());
        assert_eq!(verdict(&blocks.car(&[whole.commit])), "incomplete");
        assert_eq!(verdict(&other.blocks.car(&[whole.commit])), "incomplete");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_mutation_is_refused_or_the_same(
        cut in any::<prop::sample::Index>(),
        length in 0_usize..40,
        insert in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let repository = Repository::of(&paths(8));
        let bytes = repository.car();
        let at = cut.index(bytes.len());
        let end = (at + length).min(bytes.len());
        let changed = [&bytes[..at], &insert, &bytes[end..]].concat();
        if verdict(&changed) == "valid" {
            prop_assert_eq!(changed, bytes);
        }
    }

    #[test]
    fn any_order_of_blocks_is_the_same(order in Just((0..30).collect::<Vec<usize>>()).prop_shuffle()) {
        let mut repository = Repository::of(&paths(20));
        let before = check(&repository.car());
        let blocks = repository.blocks.0.clone();
        repository.blocks.0 = order.iter().filter_map(|at| blocks.get(*at).cloned()).collect();
        repository.blocks.0.extend(blocks.get(30..).unwrap_or_default().iter().cloned());
        prop_assert_eq!(check(&repository.car()), before);
    }
}
