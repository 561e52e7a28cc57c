//! What is made for tests is what it says.

use atproto_identity::DidDocument;
use atproto_identity::plc::{LogEntry, verify_log};
use atproto_identity::testing::{hostile, plc};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[test]
fn hostile_logs() {
    let (cases, mut names, mut wrong) = (hostile::logs(), BTreeSet::new(), Vec::new());
    for case in &cases {
        assert!(names.insert(&case.name), "{} stands twice", case.name);
        let log: Result<Vec<LogEntry>, _> = serde_json::from_value(case.artefact.log.clone());
        let found = match log {
            Ok(log) => verify_log(&case.artefact.did, &log).map(drop).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if found.is_ok() != case.verdict.is_valid() {
            wrong.push(format!("{}: {found:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases.len() >= 50, "{}", cases.len());
}

#[test]
fn documents_are_read() {
    let cases = hostile::documents();
    for case in &cases {
        let read = DidDocument::from_json(case.document.to_string().as_bytes()).unwrap();
        let key = read.signing_key().map(|key| key.to_did_key());
        let handle = read.handle().map(|handle| handle.to_string());
        assert_eq!(
            (handle, read.pds().map(String::from), key),
            (case.handle.clone(), case.pds.clone(), case.key.clone()),
            "{}",
            case.name
        );
    }
    assert!(cases.len() >= 35, "{}", cases.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn logs_are_valid((did, log) in plc::log(8)) {
        let history = verify_log(&did, &log).unwrap();
        prop_assert_eq!(history.entries().len(), log.len());
    }
}

#[test]
fn some_logs_have_recoveries() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let logs = (0..60).map(|_| plc::log(8).new_tree(&mut runner).unwrap().current().1);
    let recovered = logs.filter(|log| log.iter().any(|entry| entry.nullified)).count();
    assert!(recovered > 5, "{recovered}");
}
