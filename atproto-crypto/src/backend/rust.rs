//! Either curve, by RustCrypto.

use ::p256::ecdsa::signature::hazmat::PrehashVerifier;

/// Whether the signature is one of the key over the digest.
pub(crate) fn verify<S>(key: &impl PrehashVerifier<S>, digest: &[u8; 32], signature: &S) -> bool {
    key.verify_prehash(digest, signature).is_ok()
}
