//! The reference host on loopback.
//!
//! ```text
//! npm ci --prefix atproto-identity/tests/realnet
//! ATPROTO_REALNET=atproto-identity/tests/realnet cargo test -p atproto-xrpc --all-features --test it -- --ignored realnet
//! ```

mod firehose;
mod oauth;

use atproto_crypto::{Curve, SecretKey};
use atproto_identity::clock::Clock as _;
use atproto_identity::dns::NoDns;
use atproto_identity::fetch_policy::DevelopmentPolicy;
use atproto_identity::plc::{Data, Endpoint, UnsignedOperation};
use atproto_identity::{Config, Directory, FetchPolicy};
use atproto_lexicon::data::{Cid, Codec, Value};
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::{AtIdentifier, Did, Nsid};
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_xrpc::adapters::{ReqwestClient, TokioClock, client_with};
use atproto_xrpc::api::app::bsky::feed::{Like, Post};
use atproto_xrpc::api::com::atproto::repo::UploadBlob;
use atproto_xrpc::api::com::atproto::repo::put_record::PutRecordError;
use atproto_xrpc::api::com::atproto::server::{CreateAccount, GetServiceAuth, GetSession};
use atproto_xrpc::api::com::atproto::sync::{GetBlob, GetRepo};
use atproto_xrpc::auth::service::{Audience, Invalid, ServiceToken, Verifier};
use atproto_xrpc::auth::{Fixed, Login, PasswordSession};
use atproto_xrpc::headers::ServiceRef;
use atproto_xrpc::records::{Batch, Before};
use atproto_xrpc::{Call, Client, Error};
use futures_util::StreamExt as _;
use testdata::realnet::RealNet;

type Open = Client<ReqwestClient, TokioClock>;
type LoggedIn = Client<ReqwestClient, TokioClock, PasswordSession<ReqwestClient, TokioClock>>;

type Identities = Directory<ReqwestClient, NoDns, TokioClock>;

/// Loopback, where handles are found at the host of this number.
fn policy(net: &RealNet, number: usize) -> FetchPolicy {
    let port = net.pds(number).rsplit(':').next().unwrap().parse().unwrap();
    FetchPolicy::from(DevelopmentPolicy { port: Some(port), addresses: Vec::new() })
}

fn directory(net: &RealNet, number: usize) -> Identities {
    let policy = policy(net, number);
    let config = Config { plc_directory: net.text("/plc"), policy: policy.clone() };
    Directory::new(ReqwestClient::new(policy).unwrap(), NoDns, TokioClock::new()).with_config(config)
}

fn run(arguments: &[&str], test: impl AsyncFnOnce(&RealNet, Open)) {
    let net = RealNet::start(arguments).unwrap();
    let policy = FetchPolicy::from(DevelopmentPolicy::default());
    let client = client_with(policy, net.pds(0).parse().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&net, client));
}

/// An account of its own, logged in.
async fn account(client: Open, name: &str) -> LoggedIn {
    let handle = format!("{name}.test");
    let mut create = CreateAccount::new(handle.parse().unwrap());
    create.email = Some(format!("{name}@mail.test"));
    create.password = Some("abcd-efgh-ijkl".to_owned());
    client.send(&create).await.unwrap();
    client.login(&Login::new(handle, "abcd-efgh-ijkl")).await.unwrap()
}

fn post(text: &str) -> Post {
    Post::new(text.to_owned(), "2026-01-02T03:04:05.678Z".parse().unwrap())
}

#[test]
#[ignore = "needs the reference servers"]
fn records_are_written_and_read() {
    run(&[], async |_, client| {
        let client = account(client, "alice").await;
        let repo: AtIdentifier = client.auth().did().into();

        let mut created = Vec::new();
        for number in 0..130 {
            created.push(
                client
                    .create_record(&repo, None, &post(&format!("post {number} — é😀")))
                    .await
                    .unwrap()
                    .output,
            );
        }
        let pages: Vec<_> = client.list_records::<Post>(&repo).map(Result::unwrap).collect().await;
        let listed: Vec<_> = pages.iter().flatten().collect();
        assert_eq!((pages.len() >= 2, listed.len()), (true, 130));
        assert!(listed.iter().all(|record| record.value.good().is_some()));

        let key = created[0].uri.record_key().unwrap();
        let stored = client.get_record::<Post>(&repo, &key).await.unwrap().output;
        assert_eq!(
            (stored.value.text.as_str(), stored.cid.as_ref()),
            ("post 0 — é😀", Some(&created[0].cid))
        );

        // What it must find is there, or it is not.
        let error = client.put_record(&repo, &key, &post("new"), Before::Absent).await.unwrap_err();
        let Error::Refused(refused) = &error else { panic!("{error:?}") };
        assert_eq!(refused.error, Some(PutRecordError::InvalidSwap));
        let before = Before::Is(created[0].cid.clone());
        let put = client.put_record(&repo, &key, &post("new"), before.clone()).await.unwrap().output;
        assert!(client.put_record(&repo, &key, &post("newer"), before).await.is_err());
        let error = client.delete_record::<Post>(&repo, &key, Some(&created[0].cid)).await.unwrap_err();
        assert_eq!(error.name(), Some("InvalidSwap"));
        client.delete_record::<Post>(&repo, &key, Some(&put.cid)).await.unwrap();
        assert_eq!(client.get_record::<Post>(&repo, &key).await.unwrap_err().name(), Some("RecordNotFound"));

        let other = created[1].uri.record_key().unwrap();
        let batch =
            Batch::new().create(None, &post("in a batch")).unwrap().update(&other, &post("changed")).unwrap();
        let batch =
            batch.delete(&"app.bsky.feed.post".parse().unwrap(), &created[2].uri.record_key().unwrap());
        client.apply_writes(&repo, batch, None).await.unwrap();
        assert_eq!(client.get_record::<Post>(&repo, &other).await.unwrap().output.value.text, "changed");
        assert_eq!(client.list_records::<Like>(&repo).map(Result::unwrap).concat().await.len(), 0);

        // The repository is what was written, proven by a signature.
        let did = client.auth().did();
        let car = client.download(&GetRepo::new(did.clone())).await.unwrap().output;
        let car = car.read_all(10_000_000).await.unwrap();
        let car = Car::parse(&car).unwrap();
        let key = signing_key(&client).await;
        let verified = Repo::verify(&car, &did, &key).unwrap();
        assert_eq!(verified.records().map(Result::unwrap).count(), 129);
    });
}

/// The key that the host publishes for an account.
async fn signing_key(client: &LoggedIn) -> atproto_crypto::PublicKey {
    let call =
        Call::query("com.atproto.repo.describeRepo".parse().unwrap()).with_param("repo", client.auth().did());
    let Some(Value::Object(answer)) = client.call(&call).await.unwrap().output else { panic!("no object") };
    let Some(Value::Object(document)) = answer.get("didDoc") else { panic!("no document") };
    let json = serde_json::to_vec(document).unwrap();
    atproto_identity::DidDocument::from_json(&json).unwrap().signing_key().unwrap()
}

#[test]
#[ignore = "needs the reference servers"]
fn blobs_go_up_and_down() {
    run(&[], async |_, client| {
        let client = account(client, "alice").await;
        let repo: AtIdentifier = client.auth().did().into();
        let bytes = Bytes::from((0..1_000_000u32).map(|number| (number % 251) as u8).collect::<Vec<_>>());
        let length = bytes.len() as u64;
        let whole = client.send_bytes(&UploadBlob, "application/octet-stream", bytes.clone()).await.unwrap();
        let pieces = client
            .send_streaming(&UploadBlob, "application/octet-stream", bytes.clone(), length)
            .await
            .unwrap();
        assert_eq!(whole.output.blob, pieces.output.blob);
        // A blob is there once a record links it.
        let mut record = post("with a blob");
        let blob = serde_json::to_value(&whole.output.blob).unwrap();
        let embed =
            serde_json::json!({"$type": "app.bsky.embed.images", "images": [{"alt": "", "image": blob}]});
        record.extra = serde_json::from_value(serde_json::json!({"example": embed})).unwrap();
        client.create_record(&repo, None, &record).await.unwrap();
        let cid = Cid::of(Codec::Raw, &bytes);
        let blob = client.download(&GetBlob { did: client.auth().did(), cid: cid.into() }).await.unwrap();
        assert_eq!(blob.head.content_type().as_deref(), Some("application/octet-stream"));
        assert_eq!(blob.output.read_all(2_000_000).await.unwrap(), bytes);
    });
}

#[test]
#[ignore = "needs the reference servers"]
fn a_session_is_refreshed_and_ended() {
    run(&[], async |_, client| {
        let anonymous = client.clone();
        let client = account(client, "alice").await;
        assert_eq!(client.send(&GetSession).await.unwrap().output.handle.as_str(), "alice.test");
        let before = client.auth().data();
        client.auth().refresh().await.unwrap();
        assert_ne!(client.auth().data().refresh, before.refresh);
        client.send(&GetSession).await.unwrap();
        let error = anonymous.send(&GetSession).await.unwrap_err();
        assert_eq!(error.head().unwrap().status.as_u16(), 401);
        let error = anonymous.login(&Login::new("alice.test", "wrong")).await.unwrap_err();
        assert_eq!(error.name(), Some("AuthenticationRequired"));
        client.auth().clone().delete().await.unwrap();
        assert!(matches!(client.send(&GetSession).await, Err(Error::Auth(_))));
    });
}

#[test]
#[ignore = "needs the reference servers"]
fn tokens_of_the_host_are_verified() {
    run(&[], async |_, client| {
        let client = account(client, "alice").await;
        let key = signing_key(&client).await;
        let method = "com.example.feed.get".parse().unwrap();
        let mut get = GetServiceAuth::new("did:web:api.example.com".to_owned());
        get.lxm = Some(Nsid::clone(&method));
        let token = client.send(&get).await.unwrap().output.token;
        let verifier = Verifier::new([Audience::from("did:web:api.example.com".parse::<Did>().unwrap())]);
        let now = TokioClock::new().unix_time().as_secs();
        let unverified = verifier.read(&token, Some(&method), now).unwrap();
        assert_eq!(unverified.verify(&key).unwrap().issuer, client.auth().did());
        assert_eq!(verifier.read(&token, Some(&method), now + 120).unwrap_err(), Invalid::Expired);
    });
}

/// An account whose key is not with a host lets a host in, as one that moves.
#[test]
#[ignore = "needs the reference servers"]
fn tokens_are_taken_by_the_host() {
    run(&[], async |net, client| {
        for curve in [Curve::P256, Curve::K256] {
            let key = SecretKey::from_bytes(curve, &[7; 32]).unwrap();
            let handle = format!("{curve:?}.test").to_lowercase();
            let pds = Endpoint { kind: "AtprotoPersonalDataServer".to_owned(), endpoint: net.pds(0) };
            let data = Data {
                rotation_keys: vec![key.public_key().to_did_key()],
                verification_methods: [("atproto".to_owned(), key.public_key().to_did_key())].into(),
                also_known_as: vec![format!("at://{handle}")],
                services: [("atproto_pds".to_owned(), pds)].into(),
            };
            let genesis = UnsignedOperation::Update { data, prev: None }.sign(&key).unwrap();
            let did = genesis.did().unwrap();
            directory(net, 0).plc().submit(&did, &genesis).await.unwrap();

            let mut create = CreateAccount::new(handle.parse().unwrap());
            create.did = Some(did.clone());
            create.email = Some(format!("{curve:?}@mail.test"));
            create.password = Some("abcd-efgh-ijkl".to_owned());
            let host =
                net.pds(0).replace("http://localhost:", "did:web:localhost%3A").parse::<Did>().unwrap();
            let create_account = "com.atproto.server.createAccount".parse().unwrap();
            let now = TokioClock::new().unix_time().as_secs();
            let token = |method: &Nsid, issuer: &Did| {
                let token = ServiceToken::new(issuer.clone(), host.clone().into(), now).for_method(method);
                let random = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap();
                Fixed::bearer(&token.sign(&key, &random).unwrap().into()).unwrap()
            };
            // It is of another method, or of somebody else.
            let other = token(&"com.atproto.server.getSession".parse().unwrap(), &did);
            let stranger: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap();
            for wrong in [other, token(&create_account, &stranger)] {
                let error = client.clone().with_auth(wrong).send(&create).await.unwrap_err();
                assert!(matches!(error, Error::Refused(_)), "{error:?}");
            }
            let created = client.clone().with_auth(token(&create_account, &did)).send(&create).await.unwrap();
            assert_eq!(created.output.did, did);
        }
    });
}

#[test]
#[ignore = "needs the reference servers"]
fn calls_are_passed_on() {
    run(&[], async |net, client| {
        let client = account(client, "alice").await;
        let echo: ServiceRef = format!("{}#echo", net.text("/echoDid")).parse().unwrap();
        let call = Call::query("com.example.echo".parse().unwrap()).with_param("a", "b c");
        let reply = client.clone().with_proxy(&echo).call(&call).await.unwrap();
        assert!(reply.output.is_some());
        assert!(client.call(&call).await.is_err());
    });
}
