//! The network, and who one is in it.

use crate::{Done, Stop};
use atproto_identity::adapters::{HickoryDns, ReqwestClient, TokioClock};
use atproto_identity::cache::CachedDirectory;
use atproto_identity::dns::{Dns, DnsError};
use atproto_identity::fetch_policy::{DevelopmentPolicy, FetchPolicy};
use atproto_identity::{Config, Directory, Identity, ResolveError};
use atproto_lexicon::http::HttpErrorKind;
use atproto_lexicon::syntax::{AtIdentifier, Did};
use atproto_xrpc::adapters::client_with;
use atproto_xrpc::auth::{AuthError, FileStore, Login, PasswordSession};
use atproto_xrpc::{Client, Error, ServiceUrl};
use clap::Args;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The identities of accounts, remembered.
pub type Identities = Arc<CachedDirectory<ReqwestClient, Names, TokioClock>>;
/// A client of a host, for what everybody may ask.
pub type Anybody = Client<ReqwestClient, TokioClock>;
/// A client of an account.
pub type LoggedIn = Client<ReqwestClient, TokioClock, PasswordSession<ReqwestClient, TokioClock, FileStore>>;

/// Where the network is.
#[derive(Debug, Clone, Args)]
pub struct NetworkArgs {
    /// The directory of did:plc.
    #[arg(long, value_name = "URL", default_value = "https://plc.directory")]
    plc: String,
    /// Allow this machine, by http: handles below .test are served at this port.
    #[arg(long, value_name = "PORT")]
    development: Option<u16>,
}

/// DNS, but for names that are this machine's in development: nobody else knows them.
pub struct Names(HickoryDns);

impl Dns for Names {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        if name.ends_with(".test") { Ok(Vec::new()) } else { self.0.txt(name).await }
    }
}

impl NetworkArgs {
    /// What may be asked.
    pub fn policy(&self) -> FetchPolicy {
        let development = |port| DevelopmentPolicy { port: Some(port), ..DevelopmentPolicy::default() };
        self.development.map(development).map_or_else(FetchPolicy::default, FetchPolicy::from)
    }

    /// Resolves identities, and remembers them.
    ///
    /// # Errors
    /// Where there are no name servers, or no TLS.
    pub fn identities(&self) -> Done<Identities> {
        let config =
            Config { plc_directory: self.plc.trim_end_matches('/').to_owned(), policy: self.policy() };
        let dns = HickoryDns::from_system()?;
        let http = ReqwestClient::with_addresses(self.policy(), dns.clone())?;
        let directory = Directory::new(http, Names(dns), TokioClock::new()).with_config(config);
        Ok(Arc::new(CachedDirectory::new(directory)))
    }

    /// A client of a host.
    ///
    /// # Errors
    /// Where it is no URL.
    pub fn client(&self, host: &str) -> Done<Anybody> {
        Ok(client_with(self.policy(), ServiceUrl::parse(host)?)?)
    }
}

/// Who somebody is. Where that cannot be found out now, it is waited for.
///
/// # Errors
/// Where there is no such identity.
pub async fn lookup(identities: &Identities, who: &AtIdentifier) -> Done<Arc<Identity>> {
    let found = waiting(who.as_str(), async || identities.lookup(who).await).await;
    found.map_err(|error| Stop::new(format!("{who}: {}", Stop::from(error))))
}

/// An account of one's own.
#[derive(Debug, Clone, Args)]
pub struct AccountArgs {
    /// Its handle or DID.
    #[arg(long, value_name = "HANDLE")]
    account: AtIdentifier,
    /// A file whose first line is the account's password, better an app password.
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// Where the session is kept.
    #[arg(long, value_name = "FILE", default_value = "session.json")]
    session: PathBuf,
    /// The network.
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl AccountArgs {
    /// Logs in at the host of the account, or goes on with the session that is kept.
    ///
    /// # Errors
    /// Where the account does not exist, or the password is wrong.
    pub async fn log_in(&self, identities: &Identities) -> Done<LoggedIn> {
        let identity = lookup(identities, &self.account).await?;
        self.log_in_at(identity.pds()?, identity.did()).await
    }

    /// Whom the arguments name.
    pub fn who(&self) -> &AtIdentifier {
        &self.account
    }

    /// [`log_in`](Self::log_in) at a host that the account may have left.
    ///
    /// # Errors
    /// As of [`log_in`](Self::log_in).
    pub async fn log_in_at(&self, host: &str, did: &Did) -> Done<LoggedIn> {
        let client = self.network.client(host)?;
        let service = client.service().clone();
        let kept = client.clone().resume(FileStore::new(&self.session)).await?;
        if let Ok(client) = kept
            && client.auth().did() == *did
            && waiting(host, async || client.auth().refresh().await).await.is_ok()
        {
            return Ok(client.with_service(service));
        }
        let password = fs::read_to_string(&self.password_file)
            .map_err(|error| Stop::new(format!("{}: {error}", self.password_file.display())))?;
        let login = Login::new(did.as_str(), password.lines().next().unwrap_or_default());
        let log_in =
            waiting(host, async || client.clone().login_with(&login, FileStore::new(&self.session)).await);
        let client = log_in.await;
        let client = client.map_err(|error| Stop::new(format!("{}: {}", self.account, Stop::from(error))))?;
        Ok(client.with_service(service))
    }
}

/// Whether something that failed may be done a little later.
pub trait Temporary {
    /// Whether it may.
    fn is_temporary(&self) -> bool;
}

impl Temporary for ResolveError {
    fn is_temporary(&self) -> bool {
        self.retry_after().is_some()
    }
}

impl Temporary for AuthError {
    fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl<E: AsRef<str>> Temporary for Error<E> {
    fn is_temporary(&self) -> bool {
        match self {
            Self::Http(error) => {
                !matches!(error.kind(), HttpErrorKind::Refused(_) | HttpErrorKind::RefusedUrl)
            }
            Self::Refused(refused) => {
                let status = refused.head.status;
                status.is_server_error() && status.as_u16() != 501 || status.as_u16() == 429
            }
            Self::Auth(error) => error.is_temporary(),
            _ => false,
        }
    }
}

/// Tries what may be done twice until it is done, or fails for a reason that does not pass. The reason why it waits is told.
///
/// # Errors
/// That of the last attempt.
pub async fn waiting<T, E: Temporary + Display>(
    what: &str,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    const LONGEST: Duration = Duration::from_secs(60);
    let mut pause = Duration::from_millis(500);
    loop {
        match attempt().await {
            Err(error) if error.is_temporary() => {
                eprintln!("{what}: {error}; again in {pause:?}");
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST);
            }
            done => return done,
        }
    }
}
