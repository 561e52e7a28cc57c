//! Resolutions whose hosts say anything: they end, and ask only for what the policy allows.

use arbitrary::{Result, Unstructured};
use atproto_identity::dns::{Dns, DnsError, DnsOverHttps};
use atproto_identity::resolve::{Answer, HandleResolution, IdentityResolution, Resolution, Step};
use atproto_identity::{Config, DidDocument, FetchPolicy, HandleState, Identity};
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, HttpErrorKind, Request, Response};
use futures_executor::block_on;
use std::sync::Arc;

const DIDS: [&str; 4] =
    ["did:plc:ewvi7nxzyoun6zhxrhs64oiz", "did:web:a.example.com", "did:web:localhost", "did:key:z6Mk"];
const HANDLES: [&str; 3] = ["a.example.com", "b.example.com", "a.test"];

/// The first byte says what the rest is: the answers of a network, a document, or a message of DNS.
pub fn check(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    match kind % 3 {
        // Too little data answers nothing more.
        0 => drop(check_answers(&mut Unstructured::new(bytes))),
        1 => check_document(bytes),
        _ => check_message(bytes),
    }
}

fn check_answers(input: &mut Unstructured<'_>) -> Result<()> {
    let config = Arc::new(Config::default());
    let asked = if input.arbitrary()? { *input.choose(&HANDLES)? } else { *input.choose(&DIDS)? };
    let mut resolution = IdentityResolution::new(&asked.parse().unwrap(), &config);
    // A handle, a document, a handle; and the redirects of each.
    for _ in 0..1 + 3 * 6 {
        let answer = match resolution.step() {
            Step::Done(Ok(identity)) => {
                check_identity(&identity, asked);
                return Ok(());
            }
            Step::Done(Err(_)) => return Ok(()),
            Step::Dns(name) => {
                assert!(name.starts_with("_atproto.") && name.len() <= 253);
                Answer::Dns(records(input)?)
            }
            Step::Http(fetching) => {
                assert_eq!(config.policy.check_uri(fetching.request.uri()), Ok(()));
                assert!(fetching.max_body <= config.policy.max_body);
                Answer::Http(response(input)?)
            }
        };
        resolution.answer(answer);
    }
    panic!("it does not end");
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

fn records(input: &mut Unstructured<'_>) -> Result<std::result::Result<Vec<Vec<u8>>, DnsError>> {
    if input.ratio(1, 8)? {
        return Ok(Err(DnsError::Failed));
    }
    let mut records = Vec::new();
    for _ in 0..input.int_in_range(0..=2)? {
        let value = if input.ratio(1, 4)? { input.arbitrary::<&str>()? } else { *input.choose(&DIDS)? };
        records.push(format!("did={value}").into_bytes());
    }
    Ok(Ok(records))
}

fn response(input: &mut Unstructured<'_>) -> Result<std::result::Result<Response<Bytes>, HttpError>> {
    let (did, handle) = (*input.choose(&DIDS)?, *input.choose(&HANDLES)?);
    let is = |status: u16, body: String| Response::builder().status(status).body(body.into()).unwrap();
    Ok(Ok(match input.int_in_range(0..=7)? {
        0 => return Ok(Err(HttpErrorKind::Connect.into())),
        1 => is(*input.choose(&[404, 410, 429, 500, 204, 304, 100, 400])?, String::new()),
        2 => {
            let places = [
                "/x",
                "//b.example.com",
                "https://10.0.0.1/",
                "https://b.example.com/y",
                "http://b.example.com",
                "?",
            ];
            let place =
                if input.arbitrary()? { *input.choose(&places)? } else { input.arbitrary::<&str>()? };
            let mut response = is(302, String::new());
            if let Ok(value) = place.parse() {
                response.headers_mut().insert("location", value);
            }
            response
        }
        3 => is(200, did.to_owned()),
        4 => is(200, input.arbitrary::<&str>()?.to_owned()),
        _ => is(200, format!(r#"{{"id":"{did}","alsoKnownAs":["at://{handle}"]}}"#)),
    }))
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

fn check_message(bytes: &[u8]) {
    let dns =
        DnsOverHttps::new(Says(bytes.to_vec()), "https://dns.example.com/dns-query", &FetchPolicy::default());
    if let Ok(texts) = block_on(dns.unwrap().txt("_atproto.a.example.com")) {
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
    let answers = [[0; 64].to_vec(), (0..64u8).map(|n| n.wrapping_mul(29)).collect(), vec![255; 64]];
    let answers = answers.into_iter().map(|answers| [vec![0], answers].concat());
    answers.chain([[vec![1], document.to_json().to_string().into_bytes()].concat(), message]).collect()
}
