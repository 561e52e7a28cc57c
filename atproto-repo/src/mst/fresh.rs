//! Trees all of whose keys are new. They are not in nodes before the end: to put the keys in order once, and build the nodes then,
//! takes a fraction of the time of changing nodes with every key.

use super::branch::Branch;
use super::encode::common_prefix;
use super::reshape::grow;
use super::{Builder, EditError, Limits};
use atproto_lexicon::data::Cid;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// Keys in no order: one after another in memory, and found by their hash.
#[derive(Debug, Default)]
pub(super) struct Fresh<S = RandomState> {
    bytes: Vec<u8>,
    keys: Vec<Key>,
    /// The number of each key, by its hash or, where that is another key's, by the next number that is free.
    numbers: HashMap<u64, usize, BuildHasherDefault<Hashed>>,
    hashes: S,
    removed: usize,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    start: usize,
    length: u16,
    /// `None` after it was taken out.
    value: Option<Cid>,
}

impl<S: BuildHasher> Fresh<S> {
    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<Cid> {
        self.keys.get(self.find(key).ok()?)?.value
    }

    /// Gives a key of at most [`MAX_KEY`](super::MAX_KEY) bytes a value; the value that it had.
    pub(super) fn insert(&mut self, key: &[u8], value: Cid) -> Option<Cid> {
        match self.find(key) {
            Ok(number) => {
                let old = self.keys.get_mut(number)?.value.replace(value);
                self.removed = self.removed.saturating_sub(usize::from(old.is_none()));
                old
            }
            Err(free) => {
                self.numbers.insert(free, self.keys.len());
                grow_by_an_eighth(&mut self.keys, 1);
                grow_by_an_eighth(&mut self.bytes, key.len());
                let start = self.bytes.len();
                self.bytes.extend_from_slice(key);
                self.keys.push(Key { start, length: key.len() as u16, value: Some(value) });
                None
            }
        }
    }

    /// Takes a key out; the value that it had.
    pub(super) fn remove(&mut self, key: &[u8]) -> Option<Cid>
    where
        S: Default,
    {
        let number = self.find(key).ok()?;
        let old = self.keys.get_mut(number)?.value.take()?;
        self.removed = self.removed.saturating_add(1);
        if self.removed > 16 && self.removed > self.keys.len() / 2 {
            let all = std::mem::take(self);
            all.keys.iter().filter_map(|key| Some((all.key(key), key.value?))).for_each(|(key, value)| {
                self.insert(key, value);
            });
        }
        Some(old)
    }

    /// The number of a key, or by what it is to be found.
    fn find(&self, key: &[u8]) -> Result<usize, u64> {
        let mut hash = self.hashes.hash_one(key);
        while let Some(number) = self.numbers.get(&hash) {
            if self.keys.get(*number).is_some_and(|found| self.key(found) == key) {
                return Ok(*number);
            }
            hash = hash.wrapping_add(1);
        }
        Err(hash)
    }

    fn key(&self, key: &Key) -> &[u8] {
        self.bytes.get(key.start..).and_then(|rest| rest.get(..usize::from(key.length))).unwrap_or_default()
    }

    /// The numbers of the keys that are there, in the order of the keys.
    fn order(&self) -> Vec<usize> {
        let numbers = self.keys.iter().enumerate().filter(|(_, key)| key.value.is_some());
        order_of(numbers.map(|(number, _)| number), |number| {
            self.keys.get(number).map_or(&[][..], |key| self.key(key))
        })
    }

    fn in_order<'a>(&'a self, order: &'a [usize]) -> impl Iterator<Item = (&'a [u8], &'a Cid)> {
        let keys = order.iter().filter_map(|number| self.keys.get(*number));
        keys.filter_map(|key| Some((self.key(key), key.value.as_ref()?)))
    }

    /// The root of the tree.
    pub(super) fn root(&self, limits: &Limits) -> Result<Cid, EditError> {
        build(self.in_order(&self.order()), limits, |_, _| ())
    }
}

/// Large memory is moved without being copied: it need not be twice what is used.
fn grow_by_an_eighth<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity().saturating_sub(list.len()) < more {
        list.reserve_exact(more.max(list.len() / 8).max(64));
    }
}

/// Passes on what is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A tree that was built, and is kept as its keys in order until one of them is to be changed.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) root: Cid,
    keys: Fresh,
    /// The numbers of the keys, in the order of the keys.
    order: Vec<usize>,
}

impl Built {
    /// Builds the tree of these keys, and gives each node to `sink`. Where that is an error, the keys stay.
    pub(super) fn of(
        fresh: &mut Fresh,
        limits: &Limits,
        sink: impl FnMut(Cid, &[u8]),
    ) -> Result<Self, EditError> {
        let order = fresh.order();
        let root = build(fresh.in_order(&order), limits, sink)?;
        Ok(Self { root, keys: std::mem::take(fresh), order })
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<Cid> {
        self.keys.get(key)
    }

    /// The tree in nodes, none of which is changed.
    pub(super) fn to_branch(&self, limits: &Limits, scratch: &mut Vec<u8>) -> Result<Box<Branch>, EditError> {
        let mut root = grow(self.keys.in_order(&self.order), limits)?;
        root.seal(scratch, &mut |_, _, _| ());
        Ok(root)
    }
}

/// The numbers of keys that are all different, in the order of the keys.
///
/// Keys lie all over memory, and begin with the same bytes. So what is compared is a number made of the few of their bytes after
/// those, and only keys of which these are the same are looked at again, further on.
fn order_of<'a>(numbers: impl Iterator<Item = usize>, key: impl Fn(usize) -> &'a [u8]) -> Vec<usize> {
    let mut items: Vec<(u64, usize)> = numbers.map(|number| (0, number)).collect();
    let mut runs = vec![(0..items.len(), 0)];
    while let Some((range, at)) = runs.pop() {
        let mut start = range.start;
        let Some(run) = items.get_mut(range) else { continue };
        let rest = |number: usize| key(number).get(at..).unwrap_or_default();
        let first = run.first().map_or(&[][..], |(_, number)| rest(*number));
        let same = run.iter().fold(first.len(), |same, (_, number)| {
            common_prefix(first.get(..same).unwrap_or_default(), rest(*number))
        });
        for (window, number) in run.iter_mut() {
            *window = window_of(rest(*number), same);
        }
        // What is next to each other in memory stays so where it can.
        run.sort_by_key(|(window, _)| *window);
        for equal in run.chunk_by(|(a, _), (b, _)| a == b) {
            let end = start.saturating_add(equal.len());
            if equal.len() > 1 {
                runs.push((start..end, at.saturating_add(same).saturating_add(WINDOW)));
            }
            start = end;
        }
    }
    items.into_iter().map(|(_, number)| number).collect()
}

/// How many bytes of a key are compared at once.
const WINDOW: usize = 7;

/// The bytes of a key from this place on, then how many there are: one that ends here comes first.
#[inline]
fn window_of(key: &[u8], at: usize) -> u64 {
    let rest = key.get(at..).unwrap_or_default();
    let length = rest.len().min(WINDOW.saturating_add(1)) as u64;
    let bytes = rest.first_chunk().copied().unwrap_or_else(|| {
        let mut bytes = [0; 8];
        bytes.iter_mut().zip(rest).for_each(|(byte, from)| *byte = *from);
        bytes
    });
    u64::from_be_bytes(bytes) & !0xff | length
}

fn build<'a>(
    keys: impl IntoIterator<Item = (&'a [u8], &'a Cid)>,
    limits: &Limits,
    mut sink: impl FnMut(Cid, &[u8]),
) -> Result<Cid, EditError> {
    let mut is_short = true;
    let mut builder = Builder::new(|cid, block: &[u8]| {
        is_short &= block.len() <= limits.bytes;
        sink(cid, block);
    });
    for (key, value) in keys {
        builder.push_within(key, value, limits)?;
    }
    let root = builder.finish();
    if is_short { Ok(root) } else { Err(EditError::Limits) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Of all keys the same.
    #[derive(Debug, Default)]
    struct Constant;

    impl BuildHasher for Constant {
        type Hasher = Hashed;

        fn build_hasher(&self) -> Hashed {
            Hashed(u64::MAX)
        }

        fn hash_one<T>(&self, _: T) -> u64 {
            u64::MAX
        }
    }

    fn is_a_map<S: BuildHasher + Default>(writes: &[(String, Option<u8>)]) {
        let (mut fresh, mut map) = (Fresh::<S>::default(), BTreeMap::new());
        for (key, value) in writes {
            let (bytes, value) = (key.as_bytes(), value.map(|value| Cid::of_dag_cbor(&[value])));
            let old = match value {
                Some(value) => fresh.insert(bytes, value),
                None => fresh.remove(bytes),
            };
            let expected = match value {
                Some(value) => map.insert(key.clone(), value),
                None => map.remove(key),
            };
            assert_eq!((old, fresh.get(bytes)), (expected, value));
            // What was taken out does not stay for ever.
            assert!(fresh.keys.len() <= 2 * map.len() + 17, "{} of {}", map.len(), fresh.keys.len());
        }
        let order = fresh.order();
        let found = fresh.in_order(&order).map(|(key, value)| (key, *value));
        assert!(found.eq(map.iter().map(|(key, value)| (key.as_bytes(), *value))));
    }

    proptest! {
        #[test]
        fn keys_are_those_of_a_map(writes in prop::collection::vec(("[ab]{1,4}", prop::option::of(0..3_u8)), 0..200)) {
            is_a_map::<RandomState>(&writes);
            is_a_map::<Constant>(&writes);
        }

        #[test]
        fn order_is_that_of_the_keys(keys in prop::collection::hash_set("[\\x00ab]{0,20}", 0..200)) {
            let keys: Vec<String> = keys.into_iter().collect();
            let order = order_of(0..keys.len(), |number| keys[number].as_bytes());
            let ordered: Vec<&String> = order.iter().map(|number| &keys[*number]).collect();
            let mut sorted: Vec<&String> = keys.iter().collect();
            sorted.sort();
            prop_assert_eq!(ordered, sorted);
        }
    }

    #[test]
    fn many_keys_that_come_and_go_take_no_memory() {
        let mut fresh = Fresh::<RandomState>::default();
        for number in 0..10_000_u32 {
            fresh.insert(&number.to_be_bytes(), Cid::of_dag_cbor(b"\xf6"));
            fresh.remove(&number.to_be_bytes());
        }
        assert!(fresh.keys.len() <= 17 && fresh.numbers.len() <= 17 && fresh.bytes.len() <= 4 * 17);
    }
}
