use crate::net::{Net, Says, document, ok, status};
use atproto_identity::cache::{CacheConfig, CachedDirectory};
use atproto_identity::{HandleState, ResolveError};
use atproto_lexicon::syntax::{AtIdentifier, Did, Handle};
use futures_executor::block_on;
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

const DID: &str = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const PLC: &str = "https://plc.directory/did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const NAME: &str = "_atproto.a.example.com";
const HOUR: Duration = Duration::from_secs(3600);

type Cached = CachedDirectory<Net, Net, Net>;

fn cached(net: &Net) -> Cached {
    net.account(DID, "a.example.com");
    CachedDirectory::new(net.directory())
}

fn did() -> Did {
    DID.parse().unwrap()
}

fn handle() -> Handle {
    "a.example.com".parse().unwrap()
}

#[test]
fn what_was_found_is_remembered_for_a_day() {
    let net = Net::default();
    let directory = cached(&net);
    for _ in 0..3 {
        assert_eq!(block_on(directory.lookup_did(&did())).unwrap().handle(), "a.example.com");
        assert_eq!(block_on(directory.lookup(&"A.example.com".parse().unwrap())).unwrap().did(), &did());
    }
    assert_eq!(net.asked(), [PLC, NAME]);
    net.pass(24 * HOUR - Duration::from_secs(1));
    block_on(directory.lookup_did(&did())).unwrap();
    assert_eq!(net.asked(), [""; 0]);
    net.pass(Duration::from_secs(1));
    block_on(directory.lookup_handle(&handle())).unwrap();
    assert_eq!(net.asked(), [NAME, PLC]);
}

#[test]
fn failures_are_remembered_for_two_minutes() {
    let net = Net::default();
    let directory = cached(&net);
    net.url(PLC, status(404));
    let lookup = || block_on(directory.lookup_did(&did()));
    assert!(
        matches!(lookup(), Err(ResolveError::NotFound)) && matches!(lookup(), Err(ResolveError::NotFound))
    );
    assert_eq!(net.asked(), [PLC]);
    net.pass(Duration::from_secs(119));
    assert!(lookup().is_err() && net.asked().is_empty());
    net.pass(Duration::from_secs(1));
    net.url(PLC, status(500));
    // What is left of the time is what the caller is told.
    assert_eq!(lookup().unwrap_err().retry_after(), Some(Duration::from_secs(120)));
    net.pass(Duration::from_secs(50));
    assert_eq!(lookup().unwrap_err().retry_after(), Some(Duration::from_secs(70)));
    assert_eq!(net.asked(), [PLC]);
    net.pass(Duration::from_secs(70));
    net.url(PLC, Says::Is(429, Some(("retry-after", "3600".to_owned())), Vec::new()));
    assert_eq!(lookup().unwrap_err().retry_after(), Some(HOUR));
    net.pass(HOUR - Duration::from_secs(1));
    assert!(lookup().is_err() && net.asked() == [PLC]);
}

#[test]
fn an_identity_without_its_handle_is_remembered_for_five_minutes() {
    let net = Net::default();
    let directory = cached(&net);
    net.txt("a.example.com", &["did=did:web:other.example.com"]);
    let lookup = || block_on(directory.lookup_did(&did())).unwrap();
    assert!(matches!(lookup().handle_state(), HandleState::Invalid { .. }));
    let error = block_on(directory.lookup_handle(&handle())).unwrap_err();
    assert!(matches!(error, ResolveError::NotFound), "{error}");
    net.asked();
    net.pass(Duration::from_secs(299));
    lookup();
    assert_eq!(net.asked(), [""; 0]);
    directory.invalidate_handle(&handle());
    net.txt("a.example.com", &[&format!("did={DID}")]).pass(Duration::from_secs(1));
    assert_eq!(lookup().handle(), "a.example.com");
    // From a handle that it does not claim.
    net.txt("b.example.com", &[&format!("did={DID}")]);
    let error = block_on(directory.lookup_handle(&"b.example.com".parse().unwrap())).unwrap_err();
    assert!(matches!(error, ResolveError::HandleMismatch { .. }), "{error}");
}

#[test]
fn what_is_known_counts_while_its_host_is_away() {
    let net = Net::default();
    let directory = cached(&net);
    let lookup = || block_on(directory.lookup_did(&did()));
    lookup().unwrap();
    net.asked();
    net.url(PLC, status(503)).pass(25 * HOUR);
    assert_eq!(lookup().unwrap().handle(), "a.example.com");
    assert_eq!(net.asked(), [PLC]);
    // The host is not asked again at once.
    net.pass(Duration::from_secs(119));
    assert!(lookup().is_ok() && net.asked().is_empty());
    net.pass(Duration::from_secs(1));
    assert!(lookup().is_ok() && net.asked() == [PLC]);
    // It does not count for ever, and an answer is an answer.
    net.pass(24 * HOUR);
    assert!(lookup().is_err());
    net.url(PLC, ok(document(DID, "a.example.com"))).pass(HOUR);
    lookup().unwrap();
    net.url(PLC, status(410)).pass(25 * HOUR);
    assert!(matches!(lookup(), Err(ResolveError::Tombstoned)));
}

#[test]
fn an_identity_is_found_anew_when_asked_for() {
    let net = Net::default();
    let directory = cached(&net);
    block_on(directory.lookup_did(&did())).unwrap();
    net.asked();
    net.account(DID, "b.example.com").pass(Duration::from_secs(1));
    assert_eq!(block_on(directory.refresh(&did())).unwrap().handle(), "b.example.com");
    assert_eq!(block_on(directory.lookup_did(&did())).unwrap().handle(), "b.example.com");
    assert_eq!(net.asked(), [PLC, "_atproto.b.example.com"]);
    // Many at once are one.
    net.pass(Duration::from_secs(1));
    let all = (0..100).map(|_| async { directory.refresh(&did()).await.unwrap().handle().to_owned() });
    assert_eq!(block_on(join_all(all)), ["b.example.com"; 100]);
    assert_eq!(net.asked(), [PLC, "_atproto.b.example.com"]);
    // After an event, what it was is forgotten with its handle.
    directory.invalidate(&did());
    block_on(directory.lookup_did(&did())).unwrap();
    assert_eq!(net.asked(), [PLC, "_atproto.b.example.com"]);
}

#[test]
fn what_strangers_ask_for_anew_is_not_asked_for_without_end() {
    let net = Net::default();
    let directory = cached(&net);
    block_on(directory.lookup_did(&did())).unwrap();
    net.asked();
    let refresh = || block_on(directory.refresh_older(&did(), Duration::from_secs(10)));
    net.account(DID, "b.example.com").pass(Duration::from_secs(9));
    assert_eq!(refresh().unwrap().handle(), "a.example.com");
    assert_eq!(net.asked(), [""; 0]);
    net.pass(Duration::from_secs(2));
    assert_eq!(refresh().unwrap().handle(), "b.example.com");
    assert_eq!(net.asked(), [PLC, "_atproto.b.example.com"]);
    // That nobody answered counts as well.
    net.url(PLC, status(500)).pass(Duration::from_secs(11));
    for _ in 0..3 {
        assert_eq!(refresh().unwrap().handle(), "b.example.com");
    }
    assert_eq!(net.asked(), [PLC]);
}

/// A handle that another account has by now is not looked for where it was until a day has passed.
#[test]
fn a_handle_that_went_to_another_account_is_found_there() {
    const OTHER: &str = "did:plc:44ybard66vv44zksje25o7dz";
    let net = Net::default();
    let directory = cached(&net);
    block_on(directory.lookup_handle(&handle())).unwrap();
    net.pass(HOUR);
    net.account(OTHER, "a.example.com");
    net.account(DID, "b.example.com");
    block_on(directory.refresh(&did())).unwrap();
    net.asked();
    assert_eq!(block_on(directory.lookup_handle(&handle())).unwrap().did().as_str(), OTHER);
    assert_eq!(net.asked()[0], NAME);
    // Where it leads to one that claims another, that is not asked each time.
    net.account(OTHER, "c.example.com");
    net.pass(HOUR);
    block_on(directory.refresh(&OTHER.parse().unwrap())).unwrap();
    assert!(block_on(directory.lookup_handle(&handle())).is_err());
    net.asked();
    assert!(block_on(directory.lookup_handle(&handle())).is_err());
    assert_eq!(net.asked(), [""; 0]);
}

#[test]
fn what_is_on_its_way_at_an_event_is_not_remembered() {
    let net = Net::default();
    let directory = cached(&net);
    net.hold(true);
    let did = did();
    let mut lookup = pin!(directory.lookup_did(&did));
    assert!(lookup.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    directory.invalidate(&did);
    net.hold(false);
    block_on(lookup).unwrap();
    net.asked();
    block_on(directory.lookup_did(&did)).unwrap();
    assert_eq!(net.asked(), [PLC]);
}

#[test]
fn who_gives_up_leaves_what_was_there() {
    let net = Net::default();
    let directory = cached(&net);
    let did = did();
    block_on(directory.lookup_did(&did)).unwrap();
    net.pass(25 * HOUR);
    net.hold(true);
    {
        let mut dropped = pin!(directory.lookup_did(&did));
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    net.hold(false);
    net.url(PLC, status(500));
    assert!(block_on(directory.lookup_did(&did)).is_ok());
}

#[test]
fn many_that_wait_ask_once() {
    let net = Net::default();
    let directory = cached(&net);
    let dids: Vec<Did> =
        (0..1000).map(|number| format!("did:web:a{number}.example.com").parse().unwrap()).collect();
    for did in &dids {
        net.url(
            &format!("https://{}/.well-known/did.json", did.identifier()),
            ok(format!(r#"{{"id":"{did}"}}"#)),
        );
    }
    net.hold(true);
    let all = join_all((0..10_000).map(|number| directory.lookup_did(&dids[number % 1000])));
    let mut all = pin!(all);
    assert!(all.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    net.hold(false);
    assert!(block_on(all).into_iter().all(|found| found.is_ok()));
    assert_eq!(net.asked().len(), 1000);
}

#[test]
fn a_list_is_found_with_a_bound_on_how_much_at_once() {
    let net = Net::default();
    let directory = cached(&net);
    let identifiers =
        (0..100).map(|number| format!("did:web:a{number}.example.com").parse::<AtIdentifier>().unwrap());
    let found: Vec<_> = block_on(directory.lookup_many(identifiers, 7).collect());
    assert_eq!(found.len(), 100);
    assert!(found.iter().all(|(_, found)| matches!(found, Err(ResolveError::NotFound))));
    assert_eq!(net.most_at_once(), 7);
}

#[test]
fn no_more_is_remembered_than_was_said() {
    let net = Net::default();
    let config = CacheConfig { capacity: 100, ..CacheConfig::default() };
    let directory = CachedDirectory::with_config(net.directory(), config);
    let all: Vec<Did> =
        (0..1000).map(|number| format!("did:web:a{number}.example.com").parse().unwrap()).collect();
    for did in &all {
        assert!(block_on(directory.lookup_did(did)).is_err());
    }
    net.asked();
    for did in &all {
        assert!(block_on(directory.lookup_did(did)).is_err());
    }
    assert!(net.asked().len() >= 900);
}

/// A program spawns lookups on other threads.
#[test]
fn lookups_can_be_sent() {
    fn is_send(_: &impl Send) {}
    let net = Net::default();
    let directory = cached(&net);
    is_send(&directory);
    is_send(&directory.lookup(&"a.example.com".parse().unwrap()));
    is_send(&directory.refresh(&did()));
    is_send(&directory.lookup_many([], 1));
}
