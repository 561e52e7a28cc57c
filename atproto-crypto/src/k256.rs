//! Keys of the curve K-256 (secp256k1).

crate::curve::curve_keys!(k256, K256);
