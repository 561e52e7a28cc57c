use super::branch::Loaded;
use super::{Changes, Edit, EditError, Limits, Node, TreeError, TreeFault, TreeReason};
use crate::store::Blocks;
use atproto_lexicon::data::Cid;

/// Changes to a tree over some [`Blocks`], of which only the nodes are read that a change touches. An error leaves the tree as it
/// was.
///
/// ```
/// use atproto_repo::{mst::TreeEdit, store::MemoryBlocks};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cid = atproto_lexicon::data::Cid::of_dag_cbor(&[0xf6]);
/// let mut blocks = MemoryBlocks::default();
/// let mut edit = TreeEdit::empty(&blocks);
/// edit.insert(b"com.example.note/1", cid)?;
/// let (root, changes) = edit.finish()?;
/// for (_, block) in changes.created {
///     blocks.insert(block);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TreeEdit<'b, B> {
    blocks: &'b B,
    edit: Edit,
    buf: Vec<u8>,
    limits: Limits,
}

/// Why a change to a tree was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeEditError<E> {
    /// What the change touches could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError<E>),
    /// The key has not between 1 and 1,024 bytes.
    #[error("key has not between 1 and 1,024 bytes")]
    KeyLength,
    /// A node would have more entries, or the tree more layers, than the limits allow.
    #[error("tree would go beyond its limits")]
    Limits,
}

impl<'b, B: Blocks> TreeEdit<'b, B> {
    /// The tree with this root.
    pub fn new(blocks: &'b B, root: Cid) -> Self {
        Self::with_edit(blocks, Edit::new(root))
    }

    /// A tree without keys.
    pub fn empty(blocks: &'b B) -> Self {
        Self::with_edit(blocks, Edit::empty())
    }

    fn with_edit(blocks: &'b B, edit: Edit) -> Self {
        Self { blocks, edit, buf: Vec::new(), limits: Limits::default() }
    }

    /// The same tree with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { edit: self.edit.with_limits(limits), limits, ..self }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`TreeEditError::Tree`].
    pub fn get(&mut self, key: &[u8]) -> Result<Option<Cid>, TreeEditError<B::Error>> {
        let Self { blocks, edit, buf, limits } = self;
        edit.get_with(key, &mut |cid| read(*blocks, cid, buf, limits))
    }

    /// Gives a key a value; the value that it had.
    ///
    /// # Errors
    /// [`TreeEditError`].
    pub fn insert(&mut self, key: &[u8], value: Cid) -> Result<Option<Cid>, TreeEditError<B::Error>> {
        let Self { blocks, edit, buf, limits } = self;
        edit.insert_with(key, value, &mut |cid| read(*blocks, cid, buf, limits))
    }

    /// Takes a key out; the value that it had.
    ///
    /// # Errors
    /// [`TreeEditError`].
    pub fn remove(&mut self, key: &[u8]) -> Result<Option<Cid>, TreeEditError<B::Error>> {
        let Self { blocks, edit, buf, limits } = self;
        edit.remove_with(key, &mut |cid| read(*blocks, cid, buf, limits))
    }

    /// [`remove`](Self::remove) of a created key, in a tree that is only known as far as it is read: what lies along the key on both
    /// sides is read and checked before it goes.
    pub(crate) fn undo_create(&mut self, key: &[u8]) -> Result<Option<Cid>, TreeEditError<B::Error>> {
        let Self { blocks, edit, buf, limits } = self;
        edit.undo_create_with(key, &mut |cid| read(*blocks, cid, buf, limits))
    }

    /// Hashes what was changed; the CID of the root, and exactly the nodes that are new and no longer in the tree since the last
    /// time. It can be changed on.
    ///
    /// # Errors
    /// [`TreeEditError::Tree`].
    pub fn finish(&mut self) -> Result<(Cid, Changes), TreeEditError<B::Error>> {
        let Self { blocks, edit, buf, limits } = self;
        edit.finish_with(&mut |cid| read(*blocks, cid, buf, limits))
    }

    /// Whether the tree is the one with this root. A node is not read where its CID alone tells.
    ///
    /// # Errors
    /// [`TreeEditError::Tree`].
    pub fn is_root(&mut self, expected: &Cid) -> Result<bool, TreeEditError<B::Error>> {
        let Self { blocks, edit, buf, limits } = self;
        edit.is_root_with(expected, &mut |cid| read(*blocks, cid, buf, limits))
    }
}

/// Reads a node, which has to be there.
fn read<B: Blocks>(
    blocks: &B,
    cid: &Cid,
    buf: &mut Vec<u8>,
    limits: &Limits,
) -> Result<Option<Loaded>, TreeEditError<B::Error>> {
    let block = blocks.get(cid, buf).map_err(TreeError::Source)?.ok_or(TreeError::Incomplete(*cid))?;
    if !B::HASHED && !cid.matches(block) {
        let fault = TreeFault { node: *cid, entry: None, reason: TreeReason::Hash };
        return Err(TreeError::Invalid(fault).into());
    }
    let node = Node::decode_of(cid, block, limits).map_err(TreeError::Invalid)?;
    Ok(Some(Loaded { node, block: block.to_vec() }))
}

impl<E> From<EditError> for TreeEditError<E> {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Needs(cid) => Self::Tree(TreeError::Incomplete(cid)),
            EditError::Tree(fault) => Self::Tree(TreeError::Invalid(fault)),
            EditError::KeyLength => Self::KeyLength,
            EditError::Limits => Self::Limits,
        }
    }
}
