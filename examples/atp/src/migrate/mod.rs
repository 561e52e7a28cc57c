//! A move of an account to another host, step by step. Each step can be done again, and what is done is kept in a file, so that a move that
//! was ended anywhere goes on. Until the identity is changed, the account is where it was, and nothing of it is touched there.

mod identity;
mod progress;
mod steps;
mod verify;

pub(crate) use identity::Authority;
pub(crate) use progress::{Progress, State, Step};
pub(crate) use steps::Migration;
