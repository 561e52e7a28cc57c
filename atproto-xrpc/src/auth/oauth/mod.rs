//! OAuth, in the profile of AT Protocol (<https://atproto.com/specs/oauth>): how a program is let in by an account without its
//! password.
//!
//! [`OAuthClient`] sends the user to the server that speaks for the account, and makes an [`OAuthSession`] when the user comes back;
//! the session vouches for the calls of a [`Client`](crate::Client). What it does is there without IO as well: the documents of servers
//! and clients ([`ServerMetadata`], [`ClientMetadata`]), the requests ([`PendingAuthorization`], [`ServerCall`]), the callback
//! ([`Callback`]), and proofs of possession ([`DpopProof`]), which servers verify ([`DpopVerifier`]).
//!
//! It opens no browser, listens to no port and serves no metadata: a program does.
//!
//! ```no_run
//! use atproto_xrpc::auth::oauth::{
//!     ClientMetadata, Environment, LoginAt, OAuthClient, Registration,
//! };
//!
//! /// `environment` is the program's HTTP client, directory, clock, randomness and store: `Parts`.
//! async fn log_in<E: Environment>(environment: E) -> Result<(), Box<dyn std::error::Error>> {
//!     let redirect_uri = "http://127.0.0.1:8080/callback";
//!     let metadata = ClientMetadata::loopback([redirect_uri.to_owned()], "atproto repo:com.example.note".parse()?);
//!     let client = OAuthClient::new(
//!         environment,
//!         Registration::new(metadata.client_id, redirect_uri, metadata.scope),
//!     );
//!
//!     let authorization = client.authorize(&LoginAt::Account("alice.example.com".parse()?)).await?;
//!     println!("{}", authorization.url);
//!     // When the user has come back, in the same browser:
//!     let session = client.callback("state=…&iss=…&code=…", &authorization.state).await?;
//!     println!("{} at {}", session.did(), session.pds());
//!     Ok(())
//! }
//! ```

mod answer;
mod assertion;
mod call;
mod callback;
mod challenge;
mod client;
mod dpop;
mod environment;
mod fault;
mod flow;
mod metadata;
mod pkce;
mod session;
mod store;

pub use assertion::{ASSERTION_TYPE, ClientKey, client_assertion};
pub use call::{Answer, CallError, ServerCall};
pub use callback::{Callback, CallbackError};
pub use client::{Authorization, LoginAt, OAuthClient, OAuthError};
pub use dpop::{DpopError, DpopKey, DpopProof, DpopVerifier, VerifiedDpop, thumbprint};
pub use environment::{Environment, Identities, Parts};
pub use flow::{OAuthSessionData, PendingAuthorization, Pushed, Registration, TokenResponse};
pub use metadata::{
    ApplicationType, ClientAuthentication, ClientMetadata, ClientMetadataFault, InvalidIssuer, Issuer,
    MetadataError, PublicKeys, ResourceMetadata, ServerMetadata,
};
pub use pkce::PkceVerifier;
pub use session::{OAuthProof, OAuthSession};
pub use store::{MemoryOAuthStore, OAuthStore};
