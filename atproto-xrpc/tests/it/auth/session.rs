//! Sessions by OAuth.

use super::world::*;
use crate::net::{Says, json as says};
use atproto_lexicon::clock::Clock as _;
use atproto_lexicon::http::HttpErrorKind;
use atproto_xrpc::api::com::atproto::server::GetSession;
use atproto_xrpc::auth::oauth::{OAuthError, OAuthStore as _};
use atproto_xrpc::auth::{Auth as _, AuthError};
use atproto_xrpc::{Client as XrpcClient, Error};
use futures_util::future::join_all;
use serde_json::json;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

const CALL: &str = "https://pds.example.com/xrpc/com.atproto.server.getSession";

pub(super) fn logged_in() -> (World, Client, Session) {
    let world = World::new();
    let client = world.client();
    let session = world.log_in(&client).unwrap();
    world.asked();
    (world, client, session)
}

fn xrpc(world: &World, session: &Session) -> XrpcClient<crate::net::Net, crate::net::Net, Session> {
    XrpcClient::new(world.net.clone(), world.net.clone(), session.pds()).with_auth(session.clone())
}

pub(super) fn get(world: &World, session: &Session) -> Result<(), Error> {
    let client = xrpc(world, session);
    world.net.run(async move { client.send(&GetSession).await.map(|_| ()).map_err(Error::untyped) })
}

pub(super) fn refresh(world: &World, session: &Session) -> Result<(), AuthError> {
    let session = session.clone();
    world.net.run(async move { session.refresh().await })
}

fn wait(world: &World, seconds: u64) {
    let net = world.net.clone();
    world.net.run(async move { net.sleep(Duration::from_secs(seconds)).await });
}

fn count(asked: &[String], url: &str) -> usize {
    asked.iter().filter(|asked| *asked == url).count()
}

#[test]
fn a_call_learns_the_nonce_and_the_next_ones_have_it() {
    let (world, _, session) = logged_in();
    get(&world, &session).unwrap();
    assert_eq!(world.asked(), [CALL, CALL]);
    get(&world, &session).unwrap();
    assert_eq!(world.asked(), [CALL]);
    world.lock().nonce += 1;
    get(&world, &session).unwrap();
    assert_eq!(world.asked(), [CALL, CALL]);
    // A server that is never content ends the call.
    world.lock().is_never_content = true;
    assert_eq!(get(&world, &session).unwrap_err().name(), Some("use_dpop_nonce"));
    assert!(world.asked().len() <= 2);
}

#[test]
fn a_hundred_calls_on_an_expired_session_refresh_it_once() {
    let (world, _, session) = logged_in();
    world.lock().expired = 2;
    let client = xrpc(&world, &session);
    let replies = world.net.run(async move {
        let calls: Vec<_> = (0..100).map(|_| client.send(&GetSession)).collect();
        join_all(calls).await
    });
    assert!(replies.iter().all(Result::is_ok));
    let asked = world.asked();
    assert_eq!(count(&asked, TOKEN), 1);
    // Before that, the server has still to be the account's.
    assert_eq!((count(&asked, RESOURCE_METADATA), count(&asked, SERVER_METADATA)), (1, 1));
    assert_eq!(session.data().refresh.unwrap().expose(), "refresh-2");
    let store = world.store.clone();
    let stored = world.net.run(async move { store.load(&did()).await.unwrap().unwrap() });
    assert_eq!(stored, session.data());
}

#[test]
fn a_token_is_refreshed_before_its_time_is_over() {
    let (world, _, session) = logged_in();
    wait(&world, 580);
    get(&world, &session).unwrap();
    assert_eq!(count(&world.asked(), TOKEN), 0);
    wait(&world, 15);
    get(&world, &session).unwrap();
    assert_eq!(count(&world.asked(), TOKEN), 1);
    // A server whose tokens have no time at all is not asked for new ones all the time.
    world.lock().fields = json!({"expires_in": 0});
    refresh(&world, &session).unwrap();
    world.asked();
    get(&world, &session).unwrap();
    assert_eq!(count(&world.asked(), TOKEN), 0);
    // Nor one that does not take what it gives.
    world.lock().expired = u32::MAX;
    assert_eq!(get(&world, &session).unwrap_err().name(), Some("InvalidToken"));
    assert_eq!(count(&world.asked(), TOKEN), 0);
    wait(&world, 30);
    assert_eq!(get(&world, &session).unwrap_err().name(), Some("InvalidToken"));
    assert_eq!(count(&world.asked(), TOKEN), 1);
}

#[test]
fn a_refresh_that_is_dropped_goes_on_with_the_next_call() {
    let (world, _, session) = logged_in();
    world.lock().expired = 2;
    // Dropped after each number of polls: whatever was sent, was sent once, which the server demands.
    for polls in 0..40 {
        let client = xrpc(&world, &session);
        let mut call = Box::pin(async move { client.send(&GetSession).await });
        for _ in 0..polls {
            if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
        }
        drop(call);
        get(&world, &session).unwrap();
        let mut server = world.lock();
        server.expired = server.issued + 1;
        drop(server);
        wait(&world, 20);
    }
}

#[test]
fn a_lost_answer_is_not_asked_for_again() {
    let lost = [
        Says::Fails(HttpErrorKind::Broken),
        Says::Fails(HttpErrorKind::TimedOut),
        Says::Hangs,
        says(502, "<html>"),
        says(302, ""),
        Says::Stops(b"{".to_vec()),
    ];
    for lost in lost {
        let (world, _, session) = logged_in();
        world.says(TOKEN, lost.clone());
        let error = refresh(&world, &session).unwrap_err();
        assert!(matches!(error, AuthError::InDoubt(_)), "{lost:?}: {error:?}");
        assert_eq!(count(&world.asked(), TOKEN), 1);
        world.lock().says.clear();
        let error = get(&world, &session).unwrap_err();
        assert!(matches!(error, Error::Auth(AuthError::InDoubt(_))), "{lost:?}: {error:?}");
        // Not by the next run of the program, either.
        let session = world.restore(&world.client()).unwrap();
        let error = get(&world, &session).unwrap_err();
        assert!(matches!(error, Error::Auth(AuthError::InDoubt(_))), "{lost:?}: {error:?}");
        assert!(world.asked().is_empty());
        // Unless that is wanted.
        let again = session.clone();
        world.net.run(async move { again.refresh_again().await.unwrap() });
        get(&world, &session).unwrap();
        assert!(!session.data().is_refreshing);
    }
}

#[test]
fn a_program_that_ends_while_it_refreshes_is_in_doubt() {
    let (world, client, session) = logged_in();
    let refreshing = session.clone();
    let mut refreshing = Box::pin(async move { refreshing.refresh().await });
    while count(&world.asked(), TOKEN) == 0 {
        assert!(refreshing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop((refreshing, session, client));
    let session = world.restore(&world.client()).unwrap();
    assert!(matches!(get(&world, &session), Err(Error::Auth(AuthError::InDoubt(_)))));
}

#[test]
fn what_the_server_did_not_act_on_is_asked_again() {
    let cases = [
        Says::Fails(HttpErrorKind::Connect),
        Says::Fails(HttpErrorKind::UnknownHost),
        says(429, "{}"),
        says(400, r#"{"error":"invalid_dpop_proof"}"#),
        says(400, r#"{"error":"use_dpop_nonce"}"#),
    ];
    for case in cases {
        let (world, _, session) = logged_in();
        world.says(TOKEN, case.clone());
        let error = refresh(&world, &session).unwrap_err();
        assert!(matches!(error, AuthError::Unavailable(_) | AuthError::Other(_)), "{case:?}: {error:?}");
        world.lock().says.clear();
        refresh(&world, &session).unwrap();
        get(&world, &session).unwrap();
    }
    // Neither is a token sent where the account is not known for now.
    let (world, _, session) = logged_in();
    world.says("https://alice.example.com/.well-known/did.json", says(503, ""));
    assert!(matches!(refresh(&world, &session), Err(AuthError::Unavailable(_))));
    world.says("https://alice.example.com/.well-known/did.json", document(PDS));
    world.says(SERVER_METADATA, says(500, ""));
    assert!(matches!(refresh(&world, &session), Err(AuthError::Other(_))));
    assert_eq!(count(&world.asked(), TOKEN), 0);
    world.lock().says.clear();
    refresh(&world, &session).unwrap();
}

#[test]
fn an_end_is_an_end() {
    let (world, client, session) = logged_in();
    world.says(TOKEN, says(400, r#"{"error":"invalid_grant"}"#));
    assert!(matches!(refresh(&world, &session), Err(AuthError::Ended(_))));
    world.asked();
    assert!(matches!(get(&world, &session), Err(Error::Auth(AuthError::Ended(_)))));
    assert!(world.asked().is_empty());
    drop(session);
    assert!(world.restore(&client).is_none());
    // The tokens of another account are nobody's.
    let (world, _, session) = logged_in();
    world.lock().fields = json!({"sub": "did:web:mallory.example.com"});
    assert!(matches!(refresh(&world, &session), Err(AuthError::Malformed(_))));
    assert!(matches!(get(&world, &session), Err(Error::Auth(AuthError::Malformed(_)))));
    // Without a refresh token, it ends when the server says so.
    let world = World::new();
    world.lock().fields = json!({"refresh_token": null});
    let session = world.log_in(&world.client()).unwrap();
    get(&world, &session).unwrap();
    world.lock().expired = 2;
    assert!(matches!(get(&world, &session), Err(Error::Auth(AuthError::Ended(_)))));
}

#[test]
fn a_server_that_does_not_speak_for_the_account_any_more_gets_no_token() {
    let (world, client, session) = logged_in();
    let other = json!({"resource": PDS, "authorization_servers": ["https://b.example.com"]});
    world.says(RESOURCE_METADATA, says(200, &other.to_string()));
    let error = refresh(&world, &session).unwrap_err();
    assert!(matches!(error, AuthError::Ended(_)), "{error:?}");
    assert_eq!(count(&world.asked(), TOKEN), 0);
    drop(session);
    assert!(world.restore(&client).is_none());
    // The account's host may be another one, by word of its document.
    let (world, _, session) = logged_in();
    let moved = "https://new.example.com";
    let metadata = json!({"resource": moved, "authorization_servers": [ISSUER]});
    world.says(
        "https://new.example.com/.well-known/oauth-protected-resource",
        says(200, &metadata.to_string()),
    );
    world.says("https://alice.example.com/.well-known/did.json", document(moved));
    refresh(&world, &session).unwrap();
    assert_eq!(session.pds().to_string(), moved);
}

#[test]
fn no_other_server_sees_a_token() {
    let (world, _, session) = logged_in();
    for host in ["https://evil.example.com", "http://pds.example.com", "https://pds.example.com:8443"] {
        let client = xrpc(&world, &session).with_service(host.parse().unwrap());
        let error = world.net.run(async move { client.send(&GetSession).await.unwrap_err() });
        assert!(matches!(error, Error::Auth(AuthError::Other(_))), "{host}: {error:?}");
    }
    assert!(world.asked().is_empty());
    // What is not shown is marked so.
    let mut parts = http::Request::get(CALL).body(()).unwrap().into_parts().0;
    let authorizing = session.clone();
    let parts = world.net.run(async move {
        authorizing.authorize(&mut parts).await.unwrap();
        parts
    });
    assert!(parts.headers["authorization"].is_sensitive() && parts.headers["dpop"].is_sensitive());
}

#[test]
fn an_account_has_one_session() {
    let (world, client, session) = logged_in();
    let same = world.restore(&client).unwrap();
    refresh(&world, &same).unwrap();
    assert_eq!(session.data(), same.data());
    // A new login is the same session with other tokens, whatever became of the old ones.
    world.says(TOKEN, Says::Fails(HttpErrorKind::Broken));
    refresh(&world, &session).unwrap_err();
    world.lock().says.clear();
    let new = world.log_in(&client).unwrap();
    assert_eq!(session.data(), new.data());
    get(&world, &session).unwrap();
    // Another program that has refreshed is followed.
    let other = world.restore(&world.client()).unwrap();
    refresh(&world, &other).unwrap();
    refresh(&world, &session).unwrap();
    assert_eq!(session.data(), other.data());
    get(&world, &session).unwrap();
}

#[test]
fn a_session_is_revoked_and_forgotten() {
    let (world, client, session) = logged_in();
    let revoking = session.clone();
    world.net.run(async move { revoking.revoke().await.unwrap() });
    assert_eq!(world.lock().revoked, ["refresh-1"]);
    assert!(matches!(get(&world, &session), Err(Error::Auth(AuthError::Ended(_)))));
    drop(session);
    assert!(world.restore(&client).is_none());
    // It is forgotten where the server does not answer, too.
    let (world, client, session) = logged_in();
    world.says("https://auth.example.com/revoke", Says::Fails(HttpErrorKind::Connect));
    let revoking = session.clone();
    let error = world.net.run(async move { revoking.revoke().await.unwrap_err() });
    assert!(matches!(error, OAuthError::Http(_)));
    drop(session);
    assert!(world.restore(&client).is_none());
}

#[test]
fn a_confidential_client_keeps_the_key_of_a_session() {
    let world = World::new();
    let session = world.log_in(&world.client_of(world.confidential())).unwrap();
    refresh(&world, &session).unwrap();
    drop(session);
    // A program that has lost the key cannot go on, and one that has it can.
    let session = world.restore(&world.client()).unwrap();
    world.asked();
    assert!(matches!(refresh(&world, &session), Err(AuthError::Other(_))));
    assert_eq!(count(&world.asked(), TOKEN), 0);
    let session = world.restore(&world.client_of(world.confidential())).unwrap();
    refresh(&world, &session).unwrap();
}

#[test]
fn nothing_shows_a_secret() {
    let world = World::new();
    let client = world.client_of(world.confidential());
    world.authorize(&client, account()).unwrap();
    let store: Arc<_> = world.store.clone();
    let state = world.lock().pushed["state"].clone();
    let key = state.clone();
    let pending = world.net.run(async move { store.take_pending(&key).await.unwrap().unwrap() });
    let verifier = pending.verifier.expose().to_owned();
    let jwk = serde_json::to_value(&pending.key).unwrap()["d"].as_str().unwrap().to_owned();
    let again = pending.clone();
    let store = world.store.clone();
    world.net.run(async move { store.put_pending(&again).await.unwrap() });
    let mut shown = format!("{pending:?} {:?} {client:?}", world.store);
    let session = world.callback(&client, &world.query()).unwrap();
    let callback = atproto_xrpc::auth::oauth::Callback::parse(&world.query()).unwrap();
    shown += &format!("{session:?} {:?} {:?} {callback:?}", session.data(), world.store);
    let client_secret = data_encoding::BASE64URL_NOPAD.encode(&[9; 32]);
    for secret in
        ["access-1", "refresh-1", "the-code", &state, &verifier, &jwk, &client_secret, &"09".repeat(32)]
    {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    // What is stored is whole.
    let data = session.data();
    assert_eq!(
        serde_json::from_str::<atproto_xrpc::auth::oauth::OAuthSessionData>(
            &serde_json::to_string(&data).unwrap()
        )
        .unwrap(),
        data
    );
    let stored = serde_json::to_string(&pending).unwrap();
    assert_eq!(
        serde_json::from_str::<atproto_xrpc::auth::oauth::PendingAuthorization>(&stored).unwrap(),
        pending
    );
}

#[test]
fn what_goes_on_can_move_between_threads() {
    fn moves<T: Send>(_: T) {}
    let (_, client, session) = logged_in();
    let at = account();
    moves(client.authorize(&at));
    moves(client.callback("a", &"a".into()));
    moves(session.refresh());
    moves(session.refresh_again());
    moves(session.revoke());
    let mut parts = http::Request::get(CALL).body(()).unwrap().into_parts().0;
    moves(session.authorize(&mut parts));
}

#[test]
fn a_program_that_another_keeps_waiting_can_go_on() {
    let (world, _, session) = logged_in();
    let mut data = session.data();
    data.is_refreshing = true;
    let store = world.store.clone();
    world.net.run(async move { store.save(&data).await.unwrap() });
    world.asked();
    assert!(matches!(refresh(&world, &session), Err(AuthError::Unavailable(None))));
    assert!(world.asked().is_empty());
    let again = session.clone();
    world.net.run(async move { again.refresh_again().await.unwrap() });
    assert_eq!(session.data().refresh.unwrap().expose(), "refresh-2");
}

type Refreshing = std::pin::Pin<Box<dyn Future<Output = Result<(), AuthError>>>>;

/// A refresh that was begun and has come as far as so many polls.
fn begun(session: &Session, polls: usize) -> Refreshing {
    let session = session.clone();
    let mut refresh: Refreshing = Box::pin(async move { session.refresh().await });
    for _ in 0..polls {
        if refresh.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return Box::pin(async { Ok(()) });
        }
    }
    refresh
}

pub(super) fn stored(world: &World) -> Option<atproto_xrpc::auth::oauth::OAuthSessionData> {
    let store = world.store.clone();
    world.net.run(async move { store.load(&did()).await.unwrap() })
}

#[test]
fn a_login_counts_whatever_is_being_refreshed() {
    // Before the first, nothing is begun: what is refreshed then are the tokens of the login.
    for polls in 1..40 {
        let (world, client, session) = logged_in();
        let refreshing = begun(&session, polls);
        let newer = world.log_in(&client).unwrap();
        let newest = format!("refresh-{}", world.lock().issued);
        // Whoever waits for the refresh gets the new tokens, too; the server takes no token twice.
        world.net.run(refreshing).unwrap();
        for _ in 0..2 {
            let data = session.data();
            assert_eq!(data.refresh.as_ref().unwrap().expose(), newest, "{polls}");
            assert!(!data.is_refreshing && stored(&world) == Some(data), "{polls}");
        }
        refresh(&world, &newer).unwrap();
        get(&world, &session).unwrap();
    }
}

#[test]
fn a_logout_counts_whatever_is_being_refreshed() {
    for polls in 0..40 {
        let (world, client, session) = logged_in();
        let refreshing = begun(&session, polls);
        let revoking = session.clone();
        world.net.run(async move { revoking.revoke().await.unwrap() });
        let _ = world.net.run(refreshing);
        assert_eq!(stored(&world), None, "{polls}");
        {
            let server = world.lock();
            assert_eq!(server.revoked, [format!("refresh-{}", server.issued)], "{polls}");
        }
        assert!(matches!(get(&world, &session), Err(Error::Auth(AuthError::Ended(_)))));
        drop(session);
        assert!(world.restore(&client).is_none());
    }
    // By another program, which has the same store.
    let (world, client, session) = logged_in();
    let store = world.store.clone();
    world.net.run(async move { store.clear(&did()).await.unwrap() });
    world.asked();
    assert!(matches!(refresh(&world, &session), Err(AuthError::Ended(_))));
    assert_eq!(count(&world.asked(), TOKEN), 0);
    drop(session);
    assert!(world.restore(&client).is_none());
}

#[test]
fn what_another_program_has_refreshed_is_taken() {
    let (world, client, session) = logged_in();
    let mut data = session.data();
    data.is_refreshing = true;
    let (store, flagged) = (world.store.clone(), data.clone());
    world.net.run(async move { store.save(&flagged).await.unwrap() });
    drop(session);
    let session = world.restore(&client).unwrap();
    assert!(matches!(get(&world, &session), Err(Error::Auth(AuthError::InDoubt(_)))));
    // It has come to its end since.
    data.is_refreshing = false;
    let store = world.store.clone();
    world.net.run(async move { store.save(&data).await.unwrap() });
    world.restore(&client).unwrap();
    get(&world, &session).unwrap();
}

#[test]
fn tokens_that_were_not_saved_are_saved_with_the_next() {
    // The second save of a refresh is that of its tokens.
    let (world, client, session) = logged_in();
    *world.store.saves_before_failure.lock().unwrap() = Some(1);
    assert!(matches!(refresh(&world, &session), Err(AuthError::Store(_))));
    assert_eq!(session.data().refresh.unwrap().expose(), "refresh-2");
    get(&world, &session).unwrap();
    refresh(&world, &session).unwrap();
    assert_eq!(stored(&world), Some(session.data()));
    drop(session);
    let session = world.restore(&client).unwrap();
    refresh(&world, &session).unwrap();
    // Where it fails before the token is sent, nothing is lost.
    *world.store.saves_before_failure.lock().unwrap() = Some(0);
    assert!(matches!(refresh(&world, &session), Err(AuthError::Store(_))));
    refresh(&world, &session).unwrap();
}
