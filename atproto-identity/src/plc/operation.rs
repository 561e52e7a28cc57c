//! Operations: what they say, how they are written, hashed and signed.

use super::data::{Data, DataFault, Endpoint};
use super::text;
use atproto_crypto::{PublicKey, Signature, SignatureError, Signer};
use atproto_lexicon::data::{Cid, cbor, sha256};
use atproto_lexicon::syntax::Did;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An operation before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnsignedOperation {
    /// `plc_operation`: sets all of a DID's state.
    Update {
        /// The state.
        data: Data,
        /// The operation before it; `None` in a genesis.
        prev: Option<Cid>,
    },
    /// `create`: a genesis of the oldest form. Logs begin with it; the directory takes no new one.
    Create(LegacyCreate),
    /// `plc_tombstone`: ends a DID.
    Tombstone {
        /// The operation before it.
        prev: Cid,
    },
}

/// A genesis of the oldest form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyCreate {
    /// The key that signs commits, as did:key. It is a rotation key, too, the second one.
    pub signing_key: String,
    /// The first rotation key, as did:key.
    pub recovery_key: String,
    /// The handle, without `at://`.
    pub handle: String,
    /// The URL of the PDS.
    pub service: String,
}

/// An operation with its signature, which is not verified yet: see [`verify_log`](super::verify_log).
///
/// As JSON, and as DAG-CBOR when it is hashed, it has the fields of its `type` and no others. `serde` reads and writes both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// What is signed.
    pub unsigned: UnsignedOperation,
    /// The signature in base64url without padding, as it was read.
    pub sig: String,
}

/// Why an operation is not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError<E> {
    /// The directory would refuse the state.
    #[error(transparent)]
    Data(DataFault),
    /// More than [`Operation::MAX_NEW_LEN`] bytes.
    #[error("operation of {0} bytes, more than {max}", max = Operation::MAX_NEW_LEN)]
    TooLarge(usize),
    /// A genesis must be signed by one of its own rotation keys, and the signer is none of them.
    #[error("the signer is not a rotation key of the genesis")]
    NotARotationKey,
    /// The signature is not one of this operation by that key.
    #[error("signature: {0}")]
    Signature(SignatureError),
    /// The signer failed.
    #[error("signer: {0}")]
    Signer(E),
}

impl UnsignedOperation {
    /// The operation before it; `None` in a genesis.
    pub fn prev(&self) -> Option<&Cid> {
        match self {
            Self::Update { prev, .. } => prev.as_ref(),
            Self::Create(_) => None,
            Self::Tombstone { prev } => Some(prev),
        }
    }

    /// The state that it sets, a legacy one in today's form; `None` in a tombstone.
    pub fn data(&self) -> Option<Cow<'_, Data>> {
        match self {
            Self::Update { data, .. } => Some(Cow::Borrowed(data)),
            Self::Create(create) => Some(Cow::Owned(create.to_data())),
            Self::Tombstone { .. } => None,
        }
    }

    /// The DAG-CBOR that is signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self, None)
    }

    /// Signs with a key of this process, or with one that a [`Signer`] reaches.
    ///
    /// Whether the key has authority over the operation before is for the log to say:
    /// [`History::check`](super::History::check).
    ///
    /// # Errors
    /// [`SignError`]; nothing has been signed where the operation is at fault.
    pub fn sign<S: Signer>(self, signer: &S) -> Result<Operation, SignError<S::Error>> {
        self.check_new(&signer.public_key())?;
        let signature = signer.sign(&self.to_bytes()).map_err(SignError::Signer)?;
        self.attach(&signature, &signer.public_key())
    }

    /// Attaches a signature of [`to_bytes`](Self::to_bytes) that was made elsewhere by `key`; a high-S one is turned into its
    /// low-S form.
    ///
    /// # Errors
    /// As of [`sign`](Self::sign).
    pub fn with_signature(
        self,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<Operation, SignError<std::convert::Infallible>> {
        self.check_new(key)?;
        self.attach(signature, key)
    }

    fn check_new<E>(&self, key: &PublicKey) -> Result<(), SignError<E>> {
        match self {
            Self::Create(create) => check_state(&create.to_data(), true, key)?,
            Self::Tombstone { .. } => {}
            Self::Update { data, prev } => check_state(data, prev.is_none(), key)?,
        }
        // The signature has one length.
        let len = encode(self, Some(&"A".repeat(86))).len();
        if len > Operation::MAX_NEW_LEN { Err(SignError::TooLarge(len)) } else { Ok(()) }
    }

    fn attach<E>(self, signature: &Signature, key: &PublicKey) -> Result<Operation, SignError<E>> {
        let signature = signature.to_low_s(key.curve()).map_err(SignError::Signature)?;
        key.verify(&self.to_bytes(), signature.as_bytes()).map_err(SignError::Signature)?;
        Ok(Operation { unsigned: self, sig: data_encoding::BASE64URL_NOPAD.encode(signature.as_bytes()) })
    }
}

/// Checks the state that a new operation sets, and that a genesis is signed by one of its own keys.
fn check_state<E>(data: &Data, is_genesis: bool, key: &PublicKey) -> Result<(), SignError<E>> {
    data.check().map_err(SignError::Data)?;
    if is_genesis && !data.rotation_keys.contains(&key.to_did_key()) {
        return Err(SignError::NotARotationKey);
    }
    Ok(())
}

impl LegacyCreate {
    fn to_data(&self) -> Data {
        let bare = |text: &str| {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            format!("at://{}", rest.unwrap_or(text))
        };
        let alias = if self.handle.starts_with("at://") { self.handle.clone() } else { bare(&self.handle) };
        let is_url = ["https://", "http://"].iter().any(|scheme| self.service.starts_with(scheme));
        let endpoint = if is_url { self.service.clone() } else { format!("https://{}", self.service) };
        let kind = "AtprotoPersonalDataServer".to_owned();
        Data {
            rotation_keys: vec![self.recovery_key.clone(), self.signing_key.clone()],
            verification_methods: BTreeMap::from([("atproto".to_owned(), self.signing_key.clone())]),
            also_known_as: vec![alias],
            services: BTreeMap::from([("atproto_pds".to_owned(), Endpoint { kind, endpoint })]),
        }
    }
}

impl Operation {
    /// The greatest length of a new operation as DAG-CBOR, in bytes.
    pub const MAX_NEW_LEN: usize = 4000;
    /// The greatest length of an operation in a log as DAG-CBOR, in bytes.
    pub const MAX_LEN: usize = 7500;

    /// Its DAG-CBOR, signature included: what its CID and a DID are the hash of.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&self.unsigned, Some(&self.sig))
    }

    /// Its CID.
    pub fn cid(&self) -> Cid {
        Cid::of_dag_cbor(&self.to_bytes())
    }

    /// The DID that it is the genesis of; `None` where it has an operation before it.
    pub fn did(&self) -> Option<Did> {
        self.unsigned.prev().is_none().then(|| did_of(&sha256(&self.to_bytes())))?
    }

    /// The 64 bytes of its signature.
    ///
    /// # Errors
    /// [`SignatureError::Length`] where it is not base64url of 64 bytes without padding, spare bits or white space.
    pub fn signature(&self) -> Result<Signature, SignatureError> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(self.sig.as_bytes()).ok();
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(SignatureError::Length)?;
        Ok(Signature::from_bytes(bytes))
    }

    /// Verifies the signature by one key.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        key.verify(&self.unsigned.to_bytes(), self.signature()?.as_bytes())
    }
}

/// The DID of a genesis whose DAG-CBOR has this hash.
pub(super) fn did_of(hash: &[u8; 32]) -> Option<Did> {
    let mut text = data_encoding::BASE32_NOPAD.encode(hash);
    text.make_ascii_lowercase();
    format!("did:plc:{}", text.get(..24)?).parse().ok()
}

fn encode(unsigned: &UnsignedOperation, sig: Option<&str>) -> Vec<u8> {
    // Texts, lists and maps with names of text: there is nothing that has no DAG-CBOR.
    cbor::to_vec(&Fields::of(unsigned, sig)).unwrap_or_default()
}

/// The fields of all types of operations. `prev` is null in a genesis, not absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_keys: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_methods: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    also_known_as: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    services: Option<&'a BTreeMap<String, Endpoint>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    prev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sig: Option<&'a str>,
}

impl<'a> Fields<'a> {
    fn of(unsigned: &'a UnsignedOperation, sig: Option<&'a str>) -> Self {
        let empty = Self {
            r#type: "plc_tombstone",
            rotation_keys: None,
            verification_methods: None,
            also_known_as: None,
            services: None,
            signing_key: None,
            recovery_key: None,
            handle: None,
            service: None,
            prev: unsigned.prev().map(ToString::to_string),
            sig,
        };
        match unsigned {
            UnsignedOperation::Tombstone { .. } => empty,
            UnsignedOperation::Update { data, .. } => Self {
                r#type: "plc_operation",
                rotation_keys: Some(&data.rotation_keys),
                verification_methods: Some(&data.verification_methods),
                also_known_as: Some(&data.also_known_as),
                services: Some(&data.services),
                ..empty
            },
            UnsignedOperation::Create(create) => Self {
                r#type: "create",
                signing_key: Some(&create.signing_key),
                recovery_key: Some(&create.recovery_key),
                handle: Some(&create.handle),
                service: Some(&create.service),
                ..empty
            },
        }
    }
}

/// The same when it is read: each type has its own fields, and `prev` must be there, null or not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadFields {
    r#type: String,
    #[serde(default, deserialize_with = "text::some")]
    rotation_keys: Option<Vec<String>>,
    #[serde(default, deserialize_with = "text::some_map")]
    verification_methods: Option<BTreeMap<String, String>>,
    #[serde(default, deserialize_with = "text::some")]
    also_known_as: Option<Vec<String>>,
    #[serde(default, deserialize_with = "text::some_map")]
    services: Option<BTreeMap<String, Endpoint>>,
    #[serde(default, deserialize_with = "text::some")]
    signing_key: Option<String>,
    #[serde(default, deserialize_with = "text::some")]
    recovery_key: Option<String>,
    #[serde(default, deserialize_with = "text::some")]
    handle: Option<String>,
    #[serde(default, deserialize_with = "text::some")]
    service: Option<String>,
    #[serde(default, deserialize_with = "text::present")]
    prev: Option<Option<String>>,
    #[serde(default, deserialize_with = "text::some")]
    sig: Option<String>,
}

impl ReadFields {
    fn into_unsigned(self) -> Result<UnsignedOperation, String> {
        let prev = self.prev.ok_or("an operation without prev")?;
        let prev =
            prev.map(|text| text.parse::<Cid>().map_err(|error| format!("prev: {error}"))).transpose()?;
        let update = (self.rotation_keys, self.verification_methods, self.also_known_as, self.services);
        let create = (self.signing_key, self.recovery_key, self.handle, self.service);
        match (self.r#type.as_str(), update, create, prev) {
            (
                "plc_operation",
                (Some(rotation_keys), Some(verification_methods), Some(also_known_as), Some(services)),
                (None, None, None, None),
                prev,
            ) => {
                let data = Data { rotation_keys, verification_methods, also_known_as, services };
                Ok(UnsignedOperation::Update { data, prev })
            }
            (
                "create",
                (None, None, None, None),
                (Some(signing_key), Some(recovery_key), Some(handle), Some(service)),
                None,
            ) => Ok(UnsignedOperation::Create(LegacyCreate { signing_key, recovery_key, handle, service })),
            ("plc_tombstone", (None, None, None, None), (None, None, None, None), Some(prev)) => {
                Ok(UnsignedOperation::Tombstone { prev })
            }
            (kind @ ("plc_operation" | "create" | "plc_tombstone"), ..) => {
                Err(format!("a field of {kind} is missing, or one is there that it does not have"))
            }
            (other, ..) => Err(format!("operation of the unknown type {other:?}")),
        }
    }
}

impl Serialize for UnsignedOperation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields::of(self, None).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UnsignedOperation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = ReadFields::deserialize(deserializer)?;
        if fields.sig.is_some() {
            return Err(serde::de::Error::custom("the operation is signed already"));
        }
        fields.into_unsigned().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields::of(&self.unsigned, Some(&self.sig)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = ReadFields::deserialize(deserializer)?;
        let sig = fields.sig.take().ok_or_else(|| serde::de::Error::missing_field("sig"))?;
        let unsigned = fields.into_unsigned().map_err(serde::de::Error::custom)?;
        Ok(Self { unsigned, sig })
    }
}
