//! Servers, and names that lead to them.

use atproto_identity::FetchPolicy;
use atproto_identity::adapters::{Addresses, Resolving};
use atproto_identity::fetch_policy::DevelopmentPolicy;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The only loopback address that [`policy`] allows.
pub const ALLOWED: [u8; 4] = [127, 0, 0, 2];
pub const OTHER: [u8; 4] = [127, 0, 0, 1];

/// A server that does the same with each connection, until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// At an address, with a port of its own where that is 0.
    pub async fn at<F>(
        address: impl Into<SocketAddr>,
        serve: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address.into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tasks.spawn(serve(stream));
            }
        });
        Self { address, connections, task }
    }

    /// At the address that is allowed.
    pub async fn new<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::at((ALLOWED, 0), serve).await
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One loopback address, and a second for all.
pub fn policy() -> FetchPolicy {
    let mut policy = FetchPolicy::from(DevelopmentPolicy {
        addresses: vec![ALLOWED.into()],
        ..DevelopmentPolicy::default()
    });
    policy.total_timeout = Duration::from_millis(1000);
    policy.connect_timeout = Duration::from_millis(500);
    policy
}

/// Says the next of its answers each time, and then the last one again.
#[derive(Clone, Default)]
pub struct Names(Arc<Mutex<NamesInner>>);

#[derive(Default)]
struct NamesInner {
    answers: Vec<Vec<IpAddr>>,
    asked: Vec<String>,
}

impl Names {
    pub fn new<const N: usize>(answers: [&[[u8; 4]]; N]) -> Self {
        let answers = answers.map(|answer| answer.iter().map(|address| IpAddr::from(*address)).collect());
        Self(Arc::new(Mutex::new(NamesInner { answers: answers.into(), asked: Vec::new() })))
    }

    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }
}

impl Addresses for Names {
    fn resolve(&self, host: &str) -> Resolving {
        let mut inner = self.0.lock().unwrap();
        inner.asked.push(host.to_owned());
        let answer = match inner.answers.len() {
            0 => Vec::new(),
            1 => inner.answers[0].clone(),
            _ => inner.answers.remove(0),
        };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// Never says anything.
pub struct Silence;

impl Addresses for Silence {
    fn resolve(&self, _: &str) -> Resolving {
        Box::pin(std::future::pending())
    }
}
