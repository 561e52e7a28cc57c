//! Lexicons, as their authors publish them (<https://atproto.com/specs/lexicon#lexicon-publication-and-resolution>): DNS names the
//! account, and its repository has the schema, with a proof that it is the account's word.
//!
//! ```no_run
//! # use atproto_identity::{Directory, clock::Clock, dns::Dns};
//! # use atproto_lexicon::http::{HttpClient, MaybeSend, MaybeSync};
//! # async fn show<H: HttpClient, D: Dns, C: Clock + Clone + MaybeSend + MaybeSync>(
//! # directory: Directory<H, D, C>, http: H, clock: C) -> Result<(), Box<dyn std::error::Error>> {
//! let schema = atproto_xrpc::lexicon::resolve(&directory, http, clock, &"com.example.note".parse()?).await?;
//! println!("{} by {}: {:?}", schema.document.id, schema.did, schema.document.main());
//! # Ok(())
//! # }
//! ```

use crate::api::com::atproto::sync::GetRecord;
use crate::{Client, Error, ServiceUrl};
use atproto_crypto::PublicKey;
use atproto_identity::clock::{Clock, within};
use atproto_identity::dns::Dns;
use atproto_identity::fetch_policy::Refusal;
use atproto_identity::resolve::LexiconResolution;
use atproto_identity::{Directory, Missing, ResolveError};
use atproto_lexicon::data::{Cid, Object, Value, cbor};
use atproto_lexicon::http::{HttpClient, HttpError, HttpErrorKind, MaybeSend, MaybeSync};
use atproto_lexicon::schema::{Document, DocumentError};
use atproto_lexicon::syntax::{AtUri, Did, Nsid, RecordKey};
use atproto_repo::repo::{ProofError, verify_proof};
use std::time::Duration;

/// The collection of published schemas.
pub const COLLECTION: &str = "com.atproto.lexicon.schema";
/// The most bytes of a proof: a record, and the nodes on its path.
const MAX_PROOF: usize = 4 << 20;
/// The most time for it.
const MAX_TIME: Duration = Duration::from_secs(60);

/// A schema, as it is published.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Published {
    /// The account that publishes it.
    pub did: Did,
    /// The record's CID.
    pub cid: Cid,
    /// What it says.
    pub document: Document,
    /// The record.
    pub record: Object,
}

impl Published {
    /// Where it is.
    pub fn uri(&self) -> Option<AtUri> {
        format!("at://{}/{COLLECTION}/{}", self.did, self.document.id).parse().ok()
    }
}

/// Why there is no schema.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LexiconError {
    /// Nobody publishes it: DNS names no account, or its repository does not have it, by a proof or the word of its host.
    #[error("nobody publishes it")]
    NotFound,
    /// The account is not known, or DNS could not be asked.
    #[error("account: {0}")]
    Identity(#[from] ResolveError),
    /// The account has no key or no PDS.
    #[error("account: {0}")]
    Incapable(#[from] Missing),
    /// The policy forbids the PDS.
    #[error("refused by policy: {0}")]
    Forbidden(#[from] Refusal),
    /// The PDS does not give a proof.
    #[error("host: {0}")]
    Host(#[from] Box<Error>),
    /// The proof was not read to its end.
    #[error("host: {0}")]
    Http(#[from] HttpError),
    /// What the PDS gives proves nothing.
    #[error("proof: {0}")]
    Proof(#[from] ProofError),
    /// The record is not of the data model.
    #[error("record: {0}")]
    Record(#[from] cbor::CborError),
    /// The record is no schema.
    #[error("schema: {0}")]
    Schema(#[from] DocumentError),
    /// The record is the schema of another NSID, or of no type.
    #[error("the record is not the schema of this name")]
    OtherSchema,
}

/// The schema of an NSID, proven, from the account that DNS names. Nothing is remembered.
///
/// `http` is the client for the account's host: it must not follow redirects, and must check with the directory's policy each address
/// that it dials.
///
/// # Errors
/// [`LexiconError`].
pub async fn resolve<H, D, C>(
    directory: &Directory<H, D, C>,
    http: H,
    clock: C,
    nsid: &Nsid,
) -> Result<Published, LexiconError>
where
    H: HttpClient,
    D: Dns,
    C: Clock + Clone + MaybeSend + MaybeSync,
{
    let did = directory.run(LexiconResolution::new(nsid)).await.map_err(|error| match error {
        ResolveError::NotFound => LexiconError::NotFound,
        error => error.into(),
    })?;
    resolve_at(directory, http, clock, &did, nsid).await
}

/// The schema of an NSID, proven, from an account whatever DNS says: such as one's own, before DNS names it.
///
/// # Errors
/// [`LexiconError`].
pub async fn resolve_at<H, D, C>(
    directory: &Directory<H, D, C>,
    http: H,
    clock: C,
    did: &Did,
    nsid: &Nsid,
) -> Result<Published, LexiconError>
where
    H: HttpClient,
    D: Dns,
    C: Clock + Clone + MaybeSend + MaybeSync,
{
    // Authorities are the same in all letters; records have the small ones.
    let nsid = &nsid.to_normalized();
    let identity = directory.resolve_did(did).await?;
    // A document that names what is no URL names no PDS.
    let pds = ServiceUrl::parse(identity.pds()?).map_err(|_| Missing::Service("atproto_pds"))?;
    if let Ok(uri) = pds.to_string().parse() {
        directory.config().policy.check_uri(&uri)?;
    }
    let client = Client::new(http, clock.clone(), pds);
    // Both are names that a key may have.
    let (Ok(collection), Ok(rkey)) = (COLLECTION.parse(), nsid.as_str().parse::<RecordKey>()) else {
        return Err(LexiconError::OtherSchema);
    };
    let get = GetRecord { did: did.clone(), collection, rkey };
    let proof = async {
        match client.download(&get).await {
            Ok(proof) => Ok(proof.output.read_all(MAX_PROOF).await?),
            Err(error) if error.name() == Some("RecordNotFound") => Err(LexiconError::NotFound),
            Err(error) => Err(Box::new(error.untyped()).into()),
        }
    };
    // A host that sends a byte at a time is not waited for.
    let proof = within(&clock, MAX_TIME, proof).await;
    let proof = proof.unwrap_or_else(|| Err(HttpError::from(HttpErrorKind::TimedOut).into()))?;
    read_schema(&proof, did, &identity.signing_key()?, nsid)
}

/// The schema of an NSID in a proof, the CAR of `com.atproto.sync.getRecord`, without IO.
///
/// # Errors
/// [`LexiconError`].
pub fn read_schema(proof: &[u8], did: &Did, key: &PublicKey, nsid: &Nsid) -> Result<Published, LexiconError> {
    let nsid = &nsid.to_normalized();
    let path = format!("{COLLECTION}/{nsid}");
    let entry = verify_proof(proof, did, key, &path)?.ok_or(LexiconError::NotFound)?;
    let record = cbor::to_record(&entry.bytes)?;
    let value = Value::Object(record);
    if value.type_name() != Some(COLLECTION) {
        return Err(LexiconError::OtherSchema);
    }
    let document = Document::from_value(&value)?;
    let Value::Object(record) = value else { return Err(LexiconError::OtherSchema) };
    if document.id.to_normalized() != *nsid {
        return Err(LexiconError::OtherSchema);
    }
    Ok(Published { did: did.clone(), cid: entry.cid, document, record })
}
