//! OAuth and its scopes.

mod dpop;
mod scope;
