//! Rust from Lexicon documents: for a build script ([`Config::build`]), for a command line, and for the types of
//! `atproto-xrpc`.
//!
//! ```no_run
//! // build.rs
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! atproto_lexicon::codegen::Config::new()
//!     .lexicons("lexicons")
//!     .root("com.example")
//!     .extern_path("com.atproto", "::atproto_xrpc::api::com::atproto")
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! and in the program `mod lexicons { include!(concat!(env!("OUT_DIR"), "/lexicons.rs")); }`.
//!
//! # What comes out
//!
//! A module for each document under its NSID: `com.example.note` is `com::example::note`, its main definition
//! `com::example::note::Note`, also reached as `com::example::Note`. The same documents give the same bytes, whatever order they
//! are read in.
//!
//! | Lexicon | Rust |
//! |---|---|
//! | record, object | a struct with public fields; `extra` keeps the fields that it does not know; `new` takes the required ones |
//! | required / optional | the type / `Option` of it; `null` where it is allowed is an `Option` more |
//! | open / closed union | an enum of boxed variants with / without `Unknown`, which keeps the object |
//! | string with a format | the type of [`syntax`](crate::syntax) |
//! | `knownValues` / `enum` | an enum with / without `Other` |
//! | token | a constant with its name |
//! | array, and definitions that are no object | `Vec`, and type aliases |
//! | bytes, cid-link, blob, unknown | [`Bytes`](crate::data::Bytes), [`Link`](crate::data::Link), [`BlobRef`](crate::data::BlobRef), [`Object`](crate::data::Object) |
//! | query, procedure, subscription | a struct for the request, which is an [`Endpoint`](crate::typed::Endpoint); types for output or message and for errors |
//! | permission set | a constant |
//! | `default` of a boolean, an integer, or a string without a format | a method `…_or_default`; absence stays absence, so that a record keeps its CID |
//! | other constraints | [`Validate`](crate::check::Validate); decoding checks types and formats only |
//!
//! `examples/custom-lexicon` of the repository is a whole crate with lexicons of its own.
//!
//! What can be generated only wrongly is an error ([`CodegenError`]): a reference that leads nowhere, a type of which there can be
//! no value, two documents which would be one module.

mod checks;
mod closure;
mod config;
mod docs;
mod emit;
mod endpoint;
mod error;
mod layout;
mod lower;
mod model;
mod names;
mod output;

pub use config::Config;
pub use error::CodegenError;
pub use output::Code;
