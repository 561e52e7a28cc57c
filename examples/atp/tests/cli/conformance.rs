//! `atp conformance`: what is counted, and what is said of another implementation.

use crate::{run, run_json};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// What the reference implementation says: passed, failed, skipped; together they are all cases.
const REFERENCE: [(&str, [u64; 3]); 27] = [
    ("dasl", [0, 0, 92]),
    ("did-plc", [0, 0, 15]),
    ("hostile/cbor", [69, 19, 65]),
    ("hostile/did-documents", [21, 17, 0]),
    ("hostile/events", [0, 0, 45]),
    ("hostile/frames", [18, 2, 0]),
    ("hostile/json", [44, 8, 0]),
    ("hostile/keys", [69, 0, 0]),
    ("hostile/lexicons", [75, 13, 0]),
    ("hostile/labels", [0, 0, 17]),
    ("hostile/plc-logs", [0, 0, 53]),
    ("hostile/tokens", [0, 0, 61]),
    ("hostile/proofs", [14, 0, 0]),
    ("hostile/repositories", [79, 35, 0]),
    ("hostile/strings", [144, 10, 0]),
    ("interop/crypto", [12, 0, 0]),
    ("interop/data-model", [23, 0, 0]),
    ("interop/firehose", [0, 0, 6]),
    ("interop/lexicon", [60, 3, 0]),
    ("interop/mst", [165, 0, 0]),
    ("interop/syntax", [519, 17, 0]),
    ("mst-test-suite/cars", [128, 0, 0]),
    ("mst-test-suite/diff", [8192, 0, 0]),
    ("oauth-scopes", [139, 2, 0]),
    ("random/diffs", [1000, 0, 0]),
    ("random/repositories", [1000, 0, 0]),
    ("relay-scenarios", [0, 0, 4]),
];

/// The counts of each suite: passed, failed, skipped.
fn counts(lines: &[Json]) -> BTreeMap<&str, [u64; 3]> {
    let count = |line: &Json| ["passed", "failed", "skipped"].map(|name| line[name].as_u64().unwrap());
    let suites = lines.iter().filter(|line| line.get("passed").is_some());
    suites.map(|line| (line["suite"].as_str().unwrap(), count(line))).collect()
}

#[test]
fn our_own_crates_pass_the_hostile_catalogue() {
    let (lines, status) = run_json(&["conformance", "hostile"], b"");
    assert_eq!(status, 0);
    let counts = counts(&lines);
    assert_eq!(counts.len(), 13);
    for (suite, found) in counts {
        let (_, of_reference) = REFERENCE.iter().find(|(name, _)| *name == suite).unwrap();
        assert_eq!(found, [of_reference.iter().sum(), 0, 0], "{suite}");
    }
}

/// Not fewer cases than there are known to be.
#[test]
fn our_own_crates_pass_the_public_suites() {
    let folder = testdata::root().join("conformance");
    if !folder.exists() && !testdata::is_required() {
        return;
    }
    let known = [
        ("interop/syntax", 536),
        ("interop/crypto", 12),
        ("interop/data-model", 23),
        ("interop/lexicon", 63),
        ("interop/mst", 165),
        ("interop/firehose", 6),
        ("dasl", 92),
        ("mst-test-suite/cars", 128),
        ("mst-test-suite/diff", 8192),
        ("did-plc", 15),
        ("oauth-scopes", 141),
        ("relay-scenarios", 4),
    ];
    let mut arguments = vec!["conformance", "--dir", folder.to_str().unwrap()];
    arguments.extend(known.iter().map(|(name, _)| *name));
    let (lines, status) = run_json(&arguments, b"");
    let counts = counts(&lines);
    for (suite, at_least) in known {
        let [passed, failed, skipped] = counts[suite];
        assert!(passed >= at_least && failed == 0 && skipped == 0, "{suite}: {passed}, {failed}, {skipped}");
    }
    assert_eq!(status, 0);
}

#[test]
fn a_suite_that_is_not_there_is_told() {
    let empty = tempfile::tempdir().unwrap();
    let (lines, status) = run_json(&["conformance", "--dir", empty.path().to_str().unwrap(), "dasl"], b"");
    assert_eq!((status, lines.len(), lines[0]["suite"].as_str()), (4, 1, Some("dasl")));
    assert!(lines[0]["from"].as_str().unwrap().starts_with("https://"), "{}", lines[0]);
    assert_eq!(run(&["conformance", "no-such-suite"], b"").1, 2);
    // What compares two implementations needs another one.
    assert_eq!(run(&["conformance", "random"], b"").1, 2);
}

/// Our crates in a process of their own say the same.
#[test]
fn another_implementation_is_asked_over_the_protocol() {
    let atp_path = env!("CARGO_BIN_EXE_atp");
    let (lines, status) = run_json(&["conformance", "hostile", "--", atp_path, "conformance", "answer"], b"");
    assert_eq!(status, 0);
    assert!(counts(&lines).values().all(|[passed, failed, skipped]| *passed > 0 && failed + skipped == 0));
}

/// One that ends at each request, one that says nothing of use, and one that knows nothing.
#[test]
#[cfg(unix)]
fn another_implementation_may_fail() {
    let failing = |program: &str| {
        let (lines, status) = run_json(&["conformance", "hostile/frames", "--", "sh", "-c", program], b"");
        let counts = counts(&lines)["hostile/frames"];
        (status, counts, lines.get(1).map(|line| line["answer"]["verdict"].clone()))
    };
    assert_eq!(failing("exit"), (1, [0, 20, 0], Some("crashed".into())));
    assert_eq!(
        failing("while read line; do echo '{\"id\":0}'; done"),
        (1, [0, 20, 0], Some("crashed".into()))
    );
    let unsupported = "n=0; while read line; do n=$((n+1)); echo \"{\\\"id\\\":$n,\\\"verdict\\\":\\\"unsupported\\\"}\"; done";
    assert_eq!(failing(unsupported), (0, [0, 0, 20], None));
    let valid = unsupported.replace("unsupported", "valid");
    let (status, [passed, failed, _], _) = failing(&valid);
    assert_eq!((status, passed + failed), (1, 20));
    assert!(passed > 0 && failed > passed);
}

#[test]
fn the_catalogue_is_written_as_files() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("catalogue");
    let (told, status) = run_json(&["conformance", "generate", place.to_str().unwrap()], b"");
    assert_eq!((told.len(), status), (13, 0));
    for suite in told {
        let folder = place.join(suite["suite"].as_str().unwrap());
        let text = std::fs::read(folder.join("cases.json")).unwrap();
        let cases: Vec<Json> = serde_json::from_slice(&text).unwrap();
        assert_eq!(json!(cases.len()), suite["cases"]);
        for case in &cases {
            assert!(
                case["name"].is_string() && case["request"]["op"].is_string() && case["expected"].is_object()
            );
            for (name, value) in case["request"].as_object().unwrap() {
                assert!(value.get("$bytes").is_none(), "{name}");
                if let Some(file) = value["$file"].as_str() {
                    assert!(folder.join(file).exists(), "{file}");
                }
            }
        }
    }
    let file = place.join("repositories/000-car.car");
    assert_eq!(run(&["repo", "verify", "--no-signature", file.to_str().unwrap()], b"").1, 0);
    // What is there is not written over.
    assert_eq!(run(&["conformance", "generate", place.to_str().unwrap()], b"").1, 3);
}

/// What `CONFORMANCE.md` says of the reference implementation: passed, failed, skipped.
#[test]
#[ignore = "it needs packages of npm, in the folder that ATPROTO_CONFORMANCE names"]
fn the_reference_implementation_is_as_it_is_said() {
    let driver = std::path::Path::new(&std::env::var_os("ATPROTO_CONFORMANCE").unwrap()).join("driver.mjs");
    let folder = testdata::root().join("conformance");
    let arguments =
        ["conformance", "--dir", folder.to_str().unwrap(), "--", "node", driver.to_str().unwrap()];
    let (lines, status) = run_json(&arguments, b"");
    assert_eq!(status, 1);
    assert!(lines.iter().all(|line| line["answer"]["verdict"] != "crashed"));
    let counts = counts(&lines);
    assert_eq!(counts.len(), REFERENCE.len());
    for (suite, [passed, failed, skipped]) in REFERENCE {
        let found = counts[suite];
        if suite.starts_with("hostile") || suite.starts_with("random") {
            assert_eq!(found, [passed, failed, skipped], "{suite}");
        } else {
            // There may be more of them than are known here.
            assert!(found[0] >= passed && found[1] >= failed && found[2] >= skipped, "{suite}: {found:?}");
        }
    }
}

#[test]
#[cfg(unix)]
fn of_a_catalogue_that_is_not_finished_nothing_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("catalogue");
    // No file may be longer than a kibibyte.
    let script = r#"trap '' XFSZ; ulimit -f 1; exec "$0" conformance generate "$1""#;
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_atp"), place.to_str().unwrap()]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(!place.exists());
}
