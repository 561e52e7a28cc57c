//! An identity that was resolved.

use crate::document::DidDocument;
use crate::error::ResolveError;
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::{Did, Handle};
use std::sync::OnceLock;

/// Who an account is: its DID, what its document says, and whether its handle is proven.
#[derive(Debug, Clone)]
pub struct Identity {
    document: DidDocument,
    handle: HandleState,
    /// Taken from the document once: each commit of an account asks for it, and reading a point costs a square root.
    signing_key: OnceLock<Option<PublicKey>>,
}

/// What is known of an identity's handle.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum HandleState {
    /// The document claims it, and it leads to the DID.
    Verified(Handle),
    /// The document claims none.
    None,
    /// The document claims one that does not lead to the DID.
    Invalid {
        /// What it claims.
        claimed: Handle,
        /// Why it does not count.
        fault: HandleFault,
    },
}

/// Why a handle does not lead back.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HandleFault {
    /// It leads to another DID.
    #[error("it leads to {0}")]
    Elsewhere(Did),
    /// It cannot be resolved; [`retry_after`](ResolveError::retry_after) says whether that may pass.
    #[error("{0}")]
    Unresolved(ResolveError),
}

/// What an account needs, and its document does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Missing {
    /// A valid key of this name.
    #[error("the DID document has no valid key #{0}")]
    Key(&'static str),
    /// A service of this name and a type to match, with a valid URL.
    #[error("the DID document has no valid service #{0}")]
    Service(&'static str),
}

impl Identity {
    pub(crate) fn verified(document: DidDocument, handle: Handle) -> Self {
        Self::new(document, HandleState::Verified(handle))
    }

    fn new(document: DidDocument, handle: HandleState) -> Self {
        Self { document, handle, signing_key: OnceLock::new() }
    }

    pub(crate) fn without_handle(document: DidDocument) -> Self {
        Self::new(document, HandleState::None)
    }

    /// From a document and what the handle that it claims leads to.
    pub(crate) fn confirmed(
        document: DidDocument,
        claimed: Handle,
        leads_to: Result<Did, ResolveError>,
    ) -> Self {
        let fault = match leads_to {
            Ok(did) if did == document.id => return Self::verified(document, claimed),
            Ok(did) => HandleFault::Elsewhere(did),
            Err(error) => HandleFault::Unresolved(error),
        };
        Self::new(document, HandleState::Invalid { claimed, fault })
    }

    /// The DID.
    pub fn did(&self) -> &Did {
        &self.document.id
    }

    /// The document.
    pub fn document(&self) -> &DidDocument {
        &self.document
    }

    /// The handle where it is proven.
    pub fn verified_handle(&self) -> Option<&Handle> {
        match &self.handle {
            HandleState::Verified(handle) => Some(handle),
            _ => None,
        }
    }

    /// The handle to show: the proven one, or `handle.invalid`.
    pub fn handle(&self) -> &str {
        self.verified_handle().map_or("handle.invalid", Handle::as_str)
    }

    /// What is known of the handle.
    pub fn handle_state(&self) -> &HandleState {
        &self.handle
    }

    /// The key that signs the account's commits.
    ///
    /// # Errors
    /// [`Missing::Key`].
    pub fn signing_key(&self) -> Result<PublicKey, Missing> {
        let key = self.signing_key.get_or_init(|| self.document.signing_key());
        key.ok_or(Missing::Key("atproto"))
    }

    /// The URL of the account's PDS, without a slash at its end.
    ///
    /// # Errors
    /// [`Missing::Service`].
    pub fn pds(&self) -> Result<&str, Missing> {
        self.document.pds().ok_or(Missing::Service("atproto_pds"))
    }

    /// The key that signs labels.
    ///
    /// # Errors
    /// [`Missing::Key`].
    pub fn labeler_key(&self) -> Result<PublicKey, Missing> {
        self.document.labeler_key().ok_or(Missing::Key("atproto_label"))
    }

    /// The URL of the labeler that the account is, without a slash at its end.
    ///
    /// # Errors
    /// [`Missing::Service`].
    pub fn labeler(&self) -> Result<&str, Missing> {
        self.document.labeler().ok_or(Missing::Service("atproto_labeler"))
    }
}
