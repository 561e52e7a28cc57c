//! CAR files, version 1 (<https://atproto.com/specs/repository#car-file-serialization>): blocks one after another, in any
//! order.
//!
//! [`Decoder`] is the reader without IO: bytes in, blocks out. [`Car`] holds a whole file in memory, [`CarFile`] a file that
//! can be sought; both index it, so that blocks are found whatever their order, and both hash every block. Duplicates and
//! blocks that nothing links are accepted. [`CarWriter`] writes one.

pub(crate) mod batch;
mod decoder;
mod error;
mod file;
pub(crate) mod frame;
mod index;
#[cfg(feature = "rayon")]
mod parallel;
mod slice;
mod write;

pub use decoder::{Block, Decoder};
pub use error::{CarError, CarReason, OpenError};
pub use file::CarFile;
pub(crate) use file::read_some;
pub use frame::Limits;
pub use slice::Car;
pub use write::CarWriter;
pub(crate) use write::{MemoryCar, to_car};
