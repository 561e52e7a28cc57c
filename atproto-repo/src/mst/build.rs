use super::encode::{NodeWriter, common_prefix};
use super::{EditError, Limits, MAX_KEY, layer_of};
use atproto_lexicon::data::Cid;

/// Builds a tree from its keys in ascending order, and gives each node away as soon as it is complete: below its parent, in the
/// order of the keys. It holds one path of the tree.
///
/// ```
/// use atproto_repo::{mst::Builder, store::MemoryBlocks};
/// # fn main() -> Result<(), atproto_repo::mst::BuildError> {
/// # let cid = atproto_lexicon::data::Cid::of_dag_cbor(&[0xf6]);
/// let mut blocks = MemoryBlocks::default();
/// let mut tree = Builder::new(|_, block| { blocks.insert(block.to_vec()); });
/// tree.push(b"com.example.note/1", &cid)?;
/// tree.push(b"com.example.note/2", &cid)?;
/// let root = tree.finish();
/// assert_eq!(atproto_repo::mst::Tree::new(&blocks, root).get(b"com.example.note/2"), Ok(Some(cid)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Builder<F> {
    levels: Vec<Level>,
    sink: F,
    last: Vec<u8>,
}

/// Why a key cannot follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The key has not between 1 and 1,024 bytes.
    #[error("key has not between 1 and 1,024 bytes")]
    KeyLength,
    /// The key does not come after the one before.
    #[error("keys are not in ascending order")]
    KeyOrder,
}

/// The node of a layer that is not complete yet.
#[derive(Debug, Default)]
struct Level {
    writer: NodeWriter,
    left: Option<Cid>,
    /// The subtree after the last entry.
    child: Option<Cid>,
    /// The key of the last entry.
    key: Vec<u8>,
    /// How many bytes of it are those of the entry before, and its value: it is written when its subtree is complete.
    last: Option<(usize, Cid)>,
}

impl Level {
    fn is_empty(&self) -> bool {
        self.writer.is_empty() && self.last.is_none() && self.child.is_none()
    }

    /// Writes the last entry, or says what is before the first one.
    #[inline]
    fn settle(&mut self) {
        let child = self.child.take();
        match self.last.take() {
            Some((shared, value)) => {
                self.writer.push(shared, self.key.get(shared..).unwrap_or_default(), child.as_ref(), &value);
            }
            None => self.left = child,
        }
    }
}

impl<F: FnMut(Cid, &[u8])> Builder<F> {
    /// A builder that gives each node's CID and block to `sink`.
    pub fn new(sink: F) -> Self {
        Self { levels: Vec::new(), sink, last: Vec::new() }
    }

    /// Adds a key after all others.
    ///
    /// # Errors
    /// [`BuildError`]; the key is not added.
    pub fn push(&mut self, key: &[u8], value: &Cid) -> Result<(), BuildError> {
        self.add(key, value).map(|_| ())
    }

    /// [`push`](Self::push) of a key that comes after all others, in a tree of limited depth whose nodes have a limited number of
    /// entries.
    pub(super) fn push_within(&mut self, key: &[u8], value: &Cid, limits: &Limits) -> Result<(), EditError> {
        let layer = self.add(key, value).map_err(|_| EditError::KeyLength)?;
        // The last entry is not written yet.
        let entries = self.levels.get(layer).map_or(0, |level| level.writer.len().saturating_add(1));
        if layer >= limits.depth as usize || entries > limits.entries {
            Err(EditError::Limits)
        } else {
            Ok(())
        }
    }

    /// Adds a key; its layer.
    fn add(&mut self, key: &[u8], value: &Cid) -> Result<usize, BuildError> {
        if !(1..=MAX_KEY).contains(&key.len()) {
            return Err(BuildError::KeyLength);
        }
        if key <= self.last.as_slice() {
            return Err(BuildError::KeyOrder);
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        let layer = layer_of(key) as usize;
        if self.levels.len() <= layer {
            self.levels.resize_with(layer.saturating_add(1), Level::default);
        }
        for below in 0..layer {
            self.close(below);
        }
        if let Some(level) = self.levels.get_mut(layer) {
            level.settle();
            let shared = if level.writer.is_empty() { 0 } else { common_prefix(&level.key, key) };
            level.last = Some((shared, *value));
            level.key.clear();
            level.key.extend_from_slice(key);
        }
        Ok(layer)
    }

    /// Completes the node of a layer, if there is one.
    fn close(&mut self, layer: usize) {
        let Some(level) = self.levels.get_mut(layer).filter(|level| !level.is_empty()) else { return };
        let cid = seal(level, &mut self.sink);
        if let Some(above) = self.levels.get_mut(layer.saturating_add(1)) {
            above.child = Some(cid);
        }
    }

    /// Completes the tree, and returns the CID of its root.
    pub fn finish(mut self) -> Cid {
        let top = self.levels.len().saturating_sub(1);
        for layer in 0..top {
            self.close(layer);
        }
        // A tree without keys is one empty node.
        let mut root = self.levels.pop().unwrap_or_default();
        seal(&mut root, &mut self.sink)
    }
}

fn seal(level: &mut Level, sink: &mut impl FnMut(Cid, &[u8])) -> Cid {
    level.settle();
    level.writer.finish(level.left.take().as_ref(), |block| {
        let cid = Cid::of_dag_cbor(block);
        sink(cid, block);
        cid
    })
}
