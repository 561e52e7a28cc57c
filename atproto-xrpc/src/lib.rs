//! XRPC, the HTTP conventions of AT Protocol (<https://atproto.com/specs/xrpc>): typed calls, sessions, and the types of the network's
//! own lexicons ([`api`]).
//!
//! It resolves no identities and reads no repositories: `atproto-identity` and `atproto-repo` do.
//!
//! ```no_run
//! use atproto_xrpc::adapters;
//! use atproto_xrpc::api::app::bsky::feed::Post;
//! use atproto_xrpc::auth::Login;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = adapters::client("https://pds.example.com".parse()?)?;
//! let client = client.login(&Login::new("alice.example.com", "abcd-efgh-ijkl-mnop")).await?;
//! let post = Post::new("Hello".into(), "2026-01-02T03:04:05Z".parse()?);
//! let created = client.create_record(&client.auth().did().into(), None, &post).await?;
//! println!("{}, {:?}", created.output.uri, created.rate_limit());
//! # Ok(())
//! # }
//! ```
//!
//! A call is a mapping first, [`Call`] to a request and [`read_response`] back, without IO; [`Client`] sends it, over any
//! [`HttpClient`](atproto_lexicon::http::HttpClient) and [`Clock`](atproto_lexicon::clock::Clock). It sends again what may be sent
//! again ([`RetryPolicy`]), never a write on its own, and refreshes a session once, however many calls wait for it ([`auth`]).
//!
//! Event streams connect again and keep their place, and with the feature `repo` the firehose is verified, event by event (`stream`):
//!
#![cfg_attr(all(feature = "repo", feature = "reqwest", feature = "websocket"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "repo", feature = "reqwest", feature = "websocket")), doc = "```ignore")]
//! use atproto_identity::adapters::{ReqwestClient, TokioClock};
//! use atproto_identity::{Directory, FetchPolicy, cache::CachedDirectory, dns::NoDns};
//! use atproto_xrpc::stream::firehose::{Firehose, FirehoseEvent, MemoryAccounts, SubscribeRepos, Verdict};
//! use atproto_xrpc::stream::{FileCursor, Subscription, WebSockets};
//!
//! # async fn run(seed: u64) -> Result<(), Box<dyn std::error::Error>> {
//! let (policy, clock) = (FetchPolicy::default(), TokioClock::new());
//! let identities = CachedDirectory::new(Directory::new(ReqwestClient::new(policy.clone())?, NoDns, clock));
//! let repos = SubscribeRepos::new("https://relay.example.com")?;
//! let stream = Subscription::with_store(repos, WebSockets::new(policy), clock, FileCursor::new("cursor"), seed);
//! let mut firehose = Firehose::new(stream, identities, MemoryAccounts::default(), clock);
//! loop {
//!     if let FirehoseEvent::Report(report) = firehose.next().await? {
//!         if let Verdict::Commit(commit) = &report.verdict {
//!             println!("{}: {} operations, verified", report.did, commit.ops.len());
//!         }
//!         firehose.handled(&report).await?;
//!     }
//! }
//! # }
//! ```
//!
//! With the feature `oauth`, users let a program in at the server of their account (`auth::oauth`):
//!
#![cfg_attr(all(feature = "oauth", feature = "reqwest"), doc = "```no_run")]
#![cfg_attr(not(all(feature = "oauth", feature = "reqwest")), doc = "```ignore")]
//! # use atproto_identity::{Directory, FetchPolicy, adapters::{ReqwestClient, TokioClock}, dns::NoDns};
//! # use atproto_xrpc::Client;
//! use atproto_xrpc::auth::oauth::{ClientMetadata, LoginAt, MemoryOAuthStore, OAuthClient, Parts, Registration};
//!
//! # async fn run(random: fn(&mut [u8])) -> Result<(), Box<dyn std::error::Error>> {
//! # let (clock, http) = (TokioClock::new(), ReqwestClient::new(FetchPolicy::default())?);
//! # let identities = Directory::new(http.clone(), NoDns, clock);
//! let back = "http://127.0.0.1:8080/callback";
//! let metadata = ClientMetadata::loopback([back.to_owned()], "atproto repo:com.example.note".parse()?);
//! let environment = Parts { http: http.clone(), identities, clock, random, store: MemoryOAuthStore::default() };
//! let oauth = OAuthClient::new(environment, Registration::new(metadata.client_id, back, metadata.scope));
//! let authorization = oauth.authorize(&LoginAt::Account("alice.example.com".parse()?)).await?;
//! println!("{}", authorization.url);
//! // When the user has come back, in the same browser:
//! let session = oauth.callback("state=…&iss=…&code=…", &authorization.state).await?;
//! let client = Client::new(http, clock, session.pds()).with_auth(session);
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `server`, endpoints are served over `axum` (`server`): a handler is an `async fn` of a generated request.
//!
#![cfg_attr(feature = "server", doc = "```no_run")]
#![cfg_attr(not(feature = "server"), doc = "```ignore")]
//! # use atproto_xrpc::api::com::atproto::identity::resolve_handle::{ResolveHandle, ResolveHandleError, ResolveHandleOutput};
//! use atproto_xrpc::server::{Asked, ServeError, XrpcRouter};
//! use std::sync::Arc;
//!
//! async fn resolve(_: Arc<()>, asked: Asked<ResolveHandle>) -> Result<ResolveHandleOutput, ServeError<ResolveHandleError>> {
//!     Ok(ResolveHandleOutput::new(format!("did:web:{}", asked.params.handle).parse()?))
//! }
//!
//! # async fn run() -> std::io::Result<()> {
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:2583").await?;
//! axum::serve(listener, XrpcRouter::new(Arc::new(())).serve(resolve).into_router()).await
//! # }
//! ```
//!
//! The types read and write JSON by `serde_json` and DAG-CBOR by [`atproto_lexicon::data::cbor`]:
//!
//! ```
//! use atproto_lexicon::data::cbor;
//! use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
//!
//! let json = r#"{"uri":"at://did:web:example.com/com.example.note/1","cid":"bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u"}"#;
//! let reference: StrongRef = serde_json::from_str(json)?;
//! assert_eq!(reference.uri.record_key().unwrap().as_str(), "1");
//! assert_eq!(cbor::from_slice::<StrongRef>(&cbor::to_vec(&reference)?)?, reference);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! `com-atproto` (on by default), `app-bsky`, `chat-bsky` and `tools-ozone` each add the types of their namespace, and turn on
//! those which they refer to. With `app-bsky` come rich text, and what is shown of labelled and muted content (`bsky`).
//!
//! `stream` is event streams, `websocket` those over `tokio`, `repo` the firehose, verified (`stream::firehose`); `zstd` takes Jetstream
//! compressed.
//!
//! `client` is the client with its sessions, `reqwest` that over `reqwest` (`adapters`). `service-auth` makes and verifies the tokens
//! by which services know each other (`auth::service`), with `cache` by keys that are remembered. `oauth` is sessions without a password
//! (`auth::oauth`), and what a token may do (`auth::scope`). `labels` signs and verifies labels (`label`).
//! `tracing` gives each call a span: the endpoint, the service, how it ended; no parameters, bodies or tokens.
//! `lexicons` finds schemas where their authors publish them (`lexicon`).
//!
//! `server` serves endpoints over `axum` (`server`), and turns on `service-auth` and `stream`.
//!
//! `testing` makes valid tokens, labels, scopes and messages, and tokens and labels with one defect each, for tests.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

/// The types of the network's lexicons, by the segments of their NSIDs: `com.atproto.repo.createRecord` is
/// [`com::atproto::repo::CreateRecord`](api::com::atproto::repo::CreateRecord). They are generated; what comes out of what, the
/// documentation of `atproto_lexicon::codegen` says.
// Laid out by the generator; its own test says that it is what the generator makes.
#[rustfmt::skip]
pub mod api;
#[cfg(feature = "reqwest")]
pub mod adapters;
#[cfg(any(feature = "client", feature = "service-auth"))]
pub mod auth;
#[cfg(feature = "app-bsky")]
pub mod bsky;
#[cfg(feature = "client")]
pub mod client;
mod error;
pub mod headers;
#[cfg(feature = "labels")]
pub mod label;
#[cfg(feature = "lexicons")]
pub mod lexicon;
#[cfg(feature = "client")]
mod pages;
#[cfg(feature = "service-auth")]
pub mod random;
#[cfg(feature = "client")]
pub mod records;
mod request;
mod response;
#[cfg(feature = "client")]
mod retry;
#[cfg(feature = "server")]
pub mod server;
mod service_url;
#[cfg(feature = "client")]
mod span;
#[cfg(feature = "stream")]
pub mod stream;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(any(feature = "app-bsky", feature = "labels"))]
mod time;

#[cfg(feature = "client")]
pub use client::Client;
pub use error::{AuthError, Error, Malformed, Refused};
pub use request::{Call, RequestError};
pub use response::{Reply, read_response, read_untyped};
#[cfg(feature = "client")]
pub use retry::RetryPolicy;
pub use service_url::{InvalidServiceUrl, ServiceUrl};
