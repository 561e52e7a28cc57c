//! A host of accounts (<https://atproto.com/specs/account-hosting>): it signs for them, keeps what they write, and tells everybody.

mod account;
mod blobs;
mod identity;
mod moving;
mod preferences;
mod records;
mod session;
mod sync;
mod writing;

use crate::storage::{Failed, Rows, Storage};
use crate::time;
use atproto_crypto::{Curve, SecretKey};
use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::cache::CachedDirectory;
use atproto_identity::dns::NoDns;
use atproto_identity::resolve::Config;
use atproto_identity::{DidDocument, Directory};
use atproto_lexicon::syntax::{AtIdentifier, Did, Handle, TidSource};
use atproto_lexicon::typed::Endpoint;
use atproto_repo::store::RedbRepo;
use atproto_xrpc::auth::service::{MemoryReplays, Verifier};
use atproto_xrpc::server::{
    Event, LogLimits, MemoryLog, Refusal, ServeError, ServerConfig, ServiceAuthenticator, XrpcRouter,
};
use axum::Router;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the host has for itself, such as its rotation key.
const SETTINGS: Rows = Rows::new("settings");
/// An [`Account`] by its DID.
const ACCOUNTS: Rows = Rows::new("accounts");
/// The DID of a handle.
const HANDLES: Rows = Rows::new("handles");
/// How many events can be asked for again.
const WINDOW: usize = 50_000;
/// The most bytes of a blob, and of a repository that is imported.
const MAX_BLOB: u64 = 50 << 20;
const MAX_IMPORT: u64 = 1 << 30;

/// What a host is told.
#[derive(Debug, Clone)]
pub struct PdsConfig {
    /// Where it is reached, without a slash at its end, such as `http://localhost:2583`.
    pub url: String,
    /// The domain below which accounts have their handles, such as `test`.
    pub domain: String,
    /// Where identities are looked for, and registered.
    pub identities: Config,
}

/// A host of accounts.
#[derive(Debug)]
pub struct Pds {
    storage: Storage,
    config: PdsConfig,
    did: Did,
    rotation: SecretKey,
    directory: CachedDirectory<ReqwestClient, NoDns, TokioClock>,
    authenticator: ServiceAuthenticator,
    tids: TidSource,
    log: Arc<MemoryLog>,
    /// One change at a time, so that events are in the order of the commits.
    writer: Mutex<()>,
    /// The last token for each account that would have been sent by e-mail.
    mail: Mutex<HashMap<Did, String>>,
}

/// What is known of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Account {
    did: Did,
    handle: Handle,
    email: Option<String>,
    /// As a string of the password hashing competition.
    password: String,
    /// The key that signs its commits, in hexadecimal.
    key: String,
    is_active: bool,
    preferences: Vec<serde_json::Value>,
}

impl Account {
    fn key(&self) -> Result<SecretKey, Failed> {
        Ok(SecretKey::from_hex(Curve::K256, &self.key)?)
    }

    /// What is said of an account that is not active.
    fn status(&self) -> Option<&'static str> {
        (!self.is_active).then_some("deactivated")
    }
}

impl AsRef<ServiceAuthenticator> for Pds {
    fn as_ref(&self) -> &ServiceAuthenticator {
        &self.authenticator
    }
}

impl Pds {
    /// A host as it was left.
    pub(crate) fn open(storage: Storage, config: PdsConfig) -> Result<Arc<Self>, Failed> {
        let host = config.url.split_once("://").map_or(config.url.as_str(), |(_, host)| host);
        let did: Did = format!("did:web:{}", host.replace(':', "%3A")).parse()?;
        let rotation = own_key(&storage)?;
        let events = storage.last_events(WINDOW)?;
        let before = events.first().map_or(0, |(seq, _)| seq.saturating_sub(1));
        let log = MemoryLog::new(before, LogLimits { events: WINDOW, ..LogLimits::default() });
        for (seq, frame) in events {
            log.append_event(Event { seq, frame: frame.into() })?;
        }
        let http = ReqwestClient::new(config.identities.policy.clone())?;
        let resolver = || Directory::new(http.clone(), NoDns, TokioClock::new());
        let resolver = || CachedDirectory::new(resolver().with_config(config.identities.clone()));
        let verifier = Verifier::new([did.as_str().parse()?]);
        let replays = MemoryReplays::new(100_000, 1000);
        let authenticator = ServiceAuthenticator::new(verifier, resolver(), replays, TokioClock::new());
        let mut clock = [0; 2];
        time::random(&mut clock);
        Ok(Arc::new(Self {
            directory: resolver(),
            authenticator,
            storage,
            config,
            did,
            rotation,
            tids: TidSource::new(u16::from_le_bytes(clock)),
            log: Arc::new(log),
            writer: Mutex::new(()),
            mail: Mutex::new(HashMap::new()),
        }))
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let router = XrpcRouter::new(Arc::clone(self))
            .with_config(ServerConfig {
                ping_every: std::time::Duration::from_secs(10),
                ..Default::default()
            })
            .with_cors()
            .with_health(env!("CARGO_PKG_VERSION"))
            .with_did_document(&DidDocument::new(self.did.clone()).with_service(
                "atproto_pds",
                "AtprotoPersonalDataServer",
                &self.config.url,
            ))
            .with_handles(async |pds: Arc<Self>, handle| pds.did_of(&handle).ok().flatten())
            .on_failure(|endpoint, error| eprintln!("{endpoint}: {error}"));
        let router = account::serve(session::serve(router));
        let router = records::serve(blobs::serve(sync::serve(router)));
        identity::serve(moving::serve(preferences::serve(router))).into_router()
    }

    /// Where it is reached.
    pub fn url(&self) -> &str {
        &self.config.url
    }

    /// Its own DID.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// The last token that an account was sent, had it an e-mail address that anybody reads.
    pub fn mail(&self, did: &Did) -> Option<String> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner).get(did).cloned()
    }

    /// The account of a handle.
    ///
    /// # Errors
    /// Where the storage fails.
    pub(crate) fn did_of(&self, handle: &Handle) -> Result<Option<Did>, Failed> {
        let did = self.storage.get(HANDLES, handle.to_normalized().as_str())?;
        Ok(did.map(|did| std::str::from_utf8(&did).map(str::parse)).transpose()?.transpose()?)
    }

    /// The account of a handle, where it is active.
    pub(crate) fn active_did_of(&self, handle: &Handle) -> Option<Did> {
        let did = self.did_of(handle).ok()??;
        self.account(&did).ok().filter(|account| account.is_active).map(|account| account.did)
    }

    fn account(&self, did: &Did) -> Result<Account, ServeError> {
        let account = self.storage.get_json(ACCOUNTS, did.as_str())?;
        account.ok_or_else(|| refuse("RepoNotFound", "there is no such account"))
    }

    /// The account that is meant.
    fn account_of(&self, identifier: &AtIdentifier) -> Result<Account, ServeError> {
        let did = match identifier.as_handle() {
            Some(handle) => self.did_of(&handle)?,
            None => identifier.as_did(),
        };
        self.account(&did.ok_or_else(|| refuse("RepoNotFound", "there is no such account"))?)
    }

    /// The account that is meant, where everybody may see it.
    fn active_account(&self, identifier: &AtIdentifier) -> Result<Account, ServeError> {
        let account = self.account_of(identifier)?;
        if account.is_active {
            Ok(account)
        } else {
            Err(refuse("RepoDeactivated", "the account is deactivated"))
        }
    }

    fn repo(&self, did: &Did) -> Result<RedbRepo, Failed> {
        Ok(self.storage.repos().repo(did)?)
    }

    /// Does what waits for the storage, on a thread that may. Once it has begun it goes on to its end, whoever has gone meanwhile.
    async fn run<T: Send + 'static, E>(
        self: Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ServeError> + Send + 'static,
    ) -> Result<T, ServeError<E>> {
        tokio::task::spawn_blocking(move || work(&self)).await?.map_err(typed)
    }
}

/// What the handler of endpoint `E` answers.
type Served<E, R = <E as Endpoint>::Output> = Result<R, ServeError<<E as Endpoint>::Error>>;

/// The errors that endpoints have in common, as those of one of them.
fn typed<E>(error: ServeError) -> ServeError<E> {
    match error.into_refusal() {
        (_, Some(cause)) => ServeError::Internal(cause),
        (refusal, None) => refusal.into(),
    }
}

/// A request that is not done, with an error that the lexicon names.
fn refuse(error: &str, message: &str) -> ServeError {
    Refusal::new(http::StatusCode::BAD_REQUEST, error, message).into()
}

fn invalid(message: impl std::fmt::Display) -> ServeError {
    Refusal::invalid_request(message).into()
}

/// The key with which a host changes the identities of its accounts.
fn own_key(storage: &Storage) -> Result<SecretKey, Failed> {
    const NAME: &str = "rotation_key";
    if let Some(key) = storage.get(SETTINGS, NAME)? {
        return Ok(SecretKey::from_hex(Curve::K256, std::str::from_utf8(&key)?)?);
    }
    let key = time::new_key();
    let change = storage.begin()?;
    change.put(SETTINGS, NAME, key.to_hex().as_bytes())?;
    change.commit()?;
    Ok(key)
}
