//! What is decided here, and found in texts, is what the reference implementation decides and finds:
//!
//! ```text
//! npm ci --prefix atproto-xrpc/tests/node
//! ATPROTO_PEER=atproto-xrpc/tests/node cargo test -p atproto-xrpc --test it -- --ignored peer
//! ```

mod cases;
mod moderation;
mod rich_text;

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The answers of the reference implementation, in the order of the questions.
fn ask(name: &str, questions: &[Json]) -> Vec<Json> {
    let folder = std::env::var_os("ATPROTO_PEER").expect("ATPROTO_PEER names the folder with answer.mjs");
    // Seen from the workspace, in which a test of one package is not run.
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let script = workspace.join(PathBuf::from(folder)).join("answer.mjs");
    let input = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
    std::fs::write(&input, lines).unwrap();
    let mut node = Command::new("node");
    node.arg(script).stdin(std::fs::File::open(&input).unwrap()).stderr(Stdio::inherit());
    let output = node.output().expect("node is there");
    assert!(output.status.success(), "{}", output.status);
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Json> = answers.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    std::fs::remove_file(input).unwrap();
    answers
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.roll(times) == 0
    }
}
