//! XRPC, the HTTP and WebSocket conventions of AT Protocol (<https://atproto.com/specs/xrpc>): requests and their errors,
//! sessions, event streams.
//!
//! It holds no code yet. Strings and data are in `atproto_lexicon`, keys in `atproto_crypto`, repositories in `atproto_repo`.
