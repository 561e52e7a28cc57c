//! Identity in AT Protocol: from a handle or a DID to a checked DID document, its signing key and its PDS.
//!
//! The crate is a name and an intent so far: it holds no code. What it will hold is listed in `CHANGELOG.md` as
//! it arrives. DID and handle *syntax* is in `atproto_lexicon::syntax`; keys are in `atproto_crypto`.
