//! Keys of the curve P-256.

crate::curve::curve_keys!(p256, P256);
