//! What services begin with.

use crate::{Done, Stop};
use atproto_lexicon::syntax::Did;
use redb::Database;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tokio::net::TcpListener;

/// The DID of a service at the name of a machine (did:web).
///
/// # Errors
/// Where it is no name.
pub fn did_of(hostname: &str) -> Done<Did> {
    let did = format!("did:web:{}", hostname.replace(':', "%3A")).parse();
    did.map_err(|error| Stop::new(format!("{hostname}: {error}")))
}

/// How much of a database is in memory, in bytes.
const CACHE: usize = 32 << 20;

/// A database in a file, which is made where there is none.
///
/// # Errors
/// Where it cannot be opened, or another program has it open.
pub fn open(path: &Path) -> Done<Database> {
    Database::builder()
        .set_cache_size(CACHE)
        .create(path)
        .map_err(|error| Stop::new(format!("{}: {error}", path.display())))
}

/// Listens on loopback; port 0 is any that is free.
///
/// # Errors
/// Where somebody else listens there.
pub async fn listen(port: u16) -> Done<TcpListener> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await;
    listener.map_err(|error| Stop::new(format!("port {port}: {error}")))
}
