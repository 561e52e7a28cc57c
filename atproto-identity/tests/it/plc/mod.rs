//! did:plc: operations, histories, and their rules.

mod client;
mod history;
mod operation;
mod oracle;

pub use atproto_identity::testing::plc::{at, data, key, update};
