use super::super::model::{Model, ModelEntry, Repository, path_on, paths};
use super::case;
use atproto_lexicon::data::{Bytes, Cid, Codec, Link, Object, Value, cbor};
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::testing::Verdict::{Incomplete, Invalid, Valid};

fn node(left: Option<Model>, entries: Vec<ModelEntry>) -> Model {
    Model { left: left.map(Box::new), entries }
}

/// Changes the tree of records at these paths.
fn changed(paths: &[String], change: impl FnOnce(Model) -> Model) -> Vec<u8> {
    Repository::changed(paths, change).car()
}

/// A tree of these paths, made by a function that gets the entry of each.
fn tree(paths: &[&str], make: impl FnOnce(&dyn Fn(&str, Option<Model>) -> ModelEntry) -> Model) -> Vec<u8> {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    changed(&paths, |model| {
        let mut pairs = Vec::new();
        super::super::forge::in_order(&model, &mut pairs);
        let entry = |path: &str, right: Option<Model>| {
            let found = pairs.iter().find(|(key, _)| key == path.as_bytes());
            let value = found.map_or_else(|| Cid::of_dag_cbor(b"\xa0"), |(_, value)| *value);
            ModelEntry { key: path.into(), value, right: right.map(Box::new) }
        };
        make(&entry)
    })
}

/// The root's fields changed.
fn fields(count: u64, change: impl FnOnce(&mut Object)) -> Vec<u8> {
    let with = |mut fields: Object| {
        change(&mut fields);
        cbor::to_vec(&fields).unwrap()
    };
    Repository::with_root_block(&paths(count), with).car()
}

/// The first entry's field changed, of a tree with one record.
fn entry_field(name: &str, value: Option<Value>) -> Vec<u8> {
    fields(1, |fields| {
        let Some(Value::Array(entries)) = fields.get_mut("e") else { return };
        let Some(Value::Object(entry)) = entries.first_mut() else { return };
        entry.remove(name);
        entry.extend(value.map(|value| (name.to_owned(), value)));
    })
}

/// What is wrong with a tree that is signed and whose blocks all hash to their CIDs.
pub(super) fn cases() -> Vec<Hostile<Vec<u8>>> {
    let [a, b, c] = ["a", "b", "c"].map(|name| path_on(0, name));
    let [high_b, high_d] = ["b", "d"].map(|name| path_on(1, name));
    let [low, top] = [path_on(0, "a"), path_on(2, "b")];
    let raw: Link = Cid::of(Codec::Raw, b"").into();
    let filler = |below| node(Some(below), vec![]);
    let mut cases = vec![
        case("as it should be", Repository::of(&paths(40)).car(), Valid),
        case(
            "filler between two layers",
            tree(&[&low, &top], |entry| {
                node(Some(filler(node(None, vec![entry(&low, None)]))), vec![entry(&top, None)])
            }),
            Valid,
        ),
        case(
            "filler left out",
            tree(&[&low, &top], |entry| {
                node(Some(node(None, vec![entry(&low, None)])), vec![entry(&top, None)])
            }),
            Invalid,
        ),
        case(
            "filler too many",
            tree(&[&low, &top], |entry| {
                node(Some(filler(filler(node(None, vec![entry(&low, None)])))), vec![entry(&top, None)])
            }),
            Invalid,
        ),
        case(
            "keys of two layers in a node",
            tree(&[&a, &high_b], |entry| node(None, vec![entry(&a, None), entry(&high_b, None)])),
            Invalid,
        ),
        case(
            "keys below that belong above",
            tree(&[&path_on(1, "a"), &high_b], |entry| {
                node(Some(node(None, vec![entry(&path_on(1, "a"), None)])), vec![entry(&high_b, None)])
            }),
            Invalid,
        ),
        case(
            "empty node below",
            tree(&[&high_b], |entry| node(Some(Model::default()), vec![entry(&high_b, None)])),
            Invalid,
        ),
        case(
            "empty node after a key",
            tree(&[&high_b], |entry| node(None, vec![entry(&high_b, Some(Model::default()))])),
            Invalid,
        ),
        case(
            "root that only points down",
            tree(&[&a], |entry| filler(node(None, vec![entry(&a, None)]))),
            Invalid,
        ),
        case("root that only points to nothing", tree(&[], |_| filler(Model::default())), Invalid),
        case(
            "leaf that links below",
            tree(&[&a, &b], |entry| node(None, vec![entry(&a, Some(node(None, vec![entry(&b, None)])))])),
            Invalid,
        ),
        case(
            "keys not in order",
            tree(&[&a, &b], |entry| node(None, vec![entry(&b, None), entry(&a, None)])),
            Invalid,
        ),
        case("key twice", tree(&[&a], |entry| node(None, vec![entry(&a, None), entry(&a, None)])), Invalid),
        case(
            "key on the wrong side of the one above",
            tree(&[&c, &high_b], |entry| {
                node(Some(node(None, vec![entry(&c, None)])), vec![entry(&high_b, None)])
            }),
            Invalid,
        ),
        case(
            "key before the one that it follows on",
            tree(&[&a, &high_b], |entry| {
                node(None, vec![entry(&high_b, Some(node(None, vec![entry(&a, None)])))])
            }),
            Invalid,
        ),
        case(
            "key beyond a filler's bounds",
            tree(&[&c, &top], |entry| {
                node(Some(filler(node(None, vec![entry(&c, None)]))), vec![entry(&top, None)])
            }),
            Invalid,
        ),
        case(
            "subtree twice",
            tree(&[&c, &high_b, &high_d], |entry| {
                let leaf = || Some(node(None, vec![entry(&c, None)]));
                node(None, vec![entry(&high_b, leaf()), entry(&high_d, leaf())])
            }),
            Invalid,
        ),
        case(
            "records beside the tree",
            changed(&paths(40), |mut model| {
                model.left = None;
                for entry in &mut model.entries {
                    entry.right = None;
                }
                model
            }),
            // What is left is the one tree of fewer records.
            Valid,
        ),
        case(
            "entry whose record is not there",
            tree(&[], |entry| node(None, vec![entry(&a, None)])),
            Incomplete,
        ),
        case(
            "path without a record key",
            tree(&["com.example.note"], |entry| node(None, vec![entry("com.example.note", None)])),
            Invalid,
        ),
        case(
            "path of no collection",
            tree(&["note/a"], |entry| node(None, vec![entry("note/a", None)])),
            Invalid,
        ),
        case(
            "path of three parts",
            tree(&["com.example.note/a/b"], |entry| node(None, vec![entry("com.example.note/a/b", None)])),
            Invalid,
        ),
        case(
            "record key that is none",
            tree(&["com.example.note/.."], |entry| node(None, vec![entry("com.example.note/..", None)])),
            Invalid,
        ),
        case("no field e", fields(1, |fields| drop(fields.remove("e"))), Invalid),
        case("no field l", fields(1, |fields| drop(fields.remove("l"))), Invalid),
        case(
            "unknown field in a node",
            fields(1, |fields| drop(fields.insert("x".into(), Value::Null))),
            Invalid,
        ),
        case(
            "entries that are null",
            fields(0, |fields| drop(fields.insert("e".into(), Value::Null))),
            Invalid,
        ),
        case(
            "link to a subtree that is text",
            fields(1, |fields| drop(fields.insert("l".into(), "a".into()))),
            Invalid,
        ),
        case(
            "link to a subtree of codec raw",
            fields(1, |fields| drop(fields.insert("l".into(), Value::Link(raw.clone())))),
            Invalid,
        ),
        case(
            "record under another hash",
            entry_field("v", Some(Value::Link(Link::from_bytes(&[1, 0x71, 0, 1, 7]).unwrap()))),
            Invalid,
        ),
        case("record that is null", entry_field("v", Some(Value::Null)), Invalid),
        case("subtree of an entry of codec raw", entry_field("t", Some(Value::Link(raw))), Invalid),
        case("unknown field in an entry", entry_field("x", Some(Value::Null)), Invalid),
        case("first prefix that is not 0", entry_field("p", Some(Value::Integer(1))), Invalid),
        case("negative prefix", entry_field("p", Some(Value::Integer(-1))), Invalid),
        case("key that is text", entry_field("k", Some("com.example.note/a".into())), Invalid),
        case("key of no bytes", entry_field("k", Some(Value::Bytes(Bytes(Vec::new())))), Invalid),
        case("prefix that is not the longest", prefix(|shared| shared - 1), Invalid),
        case("no prefix where there is one", prefix(|_| 0), Invalid),
        case("prefix longer than the key before", prefix(|_| 1000), Invalid),
        case("node that is a list", Repository::with_root_block(&paths(1), |_| vec![0x80]).car(), Invalid),
        case(
            "node with a byte after it",
            Repository::with_root_block(&paths(1), |fields| {
                [&cbor::to_vec(&fields).unwrap()[..], &[0]].concat()
            })
            .car(),
            Invalid,
        ),
        case("node that is not CBOR", Repository::with_root_block(&paths(1), |_| vec![0xff]).car(), Invalid),
    ];
    for name in ["k", "p", "t", "v"] {
        cases.push(case(&format!("entry without field {name}"), entry_field(name, None), Invalid));
    }
    cases
}

/// Of two keys in the root, the second one's prefix of another length; what is after it is as long as it has to be.
fn prefix(change: impl FnOnce(usize) -> usize) -> Vec<u8> {
    let paths = [path_on(0, "a"), path_on(0, "b")];
    let with = |mut fields: Object| {
        if let Some(Value::Array(entries)) = fields.get_mut("e")
            && let Some(Value::Object(entry)) = entries.get_mut(1)
        {
            let shared = paths[0].bytes().zip(paths[1].bytes()).take_while(|(a, b)| a == b).count();
            let length = change(shared);
            let rest = paths[1].as_bytes()[length.min(shared)..].to_vec();
            entry.insert("p".into(), Value::Integer(length as i64));
            entry.insert("k".into(), Value::Bytes(Bytes(rest)));
        }
        cbor::to_vec(&fields).unwrap()
    };
    Repository::with_root_block(&paths, with).car()
}
