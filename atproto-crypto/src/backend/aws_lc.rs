//! P-256, by AWS-LC. Its signatures are randomised, so that signing stays with RustCrypto.

use ::p256::ecdsa::{Signature, VerifyingKey};
use aws_lc_rs::digest::{Digest, SHA256};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, VerificationAlgorithm as _};

/// Whether the signature is one of the key over the digest.
pub(crate) fn verify(key: &VerifyingKey, digest: &[u8; 32], signature: &Signature) -> bool {
    let Ok(digest) = Digest::import_less_safe(digest, &SHA256) else { return false };
    // Reading an uncompressed point takes no square root, so that it costs little beside verification.
    let key = key.to_sec1_point(false);
    ECDSA_P256_SHA256_FIXED.verify_digest_sig(key.as_bytes(), &digest, &signature.to_bytes()).is_ok()
}
