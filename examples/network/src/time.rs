//! The time of the system, and its randomness.

use crate::storage::Failed;
use atproto_crypto::rand_core::{Rng as _, UnwrapErr};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::syntax::Datetime;
use getrandom::SysRng;
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub(crate) fn micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// Seconds since 1970.
pub(crate) fn seconds() -> u64 {
    micros().wrapping_div(1_000_000)
}

/// Now.
pub(crate) fn now() -> Result<Datetime, Failed> {
    let now = i64::try_from(micros()).ok().and_then(Datetime::from_unix_micros);
    now.ok_or_else(|| Failed::new("the clock is beyond the year 9999"))
}

/// Fills bytes that nobody can guess.
pub(crate) fn random(bytes: &mut [u8]) {
    UnwrapErr(SysRng).fill_bytes(bytes);
}

/// A new key, on the curve that accounts have theirs on.
pub(crate) fn new_key() -> SecretKey {
    SecretKey::generate(Curve::K256, &mut UnwrapErr(SysRng))
}

/// A text that nobody can guess: 20 bytes in base32.
pub(crate) fn new_token() -> String {
    let mut bytes = [0; 20];
    random(&mut bytes);
    data_encoding::BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()
}
