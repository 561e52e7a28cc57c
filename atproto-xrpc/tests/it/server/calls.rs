//! Queries and procedures: what each step refuses, and what the client is told.

use super::{ask, client, error, get, listen, post, refused, run, told};
use atproto_identity::DidDocument;
use atproto_lexicon::typed::{NoBody, Object};
use atproto_xrpc::Error;
use atproto_xrpc::api::com::atproto::identity::resolve_handle::{
    ResolveHandle, ResolveHandleError, ResolveHandleOutput,
};
use atproto_xrpc::api::com::atproto::repo::create_record::{
    CreateRecord, CreateRecordError, CreateRecordOutput,
};
use atproto_xrpc::api::com::atproto::server::delete_session::{DeleteSession, DeleteSessionError};
use atproto_xrpc::server::{
    Answer, Asked, RateLimiter, Refusal, ServeError, ServerConfig, XrpcRouter, network_of, peer,
};
use axum::Router;
use axum::body::Body;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Request};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const RESOLVE: &str = "/xrpc/com.atproto.identity.resolveHandle";
const CREATE: &str = "/xrpc/com.atproto.repo.createRecord";
const RECORD: &str = r#"{"repo":"did:web:a.example","collection":"com.example.note","record":{}}"#;

type Log = Mutex<Vec<String>>;

async fn resolve(
    _: Arc<Log>,
    asked: Asked<ResolveHandle>,
) -> Result<ResolveHandleOutput, ServeError<ResolveHandleError>> {
    match asked.params.handle.as_str() {
        "alice.example.com" => Ok(ResolveHandleOutput::new("did:web:a.example".parse()?)),
        "fails.example.com" => Err(ServeError::internal("the password is hunter2")),
        "breaks.example.com" => Ok(ResolveHandleOutput::new("no DID".parse()?)),
        "banned.example.com" => Err(Refusal::forbidden("banned").into()),
        _ => Err(ServeError::named(ResolveHandleError::HandleNotFound, "nobody has it")),
    }
}

async fn create(
    log: Arc<Log>,
    asked: Asked<CreateRecord>,
) -> Result<Answer<CreateRecordOutput>, ServeError<CreateRecordError>> {
    log.lock().unwrap().push(asked.input.collection.to_string());
    if asked.input.swap_commit.is_some() {
        return Err(ServeError::Named { error: CreateRecordError::InvalidSwap, message: None });
    }
    let cid = atproto_lexicon::data::Cid::of_dag_cbor(b"").to_string();
    let output = CreateRecordOutput::new("at://did:web:a.example/com.example.note/1".parse()?, cid.parse()?);
    let rev = HeaderValue::from_static("3jzfcijpj2z2a");
    Ok(Answer::new(output).with_header(HeaderName::from_static("atproto-repo-rev"), rev))
}

async fn delete(_: Arc<Log>, _: Asked<DeleteSession>) -> Result<NoBody, ServeError<DeleteSessionError>> {
    Ok(NoBody)
}

fn service(log: &Arc<Log>) -> XrpcRouter<Log> {
    let report = log.clone();
    XrpcRouter::new(log.clone())
        .serve(resolve)
        .serve(create)
        .serve(delete)
        .on_failure(move |endpoint, error| report.lock().unwrap().push(format!("{endpoint}: {error}")))
}

fn router() -> Router {
    service(&Arc::default()).into_router()
}

#[test]
fn a_request_is_refused_where_it_is_wrong() {
    run(async {
        let router = router();
        let name = |number: usize| format!("{CREATE}{}", "x".repeat(number));
        for (request, expected) in [
            (get("/xrpc/com.example.notServed"), refused(501, "MethodNotImplemented")),
            (get("/xrpc/com.atproto.identity.resolvehandle"), refused(501, "MethodNotImplemented")),
            (get("/xrpc/x"), refused(400, "InvalidRequest")),
            (get("/xrpc/com.atproto.identity.resolveHandle/"), refused(400, "InvalidRequest")),
            (get("/xrpc/com.atproto.identity/resolveHandle"), refused(400, "InvalidRequest")),
            (get("/xrpc/com%2Eatproto.identity.resolveHandle"), refused(400, "InvalidRequest")),
            (get(&name(10_000)), refused(400, "InvalidRequest")),
            (get("/xrpc/_health"), refused(400, "InvalidRequest")),
            (get(CREATE), refused(405, "InvalidRequest")),
            (post(RESOLVE, "application/json", "{}"), refused(405, "InvalidRequest")),
            (get(RESOLVE), refused(400, "InvalidRequest")),
            (get(&format!("{RESOLVE}?handle=x")), refused(400, "InvalidRequest")),
            (get(&format!("{RESOLVE}?handle=a.example&handle=b.example")), refused(400, "InvalidRequest")),
            (post(CREATE, "text/plain", RECORD), refused(400, "InvalidRequest")),
            (post(CREATE, "application/json", &RECORD[..40]), refused(400, "InvalidRequest")),
            (post(CREATE, "application/json", ""), refused(400, "InvalidRequest")),
            (Request::post(CREATE).body(RECORD.into()).unwrap(), refused(400, "InvalidRequest")),
            (
                post("/xrpc/com.atproto.server.deleteSession", "application/json", "{}"),
                refused(400, "InvalidRequest"),
            ),
        ] {
            let shown = format!("{request:?}");
            assert_eq!(error(&ask(&router, request).await), expected, "{shown}");
        }
        let wrong = ask(&router, Request::delete(RESOLVE).body(Body::empty()).unwrap()).await;
        assert_eq!(wrong.headers()["allow"], "GET, HEAD");
        assert_eq!(ask(&router, get(CREATE)).await.headers()["allow"], "POST");
        // What is not ours is not answered.
        for path in ["/", "/xrpc", "/xrpc/", "/other", "/.well-known/did.json"] {
            let response = ask(&router, get(path)).await;
            assert_eq!((response.status().as_u16(), response.body().len()), (404, 0), "{path}");
        }
    });
}

#[test]
fn names_are_compared_as_nsids() {
    run(async {
        let router = router();
        let path = "/xrpc/COM.atproto.IDENTITY.resolveHandle?handle=alice.example.com";
        assert_eq!(ask(&router, get(path)).await.status(), 200);
        let head = Request::head(format!("{RESOLVE}?handle=alice.example.com")).body(Body::empty()).unwrap();
        assert_eq!(ask(&router, head).await.status(), 200);
    });
}

#[test]
fn an_error_says_what_the_asker_may_know() {
    run(async {
        let log: Arc<Log> = Arc::default();
        let router = service(&log).into_router();
        let resolve = async |name: &str| {
            told(&ask(&router, get(&format!("{RESOLVE}?handle={name}.example.com"))).await)
        };
        assert_eq!(resolve("bob").await, (400, "HandleNotFound".into(), Some("nobody has it".into())));
        assert_eq!(resolve("banned").await, (403, "Forbidden".into(), Some("banned".into())));
        assert!(log.lock().unwrap().is_empty());
        for name in ["fails", "breaks"] {
            assert_eq!(resolve(name).await, (500, "InternalServerError".into(), None));
        }
        let failures = std::mem::take(&mut *log.lock().unwrap());
        assert_eq!(failures[0], "com.atproto.identity.resolveHandle: the password is hunter2");
        assert_eq!(failures.len(), 2);
        let swap = RECORD.replace("\"record\"", &format!("\"swapCommit\":\"{}\",\"record\"", cid()));
        let response = ask(&router, post(CREATE, "application/json", swap)).await;
        assert_eq!(told(&response), (400, "InvalidSwap".into(), None));
    });
}

fn cid() -> String {
    atproto_lexicon::data::Cid::of_dag_cbor(b"").to_string()
}

#[test]
fn a_body_is_bounded() {
    run(async {
        let log: Arc<Log> = Arc::default();
        let config = ServerConfig {
            max_body: 1000,
            body_timeout: Duration::from_millis(200),
            ..ServerConfig::default()
        };
        let router = service(&log).with_config(config).into_router();
        let padded = |length: usize| format!("{RECORD}{}", " ".repeat(length - RECORD.len()));
        let json = |body: Body| post(CREATE, "application/json", body);
        assert_eq!(ask(&router, json(padded(1000).into())).await.status(), 200);
        assert_eq!(error(&ask(&router, json(padded(1001).into())).await), refused(413, "PayloadTooLarge"));
        // The same without a length that is said, and with one that is said of nothing.
        let pieces = |length: usize| {
            let pieces: Vec<_> =
                padded(length).bytes().map(|byte| Ok::<_, std::io::Error>(vec![byte])).collect();
            Body::from_stream(stream::iter(pieces))
        };
        assert_eq!(ask(&router, json(pieces(1000))).await.status(), 200);
        assert_eq!(error(&ask(&router, json(pieces(1001))).await), refused(413, "PayloadTooLarge"));
        let mut said = json(Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>()));
        said.headers_mut().insert("content-length", HeaderValue::from_static("1001"));
        assert_eq!(error(&ask(&router, said).await), refused(413, "PayloadTooLarge"));
        // One that stops, and one that breaks off.
        let never = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
        assert_eq!(error(&ask(&router, json(never)).await), refused(408, "RequestTimeout"));
        let trickle = stream::unfold(0, |number| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>(vec![b' ']), number + 1))
        });
        let trickle = Body::from_stream(trickle);
        assert_eq!(error(&ask(&router, json(trickle)).await), refused(408, "RequestTimeout"));
        let broken = [Ok(RECORD.as_bytes()[..20].to_vec()), Err(std::io::Error::other("reset"))];
        let broken = Body::from_stream(stream::iter(broken));
        assert_eq!(error(&ask(&router, json(broken)).await), refused(400, "InvalidRequest"));
        assert_eq!(log.lock().unwrap().len(), 2);
    });
}

#[test]
fn who_asks_too_often_is_told_when_to_come_back() {
    run(async {
        let limiter = RateLimiter::new(2, Duration::from_secs(60), 10);
        let now = Duration::from_secs(1_700_000_000);
        let key = |head: &http::request::Parts| head.headers.get("x-key").cloned();
        let router = service(&Arc::default())
            .with_rate_limit(move |head| Some(limiter.take(&key(head)?, 1, now)))
            .into_router();
        let request = |key: Option<&'static str>| {
            let mut request = get(&format!("{RESOLVE}?handle=alice.example.com"));
            request
                .headers_mut()
                .extend(key.map(|key| (HeaderName::from_static("x-key"), key.parse().unwrap())));
            request
        };
        for left in ["1", "0"] {
            let response = ask(&router, request(Some("a"))).await;
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["ratelimit-remaining"], left);
        }
        let response = ask(&router, request(Some("a"))).await;
        assert_eq!(error(&response), refused(429, "RateLimitExceeded"));
        for (name, value) in [
            ("ratelimit-limit", "2"),
            ("ratelimit-remaining", "0"),
            ("ratelimit-reset", "1700000060"),
            ("ratelimit-policy", "2;w=60"),
            ("retry-after", "60"),
        ] {
            assert_eq!(response.headers()[name], value);
        }
        assert_eq!(ask(&router, request(Some("b"))).await.status(), 200);
        let free = ask(&router, request(None)).await;
        assert!(free.status() == 200 && !free.headers().contains_key("ratelimit-limit"));
    });
}

#[test]
fn what_stands_beside_is_there() {
    run(async {
        let document = DidDocument::new("did:web:example.com".parse().unwrap()).with_service(
            "bsky_fg",
            "BskyFeedGenerator",
            "https://example.com",
        );
        let router = service(&Arc::default())
            .with_health("1.2.3")
            .with_cors()
            .with_did_document(&document)
            .with_handles(async |_, handle| {
                (handle.as_str() == "alice.example.com").then(|| "did:web:a.example".parse().unwrap())
            })
            .into_router();
        let health = ask(&router, get("/xrpc/_health")).await;
        assert_eq!(&health.body()[..], br#"{"version":"1.2.3"}"#);
        let response = ask(&router, get("/.well-known/did.json")).await;
        assert_eq!(DidDocument::from_json(response.body()).unwrap(), document);
        assert_eq!(response.headers()["content-type"], "application/json");
        for (host, expected) in [
            ("alice.example.com", Some("did:web:a.example")),
            ("ALICE.example.com:8080", Some("did:web:a.example")),
            ("bob.example.com", None),
            ("127.0.0.1", None),
            ("", None),
        ] {
            let mut request = get("/.well-known/atproto-did");
            request.headers_mut().insert("host", host.parse().unwrap());
            let response = ask(&router, request).await;
            let text =
                (response.status() == 200).then(|| String::from_utf8(response.body().to_vec()).unwrap());
            assert_eq!(text.as_deref(), expected, "{host}");
        }
        assert_eq!(ask(&router, get("/.well-known/atproto-did")).await.status(), 404);
        let preflight = Request::options(CREATE)
            .header("access-control-request-headers", "authorization, dpop")
            .body(Body::empty())
            .unwrap();
        let response = ask(&router, preflight).await;
        assert_eq!(response.headers()["access-control-allow-headers"], "authorization, dpop");
        assert_eq!(response.status(), 204);
        let response = ask(&router, get(RESOLVE)).await;
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
    });
}

#[test]
fn what_is_not_served_can_be_passed_on() {
    run(async {
        let router = service(&Arc::default())
            .fallback(async |_, nsid, request| {
                if nsid.as_str() == "com.example.fails" {
                    return Err(ServeError::internal("upstream is gone"));
                }
                let body = format!("{nsid} {} {:?}", request.method(), request.uri().query());
                Ok(http::Response::new(body.into()))
            })
            .into_router();
        let response = ask(&router, post("/xrpc/com.example.other?a=1", "text/plain", "x")).await;
        assert_eq!(&response.body()[..], br#"com.example.other POST Some("a=1")"#);
        assert_eq!(
            error(&ask(&router, get("/xrpc/com.example.fails")).await),
            refused(500, "InternalServerError")
        );
        assert_eq!(error(&ask(&router, get("/xrpc/x")).await), refused(400, "InvalidRequest"));
        assert_eq!(error(&ask(&router, get(CREATE)).await), refused(405, "InvalidRequest"));
    });
}

#[test]
fn our_client_is_served() {
    run(async {
        let limiter = RateLimiter::new(3, Duration::from_secs(1000), 10);
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let note = seen.clone();
        let router = service(&Arc::default()).with_rate_limit(move |head| {
            let peer = peer(head).map(network_of);
            note.lock().unwrap().push(peer);
            Some(limiter.take(&peer, 1, Duration::from_secs(4_000_000_000)))
        });
        let client = client(listen(router.into_router()).await);
        let resolved =
            client.send(&ResolveHandle { handle: "alice.example.com".parse().unwrap() }).await.unwrap();
        assert_eq!(resolved.output.did.as_str(), "did:web:a.example");
        let refused =
            client.send(&ResolveHandle { handle: "bob.example.com".parse().unwrap() }).await.unwrap_err();
        let Error::Refused(refused) = refused else { panic!("{refused}") };
        assert_eq!(refused.error, Some(ResolveHandleError::HandleNotFound));
        assert_eq!(refused.head.rate_limit().unwrap().remaining, Some(1));
        let create = CreateRecord::new(
            "did:web:a.example".parse().unwrap(),
            "com.example.note".parse().unwrap(),
            Object::new(),
        );
        let created = client.send(&create).await.unwrap();
        assert_eq!(created.repo_rev().unwrap().to_string(), "3jzfcijpj2z2a");
        let limited = client.send(&create).await.unwrap_err();
        assert_eq!(limited.name(), Some("RateLimitExceeded"));
        assert_eq!(seen.lock().unwrap()[0], Some("127.0.0.1".parse().unwrap()));
    });
}

#[test]
fn a_client_is_told_that_its_body_is_too_large() {
    run(async {
        let config = ServerConfig { max_body: 1000, ..ServerConfig::default() };
        let client = client(listen(service(&Arc::default()).with_config(config).into_router()).await);
        let call = atproto_xrpc::Call::procedure("com.atproto.repo.createRecord".parse().unwrap());
        for length in [1001, 100_000, 3_000_000] {
            let call = call.clone().with_body("application/json", vec![b' '; length]).unwrap();
            let error = client.call(&call).await.unwrap_err();
            assert_eq!(error.name(), Some("PayloadTooLarge"), "{length}: {error}");
        }
    });
}
