//! Who asks.

use super::{ask, client, error, get, listen, refused, run};
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_identity::ResolveError;
use atproto_identity::adapters::TokioClock;
use atproto_lexicon::clock::Clock;
use atproto_lexicon::syntax::{Did, Nsid};
use atproto_xrpc::api::com::atproto::identity::resolve_handle::{
    ResolveHandle, ResolveHandleError, ResolveHandleOutput,
};
use atproto_xrpc::api::com::atproto::server::list_app_passwords::{
    ListAppPasswords, ListAppPasswordsError, ListAppPasswordsOutput,
};
use atproto_xrpc::api::com::atproto::server::{DescribeServer, GetSession};
use atproto_xrpc::auth::service::{Keys, MemoryReplays, ServiceAuth, ServiceToken, Verifier};
use atproto_xrpc::auth::{Fixed, Secret};
use atproto_xrpc::server::{
    Asked, Caller, Refusal, ServeError, ServiceAuthenticator, XrpcRouter, credentials,
};
use axum::Router;
use http::HeaderValue;
use http::request::Parts;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ISSUER: &str = "did:web:alice.example.com";
const SERVICE: &str = "did:web:api.example.com#feed";
const RESOLVE: &str = "/xrpc/com.atproto.identity.resolveHandle?handle=alice.example.com";

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(Curve::K256, &[number; 32]).unwrap()
}

/// Has an old key first.
struct Remembered;

impl Keys for Remembered {
    const REMEMBERS: bool = true;

    async fn key(&self, did: &Did, _: &str) -> Result<Option<PublicKey>, ResolveError> {
        match did.as_str() {
            ISSUER => Ok(Some(key(9).public_key())),
            "did:web:slow.example.com" => Err(ResolveError::TooSlow),
            _ => Err(ResolveError::NotFound),
        }
    }

    async fn refresh(&self, _: &Did, _: &str) -> Result<Option<PublicKey>, ResolveError> {
        Ok(Some(key(1).public_key()))
    }
}

struct App {
    authenticator: ServiceAuthenticator,
    handled: AtomicUsize,
}

impl AsRef<ServiceAuthenticator> for App {
    fn as_ref(&self) -> &ServiceAuthenticator {
        &self.authenticator
    }
}

/// A token of the program's own.
struct Session(String);

impl Caller<App> for Session {
    async fn identify(_: &App, head: &Parts, nsid: &Nsid) -> Result<Self, ServeError> {
        match credentials(&head.headers, "Bearer")? {
            "good" => Ok(Self(nsid.to_string())),
            "fails" => Err(ServeError::internal("the database is gone")),
            _ => Err(Refusal::unauthorized("InvalidToken", "token is not known").into()),
        }
    }
}

async fn resolve(
    app: Arc<App>,
    asked: Asked<ResolveHandle, ServiceAuth>,
) -> Result<ResolveHandleOutput, ServeError<ResolveHandleError>> {
    app.handled.fetch_add(1, Ordering::SeqCst);
    Ok(ResolveHandleOutput::new(asked.caller.issuer))
}

async fn passwords(
    _: Arc<App>,
    asked: Asked<ListAppPasswords, Session>,
) -> Result<ListAppPasswordsOutput, ServeError<ListAppPasswordsError>> {
    assert_eq!(asked.caller.0, "com.atproto.server.listAppPasswords");
    Ok(ListAppPasswordsOutput::new(Vec::new()))
}

fn app() -> (Arc<App>, Router) {
    let verifier = Verifier::new([SERVICE.parse().unwrap()]);
    let authenticator =
        ServiceAuthenticator::new(verifier, Remembered, MemoryReplays::new(100, 3), TokioClock::new());
    let app = Arc::new(App { authenticator, handled: AtomicUsize::new(0) });
    let router = XrpcRouter::new(app.clone()).serve(resolve).serve(passwords).serve(
        async |_, asked: Asked<DescribeServer, Option<ServiceAuth>>| {
            let who = asked.caller.map_or_else(|| "nobody".to_owned(), |caller| caller.issuer.to_string());
            Err::<<DescribeServer as atproto_lexicon::typed::Endpoint>::Output, _>(
                Refusal::forbidden(who).into(),
            )
        },
    );
    (app, router.into_router())
}

fn token(change: impl FnOnce(u64) -> ServiceToken, signer: u8, id: u8) -> String {
    let now = TokioClock::new().unix_time().as_secs();
    change(now).sign(&key(signer), &move |bytes: &mut [u8]| bytes.fill(id)).unwrap()
}

fn of(issuer: &str, audience: &str, method: &str) -> impl FnOnce(u64) -> ServiceToken {
    let (issuer, audience) = (issuer.parse().unwrap(), audience.parse().unwrap());
    let method = method.parse::<Nsid>();
    move |now| {
        let token = ServiceToken::new(issuer, audience, now);
        if let Ok(method) = method { token.for_method(&method) } else { token }
    }
}

const METHOD: &str = "com.atproto.identity.resolveHandle";

#[test]
fn a_token_counts_for_its_endpoint_once() {
    run(async {
        let (app, router) = app();
        let send = async |authorization: Option<String>| {
            let mut request = get(RESOLVE);
            if let Some(authorization) = authorization {
                request.headers_mut().insert("authorization", HeaderValue::from_str(&authorization).unwrap());
            }
            ask(&router, request).await
        };
        let nobody = send(None).await;
        assert_eq!(error(&nobody), refused(401, "AuthMissing"));
        assert_eq!(nobody.headers()["www-authenticate"], "Bearer");
        for other in ["Basic YTpi", "DPoP x", "Bearer", "Bearer ", "bearer  ", ""] {
            assert_eq!(error(&send(Some(other.into())).await), refused(401, "AuthMissing"), "{other}");
        }
        let good = token(of(ISSUER, SERVICE, METHOD), 1, 1);
        let response = send(Some(format!("bearer {good}"))).await;
        assert_eq!(&response.body()[..], format!(r#"{{"did":"{ISSUER}"}}"#).as_bytes());
        let again = send(Some(format!("Bearer {good}"))).await;
        assert_eq!(error(&again), refused(401, "JwtReplayed"));
        assert_eq!(again.headers()["www-authenticate"], r#"Bearer error="invalid_token""#);
        let expired = |now: u64| of(ISSUER, SERVICE, METHOD)(now - 100);
        let long = |now| of(ISSUER, SERVICE, METHOD)(now).with_lifetime(100_000);
        for (token, status, name) in [
            ("x".to_owned(), 401, "BadJwt"),
            (good[..good.len() - 1].to_owned(), 401, "BadJwt"),
            (token(of(ISSUER, SERVICE, METHOD), 2, 2), 401, "BadJwtSignature"),
            (token(of(ISSUER, "did:web:api.example.com", METHOD), 1, 2), 401, "BadJwtAudience"),
            (
                token(of(ISSUER, SERVICE, "com.atproto.server.describeServer"), 1, 2),
                401,
                "BadJwtLexiconMethod",
            ),
            (token(of(ISSUER, SERVICE, ""), 1, 2), 401, "BadJwtLexiconMethod"),
            (token(expired, 1, 2), 401, "JwtExpired"),
            (token(long, 1, 2), 401, "BadJwt"),
            (token(of("did:web:other.example.com", SERVICE, METHOD), 1, 2), 401, "BadJwtIss"),
            (token(of("did:web:slow.example.com", SERVICE, METHOD), 1, 2), 503, "IdentityUnavailable"),
        ] {
            let response = send(Some(format!("Bearer {token}"))).await;
            assert_eq!(error(&response), refused(status, name));
            assert_eq!(response.headers().contains_key("retry-after"), status == 503);
        }
        // One issuer takes only its part of what is remembered.
        for id in 3..5 {
            let token = token(of(ISSUER, SERVICE, METHOD), 1, id);
            assert_eq!(send(Some(format!("Bearer {token}"))).await.status(), 200);
        }
        let full = token(of(ISSUER, SERVICE, METHOD), 1, 5);
        assert_eq!(error(&send(Some(format!("Bearer {full}"))).await), refused(503, "TooManyTokens"));
        let mut twice = get(RESOLVE);
        for token in ["Bearer a", "Bearer b"] {
            twice.headers_mut().append("authorization", HeaderValue::from_static(token));
        }
        assert_eq!(error(&ask(&router, twice).await), refused(400, "InvalidRequest"));
        assert_eq!(app.handled.load(Ordering::SeqCst), 3);
        // Who asks is looked at before what is asked.
        assert_eq!(
            error(&ask(&router, get(RESOLVE.split('?').next().unwrap())).await),
            refused(401, "AuthMissing")
        );
    });
}

#[test]
fn who_may_say_nothing_must_not_lie() {
    run(async {
        let (_, router) = app();
        let path = "/xrpc/com.atproto.server.describeServer";
        assert!(ask(&router, get(path)).await.body().ends_with(br#""nobody"}"#));
        for (token, status) in [
            ("Basic x".to_owned(), 401),
            ("Bearer x".to_owned(), 401),
            (
                format!("Bearer {}", token(of(ISSUER, SERVICE, "com.atproto.server.describeServer"), 1, 1)),
                403,
            ),
        ] {
            let mut request = get(path);
            request.headers_mut().insert("authorization", token.parse().unwrap());
            assert_eq!(ask(&router, request).await.status(), status);
        }
    });
}

#[test]
fn a_program_has_tokens_of_its_own() {
    run(async {
        let (_, router) = app();
        let client = client(listen(router).await);
        let with = |token: &str| client.clone().with_auth(Fixed::bearer(&Secret::new(token)).unwrap());
        assert!(with("good").send(&ListAppPasswords).await.is_ok());
        assert_eq!(with("bad").send(&ListAppPasswords).await.unwrap_err().name(), Some("InvalidToken"));
        let fails = with("fails").send(&ListAppPasswords).await.unwrap_err();
        assert_eq!(fails.to_string(), "refused with status 500, InternalServerError");
        assert_eq!(client.send(&ListAppPasswords).await.unwrap_err().name(), Some("AuthMissing"));
        assert_eq!(client.send(&GetSession).await.unwrap_err().name(), Some("MethodNotImplemented"));
    });
}
