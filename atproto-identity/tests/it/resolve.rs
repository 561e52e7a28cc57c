use crate::net::{Net, Says, document, ok, redirect, status};
use atproto_identity::fetch_policy::Refusal;
use atproto_identity::{
    Config, FetchPolicy, HandleFault, HandleState, Identity, Malformed, Missing, ResolveError,
    fetch_policy::DevelopmentPolicy,
};
use atproto_lexicon::http::HttpErrorKind;
use atproto_lexicon::syntax::Did;
use futures_executor::block_on;
use std::time::Duration;

const DID: &str = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const OTHER: &str = "did:web:other.example.com";
const PLC: &str = "https://plc.directory/did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const WELL_KNOWN: &str = "https://a.example.com/.well-known/atproto-did";

fn resolve(net: &Net, identifier: &str) -> Result<Identity, ResolveError> {
    block_on(net.directory().resolve(&identifier.parse().unwrap()))
}

fn leads_to(net: &Net, handle: &str) -> Result<Did, ResolveError> {
    block_on(net.directory().resolve_handle_unchecked(&handle.parse().unwrap()))
}

fn did(text: &str) -> Did {
    text.parse().unwrap()
}

#[test]
fn a_handle_is_found_in_dns_or_at_its_host() {
    let net = Net::default();
    net.url(WELL_KNOWN, ok(format!("  {DID}\r\n")));
    assert_eq!(leads_to(&net, "A.example.com").unwrap(), did(DID));
    assert_eq!(net.asked(), ["_atproto.a.example.com", WELL_KNOWN]);
    // DNS wins, and other texts there do not count.
    net.txt("a.example.com", &["v=spf1", &format!("did={OTHER}"), "DID=x", &format!("did={OTHER}")]);
    assert_eq!(leads_to(&net, "a.example.com").unwrap(), did(OTHER));
    assert_eq!(net.asked(), ["_atproto.a.example.com"]);
    // Neither knows it.
    assert!(matches!(leads_to(&net, "b.example.com"), Err(ResolveError::NotFound)));
}

#[test]
fn two_dids_in_dns_are_no_choice() {
    let net = Net::default();
    net.txt("a.example.com", &[&format!("did={DID}"), &format!("did={OTHER}")]).url(WELL_KNOWN, ok(DID));
    net.asked();
    let error = leads_to(&net, "a.example.com").unwrap_err();
    assert!(matches!(&error, ResolveError::HandleConflict(dids) if *dids == [DID, OTHER]), "{error}");
    assert_eq!(error.retry_after(), None);
    assert_eq!(net.asked(), ["_atproto.a.example.com"]);
    net.txt("a.example.com", &["did=nonsense"]);
    assert!(matches!(leads_to(&net, "a.example.com"), Err(ResolveError::Malformed(Malformed::Did))));
}

#[test]
fn dns_that_fails_is_no_answer() {
    let net = Net::default();
    net.txt_fails("a.example.com").url(WELL_KNOWN, ok(DID));
    assert_eq!(leads_to(&net, "a.example.com").unwrap(), did(DID));
    // The host knows nothing of it, and DNS might.
    net.url(WELL_KNOWN, status(404));
    let error = leads_to(&net, "a.example.com").unwrap_err();
    assert!(error.retry_after().is_some(), "{error:?}");
}

#[test]
fn what_a_host_says_is_a_did() {
    let net = Net::default();
    for body in ["", "no did", "did:plc:", "<html>", "did:web:a.example.com did:web:b.example.com"] {
        net.url(WELL_KNOWN, ok(body));
        let found = leads_to(&net, "a.example.com");
        assert!(matches!(found, Err(ResolveError::Malformed(Malformed::Did))), "{body:?}: {found:?}");
    }
    net.url(WELL_KNOWN, ok("x".repeat(2049)));
    assert!(matches!(leads_to(&net, "a.example.com"), Err(ResolveError::TooLarge { limit: 2048 })));
    net.url(WELL_KNOWN, ok(b"\xff".to_vec()));
    assert!(matches!(leads_to(&net, "a.example.com"), Err(ResolveError::Malformed(Malformed::Did))));
}

#[test]
fn a_name_too_long_for_dns_is_asked_of_its_host() {
    let net = Net::default();
    let handle =
        format!("{}.com", ["a".repeat(61), "b".repeat(61), "c".repeat(61), "d".repeat(60)].join("."));
    assert_eq!(handle.len() + "_atproto.".len(), 259);
    net.url(&format!("https://{handle}/.well-known/atproto-did"), ok(DID));
    assert_eq!(leads_to(&net, &handle).unwrap(), did(DID));
}

#[test]
fn reserved_handles_are_asked_of_nobody() {
    let net = Net::default();
    for handle in [
        "a.test",
        "a.local",
        "a.arpa",
        "a.internal",
        "a.onion",
        "a.invalid",
        "handle.invalid",
        "a.alt",
        "a.example",
        "a.localhost",
    ] {
        assert!(matches!(leads_to(&net, handle), Err(ResolveError::ReservedHandle)), "{handle}");
    }
    for (did, is_method) in [
        ("did:web:a.test", true),
        ("did:plc:short", true),
        ("did:plc:ewvi7nxzyoun6zhxrhs64oi1", true),
        ("did:key:z6Mk", false),
    ] {
        let error = resolve(&net, did).unwrap_err();
        let right = if is_method {
            matches!(error, ResolveError::InvalidDid)
        } else {
            matches!(error, ResolveError::UnsupportedMethod(_))
        };
        assert!(right, "{did}: {error}");
    }
    assert_eq!(net.asked(), [""; 0]);
}

#[test]
fn both_directions_agree() {
    let net = Net::default();
    net.account(DID, "a.example.com");
    for identifier in ["a.example.com", "A.Example.com", DID] {
        let identity = resolve(&net, identifier).unwrap();
        assert_eq!((identity.did().as_str(), identity.handle()), (DID, "a.example.com"), "{identifier}");
        assert!(matches!(identity.handle_state(), HandleState::Verified(_)));
    }
    // From a handle that the document does not claim.
    net.txt("b.example.com", &[&format!("did={DID}")]);
    let error = resolve(&net, "b.example.com").unwrap_err();
    let ResolveError::HandleMismatch { did, claims } = error else { panic!("{error}") };
    assert_eq!((did.as_str(), claims.unwrap().as_str()), (DID, "a.example.com"));
    net.url(PLC, ok(format!(r#"{{"id":"{DID}"}}"#)));
    let error = resolve(&net, "b.example.com").unwrap_err();
    assert!(matches!(error, ResolveError::HandleMismatch { claims: None, .. }), "{error}");
    let identity = resolve(&net, DID).unwrap();
    assert!(matches!(identity.handle_state(), HandleState::None) && identity.handle() == "handle.invalid");
    assert_eq!(identity.pds(), Err(Missing::Service("atproto_pds")));
    assert_eq!(identity.signing_key(), Err(Missing::Key("atproto")));
}

#[test]
fn an_identity_without_its_handle_is_one() {
    let net = Net::default();
    net.account(DID, "a.example.com");
    let fault = |net: &Net| match resolve(net, DID).unwrap().handle_state() {
        HandleState::Invalid { claimed, fault } => (claimed.to_string(), fault.clone()),
        other => panic!("{other:?}"),
    };
    net.txt("a.example.com", &[&format!("did={OTHER}")]);
    assert!(
        matches!(fault(&net), (claimed, HandleFault::Elsewhere(did)) if claimed == "a.example.com" && did.as_str() == OTHER)
    );
    net.txt("a.example.com", &[]);
    assert!(matches!(fault(&net).1, HandleFault::Unresolved(ResolveError::NotFound)));
    net.txt_fails("a.example.com");
    assert!(matches!(fault(&net).1, HandleFault::Unresolved(error) if error.retry_after().is_some()));
    net.url(PLC, ok(document(DID, "handle.invalid")));
    assert!(matches!(fault(&net).1, HandleFault::Unresolved(ResolveError::ReservedHandle)));
    assert_eq!(resolve(&net, DID).unwrap().handle(), "handle.invalid");
}

#[test]
fn a_document_is_that_of_the_did() {
    let net = Net::default();
    let error = |says: Says| {
        net.url(PLC, says);
        resolve(&net, DID).unwrap_err()
    };
    assert!(
        matches!(error(ok(document(OTHER, "a.example.com"))), ResolveError::IdMismatch(other) if other.as_str() == OTHER)
    );
    assert!(matches!(error(status(404)), ResolveError::NotFound));
    assert!(matches!(error(status(410)), ResolveError::Tombstoned));
    assert!(matches!(error(status(403)), ResolveError::Malformed(Malformed::Status(403))));
    assert!(matches!(error(status(304)), ResolveError::Malformed(Malformed::Status(304))));
    for body in ["", "[]", "{}", "null", r#"{"id":3}"#, r#"{"id":"x"}"#, "{"] {
        assert!(matches!(error(ok(body)), ResolveError::Malformed(Malformed::Document)), "{body}");
    }
    let deep = format!(r#"{{"id":"{DID}","service":{}"#, "[".repeat(100_000));
    assert!(matches!(error(ok(deep)), ResolveError::Malformed(Malformed::Document)));
    net.url("https://other.example.com/.well-known/did.json", status(410));
    assert!(matches!(resolve(&net, OTHER), Err(ResolveError::NotFound)));
}

#[test]
fn what_may_pass_says_when_to_ask_again() {
    let net = Net::default();
    let error = |says: Says| {
        net.url(PLC, says);
        resolve(&net, DID).unwrap_err()
    };
    for code in [408, 429, 500, 502, 503, 504] {
        assert_eq!(error(status(code)).retry_after(), Some(Duration::from_secs(60)), "{code}");
    }
    let busy =
        |value: &str| error(Says::Is(429, Some(("retry-after", value.to_owned())), Vec::new())).retry_after();
    assert_eq!(busy("7"), Some(Duration::from_secs(7)));
    assert_eq!(busy("99999999999"), Some(Duration::from_secs(86_400)));
    assert_eq!(busy("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::from_secs(60)));
    for kind in [HttpErrorKind::Connect, HttpErrorKind::UnknownHost] {
        assert!(matches!(
            error(Says::Fails(kind)),
            ResolveError::Unreachable { status: None, error: Some(_), .. }
        ));
    }
    assert!(matches!(error(Says::Fails(HttpErrorKind::TimedOut)), ResolveError::TooSlow));
    let private = [10, 0, 0, 1].into();
    let refused = error(Says::Fails(HttpErrorKind::Refused(private)));
    assert!(matches!(refused, ResolveError::Refused(Refusal::Address(address)) if address == private));
    assert_eq!(refused.retry_after(), None);
}

#[test]
fn redirects_are_followed_and_checked_again() {
    let net = Net::default();
    net.url(WELL_KNOWN, redirect("/one")).url("https://a.example.com/one", redirect("//b.example.com/two"));
    net.url("https://b.example.com/two", redirect("https://c.example.com/three"))
        .url("https://c.example.com/three", ok(DID));
    assert_eq!(leads_to(&net, "a.example.com").unwrap(), did(DID));
    // A fourth is one too many, and so is a loop.
    net.url("https://c.example.com/three", redirect("https://d.example.com/four"))
        .url("https://d.example.com/four", ok(DID));
    assert!(matches!(leads_to(&net, "a.example.com"), Err(ResolveError::TooManyRedirects)));
    net.url(WELL_KNOWN, redirect(WELL_KNOWN));
    net.asked();
    assert!(matches!(leads_to(&net, "a.example.com"), Err(ResolveError::TooManyRedirects)));
    assert_eq!(net.asked().len(), 1 + 4);

    for (to, refusal) in [
        ("https://127.0.0.1/", Refusal::Address([127, 0, 0, 1].into())),
        ("https://10.0.0.1:8080/x", Refusal::Address([10, 0, 0, 1].into())),
        (
            "https://[::ffff:169.254.169.254]/latest/meta-data",
            Refusal::Address("::ffff:169.254.169.254".parse().unwrap()),
        ),
        ("https://2130706433/", Refusal::Host("2130706433".to_owned())),
        ("https://localhost/", Refusal::Host("localhost".to_owned())),
        ("http://b.example.com/", Refusal::Scheme("http".to_owned())),
        ("file:///etc/passwd", Refusal::Scheme("file".to_owned())),
        ("https://u:p@b.example.com/", Refusal::User),
    ] {
        for url in [WELL_KNOWN, PLC] {
            net.url(url, redirect(to));
        }
        net.asked();
        for found in [leads_to(&net, "a.example.com").map(drop), resolve(&net, DID).map(drop)] {
            match found {
                Err(ResolveError::Refused(found)) => assert_eq!(found, refusal, "{to}"),
                // Not even a URL.
                Err(ResolveError::Malformed(Malformed::Redirect)) if to.starts_with("file") => {}
                other => panic!("{to}: {other:?}"),
            }
        }
        assert_eq!(net.asked(), ["_atproto.a.example.com", WELL_KNOWN, PLC]);
    }
    net.url(WELL_KNOWN, Says::Is(302, None, Vec::new()));
    assert!(matches!(leads_to(&net, "a.example.com"), Err(ResolveError::Malformed(Malformed::Redirect))));
}

#[test]
fn a_host_costs_no_more_than_its_limits() {
    let net = Net::default();
    net.url(PLC, Says::Endless).url(WELL_KNOWN, Says::Endless);
    assert!(matches!(resolve(&net, DID), Err(ResolveError::TooLarge { limit: 524_288 })));
    assert!(matches!(leads_to(&net, "a.example.com"), Err(ResolveError::TooLarge { limit: 2048 })));
    for says in [Says::Drips(vec![b' '; 1000]), Says::Hangs] {
        net.url(PLC, says);
        let start = net.time();
        let error = resolve(&net, DID).unwrap_err();
        assert!(matches!(error, ResolveError::TooSlow) && error.retry_after().is_some(), "{error:?}");
        assert!(net.time() - start <= Duration::from_secs(61));
    }
    // Redirects and the body share one limit.
    let net = Net::default();
    net.url(PLC, redirect("https://a.example.com/1"))
        .url("https://a.example.com/1", Says::Drips(vec![b' '; 1000]));
    assert!(matches!(resolve(&net, DID), Err(ResolveError::TooSlow)));
    assert_eq!(net.time(), Duration::from_secs(10));
    // A slow one that is quick enough.
    net.url("https://a.example.com/1", Says::Drips(b"null   ".to_vec()));
    assert!(matches!(resolve(&net, DID), Err(ResolveError::Malformed(Malformed::Document))));
}

#[test]
fn development_reaches_this_machine() {
    let net = Net::default();
    let policy = FetchPolicy::from(DevelopmentPolicy { port: Some(2583), ..Default::default() });
    let config = Config { plc_directory: "http://localhost:2582".to_owned(), policy };
    net.url("http://a.test:2583/.well-known/atproto-did", ok(DID));
    net.url(&format!("http://localhost:2582/{DID}"), ok(document(DID, "a.test")));
    let directory = net.directory().with_config(config);
    let identity = block_on(directory.resolve(&"a.test".parse().unwrap())).unwrap();
    assert_eq!(identity.handle(), "a.test");
    assert!(resolve(&net, "a.test").is_err());
}

#[test]
fn hosts_are_asked_as_often_as_allowed() {
    let net = Net::default();
    net.url(PLC, ok(document(DID, "handle.invalid")));
    let directory = net.directory().with_rate_limit(2, 1);
    let did = did(DID);
    assert!(block_on(directory.document(&did)).is_ok());
    // The second one waits: half a second passes before it is sent.
    net.asked();
    let mut second = std::pin::pin!(directory.document(&did));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(second.as_mut().poll(&mut context).is_pending() && net.asked().is_empty());
    net.pass(Duration::from_millis(499));
    assert!(second.as_mut().poll(&mut context).is_pending() && net.asked().is_empty());
    net.pass(Duration::from_millis(1));
    assert!(block_on(second).is_ok() && net.asked() == [PLC]);
}
