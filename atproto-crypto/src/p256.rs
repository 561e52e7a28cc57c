//! Keys of the curve P-256.

#[cfg(feature = "aws-lc")]
use crate::backend::aws_lc as backend;
#[cfg(not(feature = "aws-lc"))]
use crate::backend::rust as backend;

crate::curve::curve_keys!(p256, P256, backend);
