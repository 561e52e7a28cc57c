use crate::encode::{MAP, push_head, push_text};
use atproto_crypto::{PublicKey, Signature, SignatureError};
use atproto_lexicon::data::cbor::{self, CborError, RawFields};
use atproto_lexicon::data::{Bytes, Cid, CidError, Codec, Link, Object, Value};
use atproto_lexicon::syntax::{Did, SyntaxError, Tid};

/// A commit of version 3 (<https://atproto.com/specs/repository#commit-objects>).
///
/// Its signature is checked by [`Commit::verify`], not by decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The account.
    pub did: Did,
    /// The revision, which goes up with every commit.
    pub rev: Tid,
    /// Root node of the tree.
    pub data: Cid,
    /// The commit before; most often `None`.
    pub prev: Option<Cid>,
    /// The signature as it was found: what is not 64 bytes is refused when it is verified.
    pub sig: Vec<u8>,
    /// What was signed: all fields but `sig`, those that we do not know included, in DAG-CBOR.
    unsigned: Vec<u8>,
}

/// What is wrong with a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum CommitReason {
    /// The block does not hash to its CID.
    #[error("block does not hash to its CID")]
    Hash,
    /// The CID's codec is not `dag-cbor`.
    #[error("CID codec is not dag-cbor")]
    Codec,
    /// The block is not strict DAG-CBOR.
    #[error("{0}")]
    Cbor(CborError),
    /// The block is not an object.
    #[error("not an object")]
    NotObject,
    /// A field is not there; `prev` is null where there is none.
    #[error("field {0} is missing")]
    MissingField(&'static str),
    /// A field is of the wrong type.
    #[error("field {0} is of the wrong type")]
    FieldType(&'static str),
    /// The version is not 3.
    #[error("version {0} is not supported")]
    Version(i64),
    /// `did` or `rev`.
    #[error(transparent)]
    Syntax(SyntaxError),
    /// The link in this field is not of the form that repositories use.
    #[error("link in field {0}: {1}")]
    Link(&'static str, CidError),
    /// The commit is of another account than the one asked for.
    #[error("commit is of another account")]
    Did,
    /// The signature.
    #[error(transparent)]
    Signature(SignatureError),
}

use CommitReason as Reason;

impl Commit {
    /// Decodes a commit's block.
    ///
    /// # Errors
    /// [`CommitReason`].
    pub fn decode(block: &[u8]) -> Result<Self, CommitReason> {
        let fields = cbor::split_object(block).map_err(Reason::Cbor)?.ok_or(Reason::NotObject)?;
        match read(&fields, "version")? {
            3 => {}
            version => return Err(Reason::Version(version)),
        }
        let did = read::<&str>(&fields, "did")?.parse().map_err(Reason::Syntax)?;
        let rev = read::<&str>(&fields, "rev")?.parse().map_err(Reason::Syntax)?;
        let data = link(&fields, "data")?.ok_or(Reason::FieldType("data"))?;
        let prev = link(&fields, "prev")?;
        let sig = read::<Bytes>(&fields, "sig")?.0;
        let mut unsigned = Vec::with_capacity(block.len());
        push_head(MAP, fields.len().saturating_sub(1), &mut unsigned);
        for (name, value) in fields.iter().filter(|(name, _)| *name != "sig") {
            push_text(name, &mut unsigned);
            unsigned.extend_from_slice(value);
        }
        Ok(Self { did, rev, data, prev, sig, unsigned })
    }

    /// Checks that this is the commit of `did`, and its signature over all other fields.
    ///
    /// # Errors
    /// [`CommitReason::Did`], [`CommitReason::Signature`].
    pub fn verify(&self, did: &Did, key: &PublicKey) -> Result<(), CommitReason> {
        if self.did != *did {
            return Err(Reason::Did);
        }
        key.verify(&self.unsigned, &self.sig).map_err(Reason::Signature)
    }

    /// What is signed: the commit less `sig`, in DAG-CBOR.
    pub fn unsigned_bytes(&self) -> &[u8] {
        &self.unsigned
    }

    /// Makes the block of a commit whose signature `sign` gives for the bytes to be signed.
    ///
    /// # Errors
    /// Those of `sign`.
    pub fn encode<E>(
        did: &Did,
        rev: Tid,
        data: Cid,
        sign: impl FnOnce(&[u8]) -> Result<Signature, E>,
    ) -> Result<Vec<u8>, E> {
        let signature = sign(&Self::encode_unsigned(did, rev, data))?;
        Ok(Self::encode_signed(did, rev, data, &signature))
    }

    pub(crate) fn encode_unsigned(did: &Did, rev: Tid, data: Cid) -> Vec<u8> {
        encode(did, rev, data, None)
    }

    pub(crate) fn encode_signed(did: &Did, rev: Tid, data: Cid, signature: &Signature) -> Vec<u8> {
        encode(did, rev, data, Some(signature))
    }
}

fn encode(did: &Did, rev: Tid, data: Cid, signature: Option<&Signature>) -> Vec<u8> {
    let mut fields = Object::from([
        ("did".into(), did.as_str().into()),
        ("version".into(), Value::Integer(3)),
        ("data".into(), data.into()),
        ("rev".into(), rev.to_string().into()),
        ("prev".into(), Value::Null),
    ]);
    if let Some(signature) = signature {
        fields.insert("sig".into(), Value::Bytes(signature.as_bytes().to_vec().into()));
    }
    // These fields can be written.
    cbor::to_vec(&fields).unwrap_or_default()
}

fn read<'a, T: serde::Deserialize<'a>>(fields: &RawFields<'a>, name: &'static str) -> Result<T, Reason> {
    let (_, value) = fields.iter().find(|(other, _)| *other == name).ok_or(Reason::MissingField(name))?;
    cbor::from_slice(value).map_err(|_| Reason::FieldType(name))
}

/// A link to a DAG-CBOR block, or null.
fn link(fields: &RawFields<'_>, name: &'static str) -> Result<Option<Cid>, Reason> {
    let cid = match read::<Option<Link>>(fields, name)? {
        None => return Ok(None),
        Some(Link::Cid(cid)) => cid,
        Some(Link::Other(other)) => {
            let fault = Cid::from_bytes(other.as_bytes()).err();
            return Err(Reason::Link(name, fault.unwrap_or(CidError::Hash)));
        }
    };
    if cid.codec() == Codec::DagCbor { Ok(Some(cid)) } else { Err(Reason::Link(name, CidError::Codec)) }
}
