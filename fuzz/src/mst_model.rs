//! Changes to a tree beside a sorted map and the tree that the oracle builds of it.

use crate::history::{PATHS, path};
use crate::oracle::{Map, Oracle, OracleTree};
use arbitrary::{Result, Unstructured};
use atproto_lexicon::data::Cid;
use atproto_repo::mst::{Builder, Tree, TreeDiff, TreeEdit};
use atproto_repo::store::{Blocks, MemoryBlocks};
use std::collections::BTreeSet;

pub fn check(data: &[u8]) {
    // Too little data changes nothing more.
    let _ = check_changes(&mut Unstructured::new(data));
}

fn check_changes(input: &mut Unstructured<'_>) -> Result<()> {
    let mut map = Map::new();
    if input.arbitrary()? {
        map.extend(PATHS.iter().map(|path| (path.as_bytes().into(), value(0))));
    }
    let mut before = map.clone();
    let mut stored = MemoryBlocks::default();
    let mut root = build(&map, &mut stored);
    // One edit goes on over what it made, another is begun anew after each step.
    let all = stored.clone();
    let mut long = TreeEdit::new(&all, root);
    let mut tree = Oracle::build(&map);
    for _ in 0..4 {
        let mut edit = TreeEdit::new(&stored, root);
        for _ in 0..input.int_in_range(0..=12)? {
            change(input, &mut map, &mut edit, &mut long)?;
        }
        let old_tree = std::mem::replace(&mut tree, Oracle::build(&map));
        let (created, deleted) = (only_in(&tree, &old_tree), only_in(&old_tree, &tree));
        let (new_root, changes) = edit.finish().unwrap();
        let (long_root, long_changes) = long.finish().unwrap();
        assert_eq!((new_root, long_root), (tree.root, tree.root));
        assert_eq!((edit.is_root(&tree.root), long.is_root(&tree.root)), (Ok(true), Ok(true)));
        for changes in [&changes, &long_changes] {
            assert_eq!(set(changes.created.iter().map(|(cid, _)| cid)), created);
            assert_eq!(changes.created.len(), created.len());
            assert_eq!(set(&changes.retired), deleted);
            assert_eq!(changes.retired.len(), deleted.len());
        }
        let old = stored.clone();
        for cid in &changes.retired {
            stored.remove(cid).unwrap();
        }
        for (cid, block) in changes.created {
            assert_eq!(tree.nodes[&cid], block);
            stored.insert(block);
        }
        assert_eq!(set(stored.iter().map(|(cid, _)| cid)), tree.nodes.keys().copied().collect());

        let mut diff = TreeDiff::new((&old, Some(root)), (&stored, Some(new_root)));
        let mut ops = Vec::new();
        while let Some(change) = diff.next().unwrap() {
            ops.push((change.key.to_vec(), change.before.copied(), change.after.copied()));
        }
        let keys: BTreeSet<_> = before.keys().chain(map.keys()).cloned().collect();
        let of = |map: &Map, key: &[u8]| map.get(key).copied();
        let all = keys.into_iter().map(|key| (of(&before, &key), of(&map, &key), key));
        let expected: Vec<_> = all.filter(|(a, b, _)| a != b).map(|(a, b, key)| (key, a, b)).collect();
        assert_eq!(ops, expected);
        assert_eq!(set(diff.created_nodes()), created);
        assert_eq!(set(diff.removed_nodes()), deleted);
        (root, before) = (new_root, map.clone());
        if input.is_empty() {
            break;
        }
    }
    let mut built = MemoryBlocks::default();
    assert_eq!(build(&map, &mut built), root);
    assert_eq!(set(built.iter().map(|(cid, _)| cid)), set(stored.iter().map(|(cid, _)| cid)));
    let tree = Tree::new(&stored, root);
    let mut walk = tree.walk();
    let mut rest = map.iter();
    while let Some(entry) = walk.next().unwrap() {
        assert_eq!(rest.next(), Some((&entry.key.to_vec(), entry.value)));
    }
    assert_eq!(rest.next(), None);
    let asked = path(input).unwrap_or("com.example.note/absent").as_bytes();
    assert_eq!(tree.get(asked), Ok(map.get(asked).copied()));
    Ok(())
}

fn change<A: Blocks, B: Blocks>(
    input: &mut Unstructured<'_>,
    map: &mut Map,
    edit: &mut TreeEdit<'_, A>,
    long: &mut TreeEdit<'_, B>,
) -> Result<()>
where
    A::Error: std::fmt::Debug + PartialEq,
    B::Error: std::fmt::Debug + PartialEq,
{
    let choice: u8 = input.arbitrary()?;
    // Most keys are few, so that they meet again.
    let key = match choice % 8 {
        0 => input.bytes(usize::from(choice / 8 % 4))?.to_vec(),
        _ => path(input)?.into(),
    };
    match choice / 32 {
        0..=3 if !key.is_empty() => {
            let was = map.insert(key.clone(), value(choice / 8));
            assert_eq!(edit.insert(&key, value(choice / 8)), Ok(was));
            assert_eq!(long.insert(&key, value(choice / 8)), Ok(was));
        }
        4..=6 => {
            let was = map.remove(&key);
            assert_eq!((edit.remove(&key), long.remove(&key)), (Ok(was), Ok(was)));
        }
        _ => {
            let is = map.get(&key).copied();
            assert_eq!((edit.get(&key), long.get(&key)), (Ok(is), Ok(is)));
            assert!(!key.is_empty() || edit.insert(&key, value(0)).is_err());
        }
    }
    Ok(())
}

fn value(number: u8) -> Cid {
    Cid::of_dag_cbor(&[number % 4])
}

fn only_in(these: &OracleTree, those: &OracleTree) -> BTreeSet<Cid> {
    these.nodes.keys().filter(|cid| !those.nodes.contains_key(cid)).copied().collect()
}

fn set<'a>(cids: impl IntoIterator<Item = &'a Cid>) -> BTreeSet<Cid> {
    cids.into_iter().copied().collect()
}

fn build(map: &Map, blocks: &mut MemoryBlocks) -> Cid {
    let mut builder = Builder::new(|cid, block| assert_eq!(blocks.insert(block.to_vec()), cid));
    for (key, value) in map {
        builder.push(key, value).unwrap();
    }
    builder.finish()
}
