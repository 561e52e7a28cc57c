//! Resolutions whose hosts say anything: they find what is there, they end, and they ask only for what the policy allows.

use crate::resolution_network::{DIDS, HANDLES, Network};
use crate::resolution_oracle::World as _;
use crate::{dns_message, resolution_oracle};
use arbitrary::{Result, Unstructured};
use atproto_identity::dns::{Dns, DnsError, DnsOverHttps};
use atproto_identity::resolve::{Answer, HandleResolution, IdentityResolution, Resolution, Step};
use atproto_identity::{
    Config, DidDocument, FetchPolicy, HandleFault, HandleState, Identity, Malformed, ResolveError,
};
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, Request, Response};
use futures_executor::block_on;
use std::sync::Arc;

/// The first byte says what the rest is: the answers of a network, a document, a message of DNS, or what one is made of.
pub fn check(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 4 {
        // Too little data answers nothing more.
        0 => drop(check_answers(&mut Unstructured::new(bytes))),
        1 => check_document(bytes),
        2 => check_message(bytes),
        _ => drop(check_made_message(&mut Unstructured::new(bytes))),
    }
}

fn check_answers(input: &mut Unstructured<'_>) -> Result<()> {
    let asked = if input.arbitrary()? { *input.choose(&HANDLES)? } else { *input.choose(&DIDS)? };
    let mut config = Config::default();
    config.policy.max_body = *input.choose(&[512 * 1024, 200, 4096])?;
    config.policy.max_redirects = input.int_in_range(0..=3)?;
    let config = Arc::new(config);
    let mut network = Network::new(input, config.policy.clone());
    let mut resolution = IdentityResolution::new(&asked.parse().unwrap(), &config);
    // A handle, a document, a handle; and the redirects of each.
    for _ in 0..1 + 3 * 6 {
        let answer = match resolution.step() {
            Step::Done(done) => {
                let expected = resolution_oracle::resolve(&mut network, asked);
                if network.is_known {
                    assert_eq!(done.as_ref().map(found).map_err(name), expected);
                }
                if let Ok(identity) = done {
                    check_identity(&identity, asked);
                }
                return Ok(());
            }
            Step::Dns(name) => {
                assert!(name.starts_with("_atproto.") && name.len() <= 253);
                Answer::Dns(network.texts(&name).ok_or(DnsError::Failed))
            }
            Step::Http(fetching) => {
                assert_eq!(config.policy.check_uri(fetching.request.uri()), Ok(()));
                assert!(fetching.max_body <= config.policy.max_body);
                Answer::Http(network.http(&fetching.request.uri().to_string()))
            }
        };
        resolution.answer(answer);
    }
    panic!("it does not end");
}

/// An identity as the oracle says it.
fn found(identity: &Identity) -> (String, String) {
    let handle = match identity.handle_state() {
        HandleState::Verified(handle) => format!("verified {handle}"),
        HandleState::None => "none".to_owned(),
        HandleState::Invalid { claimed, fault: HandleFault::Elsewhere(did) } => {
            format!("invalid {claimed}: {did}")
        }
        HandleState::Invalid { claimed, fault: HandleFault::Unresolved(error) } => {
            format!("invalid {claimed}: {}", name(error))
        }
        other => panic!("{other:?}"),
    };
    (identity.did().to_string(), handle)
}

fn name(error: &ResolveError) -> &'static str {
    match error {
        ResolveError::NotFound => "NotFound",
        ResolveError::Tombstoned => "Tombstoned",
        ResolveError::ReservedHandle => "ReservedHandle",
        ResolveError::UnsupportedMethod(_) => "UnsupportedMethod",
        ResolveError::InvalidDid => "InvalidDid",
        ResolveError::IdMismatch(_) => "IdMismatch",
        ResolveError::HandleConflict(_) => "HandleConflict",
        ResolveError::HandleMismatch { .. } => "HandleMismatch",
        ResolveError::Unreachable { .. } => "Unreachable",
        ResolveError::Refused(_) => "Refused",
        ResolveError::TooLarge { .. } => "TooLarge",
        ResolveError::TooSlow => "TooSlow",
        ResolveError::TooManyRedirects => "TooManyRedirects",
        ResolveError::Malformed(Malformed::Document) => "Malformed(Document)",
        ResolveError::Malformed(Malformed::Did) => "Malformed(Did)",
        ResolveError::Malformed(Malformed::Redirect) => "Malformed(Redirect)",
        ResolveError::Malformed(Malformed::Status(_)) => "Malformed(Status)",
        ResolveError::Malformed(Malformed::Response) => "Malformed(Response)",
        other => panic!("{other:?}"),
    }
}

fn check_identity(identity: &Identity, asked: &str) {
    let claimed = identity.document().handle();
    match identity.handle_state() {
        HandleState::Verified(handle) => assert_eq!(Some(handle), claimed.as_ref()),
        HandleState::None => assert_eq!(claimed, None),
        HandleState::Invalid { claimed: invalid, .. } => assert_eq!(Some(invalid), claimed.as_ref()),
        other => panic!("{other:?}"),
    }
    // Who asked for a handle has it; who asked for a DID has that.
    let found = if asked.starts_with("did:") { identity.did().as_str() } else { identity.handle() };
    assert_eq!(found, asked);
}

fn check_document(bytes: &[u8]) {
    let Ok(document) = DidDocument::from_json(bytes) else { return };
    let again = DidDocument::from_json(document.to_json().to_string().as_bytes()).unwrap();
    assert_eq!(again, document);
    assert_eq!((again.signing_key(), again.handle()), (document.signing_key(), document.handle()));
    if let Some(pds) = document.pds() {
        assert!(pds.starts_with("http") && !pds.ends_with('/') && pds.parse::<http::Uri>().is_ok(), "{pds}");
    }
}

/// A server that says these bytes.
struct Says(Vec<u8>);

impl HttpClient for Says {
    type Body = Bytes;

    async fn send(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        assert!(request.uri().query().unwrap().starts_with("dns="));
        Ok(Response::new(self.0.clone().into()))
    }
}

fn texts(message: &[u8]) -> std::result::Result<Vec<Vec<u8>>, DnsError> {
    let policy = FetchPolicy::default();
    let dns = DnsOverHttps::new(Says(message.to_vec()), "https://dns.example.com/dns-query", &policy);
    block_on(dns.unwrap().txt("_atproto.a.example.com"))
}

fn check_made_message(input: &mut Unstructured<'_>) -> Result<()> {
    let (message, expected) = dns_message::made(input)?;
    assert_eq!(texts(&message), expected, "{message:02x?}");
    Ok(())
}

fn check_message(bytes: &[u8]) {
    if let Ok(texts) = texts(bytes) {
        // No text is longer than what it was read from.
        assert!(texts.iter().map(Vec::len).sum::<usize>() <= bytes.len());
        let mut resolution = HandleResolution::new("a.example.com".parse().unwrap(), &Arc::default());
        resolution.answer(Answer::Dns(Ok(texts)));
        assert!(!matches!(resolution.step(), Step::Dns(_)));
    }
}

/// Answers that lead somewhere, documents, and a message of DNS.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let document = DidDocument::new("did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap())
        .with_handle(&"a.example.com".parse().unwrap())
        .with_key(
            "atproto",
            &atproto_crypto::SecretKey::from_bytes(atproto_crypto::Curve::K256, &[1; 32])
                .unwrap()
                .public_key(),
        )
        .with_service("atproto_pds", "AtprotoPersonalDataServer", "https://pds.example.com");
    let mut message = vec![2, 0, 0, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    message.extend_from_slice(b"\x08_atproto\x01a\x07example\x03com\0\0\x10\0\x01");
    message.extend_from_slice(b"\xc0\x0c\0\x05\0\x01\0\0\0\0\0\x04\x01b\xc0\x17");
    message.extend_from_slice(b"\x01b\xc0\x17\0\x10\0\x01\0\0\0\0\0\x0a\x09did=did:x");
    let bytes = |kind: u8, seed: u8| -> Vec<u8> {
        let byte = |at: u8| at.wrapping_mul(29).wrapping_add(seed.wrapping_mul(67)) ^ (at >> 3);
        [kind].into_iter().chain((0..96).map(byte)).collect()
    };
    let made = (0..16).flat_map(|seed| [bytes(0, seed), bytes(3, seed)]);
    let answers = [0, 255].map(|byte| [vec![0], vec![byte; 64]].concat());
    let document = [vec![1], document.to_json().to_string().into_bytes()].concat();
    made.chain(answers).chain([document, message]).collect()
}
