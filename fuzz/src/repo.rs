//! Whole repositories: trees of any shape beside the one tree of their keys, files changed in any way,
//! and every way to read them beside the others.

use crate::forge::{Choices, forge, in_order};
use crate::model::{Blocks, Model, Pairs, did};
use crate::ways;
use arbitrary::{Result, Unstructured};
use atproto_crypto::Signature;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Tid;
use atproto_repo::repo::{Commit, Error};
use std::convert::Infallible;

pub fn check(data: &[u8]) {
    // Too little data makes no repository.
    let _ = check_repository(&mut Unstructured::new(data));
}

fn check_repository(input: &mut Unstructured<'_>) -> Result<()> {
    let mut numbers: Vec<u16> =
        (0..input.int_in_range(0..=12)?).map(|_| input.arbitrary()).collect::<Result<_>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    let mut blocks = Blocks::default();
    let path = |number: u16| format!("com.example.note/{number:05}").into_bytes();
    // Some records are the same.
    let pairs: Pairs = numbers
        .iter()
        .map(|number| (path(*number), blocks.add(vec![0x18, 24 + (*number % 100) as u8])))
        .collect();
    let mut model = Model::of(&pairs);
    let forgeries = input.int_in_range(0..=3)?;
    let choices: Vec<u16> = (0..forgeries * 8).map(|_| input.arbitrary()).collect::<Result<_>>()?;
    let mut choices = Choices::new(&choices);
    for _ in 0..forgeries {
        forge(&mut model, &mut choices);
    }
    let mut found = Pairs::new();
    in_order(&model, &mut found);
    let root = model.write(&mut blocks);
    let is_canonical =
        found.is_sorted_by(|a, b| a.0 < b.0) && Model::of(&found).write(&mut Blocks::default()) == root;
    let commit = blocks.add(unsigned(root));
    match ways::check_unsigned(&blocks.car(&[commit])) {
        Ok(Ok(summary)) => assert!(is_canonical && summary.records == found.len() as u64, "{model:?}"),
        Ok(Err(Error::Invalid(_))) => assert!(!is_canonical, "{model:?}"),
        other => panic!("{other:?}: {model:?}"),
    }
    let mut car = change(input, blocks, commit)?;
    if input.arbitrary()? {
        crate::car::fix_digests(&mut car);
    }
    // Whatever it is: all say the same of it.
    let _ = ways::check_unsigned(&car);
    Ok(())
}

/// The block of a commit of this tree, whose signature is not looked at: to make one takes as long as all else.
fn unsigned(data: Cid) -> Vec<u8> {
    let rev = Tid::from_parts(1_700_000_000_000_000, 0).unwrap();
    let signature = Signature::from_bytes([1; Signature::LEN]);
    Commit::encode(&did(), rev, data, |_| Ok::<_, Infallible>(signature)).unwrap()
}

/// Blocks dropped, repeated and put elsewhere, and bytes of the file changed.
fn change(input: &mut Unstructured<'_>, mut blocks: Blocks, commit: Cid) -> Result<Vec<u8>> {
    for _ in 0..input.int_in_range(0..=3)? {
        let at = input.choose_index(blocks.0.len().max(1))?;
        let to = input.choose_index(blocks.0.len().max(1))?;
        match input.int_in_range(0..=2)? {
            0 if at < blocks.0.len() => drop(blocks.0.remove(at)),
            1 if at < blocks.0.len() => blocks.0.insert(to, blocks.0[at].clone()),
            _ if at.max(to) < blocks.0.len() => blocks.0.swap(at, to),
            _ => {}
        }
    }
    let mut car = blocks.car(&[commit]);
    for _ in 0..input.int_in_range(0..=2)? {
        let at = input.choose_index(car.len())?;
        car[at] ^= input.arbitrary::<u8>()?;
    }
    Ok(car)
}
