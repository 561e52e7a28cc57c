//! Authorization, from the account to the session.

use super::world::*;
use crate::net::{Says, json as says};
use atproto_identity::Missing;
use atproto_lexicon::http::HttpErrorKind;
use atproto_xrpc::auth::FieldFault;
use atproto_xrpc::auth::oauth::{CallError, CallbackError, LoginAt, MetadataError, OAuthError, Registration};
use serde_json::json;

fn server(url: &str) -> LoginAt {
    LoginAt::Server(url.parse().unwrap())
}

#[test]
fn an_account_lets_a_client_in() {
    for is_confidential in [false, true] {
        let world = World::new();
        let registration = if is_confidential { world.confidential() } else { world.registration() };
        let client = world.client_of(registration);
        let url = world.authorize(&client, account()).unwrap();
        assert_eq!(
            url,
            "https://auth.example.com/authorize?client_id=https%3A%2F%2Fapp.example.com%2Fclient-metadata.json&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Aa%26b"
        );
        {
            let server = world.lock();
            assert_eq!(server.pushed["login_hint"], "alice.example.com");
            assert_eq!(server.pushed["scope"], "atproto repo:com.example.note");
        }
        let par = |asked: &[String]| asked.iter().filter(|url| url.ends_with("/par")).count();
        // The first proof has no nonce, for there is none yet; the next ones do.
        assert_eq!(par(&world.asked()), 2);
        let session = world.callback(&client, &world.query()).unwrap();
        assert_eq!(world.asked().iter().filter(|url| *url == TOKEN).count(), 1);
        assert_eq!((session.did().as_str(), session.pds().to_string().as_str()), (DID, PDS));
        assert!(session.scope().has_atproto());
        let data = session.data();
        assert_eq!((data.access.expose(), data.refresh.unwrap().expose()), ("access-1", "refresh-1"));
        assert_eq!(data.client_key.is_some(), is_confidential);
    }
}

#[test]
fn a_server_lets_whoever_has_an_account_in() {
    let world = World::new();
    let client = world.client();
    world.authorize(&client, server(PDS)).unwrap();
    assert!(!world.lock().pushed.contains_key("login_hint"));
    world.callback(&client, &world.query()).unwrap();
    // What speaks for accounts of several hosts is no host itself.
    world.says("https://auth.example.com/.well-known/oauth-protected-resource", says(404, "{}"));
    world.authorize(&client, server(ISSUER)).unwrap();
    assert_eq!(world.callback(&client, &world.query()).unwrap().did().as_str(), DID);
}

#[test]
fn a_document_that_breaks_a_rule_ends_it() {
    let redirect = Says::Is(302, vec![("location", SERVER_METADATA.to_owned())], Vec::new());
    let two = json!({"resource": PDS, "authorization_servers": [ISSUER, ISSUER]});
    let none = json!({"resource": PDS, "authorization_servers": []});
    let other = json!({"resource": "https://other.example.com", "authorization_servers": [ISSUER]});
    let path = json!({"resource": PDS, "authorization_servers": ["https://auth.example.com/"]});
    let cases = [
        (RESOURCE_METADATA, redirect.clone(), MetadataError::Status(302)),
        (RESOURCE_METADATA, says(201, &resource_metadata().to_string()), MetadataError::Status(201)),
        (RESOURCE_METADATA, says(200, &two.to_string()), MetadataError::AuthorizationServers(2)),
        (RESOURCE_METADATA, says(200, &none.to_string()), MetadataError::AuthorizationServers(0)),
        (RESOURCE_METADATA, says(200, &other.to_string()), MetadataError::OtherResource),
        (
            RESOURCE_METADATA,
            says(200, &path.to_string()),
            FieldFault::Malformed("authorization_servers").into(),
        ),
        (RESOURCE_METADATA, Says::Is(200, Vec::new(), b"{}".to_vec()), MetadataError::ContentType),
        (RESOURCE_METADATA, says(200, "[]"), MetadataError::NotObject),
        (SERVER_METADATA, redirect, MetadataError::Status(302)),
        (
            SERVER_METADATA,
            says(
                200,
                &server_metadata()
                    .to_string()
                    .replace("\"https://auth.example.com\"", "\"https://b.example.com\""),
            ),
            MetadataError::OtherIssuer,
        ),
    ];
    for (url, answer, reason) in cases {
        let world = World::new();
        world.says(url, answer);
        let error = world.authorize(&world.client(), account()).unwrap_err();
        let OAuthError::Metadata(found) = error else { panic!("{error:?}") };
        assert_eq!(found, reason);
        assert!(!world.asked().iter().any(|url| url.ends_with("/par")));
    }
    let world = World::new();
    world.says(SERVER_METADATA, Says::Endless);
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(
        matches!(&error, OAuthError::Http(error) if matches!(error.kind(), HttpErrorKind::TooLarge { .. }))
    );
    world.says(SERVER_METADATA, Says::Hangs);
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(&error, OAuthError::Http(error) if error.kind() == HttpErrorKind::TimedOut));
    // Strangers name hosts that are nobody's business.
    let inside =
        server_metadata().to_string().replace("https://auth.example.com/par", "https://10.0.0.1/par");
    world.says(SERVER_METADATA, says(200, &inside));
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::Forbidden(_)), "{error:?}");
    world.says("https://alice.example.com/.well-known/did.json", document("nonsense"));
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::NoPds(Missing::Service(_))), "{error:?}");
}

#[test]
fn a_server_that_takes_no_nonce_is_asked_twice() {
    let world = World::new();
    world.lock().is_never_content = true;
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::Call(CallError::Nonce)), "{error:?}");
    assert_eq!(world.asked().iter().filter(|url| url.ends_with("/par")).count(), 2);

    let world = World::new();
    let client = world.client();
    world.authorize(&client, account()).unwrap();
    world.lock().is_never_content = true;
    world.asked();
    let error = world.callback(&client, &world.query()).unwrap_err();
    assert!(matches!(error, OAuthError::Call(CallError::Nonce)), "{error:?}");
    assert_eq!(world.asked().iter().filter(|url| *url == TOKEN).count(), 2);

    let world = World::new();
    world.lock().gives_no_nonce = true;
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::Call(CallError::NoNonce)), "{error:?}");
    world.says("https://auth.example.com/par", says(400, r#"{"error":"use_dpop_nonce"}"#));
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::Call(CallError::Nonce)), "{error:?}");
}

#[test]
fn a_refusal_is_told() {
    let world = World::new();
    let answer =
        json!({"error": "invalid_scope", "error_description": format!("no\u{1b}[31m {}", "x".repeat(9999))});
    world.says("https://auth.example.com/par", says(400, &answer.to_string()));
    let error = world.authorize(&world.client(), account()).unwrap_err();
    let OAuthError::Call(CallError::Refused { status: 400, error, description }) = error else { panic!() };
    assert_eq!(error.as_deref(), Some("invalid_scope"));
    let description = description.unwrap();
    assert!(description.starts_with("no[31m x") && description.len() <= 512);
    world.says("https://auth.example.com/par", says(503, "<html>"));
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::Call(CallError::Refused { status: 503, error: None, .. })));
    world.says("https://auth.example.com/par", says(201, "[]").with("DPoP-Nonce", "a"));
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::Call(CallError::NotObject)));
    let client =
        world.client_of(Registration::new(CLIENT, REDIRECT, "repo:com.example.note".parse().unwrap()));
    assert!(matches!(world.authorize(&client, account()), Err(OAuthError::NoAtproto)));
}

#[test]
fn a_callback_that_is_not_the_answer_is_refused() {
    let world = World::new();
    let client = world.client();
    world.authorize(&client, account()).unwrap();
    let state = world.lock().pushed["state"].clone();
    world.asked();
    let iss = "iss=https%3A%2F%2Fauth.example.com";
    let refused = |error: &str| CallbackError::Refused { error: error.to_owned(), description: None };
    // What is no answer at all does not use up the request.
    let cases = [
        (format!("{iss}&code=c"), CallbackError::NoState),
        (format!("state=&{iss}&code=c"), CallbackError::NoState),
        (format!("state={state}&code=c"), CallbackError::NoIssuer),
        (format!("state=other&{iss}&code=c"), CallbackError::UnknownState),
        (format!("state={state}&{iss}&code=c&code=d"), CallbackError::Malformed),
        (format!("state={state}&state={state}&{iss}&code=c"), CallbackError::Malformed),
        (format!("state={state}&{iss}&code=c&error=e"), CallbackError::Malformed),
        (format!("state={state}&{iss}&code=%"), CallbackError::Malformed),
        ("a".repeat(20_000), CallbackError::Malformed),
    ];
    for (query, reason) in cases {
        let error = world.callback(&client, &query).unwrap_err();
        assert!(matches!(&error, OAuthError::Callback(found) if *found == reason), "{query}: {error:?}");
    }
    assert!(world.asked().is_empty());
    // What is one does.
    let cases = [
        (format!("state={state}&iss=https%3A%2F%2Fevil.example.com&code=c"), CallbackError::OtherIssuer),
        (format!("state={state}&iss=https%3A%2F%2Fauth.example.com%2F&code=c"), CallbackError::OtherIssuer),
        (
            format!("state={state}&iss=https%3A%2F%2Fevil.example.com&error=access_denied"),
            CallbackError::OtherIssuer,
        ),
        (format!("state={state}&{iss}"), CallbackError::NoCode),
        (format!("state={state}&{iss}&error=access_denied"), refused("access_denied")),
    ];
    for (query, reason) in cases {
        world.authorize(&client, account()).unwrap();
        let query = query.replace(&state, &world.lock().pushed["state"]);
        world.asked();
        let error = world.callback(&client, &query).unwrap_err();
        assert!(matches!(&error, OAuthError::Callback(found) if *found == reason), "{query}: {error:?}");
        let error = world.callback(&client, &world.query()).unwrap_err();
        assert!(matches!(error, OAuthError::Callback(CallbackError::UnknownState)), "{query}: {error:?}");
        assert!(world.asked().is_empty(), "{query}");
    }
    // A callback counts once.
    world.authorize(&client, account()).unwrap();
    world.callback(&client, &world.query()).unwrap();
    let error = world.callback(&client, &world.query()).unwrap_err();
    assert!(matches!(error, OAuthError::Callback(CallbackError::UnknownState)));
    // And only in the browser that was sent away: whoever sends somebody else here does not give them their session.
    world.authorize(&client, account()).unwrap();
    let (of_another, query) = (client.clone(), world.query());
    let error = world.net.run(async move { of_another.callback(&query, &"state".into()).await.unwrap_err() });
    assert!(matches!(error, OAuthError::Callback(CallbackError::UnknownState)));
    world.callback(&client, &world.query()).unwrap();
    // And in time.
    world.authorize(&client, account()).unwrap();
    let net = world.net.clone();
    use atproto_lexicon::clock::Clock as _;
    world.net.run(async move { net.sleep(std::time::Duration::from_secs(3601)).await });
    let error = world.callback(&client, &world.query()).unwrap_err();
    assert!(matches!(error, OAuthError::Callback(CallbackError::Expired)));
}

#[test]
fn tokens_that_break_a_rule_are_no_session() {
    let field = |fault| CallError::Field(fault);
    let cases = [
        (json!({"token_type": "Bearer"}), CallError::TokenType),
        (json!({"token_type": null}), field(FieldFault::Missing("token_type"))),
        (json!({"scope": "repo:com.example.note"}), CallError::Scope),
        (json!({"scope": ""}), CallError::Scope),
        (json!({"scope": null}), field(FieldFault::Missing("scope"))),
        (json!({"sub": null}), field(FieldFault::Missing("sub"))),
        (json!({"sub": "alice"}), field(FieldFault::Malformed("sub"))),
        (json!({"access_token": null}), field(FieldFault::Missing("access_token"))),
        (json!({"access_token": "a b"}), field(FieldFault::Malformed("access_token"))),
        (json!({"refresh_token": 1}), field(FieldFault::Malformed("refresh_token"))),
        (json!({"expires_in": -1}), field(FieldFault::Malformed("expires_in"))),
    ];
    for (fields, reason) in cases {
        let world = World::new();
        world.lock().fields = fields.clone();
        let client = world.client();
        let error = world.log_in(&client).unwrap_err();
        assert!(matches!(&error, OAuthError::Call(found) if *found == reason), "{fields}: {error:?}");
        assert!(world.restore(&client).is_none());
    }
    // Neither is a thing without a refresh token, or with a scope that is not known, one that breaks a rule.
    let world = World::new();
    world.lock().fields = json!({"refresh_token": null, "expires_in": null, "scope": "atproto space:x"});
    let session = world.log_in(&world.client()).unwrap();
    assert_eq!((session.data().refresh, session.data().expires_at), (None, None));
    assert_eq!(session.scope().unknown().collect::<Vec<_>>(), ["space:x"]);
}

#[test]
fn a_server_speaks_for_its_own_accounts_alone() {
    // Another account than the one that was asked for.
    let world = World::new();
    world.lock().fields = json!({"sub": "did:web:mallory.example.com"});
    let client = world.client();
    let error = world.log_in(&client).unwrap_err();
    assert!(matches!(error, OAuthError::OtherAccount), "{error:?}");
    // Without one that was asked for: an account whose host leaves authorization to another server.
    let world = World::new();
    let client = world.client();
    let other =
        json!({"resource": "https://other.example.com", "authorization_servers": ["https://b.example.com"]});
    world.says(
        "https://other.example.com/.well-known/oauth-protected-resource",
        says(200, &other.to_string()),
    );
    world.says("https://alice.example.com/.well-known/did.json", document("https://other.example.com"));
    world.authorize(&client, server(PDS)).unwrap();
    let error = world.callback(&client, &world.query()).unwrap_err();
    assert!(matches!(&error, OAuthError::OtherIssuer(issuer) if issuer.as_str() == "https://b.example.com"));
    assert!(world.restore(&client).is_none());
    // The account moved while its user was away.
    let world = World::new();
    let client = world.client();
    world.authorize(&client, account()).unwrap();
    world.says(
        "https://other.example.com/.well-known/oauth-protected-resource",
        says(200, &other.to_string()),
    );
    world.says("https://alice.example.com/.well-known/did.json", document("https://other.example.com"));
    let error = world.callback(&client, &world.query()).unwrap_err();
    assert!(matches!(error, OAuthError::OtherIssuer(_)), "{error:?}");
}

#[test]
fn a_handle_has_to_lead_both_ways() {
    let world = World::new();
    let other = json!({"id": DID, "alsoKnownAs": ["at://other.example.com"]});
    world.says("https://alice.example.com/.well-known/did.json", says(200, &other.to_string()));
    world.says("https://other.example.com/.well-known/atproto-did", says(404, ""));
    let error = world.authorize(&world.client(), account()).unwrap_err();
    assert!(matches!(error, OAuthError::Identity(_)), "{error:?}");
}
