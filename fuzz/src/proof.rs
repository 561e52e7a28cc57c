//! Proofs of records beside the oracle: whatever was forged, an answer that is accepted is the true one.

use crate::forge::{Choices, forge, in_order};
use crate::history::{History, KEY, forge_blocks, forge_file, path, rev};
use crate::model::{Blocks, Model, Pairs, did};
use arbitrary::{Result, Unstructured};
use atproto_lexicon::data::{Cid, Codec};
use atproto_repo::car::Car;
use atproto_repo::mst::Proof;
use atproto_repo::repo::{Commit, ProofError, UnsignedRepo, verify_proof};
use std::convert::Infallible;

pub fn check(data: &[u8]) {
    let input = &mut Unstructured::new(data);
    // Too little data makes no proof.
    let _ = match input.arbitrary() {
        // Each such tree has to be signed, which takes its time.
        Ok(0_u8..32) => check_forged_tree(input),
        _ => check_forged_proof(input),
    };
}

fn ask(blocks: &Blocks, root: Cid, path: &str) -> std::result::Result<Option<Cid>, ProofError> {
    ask_file(&blocks.car(&[root]), path)
}

fn ask_file(file: &[u8], path: &str) -> std::result::Result<Option<Cid>, ProofError> {
    let found = verify_proof(file, &did(), &KEY.public_key(), path)?;
    Ok(found.map(|entry| {
        assert!(entry.path == path && entry.cid.matches(&entry.bytes));
        entry.cid
    }))
}

/// The proof that one path has, changed and asked about another.
fn check_forged_proof(input: &mut Unstructured<'_>) -> Result<()> {
    let history = History::choose(input)?;
    let (proven, asked) = (path(input)?, path(input)?);
    let repo = UnsignedRepo::open(&history.store).unwrap();
    let proof = repo.prove(proven).unwrap();
    if input.ratio(1, 8)? {
        check_genuine(&history, &proof, proven);
    }

    let car = Car::parse(&proof).unwrap();
    let mut blocks = Blocks(car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect());
    for _ in 0..input.int_in_range(0..=3)? {
        forge_blocks(&mut blocks.0, &history.blocks, input)?;
    }
    let all = [&history.before, &history.after, &history.other];
    let root = if input.ratio(3, 4)? { &history.after } else { *input.choose(&all)? };
    let mut file = blocks.car(&[*root.commit.cid()]);
    forge_file(&mut file, input)?;
    if let Ok(answer) = ask_file(&file, asked) {
        // The file says of which commit it is.
        let root = Car::parse(&file).unwrap().roots()[0];
        let at = all.iter().find(|at| *at.commit.cid() == root).expect("a commit that was never signed");
        assert_eq!(answer, at.map.get(asked.as_bytes()).copied(), "{asked}");
    }
    Ok(())
}

/// What proves it for any reader, and the least that proves it, are both believed.
fn check_genuine(history: &History, proof: &[u8], path: &str) {
    let commit = &history.after.commit;
    let truth = history.after.map.get(path.as_bytes()).copied();
    assert_eq!(ask_file(proof, path).unwrap(), truth);
    let mut least = Blocks(Proof::Minimal.nodes(&history.store, commit.data(), &[path.as_bytes()]).unwrap());
    least.0.extend(history.blocks.iter().filter(|(cid, _)| truth == Some(*cid)).cloned());
    least.0.push((*commit.cid(), commit.block().to_vec()));
    assert_eq!(ask(&least, *commit.cid(), path).unwrap(), truth);
}

/// A tree that is signed and wrong: it has one answer at most, whatever part of it is shown.
fn check_forged_tree(input: &mut Unstructured<'_>) -> Result<()> {
    let mut blocks = Blocks::default();
    let records = [0, 1].map(|number| blocks.add(crate::history::record(number)));
    let mut pairs = Pairs::new();
    for _ in 0..input.int_in_range(0..=16)? {
        pairs.push((path(input)?.into(), records[usize::from(input.arbitrary::<bool>()?)]));
    }
    pairs.sort();
    pairs.dedup_by(|a, b| a.0 == b.0);
    let mut model = Model::of(&pairs);
    let forgeries = input.int_in_range(0..=3)?;
    let choices: Vec<u16> = (0..forgeries * 8).map(|_| input.arbitrary()).collect::<Result<_>>()?;
    let mut choices = Choices::new(&choices);
    for _ in 0..forgeries {
        forge(&mut model, &mut choices);
    }
    let data = model.write(&mut blocks);
    let mut found = Pairs::new();
    in_order(&model, &mut found);
    let signed = Commit::encode(&did(), rev(0), data, |bytes| Ok::<_, Infallible>(KEY.sign(bytes)));
    let root = blocks.add(signed.unwrap());

    let asked = path(input)?;
    let whole = ask(&blocks, root, asked);
    if let Ok(Some(cid)) = whole {
        assert!(cid.codec() == Codec::DagCbor && found.contains(&(asked.into(), cid)), "{model:?}");
    }
    let is_canonical = Model::of(&pairs).write(&mut Blocks::default()) == data;
    if is_canonical {
        let truth = pairs.iter().find(|(key, _)| key == asked.as_bytes()).map(|(_, cid)| *cid);
        assert_eq!(whole, Ok(truth), "{model:?}");
    }
    // The nodes on the way down to the key's layer, each in its place, have it or have it not.
    let on_the_way = oracle_get(&model, asked.as_bytes());
    if let Ok(answer) = &whole {
        assert_eq!(Some(*answer), on_the_way, "{model:?}");
    }
    let mut part = blocks.clone();
    for _ in 0..input.int_in_range(1..=4)? {
        let at = input.choose_index(part.0.len().max(1))?;
        if at < part.0.len() {
            part.0.remove(at);
        }
    }
    if let Ok(answer) = ask(&part, root, asked) {
        assert_eq!(whole, Ok(answer), "{model:?}");
    }
    Ok(())
}

/// What a tree has for a key: `None` where a node on the way down to the key's layer is not in its place.
fn oracle_get(model: &Model, key: &[u8]) -> Option<Option<Cid>> {
    use crate::oracle::layer_of;
    let (mut node, mut layer, mut around) = (model, None, (None::<&[u8]>, None::<&[u8]>));
    loop {
        let keys: Vec<&[u8]> = node.entries.iter().map(|entry| entry.key.as_slice()).collect();
        let here = keys.first().map(|key| layer_of(key)).or(layer);
        let is_root = layer.is_none() && around == (None, None);
        let in_place = keys.is_sorted_by(|a, b| a < b)
            && keys.iter().all(|key| Some(layer_of(key)) == here)
            && layer.is_none_or(|layer| here == Some(layer))
            && keys.iter().all(|key| around.0.is_none_or(|low| low < *key) && around.1.is_none_or(|high| *key < high))
            // Only the root of an empty tree has nothing in it.
            && (!keys.is_empty() || if is_root { node.left.is_none() } else { node.left.is_some() });
        if !in_place {
            return None;
        }
        let at = keys.partition_point(|other| *other < key);
        if keys.get(at) == Some(&key) {
            return Some(Some(node.entries[at].value));
        }
        let child = if at == 0 { &node.left } else { &node.entries[at - 1].right };
        match (here, child) {
            (Some(here), Some(_)) if here <= layer_of(key) => return Some(None),
            (_, None) => return Some(None),
            // Below the leaves there is nothing.
            (Some(0), Some(_)) => return None,
            (here, Some(child)) => {
                let low = at.checked_sub(1).map(|before| keys[before]);
                around = (low.or(around.0), keys.get(at).copied().or(around.1));
                layer = here.map(|here| here - 1);
                node = child;
            }
        }
    }
}
