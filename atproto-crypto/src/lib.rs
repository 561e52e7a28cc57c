//! Keys and signatures of AT Protocol (<https://atproto.com/specs/cryptography>): ECDSA with SHA-256 on the curves P-256
//! and K-256, and the texts in which keys travel.
//!
//! Signatures are 64 bytes, `r‖s`, and always low-S. A signature that is not is refused, on both curves, and so is DER;
//! [`PublicKey::verify_malleable`] is for tokens that other systems make. It does no IO, keeps no keys on disk, resolves no
//! identities (`atproto-identity` does), and has no encryption.
//!
//! ```
//! use atproto_crypto::{Curve, PublicKey, SecretKey};
//!
//! let secret = SecretKey::from_hex(Curve::K256, &"17".repeat(32))?;
//! let signature = secret.sign(b"message");
//!
//! let public: PublicKey = secret.public_key().to_did_key().parse()?;
//! public.verify(b"message", signature.as_bytes())?;
//! assert!(public.verify(b"another", signature.as_bytes()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! Without features all is Rust. `libsecp256k1` gives the verification of K-256 to that library, and `aws-lc` that of P-256
//! to AWS-LC; both need a C compiler. They only take less time: types, verdicts and reasons are the same. Signing is Rust
//! always. `testing` makes keys and signatures for property tests and fuzzers, right ones and wrong ones.

mod backend;
mod curve;
mod did_key;
mod error;
mod jwk;
pub mod k256;
pub mod p256;
mod public;
mod secret;
mod signature;
#[cfg(feature = "testing")]
pub mod testing;

pub use curve::Curve;
pub use error::{KeyError, SignatureError};
pub use jwk::Jwk;
pub use public::PublicKey;
pub use rand_core;
pub use secret::SecretKey;
pub use signature::{Signature, Signer};

/// The SHA-256 digest that is signed for `message`.
fn digest(message: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(message).into()
}
