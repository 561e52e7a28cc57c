//! Resolution as steps: what to ask for next, without asking.
//!
//! [`Directory`](crate::Directory) drives these with a program's HTTP client and DNS; a test, or a program with a network of its
//! own, does it by hand:
//!
//! ```
//! use atproto_identity::resolve::{Answer, HandleResolution, Resolution, Step};
//! use std::sync::Arc;
//!
//! let mut resolution = HandleResolution::new("alice.example.com".parse()?, &Arc::default());
//! let Step::Dns(name) = resolution.step() else { panic!() };
//! assert_eq!(name, "_atproto.alice.example.com");
//! resolution.answer(Answer::Dns(Ok(vec![b"did=did:web:example.com".to_vec()])));
//! let Step::Done(Ok(did)) = resolution.step() else { panic!() };
//! assert_eq!(did.as_str(), "did:web:example.com");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod document;
mod fetch;
mod handle;
mod identity;
mod lexicon;

pub use document::DocumentResolution;
pub(crate) use fetch::retry_after;
pub use handle::HandleResolution;
pub use identity::IdentityResolution;
pub use lexicon::LexiconResolution;

use crate::dns::DnsError;
use crate::error::ResolveError;
use crate::fetch_policy::FetchPolicy;
use atproto_lexicon::http::{Bytes, HttpError, Request, Response};

/// Where identities are looked for.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of did:plc, without a slash at its end.
    pub plc_directory: String,
    /// What may be fetched.
    pub policy: FetchPolicy,
}

impl Default for Config {
    /// `https://plc.directory`, and the public policy.
    fn default() -> Self {
        Self { plc_directory: "https://plc.directory".to_owned(), policy: FetchPolicy::default() }
    }
}

/// What a resolution needs.
#[derive(Debug)]
pub enum Step<T> {
    /// The TXT records of this name: [`Answer::Dns`].
    Dns(String),
    /// The response to this request: [`Answer::Http`].
    Http(Box<Fetching>),
    /// Nothing more.
    Done(Result<T, ResolveError>),
}

/// A request that a resolution needs the response to.
#[derive(Debug)]
pub struct Fetching {
    /// The request. The policy allows its URL; the addresses of its host are for who dials them.
    pub request: Request<Bytes>,
    /// The most bytes of the body that are wanted. More of them are [`TooLarge`](atproto_lexicon::http::HttpErrorKind::TooLarge).
    pub max_body: usize,
    /// Whether it goes on with the request before, in whose time limit it is.
    pub is_redirect: bool,
}

/// What a resolution is given.
#[derive(Debug)]
pub enum Answer {
    /// The texts of TXT records, the strings of each joined.
    Dns(Result<Vec<Vec<u8>>, DnsError>),
    /// A response.
    Http(Result<Response<Bytes>, HttpError>),
}

/// A resolution under way.
pub trait Resolution {
    /// What it finds.
    type Output: Clone;

    /// What it needs now; the same until it is answered.
    fn step(&self) -> Step<Self::Output>;

    /// Goes on with what it needed. An answer to what it did not ask for is passed over.
    fn answer(&mut self, answer: Answer);
}
