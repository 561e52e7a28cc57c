//! OAuth and its scopes.

mod dpop;
mod flow;
mod metadata;
mod scope;
mod session;
mod shared;
mod world;
