//! Endpoints served: without sockets, and to our own client and subscriptions over loopback.

mod auth;
mod blobs;
mod calls;
mod events;
mod read;

use atproto_identity::FetchPolicy;
use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_lexicon::http::Bytes;
use atproto_xrpc::adapters::client_with;
use atproto_xrpc::{Client, ServiceUrl};
use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use std::net::SocketAddr;
use std::time::Duration;
use tower::ServiceExt as _;

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), future).await.unwrap() })
}

/// Sends a request without a socket.
async fn ask(router: &Router, request: Request<Body>) -> Response<Bytes> {
    let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    Response::from_parts(head, axum::body::to_bytes(body, usize::MAX).await.unwrap())
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(path: &str, media_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", media_type).body(body.into()).unwrap()
}

/// Status, error and message of a response.
fn told(response: &Response<Bytes>) -> (u16, String, Option<String>) {
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    let message = body.get("message").map(|message| message.as_str().unwrap().to_owned());
    (response.status().as_u16(), body["error"].as_str().unwrap().to_owned(), message)
}

fn error(response: &Response<Bytes>) -> (u16, String) {
    let (status, error, _) = told(response);
    (status, error)
}

fn refused(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

/// Serves on loopback for as long as the runtime is there.
async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
    address
}

fn client(address: SocketAddr) -> Client<ReqwestClient, TokioClock> {
    let policy = FetchPolicy::from(DevelopmentPolicy::default());
    client_with(policy, ServiceUrl::parse(&format!("http://{address}")).unwrap()).unwrap()
}
