//! Calls against servers of every kind.

use crate::net::{Net, START, Says, json};
use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::http::{Body as _, Bytes, HttpErrorKind};
use atproto_xrpc::api::com::atproto::repo::{CreateRecord, UploadBlob};
use atproto_xrpc::api::com::atproto::server::DescribeServer;
use atproto_xrpc::api::com::atproto::sync::GetRepo;
use atproto_xrpc::auth::{Fixed, Secret};
use atproto_xrpc::client::ClientConfig;
use atproto_xrpc::headers::{Labeler, ServiceRef};
use atproto_xrpc::{Call, Error, RetryPolicy};
use futures_util::StreamExt as _;
use std::time::Duration;

const SERVER: &str = r#"{"did":"did:web:pds.example.com","availableUserDomains":[".example.com"]}"#;
const CREATED: &str = r#"{"uri":"at://did:web:a.example/com.example.note/1",
    "cid":"bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u"}"#;

fn create() -> CreateRecord {
    let repo = "did:web:a.example".parse().unwrap();
    CreateRecord::new(repo, "com.example.note".parse().unwrap(), Object::new())
}

/// What a query gives, and how often it was sent.
fn query(answers: impl IntoIterator<Item = Says>) -> (Result<String, Error>, usize) {
    let net = Net::script(answers);
    let client = net.client();
    let result = net.run(async move { client.send(&DescribeServer).await.map_err(Error::untyped) });
    (result.map(|reply| reply.output.did.to_string()), net.asked().len())
}

/// What a procedure gives, and how often it was sent.
fn procedure(answers: impl IntoIterator<Item = Says>) -> (Result<String, Error>, usize) {
    let net = Net::script(answers);
    let client = net.client();
    let result = net.run(async move { client.send(&create()).await.map_err(Error::untyped) });
    (result.map(|reply| reply.output.uri.to_string()), net.asked().len())
}

#[test]
fn a_query_survives_a_failure_and_a_procedure_is_sent_once() {
    let failures = [
        json(500, r#"{"error":"InternalServerError"}"#),
        json(503, "<html>"),
        Says::Fails(HttpErrorKind::Connect),
        Says::Fails(HttpErrorKind::Broken),
    ];
    for failure in failures {
        let (result, sent) = query([failure.clone(), json(200, SERVER)]);
        assert_eq!((result.unwrap().as_str(), sent), ("did:web:pds.example.com", 2), "{failure:?}");
        let (result, sent) = query([failure.clone(), failure.clone(), failure.clone()]);
        assert_eq!((result.is_err(), sent), (true, 3), "{failure:?}");
        let (result, sent) = procedure([failure.clone()]);
        assert_eq!((result.is_err(), sent), (true, 1), "{failure:?}");
    }
    for status in [400, 404, 429, 501] {
        let (result, sent) = query([json(status, r#"{"error":"No"}"#)]);
        assert_eq!((result.unwrap_err().name(), sent), (Some("No"), 1), "{status}");
    }
}

#[test]
fn a_success_that_is_none_is_no_output() {
    let cases = [
        json(200, "<html>Hello</html>"),
        json(200, &CREATED[..CREATED.len() - 5]),
        json(200, r#"{"error":"InvalidRequest","message":"no"}"#),
        json(200, ""),
        json(204, ""),
    ];
    for says in cases {
        let (result, sent) = procedure([says.clone()]);
        assert!(matches!(result, Err(Error::Malformed(_))), "{says:?}: {result:?}");
        assert_eq!(sent, 1);
        assert!(matches!(query([says]), (Err(Error::Malformed(_)), 1)));
    }
    // Nobody is sent elsewhere.
    let moved = json(302, "").with("location", "https://other.example.com/");
    assert!(matches!(procedure([moved]), (Err(Error::Refused(_)), 1)));
}

#[test]
fn a_server_costs_no_more_than_the_limits() {
    let kind = |result: Result<String, Error>| match result {
        Err(Error::Http(error)) => error.kind(),
        other => panic!("{other:?}"),
    };
    let too_large = HttpErrorKind::TooLarge { limit: 8 * 1024 * 1024 };
    assert_eq!(kind(query([Says::Endless]).0), too_large);
    for says in [Says::Hangs, Says::Stops(b"{\"did\":".to_vec())] {
        let net = Net::script([says]);
        let client = net.client();
        let result = net.run(async move { client.send(&DescribeServer).await.map_err(Error::untyped) });
        assert_eq!(kind(result.map(|reply| reply.output.did.to_string())), HttpErrorKind::TimedOut);
        assert_eq!((net.time(), net.asked().len()), (Duration::from_secs(30), 1));
    }
}

#[test]
fn a_rate_limit_is_waited_for_where_that_is_asked() {
    let limited =
        || json(429, r#"{"error":"RateLimitExceeded"}"#).with("ratelimit-reset", START.as_secs() + 40);
    let net = Net::script([limited(), json(200, CREATED)]);
    let retry = RetryPolicy { rate_limit: Some(Duration::from_secs(60)), ..RetryPolicy::default() };
    let client = net.client().with_config(ClientConfig { retry, ..ClientConfig::default() });
    let reply = net.run(async move { client.send(&create()).await.unwrap() });
    assert_eq!(reply.output.uri.collection().unwrap().as_str(), "com.example.note");
    assert_eq!((net.asked().len(), net.time().as_secs()), (2, 40));

    let (result, sent) = procedure([limited()]);
    let error = result.unwrap_err();
    assert_eq!((error.name(), sent), (Some("RateLimitExceeded"), 1));
    assert_eq!(error.head().unwrap().retry_after(START), Some(Duration::from_secs(40)));
}

#[test]
fn headers_are_those_of_the_client_and_of_the_call() {
    let net = Net::new(|_| json(200, r#"{"a":1}"#));
    let proxy: ServiceRef = "did:web:api.example.com#bsky_appview".parse().unwrap();
    let labelers = [Labeler { did: "did:web:l.example.com".parse().unwrap(), redact: true }];
    let client = net.client().with_proxy(&proxy).with_labelers(&labelers);
    let client = client.with_auth(Fixed::admin(&Secret::from("secret-token")));
    let call = Call::query("com.example.get".parse().unwrap());
    let other = call.clone().with_header("atproto-proxy", "did:web:b.example.com#x").unwrap();
    let reply = net.run(async move {
        client.call(&other).await.unwrap();
        client.call(&call).await.unwrap()
    });
    let Some(Value::Object(answer)) = reply.output else { panic!("no object") };
    assert_eq!(answer.get("a"), Some(&Value::Integer(1)));
    let asked = net.asked();
    assert_eq!(asked[0].headers()["atproto-proxy"], "did:web:b.example.com#x");
    assert_eq!(asked[1].headers()["atproto-proxy"], "did:web:api.example.com#bsky_appview");
    assert_eq!(asked[1].headers()["atproto-accept-labelers"], "did:web:l.example.com;redact");
    assert_eq!(asked[1].headers()["authorization"], "Basic YWRtaW46c2VjcmV0LXRva2Vu");
    // No token is shown.
    assert!(!format!("{asked:?}").contains("YWRt"));
}

#[test]
fn bytes_come_in_pieces() {
    let did = || GetRepo::new("did:web:a.example".parse().unwrap());
    let net = Net::script([json(503, ""), json(200, "twelve bytes"), json(200, "twelve bytes")]);
    let client = net.client();
    let bytes = net.run(async move {
        let pieces: Vec<_> = client.download(&did()).await.unwrap().output.into_stream().collect().await;
        assert_eq!(pieces.len(), 2);
        client.download(&did()).await.unwrap().output.read_all(12).await.unwrap()
    });
    assert_eq!(bytes, "twelve bytes");

    let refusal = json(400, r#"{"error":"RepoDeactivated"}"#);
    let net = Net::script([Says::Stops(b"abc".to_vec()), Says::Endless, refusal]);
    let client = net.client();
    net.run(async move {
        let mut stopped = client.download(&did()).await.unwrap().output;
        assert_eq!(stopped.chunk().await.unwrap().unwrap(), "abc");
        assert_eq!(stopped.chunk().await.unwrap_err().kind(), HttpErrorKind::TimedOut);
        let endless = client.download(&did()).await.unwrap().output.read_all(1 << 20).await;
        assert_eq!(endless.unwrap_err().kind(), HttpErrorKind::TooLarge { limit: 1 << 20 });
        assert_eq!(client.download(&did()).await.unwrap_err().name(), Some("RepoDeactivated"));
    });
    assert_eq!(net.time(), Duration::from_secs(30));
}

#[test]
fn bytes_are_sent_in_one_or_in_pieces() {
    const UPLOADED: &str = r#"{"blob":{"$type":"blob","mimeType":"image/png","size":3,
        "ref":{"$link":"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}}}"#;
    let net = Net::script([json(200, UPLOADED), json(200, UPLOADED)]);
    let client = net.client();
    net.run(async move {
        client.send_bytes(&UploadBlob, "image/png", "abc").await.unwrap();
        client.send_streaming(&UploadBlob, "image/png", Bytes::from("abc"), 3).await.unwrap();
        for wrong in [2, 4] {
            let error =
                client.send_streaming(&UploadBlob, "image/png", Bytes::from("abc"), wrong).await.unwrap_err();
            assert!(matches!(error, Error::Http(error) if error.kind() == HttpErrorKind::BadLength));
        }
    });
    for request in net.asked() {
        assert_eq!(
            (request.headers()["content-type"].to_str().unwrap(), &request.body()[..]),
            ("image/png", &b"abc"[..])
        );
    }
}

/// A generic client can be spawned.
#[test]
fn futures_are_send() {
    fn is_send<T: Send>(_: T) {}
    let net = Net::default();
    let client = net.client();
    is_send(client.send(&create()));
    is_send(client.download(&GetRepo::new("did:web:a.example".parse().unwrap())));
    is_send(client.send_streaming(&UploadBlob, "image/png", Bytes::new(), 0));
}
