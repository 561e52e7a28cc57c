//! What each event makes of an account, and what leads to a repository that was fetched.

use crate::events::TIME;
use crate::history::steps;
use crate::oracle;
use crate::sync::{NOW, commit_of, head_of, key};
use crate::write::{Records, as_writes, did, forty, map_of, next, record, rev, writes};
use atproto_lexicon::data::cbor;
use atproto_repo::car::Car;
use atproto_repo::repo::{UnsignedRepo, Write};
use atproto_repo::store::{MemoryStore, Store as _};
use atproto_repo::sync::{Account, Event, Head, Outcome, Reconcile, Sync, VerifyError};
use proptest::prelude::*;

/// Writes that follow each other, as bodies of events.
fn bodies(store: &mut MemoryStore, count: u64) -> Vec<Vec<u8>> {
    (1..=count)
        .map(|number| {
            let (path, note) = (format!("com.example.note/n{number}"), record(number as u8));
            let commit = next(store, &[Write::Create { path: &path, record: &note }], number);
            store.commit(&commit.write_set()).unwrap();
            commit.commit_event(number, TIME).unwrap()
        })
        .collect()
}

#[test]
fn an_account_is_fetched_again_after_a_gap() {
    let (mut store, _) = forty();
    let start = head_of(&store);
    let bodies = bodies(&mut store, 5);
    let mut account = Account::new(did(), start);
    let take = |account: &mut Account, number: usize| {
        let body = &bodies[number];
        match account.commit(commit_of(body), body, &key(), NOW) {
            Outcome::Commit(_) => "commit",
            Outcome::Ignored => "ignored",
            Outcome::Queued => "queued",
            Outcome::Desynchronized(Some(VerifyError::ChainBreak(_))) => "gap",
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(take(&mut account, 0), "commit");
    assert_eq!(take(&mut account, 0), "ignored");
    assert_eq!(take(&mut account, 2), "gap");
    assert_eq!(account.state(), &Sync::Desynchronized(Some(commit_head(&bodies[0]))));
    assert_eq!(take(&mut account, 3), "ignored");
    account.begin_resync();
    assert_eq!(take(&mut account, 3), "queued");
    assert_eq!(take(&mut account, 4), "queued");
    // What was fetched is newer than the first of these.
    let queue = account.end_resync(Some(commit_head(&bodies[3])));
    assert_eq!(queue.len(), 2);
    let outcomes = queue.iter().map(|queued| match queued.event().unwrap() {
        Some(Event::Commit(event)) => account.commit(event, b"", &key(), NOW),
        other => panic!("{other:?}"),
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert!(matches!(outcomes[..], [Outcome::Ignored, Outcome::Commit(_)]), "{outcomes:?}");
    assert_eq!(account.head(), head_of(&store).as_ref());

    // No host leads back, and what does not fit in is not half kept.
    let mut account = Account::new(did(), Some(commit_head(&bodies[3]))).with_max_queue(bodies[0].len() + 10);
    account.begin_resync();
    assert_eq!((take(&mut account, 0), take(&mut account, 1)), ("queued", "queued"));
    assert!(account.end_resync(Some(commit_head(&bodies[1]))).is_empty());
    assert_eq!(account.state(), &Sync::Desynchronized(Some(commit_head(&bodies[3]))));
    // What was lost may be all that came after what was fetched.
    account.begin_resync();
    assert_eq!((take(&mut account, 0), take(&mut account, 1)), ("queued", "queued"));
    assert!(account.end_resync(Some(commit_head(&bodies[4]))).is_empty());
    assert_eq!(account.state(), &Sync::Desynchronized(Some(commit_head(&bodies[4]))));
    let mut account = Account::new(did(), Some(commit_head(&bodies[3])));
    account.begin_resync();
    assert!(account.end_resync(None).is_empty());
    assert_eq!(account.state(), &Sync::Desynchronized(Some(commit_head(&bodies[3]))));
}

fn commit_head(body: &[u8]) -> Head {
    let event = commit_of(body);
    let car = Car::parse(event.blocks).unwrap();
    Head { rev: event.rev, data: UnsignedRepo::open(&car).unwrap().commit().data }
}

#[test]
fn sync_events_say_where_a_repository_is() {
    let (mut store, _) = forty();
    let start = head_of(&store).unwrap();
    let note = record(1);
    let commit = next(&store, &[Write::Create { path: "com.example.note/a", record: &note }], 1);
    store.commit(&commit.write_set()).unwrap();
    let body = commit.sync_event(1, TIME).unwrap();
    let event = match Event::parse("#sync", &body).unwrap() {
        Some(Event::Sync(event)) => event,
        other => panic!("{other:?}"),
    };
    let now = head_of(&store).unwrap();
    let take = |head: Option<Head>, event: &atproto_repo::sync::SyncEvent<'_>| {
        let mut account = Account::new(did(), head);
        let outcome = format!("{:?}", account.sync(event, b"", &key(), NOW));
        (outcome.split('(').next().unwrap().to_owned(), account.head().copied() == head)
    };
    let expect = |name: &str| (name.to_owned(), true);
    assert_eq!(take(Some(now), &event), expect("Unchanged"));
    assert_eq!(take(Some(start), &event), expect("Desynchronized"));
    assert_eq!(take(None, &event), expect("Desynchronized"));
    assert_eq!(take(Some(Head { data: start.data, ..now }), &event), expect("Ignored"));
    assert_eq!(take(Some(Head { rev: rev(2), ..now }), &event), expect("Ignored"));
    let mut unsigned = event;
    unsigned.rev = rev(3);
    assert_eq!(take(Some(start), &unsigned), expect("Invalid"));
}

#[test]
fn an_inactive_account_has_no_commits() {
    let (mut store, _) = forty();
    let start = head_of(&store);
    let bodies = bodies(&mut store, 1);
    let mut account = Account::new(did(), start);
    let mut set = |active: bool, status: Option<&str>| {
        let body = cbor::to_vec(&crate::events::account(active, status)).unwrap();
        let Some(Event::Account(event)) = Event::parse("#account", &body).unwrap() else { panic!() };
        let has_changed = account.account(&event);
        let outcome = account.commit(commit_of(&bodies[0]), &bodies[0], &key(), NOW);
        (has_changed, account.is_active(), matches!(outcome, Outcome::Commit(_)))
    };
    assert_eq!(set(false, Some("deactivated")), (true, false, false));
    assert_eq!(set(false, Some("deactivated")), (false, false, false));
    assert_eq!(set(false, Some("takendown")), (true, false, false));
    assert_eq!(set(true, None), (true, true, true));
}

proptest! {
    #[test]
    fn reconciling_leads_from_what_is_stored_to_what_was_fetched(old in steps(), new in steps()) {
        let (mut stored, mut fetched) = (Records::new(), Records::new());
        old.iter().for_each(|step| drop(writes(step, &mut stored)));
        let mut store = MemoryStore::default();
        for (number, step) in new.iter().enumerate() {
            let list = writes(step, &mut fetched);
            let commit = next(&store, &as_writes(&list), number as u64);
            store.commit(&commit.write_set()).unwrap();
        }
        let (before, after) = (map_of(&stored), map_of(&fetched));
        let list = before.iter().map(|(path, cid)| (String::from_utf8(path.clone()).unwrap(), *cid));
        let repo = UnsignedRepo::open(&store).unwrap();
        let mut changes = Reconcile::new(list, repo.walk());
        let mut found = Vec::new();
        while let Some(change) = changes.next().unwrap() {
            found.push((change.path.into_bytes(), change.prev, change.cid));
        }
        prop_assert_eq!(found, oracle::diff(&before, &after).ops);
    }
}

#[test]
fn events_lost_while_an_account_is_inactive_are_fetched() {
    let (mut store, _) = forty();
    let start = head_of(&store);
    let bodies = bodies(&mut store, 2);
    let mut account = Account::new(did(), start);
    account.begin_resync();
    for active in [false, true] {
        let body = cbor::to_vec(&crate::events::account(active, None)).unwrap();
        let Some(Event::Account(event)) = Event::parse("#account", &body).unwrap() else { panic!() };
        assert!(account.account(&event));
        let outcome = account.commit(commit_of(&bodies[usize::from(active)]), &bodies[0], &key(), NOW);
        assert!(matches!(outcome, Outcome::Ignored) != active, "{outcome:?}");
    }
    assert!(account.end_resync(start).is_empty());
    assert_eq!(account.state(), &Sync::Desynchronized(start));
}

#[test]
fn what_could_not_be_compared_is_said_again() {
    let (store, records) = forty();
    let repo = UnsignedRepo::open(&store).unwrap();
    let part = repo.export_prefix(Vec::new(), "com.example.like/").unwrap();
    let car = Car::parse(&part).unwrap();
    let part = UnsignedRepo::open(&car).unwrap();
    let stored = map_of(&records).into_iter().map(|(path, cid)| (String::from_utf8(path).unwrap(), cid));
    let mut changes = Reconcile::new(stored, part.walk());
    let error = loop {
        match changes.next() {
            Ok(Some(change)) => assert!(change.cid.is_some(), "no deletion of what is only missing"),
            Ok(None) => panic!("a part is missing"),
            Err(error) => break error,
        }
    };
    assert_eq!(changes.next(), Err(error));
}
