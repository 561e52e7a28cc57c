//! What does the group operations when ECDSA signatures are verified. Length, range and high-S are judged before, in
//! `curve`, so that the verdict does not depend on what stands here: each `verify` gets a low-S signature whose numbers are
//! in range.

#[cfg(feature = "aws-lc")]
pub(crate) mod aws_lc;
#[cfg(feature = "libsecp256k1")]
pub(crate) mod libsecp256k1;
#[cfg_attr(
    all(feature = "aws-lc", feature = "libsecp256k1"),
    allow(dead_code, reason = "the unit tests hold the others to it")
)]
pub(crate) mod rust;
#[cfg(test)]
mod tests;
