use super::{at, data, key, update};
use crate::net::{Net, Says, ok, redirect, status};
use atproto_identity::plc::{ClientError, Cursor, ExportEntry, Fault, LogEntry, Operation, Replay};
use atproto_identity::{Directory, ResolveError};
use atproto_lexicon::syntax::Did;
use futures_executor::block_on;

const PLC: &str = "https://plc.directory";

/// A recovered DID with its log: a genesis, what was undone, and the recovery.
fn log() -> (Did, Vec<LogEntry>) {
    let genesis = update(&[0, 1], None, 1);
    let did = genesis.did().unwrap();
    let operations = [
        (genesis.clone(), false),
        (update(&[1], Some(genesis.cid()), 1), true),
        (update(&[0], Some(genesis.cid()), 0), false),
    ];
    let entries = operations.into_iter().zip(0..).map(|((operation, nullified), seconds)| LogEntry {
        did: did.clone(),
        cid: operation.cid(),
        operation,
        nullified,
        created_at: at(seconds),
    });
    let entries = entries.collect();
    (did, entries)
}

fn json(value: &impl serde::Serialize) -> Says {
    ok(serde_json::to_vec(value).unwrap())
}

fn net(did: &Did, path: &str, says: Says) -> Directory<Net, Net, Net> {
    let net = Net::default();
    net.url(&format!("{PLC}/{did}{path}"), says);
    net.directory()
}

#[test]
fn what_the_directory_keeps_is_read() {
    let (did, log) = log();
    let history = block_on(net(&did, "/log/audit", json(&log)).plc().history(&did)).unwrap();
    assert_eq!(history.data(), Some(&data(&[0])));
    let operations: Vec<&Operation> = [&log[0].operation, &log[2].operation].into();
    assert_eq!(block_on(net(&did, "/log", json(&operations)).plc().log(&did)).unwrap().len(), 2);
    let last = block_on(net(&did, "/log/last", json(&log[2].operation)).plc().last(&did)).unwrap();
    assert_eq!(last, log[2].operation);
    let mut state = serde_json::to_value(data(&[0])).unwrap();
    state["did"] = did.as_str().into();
    assert_eq!(block_on(net(&did, "/data", json(&state)).plc().data(&did)).unwrap(), data(&[0]));
}

#[test]
fn a_log_that_lies_is_no_history() {
    let (did, mut log) = log();
    log[1].nullified = false;
    let error = block_on(net(&did, "/log/audit", json(&log)).plc().history(&did)).unwrap_err();
    assert!(matches!(&error, ClientError::Log(error) if error.index == 1), "{error}");
    let found = |says: Says| block_on(net(&did, "/log/audit", says).plc().history(&did)).unwrap_err();
    assert!(matches!(found(ok("[]")), ClientError::Log(error) if error.fault == Fault::Empty));
    assert!(matches!(found(ok("{}")), ClientError::Malformed(_)));
    assert!(matches!(found(status(404)), ClientError::Fetch(ResolveError::NotFound)));
    assert!(matches!(found(status(410)), ClientError::Fetch(ResolveError::Tombstoned)));
    let busy = Says::Is(429, Some(("retry-after", "7".to_owned())), Vec::new());
    let asked_for = std::time::Duration::from_secs(7);
    assert!(matches!(found(busy), ClientError::Fetch(error) if error.retry_after() == Some(asked_for)));
    assert!(matches!(found(status(502)), ClientError::Fetch(error) if error.retry_after().is_some()));
    assert!(matches!(found(Says::Endless), ClientError::Fetch(ResolveError::TooLarge { .. })));
    assert!(matches!(found(redirect("https://b.example.com")), ClientError::Rejected { status: 302, .. }));
    let web = "did:web:example.com".parse().unwrap();
    let error = block_on(net(&did, "", ok("")).plc().log(&web)).unwrap_err();
    assert!(matches!(error, ClientError::Fetch(ResolveError::InvalidDid)));
}

#[test]
fn an_operation_is_taken_or_refused() {
    let (did, log) = log();
    let submit = |says: Says| block_on(net(&did, "", says).plc().submit(&did, &log[0].operation));
    submit(ok("OK")).unwrap();
    let refused = submit(Says::Is(400, None, br#"{"message":"Invalid signature"}"#.to_vec())).unwrap_err();
    assert_eq!(refused.to_string(), "refused with status 400: Invalid signature");
    let refused = submit(Says::Is(409, None, vec![b'x'; 10_000])).unwrap_err();
    assert!(matches!(refused, ClientError::Rejected { status: 409, message } if message.len() == 500));
    assert!(matches!(submit(status(503)), Err(ClientError::Fetch(error)) if error.retry_after().is_some()));
}

fn lines(entries: &[ExportEntry]) -> Vec<u8> {
    entries.iter().flat_map(|entry| [serde_json::to_vec(entry).unwrap(), b"\n".to_vec()].concat()).collect()
}

fn exported(log: &[LogEntry], is_newer: bool) -> Vec<ExportEntry> {
    let entries = log.iter().zip(1..);
    let entries = entries.map(|(entry, seq)| ExportEntry {
        did: entry.did.clone(),
        operation: entry.operation.clone(),
        cid: entry.cid,
        created_at: entry.created_at.clone(),
        nullified: (!is_newer).then_some(entry.nullified),
        seq: is_newer.then_some(seq),
    });
    entries.collect()
}

#[test]
fn an_export_is_replayed() {
    let (did, log) = log();
    for is_newer in [false, true] {
        let entries = exported(&log, is_newer);
        let net = Net::default();
        let mut page = lines(&entries);
        page.extend_from_slice(b"\n{\"type\":\"to_come\",\"x\":1}\n");
        net.url(&format!("{PLC}/export?count=1000&after=0"), ok(page));
        let read = block_on(net.directory().plc().export(&Cursor::Seq(0), 5000)).unwrap();
        assert_eq!(read, entries);

        let mut replay = Replay::new();
        for (index, entry) in read.iter().enumerate() {
            assert!(replay.unexplained().count() == usize::from(!is_newer && index == 2));
            replay.apply(entry).unwrap();
        }
        assert_eq!((replay.len(), replay.unexplained().count()), (1, 0));
        assert_eq!(replay.get(&did).unwrap().data(), Some(&data(&[0])));
        let end = if is_newer { "3".to_owned() } else { at(2).to_string() };
        assert_eq!(replay.cursor().unwrap().to_string(), end);
        // The last ones again, as after a reconnection.
        let before = format!("{:?}", replay.get(&did));
        assert_eq!(replay.apply(&read[1]).unwrap().nullified, []);
        assert_eq!(format!("{:?}", replay.get(&did)), before);
    }
}

#[test]
fn what_is_at_fault_in_an_export_changes_nothing() {
    let (did, log) = log();
    let entries = exported(&log, false);
    let mut replay = Replay::new();
    // Of a DID whose genesis is missing, nothing is known.
    assert_eq!(replay.apply(&entries[1]).unwrap_err(), Fault::NotGenesis);
    assert!(replay.is_empty() && replay.get(&did).is_none());
    replay.apply(&entries[0]).unwrap();
    let mut forged = entries[2].clone();
    forged.operation.sig = entries[0].operation.sig.clone();
    assert_eq!(replay.apply(&forged).unwrap_err(), Fault::Cid { actual: forged.operation.cid() });
    forged.cid = forged.operation.cid();
    assert!(matches!(replay.apply(&forged).unwrap_err(), Fault::Signature(_)));
    // The directory says that it is undone, and shows nothing that did it.
    replay.apply(&entries[1]).unwrap();
    assert_eq!(replay.unexplained().map(|(_, cid)| *cid).collect::<Vec<_>>(), [entries[1].cid]);
}

#[test]
fn a_signer_who_has_authority_is_foreseen() {
    let (did, log) = log();
    let history = atproto_identity::plc::verify_log(&did, &log).unwrap();
    let next = update(&[0, 2], history.head().copied(), 0);
    assert_eq!(history.check(&next, &at(10)).unwrap().cid, next.cid());
    assert!(history.check(&update(&[0], history.head().copied(), 1), &at(10)).is_err());
    assert_eq!(key(0).public_key().to_did_key(), history.data().unwrap().rotation_keys[0]);
}
