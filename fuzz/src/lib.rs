//! What the fuzz targets check. Each module is one kind of input with an oracle beside the code that is tested: a slow,
//! obvious way to the same answer, or another library.

pub mod car;
pub mod cbor;
pub mod commit;
mod dns_message;
pub mod event;
pub mod frame;
mod history;
pub mod json;
pub mod label;
pub mod lexicon_document;
mod lexicon_oracle;
pub mod lexicon_value;
mod lexicons;
pub mod mst_model;
pub mod node;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../atproto-repo/tests/it/oracle.rs"]
mod oracle;
pub mod plc_log;
mod plc_made;
#[path = "../../atproto-identity/tests/it/plc/oracle.rs"]
mod plc_oracle;
pub mod proof;
mod random_documents;
pub mod repo;
pub mod resolution;
mod resolution_network;
mod resolution_oracle;
pub mod rich_text;
mod rust;
pub mod seed;
pub mod sync_commit;
pub mod syntax;
pub mod token;
pub mod typed_values;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../atproto-repo/tests/it/ways.rs"]
mod ways;

use atproto_repo::testing::{events, forge, model};
