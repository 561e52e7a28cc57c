//! Operations by numbered keys, and valid logs of them.

use crate::DidDocument;
use crate::plc::{Data, Endpoint, History, LogEntry, Operation, UnsignedOperation};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{Datetime, Did};
use atproto_lexicon::testing::{strings, values};
use proptest::collection::{btree_map, vec};
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

/// States, as operations set them.
pub fn state() -> impl Strategy<Value = Data> {
    let keys = vec(0..9_u8, 1..=Data::MAX_ROTATION_KEYS).prop_map(|mut keys| {
        keys.sort_unstable();
        keys.dedup();
        keys
    });
    let handles = vec(strings::handle(), 0..3);
    let others = btree_map("[a-z]{1,12}", 0..12_u8, 0..3);
    (keys.prop_shuffle(), handles, others, any::<bool>()).prop_map(|(keys, handles, others, has_pds)| {
        let mut data = data(&keys);
        data.also_known_as = handles.iter().map(|handle| format!("at://{handle}")).collect();
        let others = others.into_iter().map(|(name, number)| (name, key(number).public_key().to_did_key()));
        data.verification_methods.extend(others);
        if !has_pds {
            data.services.clear();
        }
        data
    })
}

/// Signed operations: updates, the first of a DID among them, and ends.
pub fn operation() -> impl Strategy<Value = Operation> {
    let prev = prop::option::weighted(0.7, values::cid());
    (state(), prev, any::<prop::sample::Index>(), 0..8_u8).prop_map(|(data, prev, signer, kind)| {
        let may_sign = |number: &u8| data.rotation_keys.contains(&key(*number).public_key().to_did_key());
        let signers: Vec<u8> = (0..9).filter(may_sign).collect();
        let unsigned = match (kind, prev) {
            (0, Some(prev)) => UnsignedOperation::Tombstone { prev },
            _ => UnsignedOperation::Update { data, prev },
        };
        unsigned.sign(&key(*signer.get(&signers))).unwrap()
    })
}

/// DID documents: of an account with its handle, key and host, or some of them.
pub fn document() -> impl Strategy<Value = DidDocument> {
    let account = prop::option::weighted(0.8, strings::handle());
    (strings::did(), account, prop::option::weighted(0.8, 0..12_u8), state()).prop_map(
        |(did, handle, number, state)| {
            let mut document = DidDocument::new(did);
            if let Some(handle) = handle {
                document = document.with_handle(&handle);
            }
            if let Some(number) = number {
                document = document.with_key("atproto", &key(number).public_key());
            }
            for (name, Endpoint { kind, endpoint }) in &state.services {
                document = document.with_service(name, kind, endpoint);
            }
            document
        },
    )
}

/// An audit log, and of which DID.
#[derive(Debug, Clone)]
pub struct Log {
    /// The DID.
    pub did: Did,
    /// Its operations, in the order in which they were taken.
    pub entries: Vec<LogEntry>,
}

atproto_lexicon::impl_arbitrary! {
    Data: state();
    DidDocument: document();
    Log: log(8);
    Operation: operation();
}

/// Valid audit logs, of up to so many operations after the genesis: updates, recoveries that undo others, and ends.
pub fn log(most: usize) -> impl Strategy<Value = Log> {
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
        Log { did, entries: log_of(&taken) }
    })
}
