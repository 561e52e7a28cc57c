use crate::{Curve, KeyError, SignatureError, digest, k256, p256};

/// A public key of either curve. Its text is a did:key; [`PublicKey::to_multikey`] is the form in DID documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// Of the curve P-256.
    P256(p256::PublicKey),
    /// Of the curve K-256.
    K256(k256::PublicKey),
}

impl PublicKey {
    /// The curve.
    pub const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::K256(_) => Curve::K256,
        }
    }

    /// Checks a signature over `message`: 64 bytes, low-S.
    ///
    /// # Errors
    /// [`SignatureError`]; where it is [`SignatureError::HighS`], the signature would match otherwise.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.verify_digest(&digest(message), signature)
    }

    /// [`verify`](Self::verify) over a message of which this is the SHA-256 digest.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_digest(&self, digest: &[u8; 32], signature: &[u8]) -> Result<(), SignatureError> {
        self.check(digest, signature, false)
    }

    /// Checks a signature over `message` and takes a high-S one too, so that anybody can make a second signature from one.
    ///
    /// For JWTs and DPoP proofs only, which WebCrypto makes high-S half of the time; never for commits, PLC operations or
    /// labels.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_malleable(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        self.check(&digest(message), signature, true)
    }

    fn check(&self, digest: &[u8; 32], signature: &[u8], allow_high_s: bool) -> Result<(), SignatureError> {
        match self {
            Self::P256(key) => key.verify_digest(digest, signature, allow_high_s),
            Self::K256(key) => key.verify_digest(digest, signature, allow_high_s),
        }
    }

    /// Reads a point in SEC1 form, compressed (33 bytes) or uncompressed (65 bytes).
    ///
    /// # Errors
    /// [`KeyError::Length`], [`KeyError::Point`].
    pub fn from_sec1(curve: Curve, bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(match curve {
            Curve::P256 => Self::P256(p256::PublicKey::from_sec1(bytes)?),
            Curve::K256 => Self::K256(k256::PublicKey::from_sec1(bytes)?),
        })
    }

    /// The compressed point.
    pub fn to_compressed(&self) -> [u8; 33] {
        match self {
            Self::P256(key) => key.to_compressed(),
            Self::K256(key) => key.to_compressed(),
        }
    }

    /// The uncompressed point: 4, then both coordinates.
    pub fn to_uncompressed(&self) -> [u8; 65] {
        match self {
            Self::P256(key) => key.to_uncompressed(),
            Self::K256(key) => key.to_uncompressed(),
        }
    }
}

impl From<p256::PublicKey> for PublicKey {
    fn from(key: p256::PublicKey) -> Self {
        Self::P256(key)
    }
}

impl From<k256::PublicKey> for PublicKey {
    fn from(key: k256::PublicKey) -> Self {
        Self::K256(key)
    }
}
