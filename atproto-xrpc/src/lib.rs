//! XRPC, the HTTP and WebSocket conventions of AT Protocol: requests and their errors, sessions, event streams.
//!
//! The crate is a name and an intent so far: it holds no code. What it will hold is listed in `CHANGELOG.md` as
//! it arrives.
