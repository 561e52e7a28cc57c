//! OAuth, in the profile of AT Protocol (<https://atproto.com/specs/oauth>): the documents of servers and clients, and what is signed.

mod assertion;
mod dpop;
mod metadata;
mod pkce;

pub use assertion::{ASSERTION_TYPE, ClientKey, client_assertion};
pub use dpop::{DpopError, DpopKey, DpopProof, DpopVerifier, VerifiedDpop, thumbprint};
pub use metadata::{
    ApplicationType, ClientAuthentication, ClientMetadata, ClientMetadataFault, InvalidIssuer, Issuer,
    MetadataError, PublicKeys, ResourceMetadata, ServerMetadata,
};
pub use pkce::PkceVerifier;
