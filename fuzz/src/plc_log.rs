//! Logs of did:plc beside the rules written down slowly.

use crate::plc_made::{KINDS, LEGACY, Signing, TOMBSTONE, made};
use crate::plc_oracle::{Made, WINDOW, counting, follows};
use arbitrary::{Result, Unstructured};
use atproto_identity::plc::{
    Fault, History, LogEntry, Operation, UnsignedOperation, verify_log, verify_operations,
};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{Datetime, Did};
use std::collections::HashMap;

const MICROSECOND: i128 = 1000;
const HOUR: i128 = 3600 * 1_000_000_000;
/// Of the first operation, since 1970.
const BEGIN: i128 = 1_700_000_000 * 1_000_000_000;

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
    let verified = verify_log(&first.did, &log);
    if let Ok(history) = &verified {
        assert_eq!(history.head(), log.last().map(|entry| &entry.cid));
    }
    assert_eq!(verified.is_ok(), is_valid(&first.did, &log));
}

/// Whether a log is valid whose signers nobody knows, so that each key is tried.
fn is_valid(did: &Did, log: &[LogEntry]) -> bool {
    let mut known: Vec<Made> = Vec::new();
    for entry in log {
        let operation = entry.operation.clone();
        let time = i128::from(entry.created_at.unix_seconds()) * 1_000_000_000;
        let mut next = Made::new(operation, None, time + i128::from(entry.created_at.subsec_nanos()));
        let before = known.iter().find(|made| Some(&made.cid) == next.operation.unsigned.prev());
        let keys = before.unwrap_or(&next).keys();
        let signed = keys
            .into_iter()
            .find(|key| key.parse().is_ok_and(|key| next.operation.verify(&key).is_ok()))
            .map(ToOwned::to_owned);
        next.signer = signed;
        if entry.did != *did || entry.cid != next.cid || !follows(&known, &next) {
            return false;
        }
        known.push(next);
    }
    let chain = counting(&known);
    known[0].operation.did().as_ref() == Some(did)
        && log.iter().enumerate().all(|(index, entry)| entry.nullified != chain.contains(&index))
}

fn check_made(input: &mut Unstructured<'_>) -> Result<()> {
    let genesis = begin(input)?;
    // Each operation with its CID, those that were refused, too.
    let mut prevs = vec![None, Some(genesis.cid)];
    let did = genesis.operation.did().unwrap();
    let mut history = History::new(did.clone());
    let mut log = Vec::new();
    if !apply(&mut history, &mut log, genesis) {
        return Ok(());
    }
    // Signatures take most of the time.
    for _ in 0..8 {
        if input.is_empty() {
            break;
        }
        let next = step(input, &log, &prevs)?;
        prevs.push(Some(next.cid));
        apply(&mut history, &mut log, next);
    }
    let last = log.last().unwrap();
    assert_eq!(history.data(), last.operation.unsigned.data().as_deref());
    let is_tombstone = matches!(last.operation.unsigned, UnsignedOperation::Tombstone { .. });
    assert_eq!(history.is_tombstoned(), is_tombstone);
    let nullified = history.entries().iter().map(|entry| entry.is_nullified());
    let entries = entries(&did, &log, &nullified.collect::<Vec<_>>());
    match input.choose_index(8)? {
        0 => {
            let json = serde_json::to_vec(&entries).unwrap();
            let verified = verify_log(&did, &serde_json::from_slice::<Vec<LogEntry>>(&json).unwrap());
            // What was refused has left nothing behind.
            assert_eq!(format!("{:?}", verified.unwrap()), format!("{history:?}"));
        }
        1 | 2 => check_lie(input, &did, entries)?,
        3 => check_order(input, &did, &log)?,
        4 => check_operations(&did, &log),
        _ => {}
    }
    Ok(())
}

fn begin(input: &mut Unstructured<'_>) -> Result<Made> {
    let kind = if input.ratio(1, 4)? { LEGACY } else { input.choose_index(KINDS)? };
    let signer = input.choose_index(3)?;
    Ok(made(Signing { prev: None, kind, signer, flaw: flaw(input)? }, BEGIN))
}

fn flaw(input: &mut Unstructured<'_>) -> Result<u8> {
    if input.ratio(1, 8)? { input.arbitrary() } else { Ok(0) }
}

/// An operation that follows, or does not: most often on the last one.
fn step(input: &mut Unstructured<'_>, log: &[Made], prevs: &[Option<Cid>]) -> Result<Made> {
    let last = log.last().unwrap();
    let prev = match input.int_in_range(0..=7)? {
        0 => *input.choose(prevs)?,
        1..=3 => Some(input.choose(log)?.cid),
        _ => Some(last.cid),
    };
    let (kind, signer, flaw) = (input.choose_index(KINDS)?, input.choose_index(3)?, flaw(input)?);
    let since = if input.ratio(1, 3)? { input.choose(log)? } else { last }.time;
    let time = *input.choose(&[
        MICROSECOND,
        HOUR,
        30 * HOUR,
        WINDOW,
        WINDOW + MICROSECOND,
        WINDOW + HOUR,
        0,
        -MICROSECOND,
    ])?;
    Ok(made(Signing { prev, kind, signer, flaw }, since + time))
}

/// Whether the operation was taken.
fn apply(history: &mut History, log: &mut Vec<Made>, next: Made) -> bool {
    let cids = |log: &[Made]| counting(log).into_iter().map(|index| log[index].cid).collect::<Vec<_>>();
    let before = (history.entries().len(), history.head().copied());
    let applied = history.apply(&next.operation, &at(next.time), None);
    assert_eq!(applied.is_ok(), follows(log, &next), "{applied:?}");
    let Ok(applied) = applied else {
        assert_eq!((history.entries().len(), history.head().copied()), before);
        return false;
    };
    let mut undone = cids(log);
    log.push(next);
    let counts = cids(log);
    undone.retain(|cid| !counts.contains(cid));
    assert_eq!((Some(&applied.cid), applied.nullified), (counts.last(), undone));
    assert_eq!(history.head(), counts.last());
    let known = history.entries().iter().zip(&*log);
    for (entry, made) in known {
        assert_eq!((entry.cid(), entry.is_nullified()), (&made.cid, !counts.contains(&made.cid)));
    }
    true
}

fn at(time: i128) -> Datetime {
    Datetime::from_unix_micros((time / MICROSECOND).try_into().unwrap()).unwrap()
}

fn entries(did: &Did, log: &[Made], nullified: &[bool]) -> Vec<LogEntry> {
    let entry = |(made, nullified): (&Made, &bool)| LogEntry {
        did: did.clone(),
        operation: made.operation.clone(),
        cid: made.cid,
        nullified: *nullified,
        created_at: at(made.time),
    };
    log.iter().zip(nullified).map(entry).collect()
}

/// One word of the log that is wrong.
fn check_lie(input: &mut Unstructured<'_>, did: &Did, mut entries: Vec<LogEntry>) -> Result<()> {
    let other: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap();
    let index = input.choose_index(entries.len())?;
    let entry = &mut entries[index];
    let (did, index, fault) = match input.int_in_range(0..=3)? {
        0 | 1 => {
            entry.nullified ^= true;
            (did, index, Fault::NullifiedFlag { says: entry.nullified })
        }
        2 => {
            let actual = std::mem::replace(&mut entry.cid, Cid::of_dag_cbor(b"another"));
            (did, index, Fault::Cid { actual })
        }
        _ if input.arbitrary()? => {
            entry.did = other.clone();
            (did, index, Fault::OtherDid(other))
        }
        _ => {
            entries.iter_mut().for_each(|entry| entry.did = other.clone());
            (&other, 0, Fault::WrongDid(did.clone()))
        }
    };
    let error = verify_log(did, &entries).unwrap_err();
    assert_eq!((error.index, error.fault), (index, fault));
    Ok(())
}

/// The entries in another order, or without one, or one twice.
fn check_order(input: &mut Unstructured<'_>, did: &Did, log: &[Made]) -> Result<()> {
    let chain = counting(log);
    let says: HashMap<Cid, bool> =
        log.iter().enumerate().map(|(index, made)| (made.cid, !chain.contains(&index))).collect();
    let mut log = log.to_vec();
    let (from, to) = (input.choose_index(log.len())?, input.choose_index(log.len())?);
    match input.int_in_range(0..=3)? {
        0 => log.swap(from, to),
        1 => log.insert(to, log[from].clone()),
        2 => {
            let (early, late) = (log[from].time, log[to].time);
            (log[from].time, log[to].time) = (late, early);
        }
        _ => drop(log.remove(from)),
    }
    let says: Vec<bool> = log.iter().map(|made| says[&made.cid]).collect();
    let refused = (0..log.len())
        .find(|index| !follows(&log[..*index], &log[*index]) || log[0].operation.did().as_ref() != Some(did));
    let chain = counting(&log);
    let lie = (0..log.len()).find(|index| says[*index] == chain.contains(index));
    let expected = if log.is_empty() { Some(0) } else { refused.or(lie) };
    let verified = verify_log(did, &entries(did, &log, &says));
    assert_eq!(verified.map_err(|error| error.index).err(), expected);
    Ok(())
}

/// The operations alone: a log has those that count, and no others.
fn check_operations(did: &Did, log: &[Made]) {
    let operations: Vec<Operation> = log.iter().map(|made| made.operation.clone()).collect();
    let fork =
        (1..log.len()).find(|index| log[*index].operation.unsigned.prev() != Some(&log[index - 1].cid));
    let verified = verify_operations(did, &operations);
    assert_eq!(verified.map_err(|error| error.index).err(), fork);
    let counting: Vec<Operation> = counting(log).into_iter().map(|index| operations[index].clone()).collect();
    let history = verify_operations(did, &counting).unwrap();
    assert_eq!(history.data(), log.last().unwrap().operation.unsigned.data().as_deref());
}

/// The JSON of logs, and bytes that make some.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let made = |prev: Option<&Made>, kind, signer, time| {
        made(Signing { prev: prev.map(|prev| prev.cid), kind, signer, flaw: 0 }, BEGIN + time)
    };
    let log = |genesis: usize| {
        let genesis = made(None, genesis, 1, 0);
        let did = genesis.operation.did().unwrap();
        let bad = made(Some(&genesis), 1, 1, HOUR);
        let worse = made(Some(&bad), TOMBSTONE, 2, 2 * HOUR);
        let recovery = made(Some(&genesis), 1, 0, HOUR + WINDOW);
        let end = made(Some(&recovery), TOMBSTONE, 1, 2 * WINDOW);
        entries(&did, &[genesis, bad, worse, recovery, end], &[false, true, true, false, false])
    };
    let json = [0, LEGACY].map(|genesis| [vec![0], serde_json::to_vec(&log(genesis)).unwrap()].concat());
    let bytes = (0..16u8).map(|seed| {
        let byte = |at: u8| at.wrapping_mul(31).wrapping_add(seed.wrapping_mul(67)) ^ (at >> 2);
        [1].into_iter().chain((0..96).map(byte)).collect()
    });
    json.into_iter().chain([[1; 40].to_vec()]).chain(bytes).collect()
}
