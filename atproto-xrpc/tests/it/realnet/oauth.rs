//! The authorization server of the reference host, whose pages the control server drives as a browser would.

use super::{Identities, account, directory, policy, post, run};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::http::{Bytes, HttpClient as _, Request, read_body};
use atproto_lexicon::syntax::AtIdentifier;
use atproto_xrpc::adapters::{ReqwestClient, TokioClock};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::com::atproto::repo::DeleteRecord;
use atproto_xrpc::api::com::atproto::server::GetSession;
use atproto_xrpc::auth::oauth::{
    CallbackError, ClientKey, ClientMetadata, LoginAt, MemoryOAuthStore, OAuthClient, OAuthError,
    OAuthSession, Parts, Registration,
};
use atproto_xrpc::{Client, Error};
use std::sync::Arc;
use testdata::realnet::RealNet;

type Store = Arc<MemoryOAuthStore>;
type World = Parts<ReqwestClient, Identities, TokioClock, fn(&mut [u8]), Store>;

const CALLBACK: &str = "http://127.0.0.1:8080/callback";
const SCOPE: &str = "atproto repo:app.bsky.feed.post";

fn client(net: &RealNet, registration: Registration, store: &Store) -> OAuthClient<World> {
    let (http, clock) = (ReqwestClient::new(policy(net, 0)).unwrap(), TokioClock::new());
    let identities = directory(net, 0);
    let random: fn(&mut [u8]) = |bytes| getrandom::fill(bytes).unwrap();
    OAuthClient::new(Parts { http, identities, clock, random, store: store.clone() }, registration)
}

fn loopback() -> Registration {
    let metadata = ClientMetadata::loopback([CALLBACK.to_owned()], SCOPE.parse().unwrap());
    metadata.check().unwrap();
    Registration::new(metadata.client_id, CALLBACK, metadata.scope)
}

async fn control(
    net: &RealNet,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    body: &str,
) -> serde_json::Value {
    let query = serde_html_form::to_string(query).unwrap();
    let request = Request::builder().method(method).uri(format!("{}{path}?{query}", net.text("/control")));
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    let response = ReqwestClient::new(policy(net, 0)).unwrap().send(request).await.unwrap();
    let status = response.status();
    let body = read_body(response.into_body(), 100_000).await.unwrap();
    assert_eq!(status, 200, "{body:?}");
    serde_json::from_slice(&body).unwrap()
}

/// What the browser of a user who is asked at `url` comes back with.
async fn answer(net: &RealNet, url: &str, callback: &str, is_rejected: bool) -> String {
    let mut query = vec![("url", url), ("identifier", "alice.test"), ("password", "abcd-efgh-ijkl")];
    query.extend(is_rejected.then_some(("reject", "1")));
    let answer = control(net, "GET", "/oauth/approve", &query, "").await;
    let (uri, query) = answer["location"].as_str().unwrap().split_once('?').unwrap();
    assert_eq!(uri, callback);
    query.to_owned()
}

fn alice() -> LoginAt {
    LoginAt::Account("alice.test".parse().unwrap())
}

type Session = OAuthSession<World>;

fn calls(net: &RealNet, session: &Session) -> Client<ReqwestClient, TokioClock, Session> {
    let http = ReqwestClient::new(policy(net, 0)).unwrap();
    Client::new(http, TokioClock::new(), session.pds()).with_auth(session.clone())
}

/// Everything that a session is for.
async fn use_up(net: &RealNet, oauth: &OAuthClient<World>, session: Session) {
    let client = calls(net, &session);
    let repo: AtIdentifier = session.did().into();
    let created = client.create_record(&repo, None, &post("by OAuth")).await.unwrap().output;
    let key = created.uri.record_key().unwrap();
    assert_eq!(client.get_record::<Post>(&repo, &key).await.unwrap().output.value.text, "by OAuth");

    let before = session.data();
    session.refresh().await.unwrap();
    let after = session.data();
    assert!(before.access != after.access && before.refresh != after.refresh);
    let delete = DeleteRecord::new(repo.clone(), "app.bsky.feed.post".parse().unwrap(), key.clone());
    client.send(&delete).await.unwrap();
    // What was not granted is refused, and the session stays.
    let other = DeleteRecord::new(repo, "app.bsky.feed.like".parse().unwrap(), key);
    let error = client.send(&other).await.unwrap_err();
    assert_eq!(
        (error.head().unwrap().status.as_u16(), error.name()),
        (403, Some("ScopeMissingError")),
        "{error}"
    );

    // The next run of the program goes on with it.
    drop((client, session));
    let session = oauth.restore(&after.did).await.unwrap().unwrap();
    let client = calls(net, &session);
    let shown = client.send(&GetSession).await.unwrap().output;
    assert_eq!((shown.handle.as_str(), &shown.did), ("alice.test", &after.did));
    session.revoke().await.unwrap();
    assert!(matches!(client.send(&GetSession).await, Err(Error::Auth(_))));
    assert!(oauth.restore(&after.did).await.unwrap().is_none());
}

#[test]
#[ignore = "needs the reference servers"]
fn users_let_a_client_in() {
    run(&[], async |net, open| {
        account(open, "alice").await;
        let oauth = client(net, loopback(), &Store::default());
        let asked = oauth.authorize(&alice()).await.unwrap();
        let query = answer(net, &asked.url, CALLBACK, false).await;
        let session = oauth.callback(&query, &asked.state).await.unwrap();
        assert!(session.scope().has_atproto());
        // Whoever sees the callback later has nothing of it.
        let again = oauth.callback(&query, &asked.state).await.unwrap_err();
        assert!(matches!(again, OAuthError::Callback(CallbackError::UnknownState)), "{again}");
        use_up(net, &oauth, session).await;

        let asked = oauth.authorize(&LoginAt::Server(net.pds(0).parse().unwrap())).await.unwrap();
        let query = answer(net, &asked.url, CALLBACK, true).await;
        let error = oauth.callback(&query, &asked.state).await.unwrap_err();
        assert!(error.to_string().contains("access_denied"), "{error}");
    });
}

#[test]
#[ignore = "needs the reference servers"]
fn a_confidential_client_says_who_it_is() {
    run(&[], async |net, open| {
        account(open, "alice").await;
        let id = "https://app.client.internal/client-metadata.json";
        let callback = "https://app.client.internal/callback";
        let key = SecretKey::from_bytes(Curve::P256, &[9; 32]).unwrap();
        let keys = [("key-1".to_owned(), key.public_key())];
        let scope = SCOPE.parse().unwrap();
        let metadata = ClientMetadata::confidential(id, [callback.to_owned()], scope, keys);
        metadata.check().unwrap();
        control(net, "PUT", "/document", &[("url", id)], &metadata.to_json().to_string()).await;
        let registration = Registration::new(id, callback, metadata.scope.clone())
            .with_key(ClientKey { id: "key-1".to_owned(), key });
        let oauth = client(net, registration.clone(), &Store::default());
        let asked = oauth.authorize(&alice()).await.unwrap();
        let query = answer(net, &asked.url, callback, false).await;
        let session = oauth.callback(&query, &asked.state).await.unwrap();
        assert_eq!(session.data().client_key.as_deref(), Some("key-1"));
        use_up(net, &oauth, session).await;

        // Another key is not the client's.
        let key = SecretKey::from_bytes(Curve::P256, &[8; 32]).unwrap();
        let registration =
            Registration { keys: vec![ClientKey { id: "key-1".to_owned(), key }], ..registration };
        let error = client(net, registration, &Store::default()).authorize(&alice()).await.unwrap_err();
        assert!(matches!(&error, OAuthError::Call(call) if call.name() == Some("invalid_client")), "{error}");
    });
}
