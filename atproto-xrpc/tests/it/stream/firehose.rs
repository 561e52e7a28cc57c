//! The firehose: what is said of events, in which order, and what is kept.

use super::net::{Act, Net, binary, secs};
use super::world::{
    Account, PDS, Plc, Says, commit_frame, did_of, follow, follow_with, frame_of, host, later, report, show,
    unhandled,
};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::frame::{to_error_frame, to_frame};
use atproto_lexicon::data::{Object, Value, cbor};
use atproto_lexicon::syntax::Did;
use atproto_repo::sync::Action;
use atproto_xrpc::stream::firehose::{
    AccountError, AccountState, AccountStore, Config, Firehose, FirehoseError, FirehoseEvent, MemoryAccounts,
    SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{MemoryCursor, NoCursor, Subscription};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::Mutex;

fn boolean(value: bool) -> Value {
    Value::Boolean(value)
}

#[test]
fn futures_go_to_other_threads() {
    fn check<T: Send>(task: T) -> T {
        task
    }
    let net = Net::default();
    let plc = Plc::new(&net);
    let mut hose = follow(&net, &plc, MemoryCursor::default(), &MemoryAccounts::default());
    drop(check(hose.next()));
}

#[test]
fn a_commit_is_its_records() {
    let mut ada = Account::new(0);
    let script = vec![ada.frame(1, [1, 2]), ada.frame(2, [2, 3]), ada.frame(5, [])];
    let (net, accounts) = (host(script), MemoryAccounts::default());
    let plc = Plc::new(&net).knowing([&ada]);
    let mut hose = follow(&net, &plc, NoCursor, &accounts);
    let first = report(&net, &mut hose);
    assert_eq!((first.seq, &first.did), (Some(1), &ada.did));
    let second = report(&net, &mut hose);
    let Verdict::Commit(commit) = &second.verdict else { panic!("{second:?}") };
    let [delete, create] = &commit.ops[..] else { panic!("{commit:?}") };
    assert_eq!((delete.action, delete.path.as_str()), (Action::Delete, "com.example.note/2"));
    assert_eq!((delete.cid, &delete.record), (None, &None));
    assert_eq!(
        (create.action, create.collection(), create.record_key()),
        (Action::Create, "com.example.note", "3")
    );
    let record = create.record.as_ref().unwrap();
    assert_eq!(create.cid, Some(atproto_lexicon::data::Cid::of_dag_cbor(record)));
    assert!(commit.is_proven && commit.since.is_some());
    assert_eq!(show(&report(&net, &mut hose)), "a 5 commit 0");
    let state = accounts.get(&ada.did).unwrap();
    assert_eq!((state.head, state.is_active, state.is_desynchronized), (Some(ada.head()), true, false));
    // The key was asked for once.
    assert_eq!(plc.asked(), 1);
    let url = "wss://pds.example.com/xrpc/com.atproto.sync.subscribeRepos";
    assert_eq!(net.attempts()[0].1, url);
}

#[test]
fn accounts_do_not_wait_for_each_other() {
    let (mut ada, mut ben) = (Account::new(0), Account::new(1));
    let mut script = vec![ada.frame(1, [1]), ada.frame(2, [2])];
    script.extend((3..8).map(|seq| ben.frame(seq, [seq as u16])));
    let (net, accounts) = (host(script), MemoryAccounts::default());
    let slow = Says::After(secs(3), Box::new(Says::Document(ada.secret.public_key(), PDS)));
    let plc = Plc::new(&net).knowing([&ben]).with(&ada.did, [slow]);
    let store = MemoryCursor::default();
    let mut hose = follow(&net, &plc, store.clone(), &accounts);
    let found: Vec<_> = (0..5).map(|_| show(&report(&net, &mut hose))).collect();
    assert_eq!(found, ["b 3 commit 1", "b 4 commit 1", "b 5 commit 1", "b 6 commit 1", "b 7 commit 1"]);
    // What was handled after what was not does not count yet.
    assert_eq!(store.get(), None);
    let found: Vec<_> = (0..2).map(|_| show(&report(&net, &mut hose))).collect();
    assert_eq!(found, ["a 1 commit 1", "a 2 commit 1"]);
    net.run(hose.close()).unwrap();
    assert_eq!(store.get(), Some(7));
    assert_eq!(accounts.get(&ada.did).unwrap().head, Some(ada.head()));
}

#[test]
fn no_more_is_held_than_was_said() {
    let mut ada = Account::new(0);
    let script: Vec<Act> = (1..=100).map(|seq| ada.frame(seq, [seq as u16])).collect();
    let plc = |net: &Net| {
        let slow = Says::After(secs(3), Box::new(Says::Document(ada.secret.public_key(), PDS)));
        Plc::new(net).with(&ada.did, [slow])
    };
    let mut config = Config::default();
    config.max_events = 10;
    let net = host(script.clone());
    let mut hose = follow_with(&net, &plc(&net), NoCursor, &MemoryAccounts::default(), config.clone());
    assert!(net.poll(pin!(hose.next())).is_none());
    assert_eq!(net.read(), 10);
    let found: Vec<_> = (0..100).map(|_| report(&net, &mut hose).seq.unwrap()).collect();
    assert_eq!(found, Vec::from_iter(1..=100));

    // Bytes, too: what reaches the limit is the last.
    config.max_bytes = 1;
    let net = host(script.clone());
    let mut hose = follow_with(&net, &plc(&net), NoCursor, &MemoryAccounts::default(), config.clone());
    assert!(net.poll(pin!(hose.next())).is_none());
    assert_eq!(net.read(), 1);

    // And reports that nobody handles.
    config = Config::default();
    config.max_unhandled = 5;
    for keeps in [false, true] {
        let net = host(script.clone());
        let plc = plc(&net);
        let reports = |first: &mut dyn FnMut() -> Result<FirehoseEvent, FirehoseError>| {
            let found: Vec<_> = (0..60).map(|_| first()).collect();
            found.iter().take_while(|event| event.is_ok()).count()
        };
        let count = if keeps {
            let store = MemoryCursor::default();
            let mut hose = follow_with(&net, &plc, store, &MemoryAccounts::default(), config.clone());
            reports(&mut || net.run(hose.next()))
        } else {
            let mut hose = follow_with(&net, &plc, NoCursor, &MemoryAccounts::default(), config.clone());
            reports(&mut || net.run(hose.next()))
        };
        assert!((5..=100).contains(&count), "{count}");
    }
}

#[test]
fn a_key_that_has_changed_is_asked_for_once() {
    let mut ada = Account::new(0);
    let old = SecretKey::from_bytes(Curve::P256, &[9; 32]).unwrap().public_key();
    let new = ada.secret.public_key();
    let script: Vec<Act> = (1..=3).map(|seq| ada.frame(seq, [seq as u16])).collect();
    let net = host(script.clone());
    let plc = Plc::new(&net).with(&ada.did, [later(old, PDS), later(new, PDS)]);
    let mut hose = follow(&net, &plc, NoCursor, &MemoryAccounts::default());
    let found: Vec<_> = (0..3).map(|_| show(&report(&net, &mut hose))).collect();
    assert_eq!(
        (found, plc.asked()),
        (vec!["a 1 commit 1".into(), "a 2 commit 1".into(), "a 3 commit 1".into()], 2)
    );

    // What is forged does not make the directory be asked again and again.
    let net = host(script);
    let plc = Plc::new(&net).with(&ada.did, [later(old, PDS)]);
    let accounts = MemoryAccounts::default();
    let mut hose = follow(&net, &plc, NoCursor, &accounts);
    for seq in 1..=3 {
        let found = show(&report(&net, &mut hose));
        assert_eq!(found, format!("a {seq} invalid: signature is not of the account's key"));
    }
    assert_eq!((plc.asked(), accounts.get(&ada.did)), (2, None));
}

#[test]
fn an_identity_that_cannot_be_had_is_told() {
    let accounts: Vec<Account> = (0..4).map(Account::new).collect();
    let [mut ada, mut ben, mut cat, mut dot] = <[Account; 4]>::try_from(accounts).ok().unwrap();
    let script =
        vec![ada.frame(1, [1]), ben.frame(2, [1]), cat.frame(3, [1]), dot.frame(4, [1]), dot.frame(5, [2])];
    let net = host(script);
    let key = dot.secret.public_key();
    let plc = Plc::new(&net)
        .with(&ada.did, [Says::Status(503)])
        .with(&ben.did, [Says::Status(404)])
        .with(&cat.did, [Says::Status(410)])
        // It comes back after a while.
        .with(&dot.did, [Says::Status(503), Says::Document(key, PDS)]);
    let mut hose = follow(&net, &plc, NoCursor, &MemoryAccounts::default());
    let mut found: Vec<_> = (0..4).map(|_| show(&report(&net, &mut hose))).collect();
    found.sort();
    assert_eq!(found[0], "a 1 incomplete: unreachable: status 503");
    assert_eq!(found[1], "b 2 ignored: the account has no identity: not found");
    assert!(
        found[2].starts_with("c 3 ignored: the account has no identity: the DID has been ended"),
        "{found:?}"
    );
    assert_eq!(found[3], "d 4 incomplete: unreachable: status 503");
    net.skip(secs(200));
    // It is the first that is known of the account, and stands by itself.
    assert_eq!(show(&report(&net, &mut hose)), "d 5 commit 1");
}

#[test]
fn a_repository_that_was_lost_track_of_is_fetched() {
    let mut ada = Account::new(0);
    let first = ada.frame(1, [1]);
    let _missed = ada.commit([2]);
    let gap = [ada.frame(3, [3]), ada.frame(4, [4])];
    let fetched = ada.head();
    let rest = [ada.frame(5, [5]), ada.frame(6, [6])];
    let script = [
        vec![first],
        gap.to_vec(),
        vec![Act::Wait(secs(1))],
        rest.to_vec(),
        vec![Act::Wait(secs(1)), ada.frame(7, [7])],
    ];
    let script = script.concat();
    let (net, accounts, store) = (host(script), MemoryAccounts::default(), MemoryCursor::default());
    let plc = Plc::new(&net).knowing([&ada]);
    let mut hose = follow(&net, &plc, store, &accounts);
    assert_eq!(show(&report(&net, &mut hose)), "a 1 commit 1");
    let lost = show(&report(&net, &mut hose));
    assert!(lost.starts_with("a 3 desynchronized: event does not follow on revision"), "{lost}");
    assert!(accounts.get(&ada.did).unwrap().is_desynchronized);
    assert_eq!(show(&report(&net, &mut hose)), "a 4 ignored: the repository has to be fetched");
    hose.begin_resync(&ada.did);
    let found: Vec<_> = (0..2).map(|_| show(&report(&net, &mut hose))).collect();
    assert_eq!(found, ["a 5 queued", "a 6 queued"]);
    // Until it is there, another process has to fetch it.
    assert!(accounts.get(&ada.did).unwrap().is_desynchronized);
    hose.end_resync(&ada.did, Some(fetched));
    // A process that ends before all that waited was reported has to fetch it again.
    let found: Vec<_> = (0..4)
        .map(|_| {
            let shown = show(&report(&net, &mut hose));
            (shown, accounts.get(&ada.did).unwrap().is_desynchronized)
        })
        .collect();
    let expected =
        [("a  resynchronized", true), ("a  commit 1", true), ("a  commit 1", false), ("a 7 commit 1", false)];
    assert_eq!(found, expected.map(|(shown, is_behind)| (shown.to_owned(), is_behind)));
    let state = accounts.get(&ada.did).unwrap();
    assert_eq!((state.head, state.is_desynchronized), (Some(ada.head()), false));

    // One that could not be fetched has to be fetched again; what was never begun says nothing.
    hose.end_resync(&ada.did, Some(fetched));
    hose.begin_resync(&ada.did);
    hose.end_resync(&ada.did, None);
    assert_eq!(show(&report(&net, &mut hose)), "a  desynchronized");
    assert!(accounts.get(&ada.did).unwrap().is_desynchronized);
}

#[test]
fn an_account_that_was_deleted_begins_anew() {
    let mut ada = Account::new(0);
    let account = |ada: &Account, seq, is_active: bool| {
        let status = (!is_active).then(|| ("status", Value::from("deleted")));
        let fields = [("active", boolean(is_active))].into_iter().chain(status);
        frame_of("#account", seq, &ada.did, fields)
    };
    let later = ada.frame(4, [9]);
    let _more: Vec<_> = (0..3).map(|record| ada.commit([record])).collect();
    let newer = ada.frame(1, [1]);
    let script = vec![newer, account(&ada, 2, false), account(&ada, 3, true), later];
    let (net, accounts) = (host(script), MemoryAccounts::default());
    let mut hose = follow(&net, &Plc::new(&net).knowing([&ada]), NoCursor, &accounts);
    let found: Vec<_> = (0..4).map(|_| show(&report(&net, &mut hose))).collect();
    // The last one has an earlier revision than the first.
    assert_eq!(found, ["a 1 commit 1", "a 2 account false", "a 3 account true", "a 4 commit 1"]);
}

#[test]
fn a_state_of_another_process_counts() {
    let mut ada = Account::new(0);
    ada.commit([1]);
    let head = ada.head();
    let script = vec![
        ada.frame(5, [2]),
        frame_of("#account", 6, &ada.did, [("active", boolean(true))]),
        ada.frame(7, [3]),
    ];
    let state = AccountState { head: Some(head), is_desynchronized: false, is_active: true, status: None };
    let inactive = AccountState { is_active: false, status: Some("suspended".into()), ..state.clone() };
    let lost = AccountState { is_desynchronized: true, ..state.clone() };
    let fetched = "ignored: the repository has to be fetched";
    for (state, expected) in [
        (state, ["a 5 commit 1".to_owned(), "a 6 account true".into(), "a 7 commit 1".into()]),
        (lost, [format!("a 5 {fetched}"), "a 6 account true".into(), format!("a 7 {fetched}")]),
    ] {
        let (net, accounts) = (host(script.clone()), MemoryAccounts::default());
        accounts.insert(ada.did.clone(), state);
        let mut hose = follow(&net, &Plc::new(&net).knowing([&ada]), NoCursor, &accounts);
        let found: Vec<_> = (0..3).map(|_| show(&report(&net, &mut hose))).collect();
        assert_eq!(found, expected);
    }
    let (net, accounts) = (host(script), MemoryAccounts::default());
    accounts.insert(ada.did.clone(), inactive);
    let mut hose = follow(&net, &Plc::new(&net).knowing([&ada]), NoCursor, &accounts);
    assert_eq!(show(&report(&net, &mut hose)), "a 5 ignored: the account is not active");
    assert_eq!(show(&report(&net, &mut hose)), "a 6 account true");
    assert!(show(&report(&net, &mut hose)).starts_with("a 7 desynchronized"));
}

/// A store that fails the first time.
#[derive(Default)]
struct Broken(Mutex<(u32, HashMap<Did, AccountState>)>);

impl AccountStore for Broken {
    async fn load(&self, did: &Did) -> Result<Option<AccountState>, AccountError> {
        let mut inner = self.0.lock().unwrap();
        inner.0 += 1;
        let failed = AccountError::new(std::io::Error::other("load"));
        if inner.0 == 1 { Err(failed) } else { Ok(inner.1.get(did).cloned()) }
    }

    async fn save(&self, did: &Did, state: &AccountState) -> Result<(), AccountError> {
        self.0.lock().unwrap().1.insert(did.clone(), state.clone());
        Ok(())
    }
}

#[test]
fn a_store_that_fails_loses_no_event() {
    let mut ada = Account::new(0);
    let script = vec![ada.frame(1, [1]), ada.frame(2, [2]), binary(to_error_frame("FutureCursor", None))];
    let net = host(script);
    let plc = Plc::new(&net).knowing([&ada]);
    let repos = SubscribeRepos::new(PDS).unwrap();
    let stream = Subscription::new(repos, net.clone(), net.clone(), 1);
    let mut hose = Firehose::new(stream, plc.directory(), Broken::default(), net.clone());
    let mut found = Vec::new();
    for _ in 0..5 {
        found.push(match net.run(hose.next()) {
            Ok(FirehoseEvent::Report(report)) => show(&report),
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.to_string(),
        });
    }
    let future = "the cursor is from the future";
    assert_eq!(found, ["the accounts' store failed", "a 1 commit 1", "a 2 commit 1", future, future]);
}

#[test]
fn other_messages_and_the_end_are_told() {
    let mut ada = Account::new(0);
    let outdated = Object::from([("name".into(), "OutdatedCursor".into())]);
    let bad = Object::from([("seq".into(), Value::Integer(2)), ("did".into(), "no DID".into())]);
    let net = host(vec![
        binary(to_frame("#info", &cbor::to_vec(&outdated).unwrap())),
        ada.frame(1, [1]),
        binary(to_frame("#account", &cbor::to_vec(&bad).unwrap())),
        binary(to_frame("#future", &cbor::to_vec(&bad).unwrap())),
        frame_of("#identity", 3, &ada.did, [("handle", "ada.example.com".into())]),
        Act::Close,
    ]);
    let plc = Plc::new(&net).knowing([&ada]);
    let store = MemoryCursor::default();
    let mut hose = follow(&net, &plc, store.clone(), &MemoryAccounts::default());
    assert!(matches!(net.run(hose.next()), Ok(FirehoseEvent::OutdatedCursor { .. })));
    assert_eq!(show(&report(&net, &mut hose)), "a 1 commit 1");
    assert!(matches!(net.run(hose.next()), Ok(FirehoseEvent::Invalid { seq: Some(2), .. })));
    assert_eq!(show(&report(&net, &mut hose)), "a 3 identity");
    assert!(matches!(net.run(hose.next()), Ok(FirehoseEvent::Lost { .. })));
    net.run(hose.close()).unwrap();
    assert_eq!(store.get(), Some(3));
}

#[test]
fn an_identity_that_may_have_changed_is_asked_for_again() {
    let mut ada = Account::new(0);
    let net = host(vec![ada.frame(1, [1]), frame_of("#identity", 2, &ada.did, []), ada.frame(3, [2])]);
    let plc = Plc::new(&net).knowing([&ada]);
    let mut hose = follow(&net, &plc, NoCursor, &MemoryAccounts::default());
    let found: Vec<_> = (0..3).map(|_| show(&report(&net, &mut hose))).collect();
    assert_eq!(found, ["a 1 commit 1", "a 2 identity", "a 3 commit 1"]);
    assert_eq!(plc.asked(), 2);
}

#[test]
fn a_future_that_is_dropped_loses_no_event() {
    let mut accounts: Vec<Account> = (0..3).map(Account::new).collect();
    let mut script = Vec::new();
    for seq in 1..=30_u64 {
        script.extend([Act::Wait(secs(1)), accounts[(seq % 3) as usize].frame(seq, [seq as u16])]);
    }
    script.push(binary(to_error_frame("FutureCursor", None)));
    let net = host(script);
    let plc = accounts.iter().fold(Plc::new(&net), |plc, account| {
        let slow = Says::After(secs(2), Box::new(Says::Document(account.secret.public_key(), PDS)));
        plc.with(&account.did, [slow])
    });
    let (states, store) = (MemoryAccounts::default(), MemoryCursor::default());
    let mut hose = follow(&net, &plc, store.clone(), &states);
    let mut found = Vec::new();
    loop {
        let polled = net.poll(pin!(hose.next()));
        match polled {
            Some(Ok(FirehoseEvent::Report(report))) => {
                net.run(hose.handled(&report)).unwrap();
                found.push(report.seq.unwrap());
            }
            Some(Err(FirehoseError::Stream(_))) => break,
            Some(other) => panic!("{other:?}"),
            None => net.skip(secs(1)),
        }
    }
    found.sort_unstable();
    assert_eq!(found, Vec::from_iter(1..=30));
    net.run(hose.close()).unwrap();
    assert_eq!(store.get(), Some(30));
    assert!(accounts.iter().all(|account| states.get(&account.did).unwrap().head == Some(account.head())));
}

/// What was made of an event on its way.
#[derive(Debug, Clone, Copy)]
enum Tampering {
    /// A byte of a block is another.
    Block,
    /// An operation is not told.
    Op,
    /// It is signed by somebody else.
    Signature,
    /// It does not come at all.
    Loss,
}

fn tampered(how: Tampering, account: &mut Account, seq: u64) -> Option<Vec<u8>> {
    let other = SecretKey::from_bytes(Curve::K256, &[77; 32]).unwrap();
    let own = account.secret.clone();
    if let Tampering::Signature = how {
        account.secret = other;
    }
    let commit = account.commit([900, 901]);
    account.secret = own;
    let mut body = cbor::to_value(&commit.commit_event(seq, super::world::TIME).unwrap()).unwrap();
    let Value::Object(fields) = &mut body else { panic!() };
    match how {
        Tampering::Block => {
            let Some(Value::Bytes(blocks)) = fields.get_mut("blocks") else { panic!() };
            *blocks.0.last_mut().unwrap() ^= 1;
        }
        Tampering::Op => {
            let Some(Value::Array(ops)) = fields.get_mut("ops") else { panic!() };
            ops.pop();
        }
        Tampering::Signature => {}
        Tampering::Loss => return None,
    }
    Some(to_frame("#commit", &cbor::to_vec(&body).unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Several accounts write in turn, and one event of one of them is tampered with: all others' commits are what they wrote, to the
    /// end, whichever process is killed in between.
    #[test]
    fn histories_are_followed(
        writes in prop::collection::vec((0..5u8, prop::collection::vec(0..40u16, 0..4)), 1..60),
        how in prop::sample::select(vec![Tampering::Block, Tampering::Op, Tampering::Signature, Tampering::Loss]),
        at in 0..60usize,
        kill_every in 1..40usize,
        is_slow in any::<bool>(),
    ) {
        let mut accounts: Vec<Account> = (0..5).map(Account::new).collect();
        let mut expected: BTreeMap<u64, (Did, Vec<(String, bool)>)> = BTreeMap::new();
        let (mut frames, mut victim) = (Vec::new(), None);
        for (seq, (number, records)) in (1u64..).zip(&writes) {
            let account = &mut accounts[usize::from(*number)];
            if seq as usize == at + 1 {
                victim = Some((account.did.clone(), seq));
                frames.extend(tampered(how, account, seq).map(|frame| (seq, frame)));
                continue;
            }
            let commit = account.commit(records.iter().copied());
            let ops = commit.changes().iter().map(|change| (change.path.clone(), change.cid.is_some()));
            expected.insert(seq, (account.did.clone(), ops.collect()));
            frames.push((seq, commit_frame(&commit, seq)));
        }
        let (store, states) = (MemoryCursor::default(), MemoryAccounts::default());
        let mut found: BTreeMap<u64, (Did, Vec<(String, bool)>)> = BTreeMap::new();
        let (mut verdict, mut last) = (None, HashMap::<Did, u64>::new());
        let mut kills = 0;
        'processes: loop {
            // From the cursor on, as servers do.
            let from = store.get().unwrap_or_default();
            let rest = frames.iter().filter(|(seq, _)| *seq >= from).map(|(_, frame)| binary(frame.clone()));
            let script = rest.chain([binary(to_error_frame("FutureCursor", None))]);
            let net = host(script.collect());
            let plc = accounts.iter().fold(Plc::new(&net), |plc, account| {
                let says = Says::Document(account.secret.public_key(), PDS);
                let is_slow = is_slow && account.did.as_str().contains('a');
                plc.with(&account.did, [if is_slow { Says::After(secs(2), Box::new(says)) } else { says }])
            });
            let mut hose = follow(&net, &plc, store.clone(), &states);
            let mut order = HashMap::<Did, u64>::new();
            for count in 0.. {
                let report = match net.run(hose.next()) {
                    Ok(FirehoseEvent::Report(report)) => report,
                    Err(FirehoseError::Stream(_)) => break 'processes,
                    other => panic!("{other:?}"),
                };
                let seq = report.seq.unwrap();
                // In the order of the account.
                prop_assert!(order.insert(report.did.clone(), seq).is_none_or(|before| before < seq));
                match &report.verdict {
                    Verdict::Commit(commit) => {
                        let ops = commit.ops.iter().map(|op| (op.path.clone(), op.record.is_some()));
                        let ops = (report.did.clone(), ops.collect());
                        // What comes again is the same.
                        if let Some(before) = found.insert(seq, ops.clone()) {
                            prop_assert_eq!(before, ops);
                        }
                        last.insert(report.did.clone(), seq);
                    }
                    other if victim.as_ref().is_some_and(|(did, at)| (did, *at) == (&report.did, seq)) => {
                        // When it comes again, its account is known to be lost track of.
                        verdict.get_or_insert(format!("{other:?}"));
                    }
                    // The rest of the account's, and what comes again.
                    Verdict::Ignored(_) => {}
                    other => prop_assert!(
                        victim.as_ref().is_some_and(|(did, at)| *did == report.did && *at < seq),
                        "{seq} {other:?}"
                    ),
                }
                // Killed before it is handled.
                if kills < 4 && count + 1 == kill_every + seq as usize % 7 {
                    kills += 1;
                    net.run(hose.save()).unwrap();
                    continue 'processes;
                }
                net.run(hose.handled(&report)).unwrap();
            }
        }
        let is_expected = |seq: &u64, did: &Did| victim.as_ref().is_none_or(|(lost, at)| lost != did || seq < at);
        expected.retain(|seq, (did, _)| is_expected(seq, did));
        let is_first = |did: &Did, at: u64| !expected.iter().any(|(seq, (other, _))| other == did && *seq < at);
        if let Some((did, at)) = &victim
            && is_first(did, *at)
        {
            // Nothing was known of the account, so that what comes next stands by itself.
            found.retain(|seq, (other, _)| other != did || seq < at);
        }
        prop_assert_eq!(&found, &expected);
        if let (Some((_, at)), Some(verdict)) = (&victim, &verdict) {
            let says = match how {
                Tampering::Block => "Invalid(Event(Car(",
                Tampering::Op => "Desynchronized(Some(",
                Tampering::Signature => "Invalid(Event(Signature))",
                Tampering::Loss => "",
            };
            prop_assert!(verdict.starts_with(says), "{at} {verdict}");
        }
        for account in &accounts {
            let is_victim = victim.as_ref().is_some_and(|(did, _)| *did == account.did);
            let head = states.get(&account.did).and_then(|state| state.head);
            if !is_victim && last.contains_key(&account.did) {
                prop_assert_eq!(head, Some(account.head()));
            }
        }
    }
}

#[test]
fn unhandled_reports_are_made_again() {
    let mut ada = Account::new(0);
    let script = vec![ada.frame(1, [1]), ada.frame(2, [2])];
    let (store, states) = (MemoryCursor::default(), MemoryAccounts::default());
    for _ in 0..2 {
        let net = host(script.clone());
        let plc = Plc::new(&net).knowing([&ada]);
        let mut hose = follow(&net, &plc, store.clone(), &states);
        for seq in 1..=2 {
            assert_eq!(show(&unhandled(&net, &mut hose)), format!("a {seq} commit 1"));
        }
        net.run(hose.close()).unwrap();
        assert_eq!((store.get(), states.get(&did_of(0))), (None, None));
    }
}
