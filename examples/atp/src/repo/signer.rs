//! Whose signature a repository must have.

use super::open;
use crate::input::read_file;
use crate::output::{Failure, Outcome};
use atproto_crypto::PublicKey;
use atproto_identity::document::DidDocument;
use atproto_lexicon::syntax::Did;
use atproto_repo::repo::{Error, UnsignedRepo};
use atproto_repo::store::Archive;
use clap::Args;
use serde_json::{Map, Value as Json};
use std::fmt::Display;
use std::path::PathBuf;

#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct SignerArguments {
    /// The account's signing key, as did:key.
    #[arg(long)]
    key: Option<PublicKey>,
    /// JSON file with an object of DID documents by their DID.
    #[arg(long, value_name = "FILE.json")]
    did_docs: Option<PathBuf>,
    /// Do not verify the signature: anybody can have made what is read.
    #[arg(long)]
    no_signature: bool,
}

impl SignerArguments {
    pub(super) fn load(self) -> Result<Signer, Failure> {
        Signer::load(self.key, self.did_docs)
    }
}

/// [`SignerArguments`] where somebody must have signed.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct KeyArguments {
    /// The account's signing key, as did:key.
    #[arg(long)]
    key: Option<PublicKey>,
    /// JSON file with an object of DID documents by their DID.
    #[arg(long, value_name = "FILE.json")]
    did_docs: Option<PathBuf>,
}

impl KeyArguments {
    pub(super) fn load(self) -> Result<Signer, Failure> {
        Signer::load(self.key, self.did_docs)
    }
}

/// Where the signing key comes from.
pub(super) enum Signer {
    Key(PublicKey),
    Documents(Map<String, Json>),
    Nobody,
}

/// A verdict that is not good, and why.
pub(super) struct Refusal {
    pub(super) verdict: &'static str,
    pub(super) outcome: Outcome,
    pub(super) reason: String,
}

impl Refusal {
    pub(super) fn invalid(reason: impl Into<String>) -> Self {
        Self { verdict: "invalid", outcome: Outcome::Negative, reason: reason.into() }
    }

    fn incomplete(reason: String) -> Self {
        Self { verdict: "incomplete", outcome: Outcome::Incomplete, reason }
    }

    /// The verdict that an error is; a file that cannot be read is none.
    pub(super) fn of<E: Display>(error: &Error<E>) -> Result<Self, Failure> {
        let (verdict, outcome) = open::verdict(error)?;
        // The verdict is named beside it.
        let reason = match error {
            Error::Invalid(invalid) => invalid.to_string(),
            Error::Incomplete(missing) => missing.to_string(),
            Error::Source(error) => error.to_string(),
        };
        Ok(Self { verdict, outcome, reason })
    }
}

impl Signer {
    fn load(key: Option<PublicKey>, did_docs: Option<PathBuf>) -> Result<Self, Failure> {
        Ok(match (key, did_docs) {
            (Some(key), _) => Self::Key(key),
            (None, Some(path)) => {
                let documents = serde_json::from_slice(&read_file(&path)?);
                Self::Documents(
                    documents.map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?,
                )
            }
            (None, None) => Self::Nobody,
        })
    }

    /// Verifies the commit, where somebody must have signed it.
    pub(super) fn verify<'b, A: Archive<Error: Display>>(
        &self,
        repo: UnsignedRepo<'b, A>,
        did: Option<&Did>,
    ) -> Result<Result<UnsignedRepo<'b, A>, Refusal>, Failure> {
        let did = did.unwrap_or(&repo.commit().did).clone();
        if repo.commit().did != did {
            return Ok(Err(Refusal::invalid("commit is of another account")));
        }
        match self.key(&did) {
            Ok(None) => Ok(Ok(repo)),
            Ok(Some(key)) => match repo.verify(&did, &key) {
                Ok(repo) => Ok(Ok(repo.into_unsigned())),
                Err(error) => Refusal::of(&error).map(Err),
            },
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// The key of this account; `None` where nobody's signature is to be verified.
    pub(super) fn key(&self, did: &Did) -> Result<Option<PublicKey>, Refusal> {
        let documents = match self {
            Self::Key(key) => return Ok(Some(*key)),
            Self::Nobody => return Ok(None),
            Self::Documents(documents) => documents,
        };
        let missing = Refusal::incomplete;
        let json = documents.get(did.as_str()).ok_or_else(|| missing(format!("no DID document of {did}")))?;
        let document = DidDocument::from_json(json.to_string().as_bytes())
            .map_err(|error| missing(format!("DID document of {did}: {error}")))?;
        if document.id != *did {
            return Err(missing(format!("DID document of {did} is of {}", document.id)));
        }
        let no_key = || Refusal::invalid(format!("DID document of {did} has no signing key"));
        document.signing_key().ok_or_else(no_key).map(Some)
    }
}
