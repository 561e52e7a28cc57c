//! Logs of did:plc beside the rules written down slowly.

use arbitrary::{Result, Unstructured};
use atproto_crypto::{Curve, SecretKey};
use atproto_identity::plc::{Data, History, LogEntry, Operation, UnsignedOperation, verify_log};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Datetime;
use std::sync::LazyLock;

/// Rotation keys, in the lists that operations set.
static KEYS: LazyLock<Vec<SecretKey>> = LazyLock::new(|| {
    let key = |number: u8| SecretKey::from_bytes(Curve::K256, &[number; 32]).unwrap();
    (1..=3).map(key).collect()
});
const LISTS: [&[usize]; 5] = [&[0, 1, 2], &[2, 1], &[0, 0, 1], &[], &[1]];
/// In seconds.
const WINDOW: i64 = 72 * 3600;

/// The first byte says whether the rest is the JSON of a log, or makes one.
pub fn check(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    if kind % 2 == 0 {
        check_json(bytes);
    } else {
        // Too little data makes a shorter log.
        let _ = check_made(&mut Unstructured::new(bytes));
    }
}

fn check_json(bytes: &[u8]) {
    let Ok(log) = serde_json::from_slice::<Vec<LogEntry>>(bytes) else { return };
    // What is read is written, and is the same then.
    let again = serde_json::to_vec(&log).unwrap();
    assert_eq!(serde_json::from_slice::<Vec<LogEntry>>(&again).unwrap(), log);
    let Some(first) = log.first() else { return };
    if let Ok(history) = verify_log(&first.did, &log) {
        assert_eq!(first.operation.did().as_ref(), Some(&first.did));
        assert_eq!(history.head(), log.last().map(|entry| &entry.cid));
    }
}

fn check_made(input: &mut Unstructured<'_>) -> Result<()> {
    let genesis = made(None, 0, 0);
    let mut history = History::new(genesis.did().unwrap());
    history.apply(&genesis, &at(0), None).unwrap();
    let mut log = vec![Made { operation: genesis, signer: 0, time: 0 }];
    // Signatures take most of the time.
    for _ in 0..8 {
        if input.is_empty() {
            break;
        }
        let prev = log[input.choose_index(log.len())?].operation.cid();
        let (list, signer) = (input.choose_index(LISTS.len() + 1)?, input.choose_index(KEYS.len())?);
        let operation = made(Some(prev), list, signer);
        let last = log.last().unwrap().time;
        let time = last + *input.choose(&[1, 3600, 48 * 3600, WINDOW, WINDOW + 1, 0, -1])?;
        let next = Made { operation, signer, time };
        let applied = history.apply(&next.operation, &at(time), None);
        let is_right = follows(&log, &next);
        assert_eq!(applied.is_ok(), is_right, "{applied:?}");
        if is_right {
            log.push(next);
        }
    }
    let chain = counting(&log);
    for (index, entry) in history.entries().iter().enumerate() {
        assert_eq!(entry.is_nullified(), !chain.contains(&index));
    }
    Ok(())
}

/// An operation, and which of [`KEYS`] signed it.
struct Made {
    operation: Operation,
    signer: usize,
    time: i64,
}

fn at(seconds: i64) -> Datetime {
    Datetime::from_unix_micros(1_700_000_000_000_000 + seconds * 1_000_000).unwrap()
}

/// An operation with this list of keys, or a tombstone.
fn made(prev: Option<Cid>, list: usize, signer: usize) -> Operation {
    let keys =
        LISTS.get(list).map(|list| list.iter().map(|key| KEYS[*key].public_key().to_did_key()).collect());
    let unsigned = match (keys, prev) {
        (None, Some(prev)) => UnsignedOperation::Tombstone { prev },
        (keys, prev) => {
            let data = Data { rotation_keys: keys.unwrap_or_default(), ..Data::default() };
            UnsignedOperation::Update { data, prev }
        }
    };
    let signature = KEYS[signer].sign(&unsigned.to_bytes());
    let sig = data_encoding::BASE64URL_NOPAD.encode(signature.as_bytes());
    Operation { unsigned, sig }
}

/// The operations that count, by their places.
fn counting(log: &[Made]) -> Vec<usize> {
    let mut chain: Vec<usize> = Vec::new();
    for (index, made) in log.iter().enumerate() {
        let prev = made.operation.unsigned.prev();
        let place = chain.iter().position(|known| Some(&log[*known].operation.cid()) == prev);
        chain.truncate(place.map_or(0, |place| place + 1));
        chain.push(index);
    }
    chain
}

fn follows(log: &[Made], next: &Made) -> bool {
    let chain = counting(log);
    let prev = next.operation.unsigned.prev();
    let place = chain.iter().position(|known| Some(&log[*known].operation.cid()) == prev);
    let Some(place) = place else { return false };
    let data = log[chain[place]].operation.unsigned.data();
    let keys = data.map(|data| data.rotation_keys.clone()).unwrap_or_default();
    let rank = |signer: usize| keys.iter().position(|key| *key == KEYS[signer].public_key().to_did_key());
    let may_sign = match (rank(next.signer), chain.get(place + 1).map(|undone| &log[*undone])) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(signer), Some(undone)) => {
            signer < rank(undone.signer).unwrap() && next.time - undone.time <= WINDOW
        }
    };
    may_sign && next.time > log.last().unwrap().time
}

/// The JSON of a log, and bytes that make some.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let genesis = made(None, 0, 1);
    let did = genesis.did().unwrap();
    let next = made(Some(genesis.cid()), 1, 2);
    let end = made(Some(next.cid()), LISTS.len(), 2);
    let entries: Vec<LogEntry> = [genesis, next, end]
        .into_iter()
        .zip(0..)
        .map(|(operation, seconds)| LogEntry {
            did: did.clone(),
            cid: operation.cid(),
            operation,
            nullified: false,
            created_at: at(seconds),
        })
        .collect();
    let json = [vec![0], serde_json::to_vec(&entries).unwrap()].concat();
    let bytes: Vec<u8> = (0..64).map(|number: u8| number.wrapping_mul(37)).collect();
    vec![json, [vec![1], bytes].concat(), [1; 40].to_vec()]
}
