//! Sessions by password.

use crate::net::{Net, Says, json};
use atproto_lexicon::clock::Clock as _;
use atproto_lexicon::http::{Bytes, HttpErrorKind, Request};
use atproto_xrpc::api::com::atproto::server::GetSession;
use atproto_xrpc::api::com::atproto::server::create_session::CreateSessionError;
use atproto_xrpc::auth::{AuthError, FileStore, Login, MemoryStore, PasswordSession, SessionStore};
use atproto_xrpc::{Client, Error};
use futures_util::future::join_all;
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

const DID: &str = "did:web:alice.example.com";

fn tokens(number: u32) -> String {
    format!(
        r#"{{"did":"{DID}","handle":"alice.example.com","accessJwt":"access-{number}","refreshJwt":"refresh-{number}"}}"#
    )
}

/// A server whose access tokens end with a number; those below `expired` have expired.
#[derive(Default)]
struct Server {
    issued: u32,
    expired: u32,
    used: HashSet<String>,
    refuses: Option<Says>,
}

fn server() -> (Net, Arc<Mutex<Server>>) {
    let server = Arc::new(Mutex::new(Server::default()));
    let shared = server.clone();
    (Net::new(move |request| shared.lock().unwrap().answer(request)), server)
}

impl Server {
    fn answer(&mut self, request: &Request<Bytes>) -> Says {
        let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        match request.uri().path().rsplit('.').next().unwrap() {
            "createSession" => json(200, &tokens(self.issued)),
            "refreshSession" => {
                if let Some(says) = self.refuses.clone() {
                    return says;
                }
                let token = token.unwrap();
                assert_eq!(token, format!("Bearer refresh-{}", self.issued));
                assert!(self.used.insert(token), "a refresh token is used twice");
                self.issued += 1;
                json(200, &tokens(self.issued))
            }
            "deleteSession" => {
                assert_eq!(token.unwrap(), format!("Bearer refresh-{}", self.issued));
                json(200, "")
            }
            _ => {
                let number: u32 = token.unwrap().strip_prefix("Bearer access-").unwrap().parse().unwrap();
                if number < self.expired {
                    json(400, r#"{"error":"ExpiredToken","message":"Token has expired"}"#)
                } else {
                    json(200, &format!(r#"{{"did":"{DID}","handle":"alice.example.com"}}"#))
                }
            }
        }
    }
}

type Session = Client<Net, Net, PasswordSession<Net, Net>>;

fn login(net: &Net) -> Session {
    let client = net.client();
    net.run(async move { client.login(&Login::new("alice.example.com", "abcd-efgh")).await.unwrap() })
}

fn wait(net: &Net, seconds: u64) {
    let clock = net.clone();
    net.run(async move { clock.sleep(Duration::from_secs(seconds)).await });
}

fn get(net: &Net, client: &Session) -> Result<(), Error> {
    let client = client.clone();
    net.run(async move { client.send(&GetSession).await.map(|_| ()).map_err(Error::untyped) })
}

#[test]
fn a_hundred_calls_on_an_expired_session_refresh_it_once() {
    let (net, server) = server();
    let client = login(&net);
    server.lock().unwrap().expired = 1;
    net.asked();
    let calls = client.clone();
    let replies = net.run(async move {
        let calls: Vec<_> = (0..100).map(|_| calls.send(&GetSession)).collect();
        join_all(calls).await
    });
    assert!(replies.iter().all(Result::is_ok));
    let called = net.called();
    assert_eq!(called.iter().filter(|name| *name == "refreshSession").count(), 1);
    assert_eq!(called.len(), 201);
    assert_eq!(client.auth().data().refresh.expose(), "refresh-1");
}

#[test]
fn a_token_that_is_always_expired_is_refreshed_no_more_than_a_few_times() {
    let (net, server) = server();
    let client = login(&net);
    server.lock().unwrap().expired = u32::MAX;
    net.asked();
    // It may be a token that came by e-mail.
    assert_eq!(get(&net, &client).unwrap_err().name(), Some("ExpiredToken"));
    assert_eq!(net.called(), ["getSession", "refreshSession", "getSession"]);
    assert_eq!(get(&net, &client).unwrap_err().name(), Some("ExpiredToken"));
    assert_eq!(net.called(), ["getSession"]);
    wait(&net, 10);
    get(&net, &client).unwrap_err();
    assert_eq!(net.called(), ["getSession", "refreshSession", "getSession"]);
}

#[test]
fn what_stands_before_a_server_ends_no_session() {
    for says in [json(403, "<html>"), json(404, "none"), json(413, ""), json(401, "who?")] {
        let (net, server) = server();
        let client = login(&net);
        {
            let mut server = server.lock().unwrap();
            (server.expired, server.refuses) = (1, Some(says));
        }
        assert!(matches!(get(&net, &client), Err(Error::Auth(AuthError::Other(_)))));
        server.lock().unwrap().refuses = None;
        get(&net, &client).unwrap();
    }
}

#[test]
fn a_logout_counts_whatever_is_being_refreshed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.json");
    for polls in 0..12 {
        let (net, server) = server();
        let (client, store) = (net.client(), FileStore::new(&path));
        let login = Login::new("alice.example.com", "x");
        let client = net.run(async move { client.login_with(&login, store).await.unwrap() });
        server.lock().unwrap().expired = 1;
        let first = client.clone();
        let mut call = Some(Box::pin(async move { first.send(&GetSession).await }));
        for _ in 0..polls {
            call.take_if(|call| call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        }
        let session = client.auth().clone();
        // The server looks whether it is the newest token that is ended.
        net.run(async move { session.delete().await.unwrap() });
        if let Some(call) = call {
            net.run(async move { drop(call.await) });
        }
        assert!(!path.exists(), "{polls}");
    }
}

#[test]
fn what_is_dropped_is_gone() {
    struct Store {
        _held: Arc<()>,
    }
    impl SessionStore for Store {
        type Error = std::convert::Infallible;
        async fn load(&self) -> Result<Option<atproto_xrpc::auth::SessionData>, Self::Error> {
            Ok(None)
        }
        async fn save(&self, _: &atproto_xrpc::auth::SessionData) -> Result<(), Self::Error> {
            Ok(())
        }
        async fn clear(&self) -> Result<(), Self::Error> {
            Ok(())
        }
    }
    let (net, server) = server();
    let (client, here) = (net.client(), Arc::new(()));
    let (login, store) = (Login::new("alice.example.com", "x"), Store { _held: here.clone() });
    let client = net.run(async move { client.login_with(&login, store).await.unwrap() });
    {
        let mut server = server.lock().unwrap();
        (server.expired, server.refuses) = (1, Some(Says::Hangs));
    }
    let mut call = Box::pin(async move { client.send(&GetSession).await });
    for _ in 0..12 {
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(call);
    assert_eq!(Arc::strong_count(&here), 1);
}

#[test]
fn a_refresh_that_is_dropped_goes_on_with_the_next_call() {
    let (net, server) = server();
    let client = login(&net);
    server.lock().unwrap().expired = 1;
    // Dropped after each number of polls: whatever was sent, was sent once.
    for polls in 0..12 {
        let first = client.clone();
        let mut call = Box::pin(async move { first.send(&GetSession).await });
        for _ in 0..polls {
            if call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
        }
        drop(call);
        get(&net, &client).unwrap();
        wait(&net, 10);
        let mut server = server.lock().unwrap();
        server.expired = server.issued + 1;
    }
}

#[test]
fn a_lost_answer_is_not_asked_for_again() {
    let lost =
        [Says::Fails(HttpErrorKind::Broken), Says::Hangs, json(502, "<html>"), Says::Stops(b"{".to_vec())];
    for says in lost {
        let (net, server) = server();
        let client = login(&net);
        {
            let mut server = server.lock().unwrap();
            (server.expired, server.refuses) = (1, Some(says.clone()));
        }
        net.asked();
        for _ in 0..3 {
            let error = get(&net, &client).unwrap_err();
            assert!(matches!(error, Error::Auth(AuthError::InDoubt(_))), "{says:?}: {error:?}");
        }
        assert_eq!(net.called(), ["getSession", "refreshSession"], "{says:?}");
        server.lock().unwrap().refuses = None;
        let session = client.auth().clone();
        net.run(async move { session.refresh_again().await.unwrap() });
        get(&net, &client).unwrap();
    }
}

#[test]
fn what_was_not_sent_is_sent_again() {
    for says in [Says::Fails(HttpErrorKind::Connect), json(429, "{}")] {
        let (net, server) = server();
        let client = login(&net);
        {
            let mut server = server.lock().unwrap();
            (server.expired, server.refuses) = (1, Some(says));
        }
        assert!(matches!(get(&net, &client), Err(Error::Auth(AuthError::Unavailable(_)))));
        server.lock().unwrap().refuses = None;
        get(&net, &client).unwrap();
    }
}

#[test]
fn an_end_is_an_end() {
    let (net, server) = server();
    let client = login(&net);
    {
        let mut server = server.lock().unwrap();
        (server.expired, server.refuses) = (1, Some(json(400, r#"{"error":"ExpiredToken"}"#)));
    }
    net.asked();
    for _ in 0..2 {
        assert!(matches!(get(&net, &client), Err(Error::Auth(AuthError::Ended(_)))));
    }
    assert_eq!(net.asked().len(), 2);
}

#[test]
fn another_account_is_not_taken_over() {
    let (net, server) = server();
    let client = login(&net);
    {
        let mut server = server.lock().unwrap();
        (server.expired, server.refuses) = (1, Some(json(200, &tokens(1).replace("alice", "mallory"))));
    }
    assert!(matches!(get(&net, &client), Err(Error::Auth(AuthError::Malformed(_)))));
    assert_eq!(client.auth().did().as_str(), DID);
}

#[test]
fn a_session_is_resumed_from_its_store() {
    let folder = std::env::temp_dir().join(format!("atproto-xrpc-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("session.json");
    let (net, server) = server();
    let (client, store) = (net.client(), FileStore::new(&path));
    let client = net
        .run(async move { client.login_with(&Login::new("alice.example.com", "x"), store).await.unwrap() });
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    server.lock().unwrap().expired = 1;
    net.run(async move { client.send(&GetSession).await.unwrap() });

    let (client, store) = (net.client(), FileStore::new(&path));
    let client =
        net.run(async move { client.resume(store).await.unwrap().unwrap_or_else(|_| panic!("no session")) });
    assert_eq!(client.auth().data().refresh.expose(), "refresh-1");
    let session = client.auth().clone();
    net.run(async move { session.delete().await.unwrap() });
    assert!(!path.exists());
    let error = net.run(async move { client.send(&GetSession).await.unwrap_err() });
    assert!(matches!(error, Error::Auth(AuthError::Ended(_))));

    std::fs::write(&path, "{\"access\":\"secret\"").unwrap();
    let store = FileStore::new(&path);
    let error = net.run(async move { store.load().await.unwrap_err() });
    assert!(!format!("{error:?} {error}").contains("secret"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_second_factor_is_asked_for() {
    let net = Net::new(|request| {
        if String::from_utf8_lossy(request.body()).contains("\"authFactorToken\":\"12345\"") {
            json(200, &tokens(0))
        } else {
            json(401, r#"{"error":"AuthFactorTokenRequired"}"#)
        }
    });
    let login = Login::new("alice.example.com", "abcd");
    let (client, first) = (net.client(), login.clone());
    let error = net.run(async move { client.login(&first).await.unwrap_err() });
    let Error::Refused(refused) = error else { panic!("{error:?}") };
    assert_eq!(refused.error, Some(CreateSessionError::AuthFactorTokenRequired));
    let client = net.client();
    net.run(async move { client.login(&login.with_token("12345")).await.unwrap() });
}

#[test]
fn calls_go_to_the_host_that_the_document_names() {
    let document = |url: &str| {
        let service = format!(
            r##"{{"id":"#atproto_pds","type":"AtprotoPersonalDataServer","serviceEndpoint":"{url}"}}"##
        );
        tokens(0).replacen('{', &format!(r#"{{"didDoc":{{"id":"{DID}","service":[{service}]}},"#), 1)
    };
    for (url, host) in [
        ("https://morel.example.com", "https://morel.example.com"),
        // A server that is spoken to in secret does not lead into the open.
        ("http://morel.example.com", "https://pds.example.com"),
        ("nothing", "https://pds.example.com"),
    ] {
        let body = document(url);
        let net = Net::new(move |_| json(200, &body));
        assert_eq!(login(&net).service().to_string(), host);
    }
}

#[test]
fn nothing_shows_a_token() {
    let (net, _) = server();
    let client = login(&net);
    let store = MemoryStore::default();
    let data = client.auth().data();
    let shown = net.run(async move {
        store.save(&data).await.unwrap();
        format!("{store:?} {data:?} {:?}", Login::new("alice", "abcd-efgh"))
    });
    let shown = format!("{shown} {client:?} {:?}", client.auth());
    for secret in ["access-", "refresh-", "abcd"] {
        assert!(!shown.contains(secret), "{shown}");
    }

    // Nor an answer that is a session but for one thing.
    let net = Net::script([json(200, &tokens(0).replace("alice.example.com", "?"))]);
    let client = net.client();
    let login = async move { client.login(&Login::new("alice", "x")).await.map(|_| ()).unwrap_err() };
    let error = net.run(login);
    assert!(matches!(error, Error::Malformed(_)));
    assert!(!format!("{error:?} {error}").contains("access-"), "{error:?}");
}
