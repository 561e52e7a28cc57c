use std::fmt;

/// The curves that AT Protocol signs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Curve {
    /// NIST P-256, also named secp256r1; in JWTs `ES256`.
    P256,
    /// secp256k1; in JWTs `ES256K`.
    K256,
}

impl Curve {
    /// Both.
    pub const ALL: [Self; 2] = [Self::P256, Self::K256];

    /// The name of the signature algorithm in a JWT.
    pub const fn jwt_algorithm(self) -> &'static str {
        match self {
            Self::P256 => "ES256",
            Self::K256 => "ES256K",
        }
    }

    /// The name in a JWK's `crv`.
    pub const fn jwk_name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::K256 => "secp256k1",
        }
    }

    /// The `type` of verification methods in the legacy form of DID documents.
    pub const fn legacy_method(self) -> &'static str {
        match self {
            Self::P256 => "EcdsaSecp256r1VerificationKey2019",
            Self::K256 => "EcdsaSecp256k1VerificationKey2019",
        }
    }

    /// The multicodec of public keys, as varint.
    pub(crate) const fn public_multicodec(self) -> [u8; 2] {
        match self {
            Self::P256 => [0x80, 0x24],
            Self::K256 => [0xe7, 0x01],
        }
    }

    /// The multicodec of secret keys, as varint.
    pub(crate) const fn secret_multicodec(self) -> [u8; 2] {
        match self {
            Self::P256 => [0x86, 0x26],
            Self::K256 => [0x81, 0x26],
        }
    }
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::P256 => "p256",
            Self::K256 => "k256",
        })
    }
}

/// The keys of one curve, over the RustCrypto crate and the backend named: the two differ in nothing else.
macro_rules! curve_keys {
    ($library:ident, $curve:ident, $backend:ident) => {
        use crate::{Curve, KeyError, Signature, SignatureError};
        use ::$library::ecdsa::signature::hazmat::PrehashSigner as _;
        use ::$library::ecdsa::{Signature as Ecdsa, SigningKey, VerifyingKey};
        use std::fmt;

        /// A public key of this curve.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct PublicKey(VerifyingKey);

        impl PublicKey {
            /// The curve.
            pub const CURVE: Curve = Curve::$curve;

            /// Reads a point in SEC1 form, compressed (33 bytes) or uncompressed (65 bytes).
            ///
            /// # Errors
            /// [`KeyError::Length`], [`KeyError::Point`].
            pub fn from_sec1(bytes: &[u8]) -> Result<Self, KeyError> {
                match bytes {
                    [2 | 3, rest @ ..] if rest.len() == 32 => {}
                    [4, rest @ ..] if rest.len() == 64 => {}
                    _ if matches!(bytes.len(), 33 | 65) => return Err(KeyError::Point),
                    _ => return Err(KeyError::Length),
                }
                VerifyingKey::from_sec1_bytes(bytes).map(Self).map_err(|_| KeyError::Point)
            }

            /// The compressed point.
            pub fn to_compressed(&self) -> [u8; 33] {
                // The length of a compressed point is fixed.
                self.0.to_sec1_point(true).as_bytes().try_into().unwrap_or([0; 33])
            }

            /// The uncompressed point: 4, then both coordinates.
            pub fn to_uncompressed(&self) -> [u8; 65] {
                self.0.to_sec1_point(false).as_bytes().try_into().unwrap_or([0; 65])
            }

            pub(crate) fn verify_digest(
                &self,
                digest: &[u8; 32],
                signature: &[u8],
                allow_high_s: bool,
            ) -> Result<(), SignatureError> {
                self.verify_with($backend::verify, digest, signature, allow_high_s)
            }

            /// All but what `matches` does is the same for every backend.
            pub(crate) fn verify_with(
                &self,
                matches: impl FnOnce(&VerifyingKey, &[u8; 32], &Ecdsa) -> bool,
                digest: &[u8; 32],
                signature: &[u8],
                allow_high_s: bool,
            ) -> Result<(), SignatureError> {
                if signature.len() != Signature::LEN {
                    return Err(SignatureError::Length);
                }
                let signature = Ecdsa::from_slice(signature).map_err(|_| SignatureError::Range)?;
                let normalized = signature.normalize_s();
                if !matches(&self.0, digest, &normalized) {
                    return Err(SignatureError::Mismatch);
                }
                if normalized != signature && !allow_high_s { Err(SignatureError::HighS) } else { Ok(()) }
            }
        }

        impl std::hash::Hash for PublicKey {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.to_compressed().hash(state);
            }
        }

        impl fmt::Debug for PublicKey {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "PublicKey({})", crate::PublicKey::$curve(*self).to_did_key())
            }
        }

        /// A secret key of this curve; its memory is cleared when it is dropped.
        #[derive(Clone)]
        pub struct SecretKey(SigningKey);

        impl SecretKey {
            pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
                SigningKey::from_slice(bytes).map(Self).map_err(|_| KeyError::SecretRange)
            }

            pub(crate) fn to_bytes(&self) -> zeroize::Zeroizing<[u8; 32]> {
                zeroize::Zeroizing::new(self.0.to_bytes().into())
            }

            pub(crate) fn public_key(&self) -> PublicKey {
                PublicKey(*self.0.verifying_key())
            }

            pub(crate) fn sign_digest(&self, digest: &[u8; 32]) -> Signature {
                // The nonce is that of RFC 6979; signing fails for a digest shorter than half a scalar only.
                let signed: Result<Ecdsa, _> = self.0.sign_prehash(digest);
                Signature(signed.map_or([0; 64], |signature| signature.normalize_s().to_bytes().into()))
            }
        }

        // The key within clears itself, which this demands.
        impl zeroize::ZeroizeOnDrop for SecretKey {}

        const _: () = crate::secret::clears_itself::<SigningKey>();

        impl fmt::Debug for SecretKey {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("SecretKey(…)")
            }
        }

        pub(crate) fn normalize(bytes: &[u8; 64]) -> Result<[u8; 64], SignatureError> {
            let signature = Ecdsa::from_slice(bytes).map_err(|_| SignatureError::Range)?;
            Ok(signature.normalize_s().to_bytes().into())
        }
    };
}

pub(crate) use curve_keys;
