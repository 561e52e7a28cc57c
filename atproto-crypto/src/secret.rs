use crate::{Curve, KeyError, PublicKey, Signature, Signer, digest, k256, p256};
use rand_core::CryptoRng;
use std::convert::Infallible;
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// A secret key of either curve. `Debug` does not show it; its memory is cleared when it is dropped.
#[derive(Debug, Clone)]
pub enum SecretKey {
    /// Of the curve P-256.
    P256(p256::SecretKey),
    /// Of the curve K-256.
    K256(k256::SecretKey),
}

impl SecretKey {
    /// Makes a key from the randomness that `rng` gives.
    pub fn generate(curve: Curve, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        loop {
            let mut secret = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *secret);
            // All but one in 2³² numbers are below the order of the curve.
            if let Ok(key) = Self::from_bytes(curve, &secret) {
                return key;
            }
        }
    }

    /// The key with this secret number, big-endian.
    ///
    /// # Errors
    /// [`KeyError::SecretRange`] for zero and numbers not below the order of the curve.
    pub fn from_bytes(curve: Curve, bytes: &[u8; 32]) -> Result<Self, KeyError> {
        Ok(match curve {
            Curve::P256 => Self::P256(p256::SecretKey::from_bytes(bytes)?),
            Curve::K256 => Self::K256(k256::SecretKey::from_bytes(bytes)?),
        })
    }

    /// The secret number, big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        match self {
            Self::P256(key) => key.to_bytes(),
            Self::K256(key) => key.to_bytes(),
        }
    }

    /// The curve.
    pub const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::K256(_) => Curve::K256,
        }
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::P256(key) => key.public_key().into(),
            Self::K256(key) => key.public_key().into(),
        }
    }

    /// Signs `message`: low-S, and always the same signature (RFC 6979).
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.sign_digest(&digest(message))
    }

    /// Signs a message of which this is the SHA-256 digest.
    pub fn sign_digest(&self, digest: &[u8; 32]) -> Signature {
        match self {
            Self::P256(key) => key.sign_digest(digest),
            Self::K256(key) => key.sign_digest(digest),
        }
    }
}

impl ZeroizeOnDrop for SecretKey {}

/// Compiles for what clears its memory when it is dropped.
pub(crate) const fn clears_itself<T: ZeroizeOnDrop>() {}

const _: () = clears_itself::<p256::SecretKey>();
const _: () = clears_itself::<k256::SecretKey>();

impl Signer for SecretKey {
    type Error = Infallible;

    fn public_key(&self) -> PublicKey {
        self.public_key()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, Infallible> {
        Ok(self.sign_digest(digest))
    }
}
