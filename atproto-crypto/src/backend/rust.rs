//! Either curve, by RustCrypto.

use ::p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};

/// Whether the signature is one of the key over the digest.
pub(crate) fn verify<S>(key: &impl PrehashVerifier<S>, digest: &[u8; 32], signature: &S) -> bool {
    key.verify_prehash(digest, signature).is_ok()
}

/// Signs the digest; `None` does not happen for a digest of this length.
pub(crate) fn sign<S>(key: &impl PrehashSigner<S>, digest: &[u8; 32]) -> Option<S> {
    key.sign_prehash(digest).ok()
}
