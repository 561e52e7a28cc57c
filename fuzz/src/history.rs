//! Small repositories and their last commits, beside what the oracle says of both.

use crate::model::did;
use crate::oracle::{Map, Oracle};
use arbitrary::{Result, Unstructured};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::{Cid, Object, Value, cbor};
use atproto_lexicon::syntax::Tid;
use atproto_repo::mst::layer_of;
use atproto_repo::repo::{SignedCommit, UnsignedCommit, UnsignedRepo, Write};
use atproto_repo::store::{Blocks as _, MemoryStore, Store as _};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

pub(crate) static KEY: LazyLock<SecretKey> =
    LazyLock::new(|| SecretKey::from_hex(Curve::K256, &"2b".repeat(32)).unwrap());

/// Paths of which more are on high layers than chance would have.
pub(crate) static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut free = [12, 12, 8, 6, 4, 2];
    let mut paths = Vec::new();
    for number in 0_u32.. {
        let path = format!("com.example.{}/{number}", ["like", "note"][number as usize % 2]);
        if let Some(free) = free.get_mut(layer_of(path.as_bytes()) as usize).filter(|free| **free > 0) {
            *free -= 1;
            paths.push(path);
        }
        if free == [0; 6] {
            break;
        }
    }
    paths.sort();
    paths
});

pub(crate) fn path(input: &mut Unstructured<'_>) -> Result<&'static str> {
    Ok(input.choose(&PATHS)?)
}

/// One of four records.
pub(crate) fn record(number: u8) -> Vec<u8> {
    let number = Value::Integer(i64::from(number % 4));
    cbor::to_vec(&Object::from([("$type".into(), "com.example.note".into()), ("number".into(), number)]))
        .unwrap()
}

pub(crate) fn rev(number: u64) -> Tid {
    Tid::from_parts(1_750_000_000_000_000 + number, 1).unwrap()
}

/// A commit and the records of its tree.
pub(crate) struct At {
    pub(crate) commit: SignedCommit,
    pub(crate) map: Map,
}

/// Two commits, one after the other, and another one that could stand in the second one's place.
pub(crate) struct History {
    pub(crate) before: At,
    pub(crate) after: At,
    pub(crate) other: At,
    /// With the blocks of all of them.
    pub(crate) blocks: Vec<(Cid, Vec<u8>)>,
    /// At the second commit.
    pub(crate) store: MemoryStore,
}

impl History {
    /// One of a thousand: signing takes a hundred times longer than all else, so each is made once.
    pub(crate) fn choose(input: &mut Unstructured<'_>) -> Result<Rc<Self>> {
        thread_local! {
            static MADE: RefCell<HashMap<u16, Rc<History>>> = RefCell::default();
        }
        let number = input.arbitrary::<u16>()? % 1000;
        if let Some(made) = MADE.with_borrow(|made| made.get(&number).cloned()) {
            return Ok(made);
        }
        let hashes = (0..16_u8)
            .flat_map(|part| *Cid::of_dag_cbor(&[&number.to_be_bytes()[..], &[part]].concat()).digest());
        let bytes: Vec<u8> = hashes.collect();
        let history = Rc::new(Self::make(&mut Unstructured::new(&bytes))?);
        MADE.with_borrow_mut(|made| made.insert(number, history.clone()));
        Ok(history)
    }

    fn make(input: &mut Unstructured<'_>) -> Result<Self> {
        let mut store = MemoryStore::default();
        let before = next(&store, &Map::new(), input, 24, 0)?;
        store.commit(&before.commit.write_set()).unwrap();
        let after = next(&store, &before.map, input, 6, 1)?;
        let other = next(&store, &before.map, input, 3, 2)?;
        store.commit(&after.commit.write_set()).unwrap();
        let mut blocks: Vec<(Cid, Vec<u8>)> =
            (0..4).map(record).map(|bytes| (Cid::of_dag_cbor(&bytes), bytes)).collect();
        for at in [&before, &after, &other] {
            blocks.push((*at.commit.cid(), at.commit.block().to_vec()));
            blocks.extend(Oracle::build(&at.map).nodes);
        }
        Ok(Self { before, after, other, blocks, store })
    }

    /// The commit with this root, and its records.
    pub(crate) fn at(&self, data: &Cid) -> Option<&At> {
        [&self.before, &self.after, &self.other].into_iter().find(|at| at.commit.data() == data)
    }
}

/// The next commit in a store: up to `most` paths are written.
fn next(
    store: &MemoryStore,
    map: &Map,
    input: &mut Unstructured<'_>,
    most: usize,
    number: u64,
) -> Result<At> {
    let mut map = map.clone();
    let mut writes: Vec<(&str, Option<Vec<u8>>, bool)> = Vec::new();
    for _ in 0..input.int_in_range(0..=most)? {
        let path = path(input)?;
        let choice: u8 = input.arbitrary()?;
        if writes.iter().any(|(other, ..)| *other == path) {
            continue;
        }
        let new = (number == 0 || choice.is_multiple_of(2)).then(|| record(choice / 2));
        let old = match &new {
            Some(record) => map.insert(path.into(), Cid::of_dag_cbor(record)),
            None => map.remove(path.as_bytes()),
        };
        if new.is_some() || old.is_some() {
            writes.push((path, new, old.is_some()));
        }
    }
    let writes: Vec<Write<'_>> = writes
        .iter()
        .map(|(path, record, is_there)| match (record, is_there) {
            (None, _) => Write::Delete { path, swap: None },
            (Some(record), true) => Write::Update { path, record, swap: None },
            (Some(record), false) => Write::Create { path, record },
        })
        .collect();
    let unsigned = match UnsignedRepo::open(store) {
        Ok(repo) => repo.write(&writes, None, rev(number)).unwrap(),
        Err(_) => UnsignedCommit::create(&did(), &writes, rev(number)).unwrap(),
    };
    let commit = unsigned.sign(&KEY);
    assert_eq!(*commit.data(), Oracle::build(&map).root);
    assert_eq!(store.get(commit.cid(), &mut Vec::new()), Ok(None));
    Ok(At { commit, map })
}

/// What may be wrong with any blocks: one is gone, or has the bytes of another, or all there are go along.
pub(crate) fn forge_blocks(
    blocks: &mut Vec<(Cid, Vec<u8>)>,
    all: &[(Cid, Vec<u8>)],
    input: &mut Unstructured<'_>,
) -> Result<()> {
    let at = input.choose_index(blocks.len().max(1))?;
    let (cid, bytes) = input.choose(all)?.clone();
    let Some(block) = blocks.get_mut(at) else { return Ok(()) };
    match input.int_in_range(0..=4)? {
        0 => drop(blocks.remove(at)),
        1 => block.1 = bytes,
        2 => block.0 = cid,
        3 => {
            let bit = input.choose_index(block.1.len() * 8)?;
            block.1[bit / 8] ^= 1 << (bit % 8);
        }
        _ => blocks.extend_from_slice(all),
    }
    Ok(())
}

/// What may be wrong with a file.
pub(crate) fn forge_file(file: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<()> {
    match input.int_in_range(0..=7)? {
        0 => file.truncate(input.choose_index(file.len())?),
        1 => {
            let bit = input.choose_index(file.len() * 8)?;
            file[bit / 8] ^= 1 << (bit % 8);
        }
        _ => {}
    }
    Ok(())
}
