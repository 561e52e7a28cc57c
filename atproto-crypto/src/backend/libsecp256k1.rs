//! K-256, by libsecp256k1. Signing stays with RustCrypto: theirs takes longer, since its wrapper blinds anew after each
//! signature, and copies the secret to where it is not cleared.

use ::k256::ecdsa::{Signature, VerifyingKey};
use secp256k1::{Message, PublicKey, ecdsa};

/// Whether the signature is one of the key over the digest.
pub(crate) fn verify(key: &VerifyingKey, digest: &[u8; 32], signature: &Signature) -> bool {
    // Reading an uncompressed point takes no square root, so that it costs little beside verification.
    let key = PublicKey::from_slice(key.to_sec1_point(false).as_bytes());
    let signature = ecdsa::Signature::from_compact(&signature.to_bytes());
    match (key, signature) {
        (Ok(key), Ok(signature)) => ecdsa::verify(&signature, Message::from_digest(*digest), &key).is_ok(),
        _ => false,
    }
}
