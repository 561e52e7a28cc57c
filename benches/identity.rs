//! Logs of did:plc beside their bare signatures, and remembered identities beside the bare cache:
//! `cargo bench -p benches --bench identity`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_identity::cache::CachedDirectory;
use atproto_identity::clock::Clock;
use atproto_identity::dns::NoDns;
use atproto_identity::plc::{Data, LogEntry, UnsignedOperation, verify_log};
use atproto_identity::{Directory, Identity};
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, Request, Response};
use atproto_lexicon::syntax::{Datetime, Did};
use futures_executor::block_on;
use futures_util::FutureExt;
use quick_cache::sync::Cache;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Logs in a measured piece.
const LOGS: usize = 40;
/// Lookups in a measured piece, over as many DIDs.
const LOOKUPS: usize = 10_000;

fn main() {
    for (curve, name) in [(Curve::K256, "K-256"), (Curve::P256, "P-256")] {
        for (keys, signer) in [(1, 0), (2, 1), (2, 0), (3, 1)] {
            log(curve, keys, signer, name);
        }
    }
    cached();
}

/// A log of five operations, each signed by the same one of its rotation keys.
fn log(curve: Curve, keys: u8, signer: usize, name: &str) {
    let keys: Vec<SecretKey> =
        (1..=keys).map(|number| SecretKey::from_bytes(curve, &[number; 32]).unwrap()).collect();
    let mut data = Data {
        rotation_keys: keys.iter().map(|key| key.public_key().to_did_key()).collect(),
        verification_methods: [("atproto".to_owned(), keys[0].public_key().to_did_key())].into(),
        ..Data::default()
    };
    let mut entries: Vec<LogEntry> = Vec::new();
    for number in 0..5 {
        data.also_known_as = vec![format!("at://handle{number}.example.com")];
        let prev = entries.last().map(|entry| entry.cid);
        let operation = UnsignedOperation::Update { data: data.clone(), prev }.sign(&keys[signer]).unwrap();
        let did = entries.first().map_or_else(|| operation.did().unwrap(), |entry| entry.did.clone());
        let created_at = Datetime::from_unix_micros(number * 1_000_000).unwrap();
        entries.push(LogEntry { did, cid: operation.cid(), operation, nullified: false, created_at });
    }
    let signed: Vec<(PublicKey, Vec<u8>, [u8; 64])> = entries
        .iter()
        .map(|entry| {
            let signature = *entry.operation.signature().unwrap().as_bytes();
            (keys[signer].public_key(), entry.operation.unsigned.to_bytes(), signature)
        })
        .collect();
    // Who signed the first operation is found by trying, from the last key, which a host has.
    let tried: Vec<PublicKey> = keys[signer + 1..].iter().rev().map(SecretKey::public_key).collect();
    let bare = || {
        for _ in 0..LOGS {
            for key in &tried {
                let (_, message, signature) = &signed[0];
                key.verify(black_box(message), signature).unwrap_err();
            }
            for (key, message, signature) in &signed {
                key.verify(black_box(message), signature).unwrap();
            }
        }
    };
    let did = entries[0].did.clone();
    let ours = || {
        for _ in 0..LOGS {
            let history = verify_log(&did, black_box(&entries)).unwrap();
            assert_eq!(history.head(), Some(&entries[4].cid));
        }
    };
    let (_, time, ratio) = timing::paired(51, bare, ours);
    let each = time.as_secs_f64() / LOGS as f64 * 1e6;
    let which = format!(
        "verify a log of 5, × its {} bare verifications, {name}, key {} of {} ({each:.0} µs)",
        signed.len() + tried.len(),
        signer + 1,
        keys.len()
    );
    timing::report(&which, ratio, 1.2);
}

/// A directory that knows every did:web.
struct Everybody;

impl HttpClient for Everybody {
    type Body = Bytes;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let body = format!(r#"{{"id":"did:web:{}"}}"#, request.uri().host().unwrap());
        Ok(Response::new(body.into()))
    }
}

/// The clock that a program has.
struct Monotonic(Instant);

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn unix_time(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

fn cached() {
    let directory = CachedDirectory::new(Directory::new(Everybody, NoDns, Monotonic(Instant::now())));
    let dids: Vec<Did> =
        (0..LOOKUPS).map(|number| format!("did:web:a{number}.example.com").parse().unwrap()).collect();
    let bare: Cache<Did, Arc<Identity>> = Cache::new(100_000);
    for did in &dids {
        bare.insert(did.clone(), block_on(directory.lookup_did(did)).unwrap());
    }
    let get = || dids.iter().for_each(|did| assert_eq!(bare.get(black_box(did)).unwrap().did(), did));
    let lookup = || {
        for did in &dids {
            let found = directory.lookup_did(black_box(did)).now_or_never().unwrap();
            assert_eq!(found.unwrap().did(), did);
        }
    };
    println!("a lookup is a future of {} bytes", size_of_val(&directory.lookup_did(&dids[0])));
    let (get_time, time, ratio) = timing::paired(101, get, lookup);
    let nanos = |time: Duration| time.as_secs_f64() / LOOKUPS as f64 * 1e9;
    println!("a remembered identity: {:.0} ns bare, {:.0} ns looked up", nanos(get_time), nanos(time));
    timing::report("look up a remembered identity, × bare get of the cache", ratio, 3.0);
}
