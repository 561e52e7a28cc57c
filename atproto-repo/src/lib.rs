//! Repositories of AT Protocol (<https://atproto.com/specs/repository>): read and verified, written, compared, proven, and followed
//! from event to event.
//!
//! What comes out of a [`Repo`](repo::Repo) was hashed, is linked by the one tree that its keys can have, and hangs on a
//! commit whose signature was verified. *Invalid* and *incomplete* are different errors everywhere: a missing block is never
//! read as the absence of a record. It does no networking, has no clock, resolves no identities (bring the account's DID and key),
//! and does not know what records mean.
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
//! A file in pre-order is read in one pass, from memory, from a reader or as its bytes arrive: [`repo::stream`].
//!
//! A repository is written in three steps, the second of which can be somebody else's: a batch of writes becomes an
//! [`UnsignedCommit`](repo::UnsignedCommit), with a signature it is a [`SignedCommit`](repo::SignedCommit), and that says what a
//! [`Store`](store::Store) has to change and what the firehose tells.
//!
//! ```
//! use atproto_crypto::{Curve, SecretKey};
//! use atproto_lexicon::{data::{Object, cbor}, syntax::Tid};
//! use atproto_repo::repo::{Repo, UnsignedCommit, Write, verify_proof};
//! use atproto_repo::store::{MemoryStore, Store};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse()?;
//! # let secret = SecretKey::from_hex(Curve::K256, &"2b".repeat(32))?;
//! # let rev = Tid::from_parts(1_750_000_000_000_000, 1).ok_or("no TID")?;
//! let record = cbor::to_vec(&Object::from([("text".into(), "hello".into())]))?;
//! let writes = [Write::Create { path: "com.example.note/1", record: &record }];
//! let commit = UnsignedCommit::create(&did, &writes, rev)?.sign(&secret);
//! let mut store = MemoryStore::default();
//! store.commit(&commit.write_set())?;
//! let event = commit.commit_event(1, "2026-01-01T00:00:00Z")?;  // for whoever follows
//!
//! let repo = Repo::verify(&store, &did, &secret.public_key())?;
//! let file = repo.export(Vec::new())?;                          // a CAR in pre-order
//! let proof = repo.prove("com.example.note/2")?;                // that there is no such record
//! assert_eq!(verify_proof(&proof, &did, &secret.public_key(), "com.example.note/2")?, None);
//! # assert!(!event.is_empty() && !file.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! Events of other repositories are read, verified and followed by [`sync`].
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
mod cid_hash;
mod encode;
pub mod mst;
pub mod repo;
pub mod store;
pub mod sync;
#[cfg(feature = "testing")]
pub mod testing;
