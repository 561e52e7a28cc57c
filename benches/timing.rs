//! Fair timing of two ways to do a thing.

use std::time::{Duration, Instant};

/// Times two ways in turn, in the same process, and gives the median of each and of the ratio of each pair.
pub(crate) fn paired(
    rounds: usize,
    mut base: impl FnMut(),
    mut ours: impl FnMut(),
) -> (Duration, Duration, f64) {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let (mut bases, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        // Which is first changes, so that neither always finds the caches warm.
        let (a, b) = if round % 2 == 0 {
            let a = time(&mut base);
            (a, time(&mut ours))
        } else {
            let b = time(&mut ours);
            (time(&mut base), b)
        };
        ratios.push(b.as_secs_f64() / a.as_secs_f64());
        bases.push(a);
        own.push(b);
    }
    bases.sort();
    own.sort();
    ratios.sort_by(f64::total_cmp);
    (bases[rounds / 2], own[rounds / 2], ratios[rounds / 2])
}

/// Puts items into an order that is always the same and has no sense.
pub(crate) fn shuffle<T>(items: &mut [T]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..items.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        items.swap(at, (state % (at as u64 + 1)) as usize);
    }
}
