//! The network: a directory of identities, and what it says where it cannot answer.

use crate::output::{Failure, Outcome};
use atproto_identity::plc::{ClientError, LogEntry, Operation};
use atproto_identity::{Identity, ResolveError};
use atproto_lexicon::syntax::{AtIdentifier, Did};
use clap::Args;
use serde_json::{Map, Value as Json};
use std::error::Error as _;

#[derive(Args)]
pub(crate) struct NetworkArguments {
    /// The directory of did:plc.
    #[arg(long, value_name = "URL", default_value = "https://plc.directory")]
    plc: String,
    /// Allow this machine, by http: handles below .test are served at this port.
    #[arg(long, value_name = "PORT")]
    development_port: Option<u16>,
}

/// The network, one request after another.
pub(crate) enum Network {}

impl Network {
    pub(crate) fn open(arguments: NetworkArguments) -> Result<Self, Failure> {
        let NetworkArguments { plc, development_port: _ } = arguments;
        Err(Failure::File(format!("{plc}: this build has no network")))
    }

    pub(crate) fn resolve(&self, _: &AtIdentifier) -> Result<Identity, ResolveError> {
        match *self {}
    }

    /// The audit log of a DID, of which nothing is verified.
    pub(crate) fn audit_log(&self, _: &Did) -> Result<Vec<LogEntry>, ClientError> {
        match *self {}
    }

    pub(crate) fn submit(&self, _: &Did, _: &Operation) -> Result<(), ClientError> {
        match *self {}
    }
}

/// What a script calls it.
pub(crate) fn word(error: &ResolveError) -> &'static str {
    match error {
        ResolveError::NotFound => "not_found",
        ResolveError::Tombstoned => "tombstoned",
        ResolveError::ReservedHandle => "reserved_handle",
        ResolveError::UnsupportedMethod(_) => "unsupported_method",
        ResolveError::InvalidDid => "invalid_did",
        ResolveError::IdMismatch(_) => "id_mismatch",
        ResolveError::HandleConflict(_) => "handle_conflict",
        ResolveError::HandleMismatch { .. } => "handle_mismatch",
        ResolveError::Unreachable { .. } => "unreachable",
        ResolveError::Refused(_) => "refused",
        ResolveError::TooLarge { .. } => "too_large",
        ResolveError::TooSlow => "too_slow",
        ResolveError::TooManyRedirects => "too_many_redirects",
        ResolveError::Malformed(_) => "malformed",
        _ => "failed",
    }
}

/// How the command ends: what another attempt may change is no verdict.
pub(crate) fn outcome(error: &ResolveError) -> Outcome {
    if error.retry_after().is_some() { Outcome::Unreached } else { Outcome::Negative }
}

/// What a person is told, with what the client says of it.
pub(crate) fn reason(error: &ResolveError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// What a script is told.
pub(crate) fn describe(error: &ResolveError) -> Map<String, Json> {
    let mut json = Map::new();
    json.insert("error".into(), word(error).into());
    json.insert("reason".into(), reason(error).into());
    if let Some(after) = error.retry_after() {
        json.insert("retry_after".into(), after.as_secs().into());
    }
    json
}
