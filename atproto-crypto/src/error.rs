/// Why text or bytes are not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A did:key does not begin with `did:key:`.
    #[error("key does not begin with did:key:")]
    Prefix,
    /// Not multibase base58btc, whose prefix is `z`.
    #[error("key is not multibase base58btc")]
    Multibase,
    /// The key does not begin with the multicodec of a key type, a varint in its shortest form and of at most 9 bytes, with
    /// key bytes after it.
    #[error("key does not begin with a well-formed multicodec")]
    Multicodec,
    /// Well-formed, but of another type than P-256 and K-256, such as Ed25519; the number is its multicodec.
    #[error("key type {multicodec:#x} is not supported")]
    UnsupportedType {
        /// The multicodec of the key type.
        multicodec: u64,
    },
    /// A verification method's `type` is not known.
    #[error("verification method type is not supported")]
    UnsupportedMethod,
    /// The key has the wrong length, or is not compressed where it must be.
    #[error("key has the wrong length")]
    Length,
    /// The point is not on the curve.
    #[error("key is not a point of the curve")]
    Point,
    /// The secret number is zero, or not below the order of the curve.
    #[error("secret key is out of range")]
    SecretRange,
    /// Not hexadecimal.
    #[error("key is not hexadecimal")]
    Hex,
    /// A JWK's `kty` is not `EC`, its `crv` is neither `P-256` nor `secp256k1`, or its `alg` is not that of its `crv`.
    #[error("JWK is not an elliptic-curve key of a supported curve")]
    JwkType,
    /// A coordinate or the secret number of a JWK is not base64url of 32 bytes, or is not there.
    #[error("JWK field is missing or malformed")]
    JwkField,
    /// The secret number of a JWK does not belong to its point.
    #[error("JWK secret and public parts do not belong together")]
    JwkMismatch,
}

/// Why a signature was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not 64 bytes; DER is among what gives this.
    #[error("signature is not 64 bytes")]
    Length,
    /// `r` or `s` is zero, or not below the order of the curve.
    #[error("signature number out of range")]
    Range,
    /// `s` is in the upper half: the signature is right, but has been or could be altered.
    #[error("signature is high-S")]
    HighS,
    /// The signature is not one of this key over this message.
    #[error("signature does not match")]
    Mismatch,
}
