//! The program that the README begins with.

use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn it_proves_what_it_says() {
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_quickstart")).output().unwrap();
    let took = start.elapsed();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((count("account"), count("proven"), count("refused")), (2, 7, 1), "{text}");
    assert!(text.contains("8 events, 4 commits among them"), "{text}");
    // A build for release takes a tenth of that; other tests run beside this one.
    assert!(took < Duration::from_secs(20), "{took:?}");
}
