//! OAuth and its scopes.

mod scope;
