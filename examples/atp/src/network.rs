//! The network: a directory of identities, and what it says where it cannot answer.

use crate::output::{Failure, Outcome};
use atproto_identity::adapters::{HickoryDns, ReqwestClient, SetupError, TokioClock};
use atproto_identity::cache::CachedDirectory;
use atproto_identity::dns::{Dns, DnsError};
use atproto_identity::fetch_policy::{DevelopmentPolicy, FetchPolicy};
use atproto_identity::plc::{ClientError, LogEntry, Operation};
use atproto_identity::resolve::LexiconResolution;
use atproto_identity::{Config, DidDocument, Directory, Identity, ResolveError};
use atproto_lexicon::syntax::{AtIdentifier, Did, Nsid};
use atproto_xrpc::lexicon::{self, LexiconError, Published};
use clap::Args;
use serde_json::{Map, Value as Json};
use std::error::Error;
use tokio::runtime::{Builder, Runtime};

#[derive(Args, Clone)]
pub(crate) struct NetworkArguments {
    /// The directory of did:plc.
    #[arg(long, value_name = "URL", default_value = "https://plc.directory")]
    plc: String,
    /// Allow this machine, by http: handles below .test are served at this port.
    #[arg(long, value_name = "PORT")]
    development_port: Option<u16>,
}

impl NetworkArguments {
    /// Whether this machine may be asked.
    pub(crate) fn is_development(&self) -> bool {
        self.development_port.is_some()
    }

    fn config(self) -> Config {
        let development = |port| DevelopmentPolicy { port: Some(port), ..DevelopmentPolicy::default() };
        Config {
            plc_directory: self.plc.trim_end_matches('/').to_owned(),
            policy: self
                .development_port
                .map(development)
                .map_or_else(FetchPolicy::default, FetchPolicy::from),
        }
    }
}

type Identities = Directory<ReqwestClient, Names, TokioClock>;

/// The identities of accounts, which are remembered.
pub(crate) type Remembered = CachedDirectory<ReqwestClient, Names, TokioClock>;

/// The network, one request after another.
pub(crate) struct Network {
    directory: Identities,
    dns: HickoryDns,
    http: ReqwestClient,
    runtime: Runtime,
}

/// DNS, but for names that are this machine's in development: nobody else knows them.
pub(crate) struct Names(HickoryDns);

impl Dns for Names {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        if name.ends_with(".test") { Ok(Vec::new()) } else { self.0.txt(name).await }
    }
}

impl Network {
    pub(crate) fn open(arguments: NetworkArguments) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::file("network"))?;
        // What is made in here belongs to the runtime.
        let guard = runtime.enter();
        let config = arguments.config();
        let dns = HickoryDns::from_system().map_err(failure)?;
        let client = ReqwestClient::with_addresses(config.policy.clone(), dns.clone()).map_err(failure)?;
        let directory =
            Directory::new(client.clone(), Names(dns.clone()), TokioClock::new()).with_config(config);
        drop(guard);
        Ok(Self { directory, dns, http: client, runtime })
    }

    /// What may be asked.
    pub(crate) fn policy(&self) -> &FetchPolicy {
        &self.directory.config().policy
    }

    /// Knows where hosts are.
    pub(crate) fn dns(&self) -> &HickoryDns {
        &self.dns
    }

    /// What runs it, and the identities for it.
    pub(crate) fn into_parts(self) -> (Runtime, Remembered) {
        (self.runtime, CachedDirectory::new(self.directory))
    }

    pub(crate) fn resolve(&self, identifier: &AtIdentifier) -> Result<Identity, ResolveError> {
        self.runtime.block_on(self.directory.resolve(identifier))
    }

    /// A schema as its author publishes it, or as this account does.
    pub(crate) fn schema(&self, nsid: &Nsid, authority: Option<&Did>) -> Result<Published, LexiconError> {
        let (directory, http, clock) = (&self.directory, self.http.clone(), TokioClock::new());
        self.runtime.block_on(async {
            match authority {
                Some(did) => lexicon::resolve_at(directory, http, clock, did, nsid).await,
                None => lexicon::resolve(directory, http, clock, nsid).await,
            }
        })
    }

    /// Who publishes a schema, by the word of DNS.
    pub(crate) fn lexicon_authority(&self, nsid: &Nsid) -> Result<Did, ResolveError> {
        self.runtime.block_on(self.directory.run(LexiconResolution::new(nsid)))
    }

    pub(crate) fn document(&self, did: &Did) -> Result<DidDocument, ResolveError> {
        self.runtime.block_on(self.directory.document(did))
    }

    /// The audit log of a DID, of which nothing is verified.
    pub(crate) fn audit_log(&self, did: &Did) -> Result<Vec<LogEntry>, ClientError> {
        self.runtime.block_on(self.directory.plc().audit_log(did))
    }

    pub(crate) fn submit(&self, did: &Did, operation: &Operation) -> Result<(), ClientError> {
        self.runtime.block_on(self.directory.plc().submit(did, operation))
    }
}

fn failure(error: SetupError) -> Failure {
    Failure::File(with_sources(&error))
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
    with_sources(error)
}

pub(crate) fn with_sources(error: &dyn Error) -> String {
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
