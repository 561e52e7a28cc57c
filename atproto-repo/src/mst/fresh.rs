//! Trees all of whose keys are new. They are not in nodes before the end: to put the keys in order once, and build the nodes then,
//! takes a fraction of the time of changing nodes with every key.

use super::branch::Branch;
use super::reshape::grow;
use super::{Builder, EditError, Limits};
use atproto_lexicon::data::Cid;
use std::collections::HashMap;

/// Keys in no order.
pub(super) type Fresh = HashMap<Box<[u8]>, Cid>;

/// A tree that was built, and is kept as its keys in order until one of them is to be changed.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) root: Cid,
    keys: Vec<(Box<[u8]>, Cid)>,
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
        let keys: Vec<_> = fresh.drain().collect();
        let order = order_of(keys.len(), |index| key(&keys, index));
        match build(in_order(&keys, &order), limits, sink) {
            Ok(root) => Ok(Self { root, keys, order }),
            Err(error) => {
                fresh.extend(keys);
                Err(error)
            }
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, looked_for: &[u8]) -> Option<Cid> {
        let found = self.order.binary_search_by(|index| key(&self.keys, *index).cmp(looked_for)).ok()?;
        self.keys.get(*self.order.get(found)?).map(|(_, value)| *value)
    }

    /// The tree in nodes, none of which is changed.
    pub(super) fn to_branch(&self, limits: &Limits, scratch: &mut Vec<u8>) -> Result<Box<Branch>, EditError> {
        let mut root = grow(in_order(&self.keys, &self.order), limits)?;
        root.seal(scratch, &mut |_, _, _| ());
        Ok(root)
    }
}

/// The root of the tree of these keys.
pub(super) fn root_of(fresh: &Fresh, limits: &Limits) -> Result<Cid, EditError> {
    let keys: Vec<_> = fresh.iter().collect();
    let order = order_of(keys.len(), |index| keys.get(index).map_or(&[][..], |(key, _)| key));
    let keys = order.iter().filter_map(|index| keys.get(*index)).map(|(key, value)| (key.as_ref(), *value));
    build(keys, limits, |_, _| ())
}

fn key(keys: &[(Box<[u8]>, Cid)], index: usize) -> &[u8] {
    keys.get(index).map_or(&[][..], |(key, _)| key)
}

fn in_order<'a>(
    keys: &'a [(Box<[u8]>, Cid)],
    order: &'a [usize],
) -> impl Iterator<Item = (&'a [u8], &'a Cid)> {
    order.iter().filter_map(|index| keys.get(*index)).map(|(key, value)| (key.as_ref(), value))
}

/// The numbers of keys that are all different, in the order of the keys.
///
/// Keys lie all over memory, and begin with the same bytes. So what is compared is a number made of a few of their bytes, and only
/// keys of which these are the same are looked at again, further on.
fn order_of<'a>(count: usize, key: impl Fn(usize) -> &'a [u8]) -> Vec<usize> {
    let mut items: Vec<(u64, usize)> = (0..count).map(|index| (0, index)).collect();
    let mut runs = vec![(0..count, 0)];
    while let Some((range, at)) = runs.pop() {
        let mut start = range.start;
        let Some(run) = items.get_mut(range) else { continue };
        for (window, index) in run.iter_mut() {
            *window = window_of(key(*index), at);
        }
        run.sort_unstable_by_key(|(window, _)| *window);
        for same in run.chunk_by(|(a, _), (b, _)| a == b) {
            let end = start.saturating_add(same.len());
            if same.len() > 1 {
                runs.push((start..end, at.saturating_add(WINDOW)));
            }
            start = end;
        }
    }
    items.into_iter().map(|(_, index)| index).collect()
}

/// How many bytes of a key are compared at once.
const WINDOW: usize = 7;

/// The bytes of a key from this place on, then how many there are: one that ends here comes first.
fn window_of(key: &[u8], at: usize) -> u64 {
    let rest = key.get(at..).unwrap_or_default();
    let mut window = [0; 8];
    let [bytes @ .., length] = &mut window;
    for (byte, from) in bytes.iter_mut().zip(rest) {
        *byte = *from;
    }
    *length = rest.len().min(WINDOW.saturating_add(1)) as u8;
    u64::from_be_bytes(window)
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

    proptest! {
        #[test]
        fn order_is_that_of_the_keys(keys in prop::collection::btree_set("[\\x00ab]{0,20}", 0..200), seed: u64) {
            let sorted: Vec<String> = keys.into_iter().collect();
            let mut shuffled = sorted.clone();
            shuffled.sort_by_cached_key(|key| {
                key.bytes().fold(seed | 1, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
            });
            let order = order_of(shuffled.len(), |index| shuffled[index].as_bytes());
            let ordered: Vec<String> = order.iter().map(|index| shuffled[*index].clone()).collect();
            prop_assert_eq!(ordered, sorted);
        }
    }
}
