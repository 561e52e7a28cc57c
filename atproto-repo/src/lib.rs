//! Repositories of AT Protocol (<https://atproto.com/specs/repository>), verified: CAR files, the Merkle search tree,
//! commits and their signatures.
//!
//! What comes out of a [`Repo`](repo::Repo) was hashed, is linked by the one tree that its keys can have, and hangs on a
//! commit whose signature was verified. *Invalid* and *incomplete* are different errors everywhere: a missing block is never
//! read as the absence of a record. It does no networking, resolves no identities (bring the account's DID and key), does
//! not know what records mean, and does not write repositories yet.
//!
//! ```
//! use atproto_repo::{car::Car, repo::Repo};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let bytes = std::fs::read("../examples/data/notes.car")?;
//! # let did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse()?;
//! # let key = "did:key:zDnaeomi6TLanz7WdashnRidAi4daTPAFxrwFNKg3D9FDbvJM".parse()?;
//! #[derive(serde::Deserialize)]
//! struct Note<'a> { text: &'a str }
//!
//! let car = Car::parse(&bytes)?;                 // hashes every block
//! let repo = Repo::verify(&car, &did, &key)?;    // the commit and its signature
//! let mut walk = repo.walk_prefix("com.example.note/");
//! while let Some(entry) = walk.next()? {         // the tree, as far as it is read
//!     let note: Note = entry.record.decode()?;
//!     println!("{} {}", entry.path, note.text);
//! }
//! println!("{} records", repo.check()?.records); // all of it
//! # Ok(())
//! # }
//! ```
//!
//! A file in pre-order is read in one pass, from memory, from a reader or as its bytes arrive: [`repo::stream`]. The events of a
//! repository stream are read by [`sync`], and not verified yet.
//!
//! # Features
//!
//! None is on by default, and none changes a verdict.
//!
//! - `rayon`: `Car::parse_parallel` and `UnsignedRepo::check_parallel` use all cores.
//! - `futures`: `repo::stream::RecordStream`, a `Stream` of records over any `AsyncRead`.
//! - `redb`: `store::RedbStore` keeps repositories in a database file. It needs Rust 1.90.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod car;
mod encode;
pub mod mst;
pub mod repo;
pub mod store;
pub mod sync;
