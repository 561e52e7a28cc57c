//! The vocabulary of AT Protocol: the string formats of Lexicon ([`syntax`]) and the data model ([`data`]).
//!
//! Types parse: having a [`Did`](syntax::Did) means that it is one, and bytes that [`data::cbor`] accepted are the one
//! encoding of their value. By itself it does no IO; it knows no keys or signatures, and reads no repositories: those are
//! `atproto-crypto` and `atproto-repo`.
//!
//! ```
//! use atproto_lexicon::{data::{Cid, cbor}, syntax::Datetime};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Subscription { subject: Cid, created_at: Datetime }
//!
//! let bytes = cbor::to_vec(&Subscription {
//!     subject: Cid::of_dag_cbor(b"some block"),
//!     created_at: "2026-01-02T03:04:05Z".parse()?,
//! })?;
//! let read: Subscription = cbor::from_slice(&bytes)?;
//! assert_eq!(read.created_at.as_str(), "2026-01-02T03:04:05Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In types of your own, use no `#[serde(flatten)]`, `untagged` or internally tagged enums: inside these `serde` forgets
//! which format it reads, and links and bytes are lost.
//!
//! # Features
//!
//! `ipld` converts [`data::Cid`], [`data::Link`] and [`data::Value`] from and to the types of the crates `cid` and `ipld-core`.
//! Without it, too, these can stand in types that are read and written.
//!
//! `http` has the traits of the HTTP client and the clock that a program brings to the crates which speak HTTP.
//!
//! `reqwest` is an HTTP client that checks each address before it dials it (`fetch_policy` says which may be),
//! and `tokio` a clock and the addresses that the system knows (`adapters`).
//!
//! `schema` reads Lexicon documents; `validate` checks values against them; `lint` says what is unwise in them, and what breaks
//! when they change; `codegen` makes Rust of them, in build scripts, and `typed` is what that Rust is made of.
//!
//! `testing` makes inputs for property tests and fuzzers: values of every type, and hostile ones with the verdict that they must get.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

#[cfg(feature = "tokio")]
pub mod adapters;
#[cfg(feature = "typed")]
pub mod check;
#[cfg(feature = "http")]
pub mod clock;
#[cfg(feature = "codegen")]
pub mod codegen;
pub mod data;
#[cfg(feature = "http")]
pub mod fetch_policy;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "lint")]
pub mod lint;
#[cfg(feature = "schema")]
pub mod schema;
pub mod syntax;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "typed")]
pub mod typed;
#[cfg(feature = "validate")]
pub mod validate;
