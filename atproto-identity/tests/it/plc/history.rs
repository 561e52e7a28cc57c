use super::oracle::{Made, counting, follows};
use super::{at, data, key, update};
use atproto_crypto::SignatureError;
use atproto_identity::plc::{
    Fault, History, LogEntry, Operation, UnsignedOperation, verify_log, verify_operations,
};
use atproto_lexicon::data::Cid;
use proptest::prelude::*;

const HOUR: i64 = 3600;

/// A history of a genesis with the keys 0, 1 and 2, signed by the last.
fn begun() -> (History, Cid) {
    let genesis = update(&[0, 1, 2], None, 2);
    let mut history = History::new(genesis.did().unwrap());
    let applied = history.apply(&genesis, &at(0), None).unwrap();
    assert_eq!((applied.cid, applied.nullified.is_empty()), (genesis.cid(), true));
    (history, genesis.cid())
}

fn tombstone(prev: Cid, signer: u8) -> Operation {
    UnsignedOperation::Tombstone { prev }.sign(&key(signer)).unwrap()
}

/// The fault of an operation at this time; the history must be as it was.
fn fault(history: &mut History, operation: &Operation, seconds: i64) -> Fault {
    let before = format!("{history:?}");
    let fault = history.apply(operation, &at(seconds), None).unwrap_err();
    assert_eq!(format!("{history:?}"), before);
    assert_eq!(history.check(operation, &at(seconds)).unwrap_err(), fault);
    fault
}

#[test]
fn a_genesis_is_the_did() {
    let genesis = update(&[0], None, 0);
    let mut other = History::new("did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap());
    assert_eq!(fault(&mut other, &genesis, 0), Fault::WrongDid(genesis.did().unwrap()));
    assert_eq!(fault(&mut other, &update(&[0], Some(genesis.cid()), 0), 0), Fault::NotGenesis);

    let (mut history, first) = begun();
    assert_eq!(fault(&mut history, &genesis, 1), Fault::SecondGenesis);
    assert_eq!(
        fault(&mut history, &update(&[0], Some(genesis.cid()), 0), 1),
        Fault::UnknownPrev(genesis.cid())
    );
    assert_eq!(history.head(), Some(&first));
    // The signature belongs to what is hashed.
    let forged = Operation { sig: update(&[1], None, 1).sig, ..genesis };
    let mut forged_history = History::new(forged.did().unwrap());
    assert!(matches!(fault(&mut forged_history, &forged, 0), Fault::Signature(SignatureError::Mismatch)));
}

#[test]
fn only_the_keys_of_prev_sign() {
    let (mut history, first) = begun();
    // A key that the operation itself brings is none.
    let stranger = update(&[3], Some(first), 3);
    assert_eq!(fault(&mut history, &stranger, 1), Fault::Signature(SignatureError::Mismatch));
    history.apply(&update(&[3], Some(first), 0), &at(1), None).unwrap();
    let second = *history.head().unwrap();
    assert!(matches!(fault(&mut history, &update(&[0], Some(second), 0), 2), Fault::Signature(_)));
    history.apply(&update(&[4], Some(second), 3), &at(2), None).unwrap();
}

#[test]
fn an_authority_is_needed_that_is_strictly_higher() {
    for (signer, undoer) in [(1, 1), (1, 2), (0, 0), (0, 2)] {
        let (mut history, first) = begun();
        history.apply(&update(&[0, 1, 2], Some(first), signer), &at(1), None).unwrap();
        let recovery = update(&[undoer], Some(first), undoer);
        let refused = Fault::Authority { signer: undoer.into(), undone: signer.into() };
        assert_eq!(fault(&mut history, &recovery, 2), refused);
    }
    // A recovery can be undone in turn, by who stands yet higher.
    let (mut history, first) = begun();
    let bad = history.apply(&update(&[5], Some(first), 2), &at(1), None).unwrap().cid;
    let worse = history.apply(&update(&[6], Some(bad), 5), &at(2), None).unwrap().cid;
    let undone = history.apply(&update(&[0, 1, 2], Some(first), 1), &at(3), None).unwrap();
    assert_eq!(undone.nullified, [bad, worse]);
    assert_eq!(fault(&mut history, &update(&[6], Some(worse), 6), 4), Fault::NullifiedPrev(worse));
    let again = fault(&mut history, &update(&[2], Some(first), 1), 4);
    assert_eq!(again, Fault::Authority { signer: 1, undone: 1 });
    let last = history.apply(&update(&[0], Some(first), 0), &at(4), None).unwrap();
    assert_eq!(last.nullified, [undone.cid]);
    let nullified: Vec<bool> = history.entries().iter().map(|entry| entry.is_nullified()).collect();
    assert_eq!(nullified, [false, true, true, true, false]);
    assert_eq!(history.data(), Some(&data(&[0])));
}

#[test]
fn a_key_that_stands_twice_counts_where_it_stands_first() {
    // New operations have no key twice, but logs do.
    let doubled = UnsignedOperation::Update { data: data(&[1, 0, 0]), prev: None };
    let sig = key(0);
    let sig = data_encoding::BASE64URL_NOPAD.encode(sig.sign(&doubled.to_bytes()).as_bytes());
    let genesis = Operation { unsigned: doubled, sig };
    let mut history = History::new(genesis.did().unwrap());
    let first = history.apply(&genesis, &at(0), None).unwrap().cid;
    history.apply(&update(&[5], Some(first), 0), &at(1), None).unwrap();
    let refused = fault(&mut history, &update(&[6], Some(first), 0), 2);
    assert!(matches!(refused, Fault::Authority { undone: 1, .. }), "{refused:?}");
    history.apply(&update(&[6], Some(first), 1), &at(2), None).unwrap();
}

#[test]
fn a_recovery_has_72_hours_from_the_first_that_it_undoes() {
    let (mut history, first) = begun();
    history.apply(&update(&[5], Some(first), 2), &at(HOUR), None).unwrap();
    let second = *history.head().unwrap();
    history.apply(&update(&[5], Some(second), 5), &at(50 * HOUR), None).unwrap();
    let recovery = update(&[0], Some(first), 0);
    let late = at(73 * HOUR).as_str().replace(".000Z", ".001Z").parse().unwrap();
    assert_eq!(history.check(&recovery, &late).unwrap_err(), Fault::TooLate { seconds: 72 * 3600 });
    history.apply(&recovery, &at(73 * HOUR), None).unwrap();
}

#[test]
fn times_ascend() {
    let (mut history, first) = begun();
    history.apply(&update(&[0, 1], Some(first), 1), &at(5), None).unwrap();
    let next = update(&[0], history.head().copied(), 1);
    for seconds in [5, 4, -1] {
        assert_eq!(fault(&mut history, &next, seconds), Fault::Time);
    }
    // A recovery is later than what it undoes, not only than what it follows on.
    assert_eq!(fault(&mut history, &update(&[0], Some(first), 0), 5), Fault::Time);
}

#[test]
fn nothing_follows_on_a_tombstone_and_it_can_be_undone() {
    let (mut history, first) = begun();
    let end = history.apply(&tombstone(first, 1), &at(1), None).unwrap().cid;
    assert!(history.is_tombstoned() && history.data().is_none() && history.document().is_none());
    for signer in [0, 1, 2] {
        assert_eq!(fault(&mut history, &update(&[0], Some(end), signer), 2), Fault::TombstonedPrev(end));
    }
    let undone = history.apply(&update(&[0], Some(first), 0), &at(3), None).unwrap();
    assert_eq!(undone.nullified, [end]);
    assert!(!history.is_tombstoned());
    assert_eq!(fault(&mut history, &update(&[0], Some(end), 0), 4), Fault::NullifiedPrev(end));
}

#[test]
fn a_log_is_held_to_its_own_words() {
    let genesis = update(&[0, 1], None, 1);
    let did = genesis.did().unwrap();
    let bad = update(&[1], Some(genesis.cid()), 1);
    let recovery = update(&[0], Some(genesis.cid()), 0);
    let entry = |operation: &Operation, seconds, nullified| LogEntry {
        did: did.clone(),
        cid: operation.cid(),
        operation: operation.clone(),
        nullified,
        created_at: at(seconds),
    };
    let log = [entry(&genesis, 0, false), entry(&bad, 1, true), entry(&recovery, 2, false)];
    assert_eq!(verify_log(&did, &log).unwrap().data(), Some(&data(&[0])));
    assert_eq!(verify_log(&did, &[]).unwrap_err().fault, Fault::Empty);

    for index in 0..log.len() {
        let mut lie = log.clone();
        lie[index].nullified ^= true;
        let error = verify_log(&did, &lie).unwrap_err();
        assert_eq!((error.index, error.fault), (index, Fault::NullifiedFlag { says: lie[index].nullified }));

        let mut lie = log.clone();
        lie[index].cid = Cid::of_dag_cbor(b"another");
        let actual = log[index].cid;
        let error = verify_log(&did, &lie).unwrap_err();
        assert_eq!((error.index, error.fault), (index, Fault::Cid { actual }));

        let mut lie = log.clone();
        lie[index].did = "did:web:example.com".parse().unwrap();
        let error = verify_log(&did, &lie).unwrap_err();
        assert_eq!((error.index, error.fault), (index, Fault::OtherDid(lie[index].did.clone())));
    }
    // Without the operation that it undoes, the recovery is an update like any other: only the directory knows of it.
    assert!(verify_log(&did, &[log[0].clone(), log[2].clone()]).is_ok());

    let operations = [genesis.clone(), recovery.clone()];
    assert_eq!(verify_operations(&did, &operations).unwrap().head(), Some(&recovery.cid()));
    let forked = verify_operations(&did, &[genesis.clone(), bad, recovery]).unwrap_err();
    assert_eq!((forked.index, forked.fault), (2, Fault::Fork(genesis.cid())));
}

#[test]
fn what_a_log_holds_has_bounds() {
    let mut state = data(&[0]);
    let signed = |state: &atproto_identity::plc::Data| {
        let unsigned = UnsignedOperation::Update { data: state.clone(), prev: None };
        let sig = data_encoding::BASE64URL_NOPAD.encode(key(0).sign(&unsigned.to_bytes()).as_bytes());
        Operation { unsigned, sig }
    };
    let verdict = |state: &atproto_identity::plc::Data| {
        let genesis = signed(state);
        History::new(genesis.did().unwrap()).apply(&genesis, &at(0), None).map(drop)
    };
    assert_eq!(verdict(&state), Ok(()));
    state.also_known_as = vec!["at://".to_owned() + &"a".repeat(7000)];
    assert_eq!(verdict(&state), Ok(()));
    state.also_known_as = vec!["at://".to_owned() + &"a".repeat(7500)];
    assert!(matches!(verdict(&state), Err(Fault::TooLarge(_))));
    state = data(&[0; 10]);
    assert_eq!(verdict(&state), Ok(()));
    state = data(&[0; 11]);
    assert_eq!(verdict(&state), Err(Fault::TooManyRotationKeys(11)));
    state = data(&[0]);
    state.rotation_keys.push("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".to_owned());
    assert!(matches!(verdict(&state), Err(Fault::RotationKey { index: 1, .. })));
    // What does not control the DID may be of another type.
    state = data(&[0]);
    let other = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".to_owned();
    state.verification_methods.insert("other".to_owned(), other);
    assert_eq!(verdict(&state), Ok(()));
    for bad in ["did:key:", "did:key:z", "z6Mk", "did:key:z0", "did:web:a.test", ""] {
        state.verification_methods.insert("other".to_owned(), bad.to_owned());
        assert_eq!(verdict(&state), Err(Fault::VerificationMethod("other".to_owned())), "{bad}");
    }
}

/// Which operation comes before it, who signs, with which keys after it (none: a tombstone), and how many hours later.
fn step() -> impl Strategy<Value = (prop::sample::Index, u8, usize, i64)> {
    (
        any::<prop::sample::Index>(),
        0u8..4,
        0usize..5,
        prop_oneof![4 => 1i64..30, 1 => -1i64..=0, 1 => 70i64..75],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 2000 }))]
    #[test]
    fn what_counts_is_what_the_rules_say(steps in prop::collection::vec(step(), 1..16)) {
        let (mut history, _) = begun();
        let did = history.did().clone();
        let made = |operation, signer: u8, hours: i64| {
            Made::new(operation, Some(key(signer).public_key().to_did_key()), i128::from(hours * HOUR) * 1_000_000_000)
        };
        let mut log = vec![made(update(&[0, 1, 2], None, 2), 2, 0)];
        let mut now = 0;
        for (prev, signer, keys, hours) in steps {
            let prev = log[prev.index(log.len())].cid;
            let operation = match keys {
                0 => tombstone(prev, signer),
                keys => update([&[0u8, 1, 2][..], &[2, 1, 0, 3], &[1, 3], &[0, 1, 2, 3]][keys - 1], Some(prev), signer),
            };
            let next = made(operation, signer, now + hours);
            let applied = history.apply(&next.operation, &at((now + hours) * HOUR), None);
            prop_assert_eq!(applied.is_ok(), follows(&log, &next), "{:?}", applied);
            if applied.is_ok() {
                log.push(next);
                now += hours;
            }
        }
        let chain = counting(&log);
        let entries: Vec<LogEntry> = log.iter().enumerate().map(|(index, made)| LogEntry {
            did: did.clone(),
            operation: made.operation.clone(),
            cid: made.cid,
            nullified: !chain.contains(&index),
            created_at: at((made.time / 1_000_000_000).try_into().unwrap()),
        }).collect();
        let verified = verify_log(&did, &entries).unwrap();
        prop_assert_eq!(format!("{verified:?}"), format!("{history:?}"));
        let last = log[*chain.last().unwrap()].operation.unsigned.data().map(|data| data.into_owned());
        prop_assert_eq!(verified.data(), last.as_ref());
    }
}
