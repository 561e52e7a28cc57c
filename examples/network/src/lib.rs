//! A network in this process: a directory of did:plc, and hosts of accounts (PDS), on loopback or wherever they are told to listen,
//! in memory or in one file each.
//!
//! It is made of the crates beside it, and speaks to whoever speaks AT Protocol. It serves tests, and shows how a host is built. A host
//! for many it is not: it has no OAuth server, no e-mail (what would be sent is asked of [`Pds::mail`]), no moderation and no
//! invitations; it checks records against no lexicons; it passes nothing on to other services.
//!
//! ```
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! use atproto_xrpc::api::com::atproto::server::DescribeServer;
//! use atproto_xrpc::{ServiceUrl, adapters::client_with};
//! use network::{Network, Storage};
//!
//! let network = Network::start(Storage::memory()?).await?;
//! let client = client_with(network.policy(), ServiceUrl::parse(network.host(0).url())?)?;
//! let server = client.send(&DescribeServer).await?;
//! assert_eq!(server.output.available_user_domains, [".test"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).map_err(|error| error.to_string())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod pds;
mod plc;
mod storage;
mod time;

pub use pds::{Pds, PdsConfig};
pub use storage::Storage;

use atproto_identity::FetchPolicy;
use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::dns::NoDns;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_identity::resolve::Config;
use atproto_identity::{Directory, cache::CachedDirectory};
use atproto_lexicon::syntax::Handle;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::{StatusCode, header::HOST};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Why a server does not start: the storage, or the address that it should listen at.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StartError(Box<dyn std::error::Error + Send + Sync>);

impl From<storage::Failed> for StartError {
    fn from(failed: storage::Failed) -> Self {
        Self(failed.0)
    }
}

/// Where a server listens: 0 is any port that is free.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ports {
    /// That of the directory.
    pub directory: u16,
    /// That of the first host.
    pub host: u16,
}

/// A directory, and hosts of accounts. When this is dropped they take no more connections; those which are there end with who has them.
#[derive(Debug)]
pub struct Network {
    directory: SocketAddr,
    hosts: Hosts,
    servers: Vec<JoinHandle<()>>,
}

type Hosts = Arc<Mutex<Vec<Arc<Pds>>>>;

impl Network {
    /// Starts a directory and a host that keep all that they know in one place, at ports that are free.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(storage: Storage) -> Result<Self, StartError> {
        Self::start_at(storage, Ports::default()).await
    }

    /// [`start`](Self::start) at certain ports. What was written names them: a network that is started again has to be where it was.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start_at(storage: Storage, ports: Ports) -> Result<Self, StartError> {
        let (listener, address) = listen(ports.directory).await?;
        let hosts = Hosts::default();
        let handles = Router::new().route("/.well-known/atproto-did", get(handle)).with_state(hosts.clone());
        let router = plc::Plc::new(storage.clone()).router().merge(handles);
        let mut network = Self { directory: address, hosts, servers: vec![serve(listener, router)] };
        network.add_host_at(storage, ports.host).await?;
        Ok(network)
    }

    /// Starts another host, with a storage of its own; its number.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn add_host(&mut self, storage: Storage) -> Result<usize, StartError> {
        self.add_host_at(storage, 0).await
    }

    async fn add_host_at(&mut self, storage: Storage, port: u16) -> Result<usize, StartError> {
        let (listener, address) = listen(port).await?;
        let url = format!("http://localhost:{}", address.port());
        let config = PdsConfig { url, domain: "test".to_owned(), identities: self.identities() };
        let pds = tokio::task::spawn_blocking(move || Pds::open(storage, config));
        let pds = pds.await.map_err(storage::Failed::from)??;
        self.servers.push(serve(listener, pds.router()));
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.push(pds);
        Ok(hosts.len().saturating_sub(1))
    }

    /// A host by its number, the first one is 0.
    ///
    /// # Panics
    /// Where there are not so many.
    pub fn host(&self, number: usize) -> Arc<Pds> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        #[allow(clippy::indexing_slicing, reason = "as documented")]
        Arc::clone(&hosts[number])
    }

    /// Where the directory is reached.
    pub fn directory_url(&self) -> String {
        format!("http://localhost:{}", self.directory.port())
    }

    /// What has to be allowed to reach it. Handles below `.test` are resolved at the directory, whichever host has them.
    pub fn policy(&self) -> FetchPolicy {
        DevelopmentPolicy { port: Some(self.directory.port()), ..DevelopmentPolicy::default() }.into()
    }

    /// Where its identities are looked for.
    pub fn identities(&self) -> Config {
        Config { plc_directory: self.directory_url(), policy: self.policy() }
    }

    /// Resolves its identities.
    ///
    /// # Errors
    /// [`StartError`] where TLS cannot be set up.
    pub fn resolver(&self) -> Result<CachedDirectory<ReqwestClient, NoDns, TokioClock>, StartError> {
        let http = ReqwestClient::new(self.policy()).map_err(storage::Failed::from)?;
        let directory = Directory::new(http, NoDns, TokioClock::new()).with_config(self.identities());
        Ok(CachedDirectory::new(directory))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

async fn listen(port: u16) -> Result<(TcpListener, SocketAddr), storage::Failed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until the task is aborted.
fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            eprintln!("a server ended: {error}");
        }
    })
}

/// The DID of the handle that is asked for by the name of its host.
async fn handle(State(hosts): State<Hosts>, request: Request) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let handle = host.split(':').next().unwrap_or_default().parse::<Handle>();
    let hosts = hosts.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let find = || {
        let handle = handle.ok()?;
        // The one where the account is active, if it has gone from one to another.
        hosts.iter().find_map(|host| host.active_did_of(&handle))
    };
    match find() {
        Some(did) => did.as_str().to_owned().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
