//! Operations by numbered keys, and valid logs of them.

use crate::plc::{Data, Endpoint, History, LogEntry, Operation, UnsignedOperation};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{Datetime, Did};
use proptest::collection::vec;
use proptest::prelude::*;

/// The `number`th key, below 255; those with an even number are of K-256.
pub fn key(number: u8) -> SecretKey {
    let curve = if number.is_multiple_of(2) { Curve::K256 } else { Curve::P256 };
    SecretKey::from_bytes(curve, &[number.wrapping_add(1); 32]).unwrap()
}

/// A state with these rotation keys.
pub fn data(keys: &[u8]) -> Data {
    let pds = Endpoint {
        kind: "AtprotoPersonalDataServer".to_owned(),
        endpoint: "https://pds.example.com".to_owned(),
    };
    Data {
        rotation_keys: keys.iter().map(|number| key(*number).public_key().to_did_key()).collect(),
        verification_methods: [("atproto".to_owned(), key(9).public_key().to_did_key())].into(),
        also_known_as: vec!["at://alice.example.com".to_owned()],
        services: [("atproto_pds".to_owned(), pds)].into(),
    }
}

/// An update to these rotation keys, signed by the key `signer`.
pub fn update(keys: &[u8], prev: Option<Cid>, signer: u8) -> Operation {
    UnsignedOperation::Update { data: data(keys), prev }.sign(&key(signer)).unwrap()
}

/// The end of a DID, signed by the key `signer`.
pub fn tombstone(prev: Cid, signer: u8) -> Operation {
    UnsignedOperation::Tombstone { prev }.sign(&key(signer)).unwrap()
}

/// So many seconds after some moment.
pub fn at(seconds: i64) -> Datetime {
    Datetime::from_unix_micros(1_700_000_000_000_000 + seconds * 1_000_000).unwrap()
}

/// An audit log of these operations, each with the seconds at which it was taken; what recoveries undo is told.
pub fn log_of(operations: &[(Operation, i64)]) -> Vec<LogEntry> {
    let did = operations.first().and_then(|(genesis, _)| genesis.did()).unwrap();
    let mut log: Vec<LogEntry> = operations
        .iter()
        .map(|(operation, seconds)| LogEntry {
            did: did.clone(),
            cid: operation.cid(),
            operation: operation.clone(),
            nullified: false,
            created_at: at(*seconds),
        })
        .collect();
    let mut history = History::new(did);
    for entry in &log {
        // What is at fault is the log's to show.
        let _ = history.apply(&entry.operation, &entry.created_at, None);
    }
    for (entry, known) in log.iter_mut().zip(history.entries()) {
        entry.nullified = known.is_nullified();
    }
    log
}

/// Valid audit logs, of up to so many operations after the genesis: updates, recoveries that undo others, and ends.
pub fn log(most: usize) -> impl Strategy<Value = (Did, Vec<LogEntry>)> {
    let step = (any::<prop::sample::Index>(), 0..4_u8, 0..5_usize, 1..400_000_i64, 0..12_u8);
    vec(step, 0..=most).prop_map(|steps| {
        const KEYS: [&[u8]; 5] = [&[0, 1, 2], &[0, 1], &[1, 0], &[0], &[2, 3, 0]];
        let genesis = update(&[0, 1, 2], None, 0);
        let did = genesis.did().unwrap();
        let (mut history, mut taken, mut now) = (History::new(did.clone()), vec![(genesis, 0)], 0);
        history.apply(&taken[0].0, &at(0), None).unwrap();
        for (after, signer, keys, later, kind) in steps {
            let prev = *if kind < 6 { history.head().unwrap() } else { after.get(history.entries()).cid() };
            let operation =
                if kind == 11 { tombstone(prev, signer) } else { update(KEYS[keys], Some(prev), signer) };
            now += later;
            if history.apply(&operation, &at(now), None).is_ok() {
                taken.push((operation, now));
            }
        }
        (did, log_of(&taken))
    })
}
