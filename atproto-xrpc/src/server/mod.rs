//! XRPC served, over `axum` (<https://atproto.com/specs/xrpc>): handlers of generated endpoints, who asks, rate limits, uploads and
//! downloads in pieces, event streams.
//!
//! It has no database, issues no tokens and knows no accounts: those are the program's. So are TLS, the timeouts of connections and what
//! stands in front of it.
//!
//! ```no_run
//! use atproto_identity::DidDocument;
//! use atproto_xrpc::api::com::atproto::identity::resolve_handle::{
//!     ResolveHandle, ResolveHandleError, ResolveHandleOutput,
//! };
//! use atproto_xrpc::server::{Asked, ServeError, XrpcRouter};
//! use std::{collections::HashMap, sync::Arc};
//!
//! type Handles = HashMap<String, atproto_lexicon::syntax::Did>;
//!
//! async fn resolve(
//!     handles: Arc<Handles>,
//!     asked: Asked<ResolveHandle>,
//! ) -> Result<ResolveHandleOutput, ServeError<ResolveHandleError>> {
//!     let did = handles.get(asked.params.handle.as_str());
//!     let did = did.ok_or_else(|| ServeError::named(ResolveHandleError::HandleNotFound, "nobody has it"))?;
//!     Ok(ResolveHandleOutput::new(did.clone()))
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let service = XrpcRouter::new(Arc::new(Handles::new()))
//!     .serve(resolve)
//!     .with_did_document(&DidDocument::new("did:web:handles.example.com".parse()?))
//!     .on_failure(|endpoint, error| eprintln!("{endpoint}: {error}"));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:2583").await?;
//! axum::serve(listener, service.into_router()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Who asks is an argument of the handler's type ([`Caller`]): `Asked<ResolveHandle, ServiceAuth>` lets in who brings a token of service
//! auth for this endpoint.
//!
//! The mapping is functions without IO: [`read_params`], [`read_input`], [`write_output`], [`Refusal::to_response`], [`RateLimiter`].
//!
//! # What is answered
//!
//! | what is wrong | status | error |
//! |---|---|---|
//! | parameters or body are not of the lexicon; the path is no NSID | 400 | `InvalidRequest` |
//! | an error that the lexicon names ([`ServeError::named`]) | 400 | its name |
//! | nothing says who asks, or what says it does not count | 401 | `AuthMissing`, `BadJwt` … ([`ServiceAuthenticator::identify`]) |
//! | the endpoint is called by another HTTP method | 405 | `InvalidRequest` |
//! | the body does not come in time | 408 | `RequestTimeout` |
//! | the body is too long | 413 | `PayloadTooLarge` |
//! | the body is compressed | 415 | `UnsupportedMediaType` |
//! | a subscription is not asked for as a WebSocket | 426 | `InvalidRequest` |
//! | the rate limit | 429 | `RateLimitExceeded` |
//! | a failure of the service | 500 | `InternalServerError`, without its cause |
//! | the endpoint is not served | 501 | `MethodNotImplemented` |
//! | who asks cannot be found out now; too many consumers | 503 | `IdentityUnavailable`, `TooManyConsumers` |

mod answer;
mod caller;
mod config;
mod dispatch;
mod error;
mod events;
mod limit;
mod params;
mod read;
mod router;
mod upload;
mod well_known;

pub use answer::{Answer, Download, write_output};
pub use caller::{Anyone, Caller, ServiceAuthenticator, credentials};
pub use config::ServerConfig;
pub use dispatch::peer;
pub use error::{Refusal, ServeError};
pub use events::{AppendError, Batch, Event, EventLog, Events, LogLimits, MemoryLog, Room};
#[cfg(feature = "redb")]
pub use events::{LogWrite, RedbLog, RedbLogError};
pub use limit::{RateLimiter, Taken, network_of};
pub use read::{read_input, read_media_type, read_params};
pub use router::{Asked, AskedUpload, XrpcRouter};
pub use upload::Upload;
