//! Keys of the curve K-256 (secp256k1).

#[cfg(feature = "libsecp256k1")]
use crate::backend::libsecp256k1 as backend;
#[cfg(not(feature = "libsecp256k1"))]
use crate::backend::rust as backend;

crate::curve::curve_keys!(k256, K256, backend);
