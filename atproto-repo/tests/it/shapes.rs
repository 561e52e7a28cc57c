//! Trees of any shape: valid is the one tree of its keys, and no other.

use crate::forge::{Choices, forge, in_order};
use crate::model::{Blocks, Model, Pairs, commit};
use crate::ways::check;
use atproto_repo::repo::Error;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn only_the_one_tree_of_its_keys_is_valid(
        numbers in proptest::collection::btree_set(0_u32..5000, 0..60),
        choices in proptest::collection::vec(any::<u16>(), 0..40),
        forgeries in 0_usize..4,
    ) {
        let mut blocks = Blocks::default();
        let pairs: Pairs = numbers
            .iter()
            .map(|number| (format!("com.example.note/{number:04}").into_bytes(), blocks.add(vec![0xa0])))
            .collect();
        let mut model = Model::of(&pairs);
        let mut choices = Choices::new(&choices);
        for _ in 0..forgeries {
            forge(&mut model, &mut choices);
        }
        let mut found = Pairs::new();
        in_order(&model, &mut found);
        let root = model.write(&mut blocks);
        let is_canonical =
            found.is_sorted_by(|a, b| a.0 < b.0) && Model::of(&found).write(&mut Blocks::default()) == root;
        let commit = blocks.add(commit(root));
        match check(&blocks.car(&[commit])).unwrap() {
            Ok(summary) => {
                prop_assert!(is_canonical, "accepted {:?}", model);
                prop_assert_eq!(summary.records, found.len() as u64);
            }
            Err(Error::Invalid(_)) => prop_assert!(!is_canonical, "refused {:?}", model),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
