//! Fair timing of two ways to do a thing, and budgets.

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

/// The numbers of records asked for on the command line, or these.
pub(crate) fn sizes(default: &[usize]) -> Vec<usize> {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    if asked.is_empty() { default.to_vec() } else { asked }
}

/// How often a file of this many records is timed.
pub(crate) fn rounds(records: usize) -> usize {
    if records > 500_000 { 7 } else { 21 }
}

/// How long a verification of `k256` takes on the machine that the budgets in time are of, in microseconds.
const BARE: f64 = 66.0;

/// [`report`] of a time in microseconds, as it would be on the machine that its budget is of: what `k256` takes on this one for a
/// verification is measured beside it.
#[allow(dead_code, reason = "most budgets are ratios")]
pub(crate) fn report_micros(what: &str, time: Duration, budget: f64, bare: Duration) {
    let micros = time.as_secs_f64() * 1e6;
    println!("{micros:.2} µs here, where k256 verifies in {:.1} µs:", bare.as_secs_f64() * 1e6);
    let what = format!("{what}, µs where k256 verifies in {BARE} µs");
    report(&what, time.as_secs_f64() / bare.as_secs_f64() * BARE, budget);
}

/// Prints a figure and its budget. With `--check` among the arguments, the process ends with an error where it was exceeded.
pub(crate) fn report(what: &str, figure: f64, budget: f64) {
    let verdict = if figure <= budget { "within" } else { "OVER" };
    println!("{what:<72} {figure:>7.2}   {verdict} {budget:.2}");
    if figure > budget && std::env::args().any(|argument| argument == "--check") {
        std::process::exit(1);
    }
}
