//! The network, as clients see it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may panic"
)]

mod accounts;
mod blobs;
mod firehose;
mod moving;
mod plc;
mod quickstart;
mod records;
mod restart;

use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_lexicon::data::Object;
use atproto_lexicon::syntax::{AtIdentifier, Did};
use atproto_xrpc::adapters::client_with;
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::com::atproto::server::CreateAccount;
use atproto_xrpc::auth::{Login, PasswordSession};
use atproto_xrpc::{Client, Error, ServiceUrl};
use network::{Network, Storage};
use std::time::Duration;

const PASSWORD: &str = "correct horse";

type Anybody = Client<ReqwestClient, TokioClock>;
type LoggedIn = Client<ReqwestClient, TokioClock, PasswordSession<ReqwestClient, TokioClock>>;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), test).await.unwrap() })
}

async fn start() -> Network {
    Network::start(Storage::memory().unwrap()).await.unwrap()
}

fn client(network: &Network, host: usize) -> Anybody {
    client_with(network.policy(), ServiceUrl::parse(network.host(host).url()).unwrap()).unwrap()
}

/// A new account whose handle is below `.test`, logged in.
async fn account(network: &Network, name: &str) -> LoggedIn {
    let client = client(network, 0);
    let handle = format!("{name}.test");
    let mut create = CreateAccount::new(handle.parse().unwrap());
    create.password = Some(PASSWORD.to_owned());
    client.send(&create).await.unwrap();
    client.login(&Login::new(handle, PASSWORD)).await.unwrap()
}

fn repo_of(client: &LoggedIn) -> AtIdentifier {
    client.auth().did().into()
}

fn did_of(client: &LoggedIn) -> Did {
    client.auth().did()
}

fn post(text: &str) -> Post {
    Post::new(text.to_owned(), "2026-01-02T03:04:05Z".parse().unwrap())
}

/// Status and name of an error that a host answered.
fn refused<T, E: AsRef<str>>(result: Result<T, Error<E>>) -> (u16, String) {
    match result {
        Err(error) => {
            let status = error.head().map_or(0, |head| head.status.as_u16());
            (status, error.name().unwrap_or_default().to_owned())
        }
        Ok(_) => (200, String::new()),
    }
}

fn bad(name: &str) -> (u16, String) {
    (400, name.to_owned())
}

fn note(text: &str) -> Object {
    Object::from([("$type".into(), "com.example.note".into()), ("text".into(), text.into())])
}
