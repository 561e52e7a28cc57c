//! K-256, by libsecp256k1.

use ::k256::ecdsa::{Signature, SigningKey, VerifyingKey};
use secp256k1::{Message, PublicKey, SecretKey, ecdsa};
use zeroize::Zeroizing;

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

/// Signs the digest; `None` does not happen for a key in range.
pub(crate) fn sign(key: &SigningKey, digest: &[u8; 32]) -> Option<Signature> {
    let secret: Zeroizing<[u8; 32]> = Zeroizing::new(key.to_bytes().into());
    let mut key = SecretKey::from_secret_bytes(*secret).ok()?;
    let signed = ecdsa::sign(Message::from_digest(*digest), &key);
    // Their type is `Copy` and does not clear itself.
    key.non_secure_erase();
    Signature::from_slice(&signed.serialize_compact()).ok()
}
