use crate::{Curve, PublicKey, SignatureError, digest, k256, p256};
use std::fmt;

/// An ECDSA signature in its compact form: `r` and `s`, 32 bytes each.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub(crate) [u8; Signature::LEN]);

impl Signature {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// Takes 64 bytes as they are; nothing else is checked until the signature is verified.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The low-S form, for signatures that an outside signer made.
    ///
    /// # Errors
    /// [`SignatureError::Range`].
    pub fn to_low_s(&self, curve: Curve) -> Result<Self, SignatureError> {
        match curve {
            Curve::P256 => p256::normalize(&self.0),
            Curve::K256 => k256::normalize(&self.0),
        }
        .map(Self)
    }
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// What can sign: a [`SecretKey`](crate::SecretKey), or a key outside this process, such as in an HSM.
pub trait Signer {
    /// Why signing fails.
    type Error;

    /// The key that verifies what this signs.
    fn public_key(&self) -> PublicKey;

    /// Signs a SHA-256 digest. The signature may be high-S: callers use [`sign`](Signer::sign).
    ///
    /// # Errors
    /// The signer's own.
    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, Self::Error>;

    /// Signs the digest of `message`, low-S. A signer that gives no signature at all, zeros for example, is passed
    /// through as it is, and nobody accepts it.
    ///
    /// # Errors
    /// The signer's own.
    fn sign(&self, message: &[u8]) -> Result<Signature, Self::Error> {
        let signature = self.sign_digest(&digest(message))?;
        Ok(signature.to_low_s(self.public_key().curve()).unwrap_or(signature))
    }
}
