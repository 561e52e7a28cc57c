//! Accounts and their sessions.

use super::*;
use atproto_lexicon::syntax::Handle;
use atproto_xrpc::api::app::bsky::actor::{GetPreferences, PutPreferences};
use atproto_xrpc::api::com::atproto::identity::{ResolveHandle, UpdateHandle};
use atproto_xrpc::api::com::atproto::server::{
    DeactivateAccount, DeleteAccount, GetServiceAuth, GetSession, RequestAccountDelete,
};
use atproto_xrpc::api::com::atproto::sync::GetRepoStatus;
use atproto_xrpc::auth::AuthError;

async fn create(network: &Network, handle: &str, password: &str) -> (u16, String) {
    let mut create = CreateAccount::new(handle.parse().unwrap());
    create.password = Some(password.to_owned());
    refused(client(network, 0).send(&create).await)
}

#[test]
fn an_account_has_an_identity_that_is_proven() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let identity = network.resolver().unwrap().lookup(&"alice.test".parse().unwrap()).await.unwrap();
        assert_eq!(*identity.did(), did_of(&alice));
        assert_eq!(identity.verified_handle().unwrap().as_str(), "alice.test");
        assert_eq!(identity.pds().unwrap(), network.host(0).url());
        let session = alice.send(&GetSession).await.unwrap().output;
        assert_eq!((session.handle.as_str(), session.active), ("alice.test", Some(true)));
    });
}

#[test]
fn accounts_are_refused_that_cannot_be() {
    run(async {
        let network = start().await;
        account(&network, "alice").await;
        assert_eq!(create(&network, "alice.test", PASSWORD).await, bad("HandleNotAvailable"));
        assert_eq!(create(&network, "ALICE.test", PASSWORD).await, bad("HandleNotAvailable"));
        assert_eq!(create(&network, "bob.example.com", PASSWORD).await, bad("UnsupportedDomain"));
        assert_eq!(create(&network, "a.b.test", PASSWORD).await, bad("InvalidHandle"));
        assert_eq!(create(&network, "x.test", PASSWORD).await, bad("InvalidHandle"));
        assert_eq!(create(&network, "bob.test", "short").await, bad("InvalidPassword"));
        assert_eq!(create(&network, "bob.test", PASSWORD).await.0, 200);
        let mut other = CreateAccount::new("carol.test".parse().unwrap());
        other.password = Some(PASSWORD.to_owned());
        other.did = Some("did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap());
        assert_eq!(refused(client(&network, 0).send(&other).await), (401, "AuthMissing".to_owned()));
    });
}

#[test]
fn a_session_is_of_who_knows_the_password() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let wrong = (401, "AuthenticationRequired".to_owned());
        for (name, password) in
            [("alice.test", "wrong horse"), ("nobody.test", PASSWORD), ("no identifier", PASSWORD), ("", "")]
        {
            assert_eq!(refused(client(&network, 0).login(&Login::new(name, password)).await), wrong);
        }
        // By DID, and twice at once: sessions are independent.
        let did = did_of(&alice).to_string();
        let again = client(&network, 0).login(&Login::new(did, PASSWORD)).await.unwrap();
        again.auth().refresh_again().await.unwrap();
        again.send(&GetSession).await.unwrap();
        let session = alice.auth().data();
        let copy = client(&network, 0).login(&Login::new("alice.test", PASSWORD)).await.unwrap();
        let kept = atproto_xrpc::auth::MemoryStore::default();
        atproto_xrpc::auth::SessionStore::save(&kept, &copy.auth().data()).await.unwrap();
        let (first, second) = (client(&network, 0).resume(kept).await.unwrap().ok().unwrap(), copy);
        first.auth().clone().delete().await.unwrap();
        assert!(matches!(second.send(&GetSession).await, Err(Error::Auth(_))));
        assert_eq!(alice.auth().data(), session);
        alice.send(&GetSession).await.unwrap();
    });
}

#[test]
fn a_handle_changes_for_everybody() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        account(&network, "bob").await;
        let handle = |name: &str| name.parse::<Handle>().unwrap();
        assert_eq!(refused(alice.send(&UpdateHandle::new(handle("bob.test"))).await), bad("InvalidRequest"));
        alice.send(&UpdateHandle::new(handle("alice2.test"))).await.unwrap();
        let resolver = network.resolver().unwrap();
        let identity = resolver.lookup(&"alice2.test".parse().unwrap()).await.unwrap();
        assert_eq!(*identity.did(), did_of(&alice));
        assert!(resolver.lookup(&"alice.test".parse().unwrap()).await.is_err());
        let resolved =
            client(&network, 0).send(&ResolveHandle { handle: handle("alice2.test") }).await.unwrap();
        assert_eq!(resolved.output.did, did_of(&alice));
        let old = client(&network, 0).send(&ResolveHandle { handle: handle("alice.test") }).await;
        assert_eq!(refused(old), bad("HandleNotFound"));
        // The name that was left is free.
        assert_eq!(create(&network, "alice.test", PASSWORD).await.0, 200);
    });
}

#[test]
fn preferences_are_kept_as_they_are() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let json = r#"{"preferences": [
            {"$type": "app.bsky.actor.defs#adultContentPref", "enabled": true, "later": 1},
            {"$type": "com.example.pref", "of": "another program"}
        ]}"#;
        let put: PutPreferences = serde_json::from_str(json).unwrap();
        alice.send(&put).await.unwrap();
        assert_eq!(alice.send(&GetPreferences).await.unwrap().output.preferences, put.preferences);
    });
}

#[test]
fn service_tokens_are_of_the_account() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let mut ask = GetServiceAuth::new("did:web:api.example.com#feed".to_owned());
        ask.lxm = Some("com.example.feed.get".parse().unwrap());
        let token = alice.send(&ask).await.unwrap().output.token;
        let method = "com.example.feed.get".parse().unwrap();
        let verifier =
            atproto_xrpc::auth::service::Verifier::new(["did:web:api.example.com#feed".parse().unwrap()]);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let read = verifier.read(&token, Some(&method), now).unwrap();
        let identity = network.resolver().unwrap().lookup_did(&did_of(&alice)).await.unwrap();
        assert_eq!(read.verify(&identity.signing_key().unwrap()).unwrap().issuer, did_of(&alice));
        ask.exp = Some(i64::try_from(now).unwrap() + 7200);
        assert_eq!(refused(alice.send(&ask).await), bad("BadExpiration"));
    });
}

#[test]
fn an_account_ends_with_all_that_it_has() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let did = did_of(&alice);
        alice.create_record(&repo_of(&alice), None, &post("hello")).await.unwrap();
        alice.send(&DeactivateAccount::default()).await.unwrap();
        let status = client(&network, 0).send(&GetRepoStatus { did: did.clone() }).await.unwrap().output;
        assert_eq!((status.active, status.status.unwrap().as_str()), (false, "deactivated"));
        alice.send(&RequestAccountDelete).await.unwrap();
        let delete =
            |password: &str, token: String| DeleteAccount::new(did.clone(), password.to_owned(), token);
        let token = network.host(0).mail(&did).unwrap();
        let wrong = alice.send(&delete("wrong horse", token.clone())).await;
        assert_eq!(refused(wrong), (401, "AuthenticationRequired".to_owned()));
        assert_eq!(refused(alice.send(&delete(PASSWORD, "x".to_owned())).await), bad("InvalidToken"));
        alice.send(&delete(PASSWORD, token)).await.unwrap();
        // The wrong password has made it have new tokens, and no newer ones are asked for at once.
        assert_eq!(refused(alice.send(&GetSession).await).0, 401);
        assert!(matches!(alice.auth().refresh().await, Err(AuthError::Ended(_))));
        assert!(matches!(alice.send(&GetSession).await, Err(Error::Auth(AuthError::Ended(_)))));
        let status = client(&network, 0).send(&GetRepoStatus { did }).await;
        assert_eq!(refused(status), bad("RepoNotFound"));
    });
}
