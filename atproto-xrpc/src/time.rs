use atproto_lexicon::typed::Datetime;
use std::cmp::Ordering;

/// Where an instant lies, seen from one in microseconds since 1970.
pub(crate) fn order(instant: &Datetime, micros: u64) -> Ordering {
    // Years have four digits: neither side comes near the limits of the type.
    let nanos = i128::from(instant.unix_seconds())
        .saturating_mul(1_000_000_000)
        .saturating_add(i128::from(instant.subsec_nanos()));
    nanos.cmp(&i128::from(micros).saturating_mul(1000))
}
