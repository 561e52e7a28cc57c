//! The Merkle search tree (<https://atproto.com/specs/repository#mst-structure>): keys in order, each on the layer that
//! its hash says, so that a set of records has exactly one tree.
//!
//! That form is checked on every node that is loaded. [`Walk`] does it without IO: it asks for blocks by their CID and is
//! given them; [`Tree`] drives it over [`Blocks`](crate::store::Blocks). [`Edit`] changes a tree in the same way, [`Diff`] compares
//! two, [`Builder`] makes one of keys in order, and [`Proof`] says which nodes prove something about a key. Keys are bytes here: that a
//! key is the path of a record is the repository's rule.

mod branch;
mod build;
mod diagnose;
mod diff;
mod edit;
mod encode;
mod error;
mod fresh;
mod layer;
mod loader;
mod node;
mod place;
mod proof;
mod read;
mod reshape;
mod tree;
mod tree_edit;
mod walk;

pub use build::{BuildError, Builder};
pub use diff::{Change, Diff, DiffStep, Side, TreeDiff};
pub use edit::{Changes, Edit, EditError};
pub use error::{TreeFault, TreeReason};
pub use layer::layer_of;
pub use node::{Node, NodeEntry};
pub(crate) use proof::search;
pub use proof::{Nodes, Proof};
pub(crate) use tree::end_of_prefix;
pub use tree::{Tree, TreeEntry, TreeError, TreeWalk};
pub use tree_edit::{TreeEdit, TreeEditError};
pub(crate) use walk::Progress;
pub use walk::{Limits, Step, Walk};

/// The greatest length of a key, in bytes.
pub const MAX_KEY: usize = 1024;
