//! Trees that are not the one tree of their records, under a genuine signature and with right hashes.

use crate::model::{Blocks, Model, ModelEntry, Repository, path_on, paths};
use crate::ways::check;
use atproto_lexicon::data::cbor::{self, CborReason};
use atproto_lexicon::data::{Cid, CidError, Codec, Link, Object, Value};
use atproto_repo::car::Car;
use atproto_repo::mst::{TreeReason as Reason, layer_of};
use atproto_repo::repo::{Error, Invalid, Repo};

fn reason(repository: &Repository) -> Reason {
    match check(&repository.car()).unwrap() {
        Err(Error::Invalid(Invalid::Tree(fault))) => fault.reason,
        other => panic!("{other:?}"),
    }
}

fn changed(count: u64, change: impl FnOnce(Model) -> Model) -> Reason {
    reason(&Repository::changed(&paths(count), change))
}

fn entry(path: &str, right: Option<Model>) -> ModelEntry {
    ModelEntry { key: path.into(), value: Cid::of_dag_cbor(b"\xa0"), right: right.map(Box::new) }
}

fn node(left: Option<Model>, entries: Vec<ModelEntry>) -> Model {
    Model { left: left.map(Box::new), entries }
}

fn tree(model: Model) -> Reason {
    changed(0, |_| model)
}

#[test]
fn the_right_tree_is_valid() {
    for count in [0, 1, 2, 5, 40, 1000] {
        let repository = Repository::of(&paths(count));
        let summary = check(&repository.car()).unwrap().unwrap();
        assert_eq!(summary.records, count);
    }
}

#[test]
fn keys_on_the_wrong_layer() {
    let (low, high) = (path_on(0, "a"), path_on(1, "b"));
    // A key of layer 1 in the leaf, and the other way round: both in one node.
    let both = |first: &str, second: &str| tree(node(None, vec![entry(first, None), entry(second, None)]));
    assert_eq!(both(&low, &high), Reason::KeyLayer { expected: 0, found: 1 });
    let (high, low) = (path_on(1, "a"), path_on(0, "b"));
    assert_eq!(both(&high, &low), Reason::KeyLayer { expected: 1, found: 0 });
    // A subtree whose keys belong above.
    let leaf = node(None, vec![entry(&path_on(1, "a"), None)]);
    assert_eq!(
        tree(node(Some(leaf), vec![entry(&path_on(1, "b"), None)])),
        Reason::KeyLayer { expected: 0, found: 1 }
    );
}

#[test]
fn fillers_left_out_or_too_many() {
    let leaf = || node(None, vec![entry(&path_on(0, "a"), None)]);
    let filler = |below| node(Some(below), vec![]);
    let top = |below| node(Some(below), vec![entry(&path_on(2, "b"), None)]);
    assert_eq!(tree(top(leaf())), Reason::KeyLayer { expected: 1, found: 0 });
    assert_eq!(tree(top(filler(filler(leaf())))), Reason::BelowLeaf);
    let right = Repository::changed(&[], |_| top(filler(leaf())));
    assert!(
        matches!(check(&right.car()).unwrap(), Err(Error::Incomplete(_))),
        "only the records are missing"
    );
}

#[test]
fn empty_nodes_and_untrimmed_roots() {
    let high = || entry(&path_on(1, "b"), None);
    assert_eq!(tree(node(Some(Model::default()), vec![high()])), Reason::EmptyNode);
    let below = ModelEntry { right: Some(Box::default()), ..high() };
    assert_eq!(tree(node(None, vec![below])), Reason::EmptyNode);
    let leaf = node(None, vec![entry(&path_on(0, "a"), None)]);
    assert_eq!(tree(node(Some(leaf), vec![])), Reason::UntrimmedRoot);
    assert_eq!(tree(node(Some(Model::default()), vec![])), Reason::UntrimmedRoot);
}

#[test]
fn a_leaf_that_links_below() {
    let leaf = || node(None, vec![entry(&path_on(0, "c"), None)]);
    assert_eq!(tree(node(Some(leaf()), vec![entry(&path_on(0, "d"), None)])), Reason::BelowLeaf);
    assert_eq!(tree(node(None, vec![entry(&path_on(0, "b"), Some(leaf()))])), Reason::BelowLeaf);
}

#[test]
fn keys_out_of_order_and_out_of_bounds() {
    let [a, b, c] = ["a", "b", "c"].map(|name| path_on(0, name));
    let [high_b, high_d] = ["b", "d"].map(|name| path_on(1, name));
    assert_eq!(tree(node(None, vec![entry(&b, None), entry(&a, None)])), Reason::KeyOrder);
    assert_eq!(tree(node(None, vec![entry(&a, None), entry(&a, None)])), Reason::DuplicateKey);
    let leaf = |path: &str| node(None, vec![entry(path, None)]);
    // To the right of the upper bound, to the left of the lower one, and the very key above.
    assert_eq!(tree(node(Some(leaf(&c)), vec![entry(&high_b, None)])), Reason::KeyBounds);
    assert_eq!(tree(node(None, vec![entry(&high_b, Some(leaf(&a)))])), Reason::KeyBounds);
    let between = |path: &str| tree(node(None, vec![entry(&high_b, Some(leaf(path))), entry(&high_d, None)]));
    assert_eq!(between(&a), Reason::KeyBounds);
    assert_eq!(between(&path_on(0, "e")), Reason::KeyBounds);
    // Bounds hold across a filler, too.
    let far = node(Some(leaf(&c)), vec![]);
    assert_eq!(tree(node(Some(far), vec![entry(&path_on(2, "b"), None)])), Reason::KeyBounds);
    // The same subtree twice.
    let twice = vec![entry(&high_b, Some(leaf(&c))), entry(&high_d, Some(leaf(&c)))];
    assert_eq!(tree(node(None, twice)), Reason::KeyBounds);
}

/// The root's fields, changed, and written in canonical order.
fn fields(count: u64, change: impl FnOnce(&mut Object)) -> Reason {
    reason(&Repository::with_root_block(&paths(count), |mut fields| {
        change(&mut fields);
        cbor::to_vec(&fields).unwrap()
    }))
}

/// The fields of an entry of the root, changed.
fn entry_fields(index: usize, change: impl FnOnce(&mut Object)) -> Reason {
    fields(40, |node| {
        let Some(Value::Array(entries)) = node.get_mut("e") else { panic!() };
        let Value::Object(entry) = &mut entries[index] else { panic!() };
        change(entry);
    })
}

#[test]
fn fields_left_out_added_or_of_another_type() {
    for name in ["e", "l"] {
        assert_eq!(fields(40, |node| drop(node.remove(name))), Reason::MissingField(name));
        assert_eq!(
            fields(40, |node| drop(node.insert(name.into(), Value::Integer(0)))),
            Reason::FieldType(name)
        );
    }
    for name in ["k", "p", "t", "v"] {
        assert_eq!(entry_fields(0, |entry| drop(entry.remove(name))), Reason::MissingField(name));
        let text = |entry: &mut Object| drop(entry.insert(name.into(), "text".into()));
        assert_eq!(entry_fields(0, text), Reason::FieldType(name));
    }
    for name in ["a", "m", "zz", ""] {
        assert_eq!(fields(40, |node| drop(node.insert(name.into(), Value::Null))), Reason::UnknownField);
        assert_eq!(
            entry_fields(0, |entry| drop(entry.insert(name.into(), Value::Null))),
            Reason::UnknownField
        );
    }
    assert_eq!(entry_fields(0, |entry| drop(entry.insert("v".into(), Value::Null))), Reason::FieldType("v"));
    assert_eq!(
        fields(40, |node| drop(node.insert("e".into(), Value::Array(vec![Value::Null])))),
        Reason::NotObject
    );
}

#[test]
fn links_of_other_forms() {
    let raw = Cid::of(Codec::Raw, b"");
    let blake3 = Link::from_bytes(&[&[1, 0x71, 0x1e, 32][..], &[7; 32]].concat()).unwrap();
    assert_eq!(
        fields(40, |node| drop(node.insert("l".into(), raw.into()))),
        Reason::Link("l", CidError::Codec)
    );
    assert_eq!(
        fields(40, |node| drop(node.insert("l".into(), blake3.clone().into()))),
        Reason::Link("l", CidError::Hash)
    );
    assert_eq!(
        entry_fields(0, |e| drop(e.insert("t".into(), raw.into()))),
        Reason::Link("t", CidError::Codec)
    );
    assert_eq!(
        entry_fields(0, |e| drop(e.insert("v".into(), blake3.into()))),
        Reason::Link("v", CidError::Hash)
    );
}

#[test]
fn prefixes() {
    let set = |prefix: i64| move |entry: &mut Object| drop(entry.insert("p".into(), Value::Integer(prefix)));
    assert_eq!(entry_fields(0, set(1)), Reason::PrefixTooLong);
    assert_eq!(entry_fields(1, set(31)), Reason::PrefixTooLong);
    assert_eq!(entry_fields(1, set(i64::MAX)), Reason::PrefixTooLong);
    assert_eq!(entry_fields(1, set(-1)), Reason::FieldType("p"));
    let shorter = |entry: &mut Object| {
        let (Some(Value::Integer(prefix)), Some(Value::Bytes(suffix))) = (entry.get("p"), entry.get("k"))
        else {
            panic!()
        };
        let suffix =
            [&b"com.example.note/2222222222222"[*prefix as usize - 1..*prefix as usize], suffix].concat();
        let prefix = *prefix - 1;
        entry.insert("k".into(), Value::Bytes(suffix.into()));
        entry.insert("p".into(), Value::Integer(prefix));
    };
    assert_eq!(entry_fields(1, shorter), Reason::PrefixNotMaximal);
}

#[test]
fn key_lengths() {
    let key = |length: usize| {
        let key =
            (0_u32..).map(|n| format!("{n:0>length$}")).find(|key| layer_of(key.as_bytes()) == 0).unwrap();
        node(None, vec![entry(&key, None)])
    };
    assert_eq!(tree(key(1025)), Reason::KeyLength);
    assert_eq!(tree(node(None, vec![entry("", None)])), Reason::KeyLength);
    let longest = Repository::changed(&[], |_| key(1024));
    assert!(
        matches!(check(&longest.car()).unwrap(), Err(Error::Invalid(Invalid::Path { .. }))),
        "a key, but no path"
    );
}

#[test]
fn bytes_that_are_not_the_encoding() {
    let block =
        |change: fn(Vec<u8>) -> Vec<u8>| match reason(&Repository::with_root_block(&paths(40), |fields| {
            change(cbor::to_vec(&fields).unwrap())
        })) {
            Reason::Cbor(error) => error.reason,
            other => panic!("{other:?}"),
        };
    let trailing = |block: Vec<u8>| [&block[..], &[0]].concat();
    assert_eq!(block(trailing), CborReason::Trailing);
    assert_eq!(block(|block| block[..block.len() - 1].to_vec()), CborReason::Truncated);
    assert_eq!(block(|_| vec![]), CborReason::Truncated);
    // The map's two fields in the other order.
    let swapped = |block: Vec<u8>| {
        let l = if block.ends_with(b"\x61l\xf6") { block.len() - 3 } else { block.len() - 43 };
        [&block[..1], &block[l..], &block[1..l]].concat()
    };
    assert_eq!(block(swapped), CborReason::KeyOrder);
    assert_eq!(block(|block| [&[0xb8, 2], &block[1..]].concat()), CborReason::NotShortest);
    assert_eq!(block(|block| [&[0xbf], &block[1..], &[0xff]].concat()), CborReason::Indefinite);
    assert_eq!(
        block(|_| [&[0x81; 100_000][..], &[0xf6]].concat()),
        CborReason::Limit(atproto_lexicon::data::LimitError::Depth)
    );
    assert_eq!(reason(&Repository::with_root_block(&[], |_| vec![0x80])), Reason::NotObject);
}

#[test]
fn too_many_entries() {
    let mut keys: Vec<String> = (0..30_000).map(|n| format!("com.example.note/{n}")).collect();
    keys.retain(|key| layer_of(key.as_bytes()) == 0);
    keys.sort();
    let entries = |count: usize| keys[..count].iter().map(|key| entry(key, None)).collect();
    assert_eq!(tree(node(None, entries(8193))), Reason::TooManyEntries);
    let most = Repository::changed(&[], |_| node(None, entries(8192)));
    assert!(matches!(check(&most.car()).unwrap(), Err(Error::Incomplete(_))), "only the records are missing");
}

#[test]
fn keys_that_are_no_paths() {
    for bad in [
        "com.example.note",
        "/a",
        "com.example.note/",
        "com.example.note/a/b",
        "example/a",
        "com.example.note/..",
    ] {
        let repository = Repository::changed(&[], |_| node(None, vec![entry(bad, None)]));
        match check(&repository.car()).unwrap() {
            Err(Error::Invalid(Invalid::Path { path, .. })) => assert_eq!(path, bad),
            other => panic!("{bad}: {other:?}"),
        }
    }
    let colon = Repository::of(&["com.example.note/a:b_c~d-e.f".to_owned()]);
    assert!(check(&colon.car()).unwrap().is_ok());
}

/// What a block is, is said by the link that led to it: one is a leaf of the tree and a record in it.
#[test]
fn one_block_is_a_node_and_a_record() {
    let (low, high) = (path_on(0, "a"), path_on(1, "b"));
    let mut blocks = Blocks::default();
    let record = blocks.add(cbor::to_vec(&Object::new()).unwrap());
    let leaf = node(None, vec![ModelEntry { key: low.clone().into(), value: record, right: None }]);
    let both = leaf.write(&mut blocks);
    let top = ModelEntry { key: high.clone().into(), value: both, right: None };
    let root = node(Some(leaf), vec![top]).write(&mut blocks);
    let commit = blocks.add(crate::model::commit(root));
    let file = blocks.car(&[commit]);
    let summary = check(&file).unwrap().unwrap();
    assert_eq!(summary.records, 2);
    let car = Car::parse(&file).unwrap();
    let repo = Repo::verify(&car, &crate::model::did(), &crate::model::key()).unwrap();
    assert_eq!(repo.get(&high).unwrap().unwrap().cid, both);
    assert_eq!(repo.get(&low).unwrap().unwrap().cid, record);
}
