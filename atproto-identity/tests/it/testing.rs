//! What is made for tests is what it says.

use atproto_identity::DidDocument;
use atproto_identity::plc::{Data, LogEntry, Operation, verify_log};
use atproto_identity::testing::plc::Log;
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
    fn logs_are_valid(Log { did, entries: log } in plc::log(8)) {
        let history = verify_log(&did, &log).unwrap();
        prop_assert_eq!(history.entries().len(), log.len());
    }
}

#[test]
fn some_logs_have_recoveries() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let logs = (0..60).map(|_| plc::log(8).new_tree(&mut runner).unwrap().current().entries);
    let recovered = logs.filter(|log| log.iter().any(|entry| entry.nullified)).count();
    assert!(recovered > 5, "{recovered}");
}

proptest! {
    #[test]
    fn states_are_those_that_the_directory_takes(data: Data) {
        prop_assert_eq!(data.check(), Ok(()));
    }

    #[test]
    fn operations_and_documents_are_read(operation: Operation, document: DidDocument) {
        let text = serde_json::to_string(&operation).unwrap();
        prop_assert_eq!(serde_json::from_str::<Operation>(&text).unwrap(), operation);
        prop_assert_eq!(document.handle().is_some(), !document.also_known_as.is_empty());
        prop_assert_eq!(document.signing_key().is_some(), !document.verification_method.is_empty());
        prop_assert_eq!(document.pds().is_some(), !document.service.is_empty());
    }
}

#[test]
fn a_fuzzer_has_every_type() {
    let bytes: Vec<u8> = (0..=255).collect();
    let mut bytes = arbitrary::Unstructured::new(&bytes);
    let log: Log = bytes.arbitrary().unwrap();
    assert!(verify_log(&log.did, &log.entries).is_ok());
    let _: (Data, DidDocument, Operation) = bytes.arbitrary().unwrap();
}
