//! The reference directory and host on loopback: they resolve what we resolve, take what we foresee that they take, and refuse the
//! rest.
//!
//! ```text
//! npm ci --prefix atproto-identity/tests/realnet
//! ATPROTO_REALNET=atproto-identity/tests/realnet cargo test -p atproto-identity --all-features --test it -- --ignored realnet
//! ```

use crate::plc::{data, key};
use atproto_crypto::SecretKey;
use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::dns::NoDns;
use atproto_identity::fetch_policy::{DevelopmentPolicy, FetchPolicy};
use atproto_identity::plc::{ClientError, Cursor, Data, History, Operation, Replay, UnsignedOperation};
use atproto_identity::{Config, Directory, HandleState, ResolveError};
use atproto_lexicon::data::Cid;
use atproto_lexicon::http::{Bytes, HttpClient, Request, read_body};
use atproto_lexicon::syntax::{Datetime, Did};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::time::SystemTime;
use testdata::realnet::RealNet;

fn directory(net: &RealNet) -> Directory<ReqwestClient, NoDns, TokioClock> {
    let port = net.pds(0).rsplit(':').next().unwrap().parse().unwrap();
    let policy = FetchPolicy::from(DevelopmentPolicy { port: Some(port), addresses: Vec::new() });
    let config = Config { plc_directory: net.text("/plc"), policy: policy.clone() };
    let client = ReqwestClient::new(policy).unwrap();
    Directory::new(client, NoDns, TokioClock::new()).with_config(config)
}

fn run(test: impl AsyncFnOnce(&RealNet, Directory<ReqwestClient, NoDns, TokioClock>)) {
    let net = RealNet::start(&[]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&net, directory(&net)));
}

async fn post(net: &RealNet, path: &str, body: &Value) -> Value {
    let url = format!("{}/xrpc/{path}", net.pds(0));
    let request = Request::post(url).header("content-type", "application/json");
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let client = ReqwestClient::new(DevelopmentPolicy::default().into()).unwrap();
    let response = client.send(request).await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&read_body(response.into_body(), 100_000).await.unwrap()).unwrap()
}

fn now() -> Datetime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Datetime::from_unix_micros(now.as_micros().try_into().unwrap()).unwrap()
}

#[test]
#[ignore = "needs the reference servers: see the head of the file"]
fn accounts_of_the_reference_host_are_resolved() {
    run(async |net, directory| {
        let account = json!({ "handle": "alice.test", "email": "alice@example.com", "password": "password" });
        let account = post(net, "com.atproto.server.createAccount", &account).await;
        let did: Did = account["did"].as_str().unwrap().parse().unwrap();
        for identifier in ["alice.test", did.as_str()] {
            let identity = directory.resolve(&identifier.parse().unwrap()).await.unwrap();
            assert!(matches!(identity.handle_state(), HandleState::Verified(_)), "{identity:?}");
            assert_eq!((identity.did(), identity.handle()), (&did, "alice.test"));
            assert_eq!(identity.pds().unwrap(), net.pds(0));
            // The key is that of the log, which is valid.
            let history = directory.plc().history(&did).await.unwrap();
            assert_eq!(history.document().unwrap().signing_key(), Some(identity.signing_key().unwrap()));
            assert_eq!(&directory.plc().data(&did).await.unwrap(), history.data().unwrap());
            assert_eq!(directory.plc().last(&did).await.unwrap().cid(), *history.head().unwrap());
        }
        let error = directory.resolve(&"bob.test".parse().unwrap()).await.unwrap_err();
        assert!(matches!(error, ResolveError::NotFound), "{error}");
        let nobody: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap();
        assert!(matches!(directory.resolve_did(&nobody).await, Err(ResolveError::NotFound)));
    });
}

/// What is tried on one DID: which operation comes before, who signs, and the keys after it; none is a tombstone.
type Steps = Vec<(usize, u8, Option<Vec<u8>>)>;

fn steps(runner: &mut TestRunner) -> Steps {
    let keys = proptest::sample::select(vec![
        None,
        Some(vec![0, 1, 2]),
        Some(vec![2, 0]),
        Some(vec![1, 3]),
        Some(vec![0, 1]),
    ]);
    let step = (0usize..6, 0u8..4, keys);
    proptest::collection::vec(step, 8).new_tree(runner).unwrap().current()
}

#[test]
#[ignore = "needs the reference servers: see the head of the file"]
fn the_reference_directory_takes_what_is_foreseen() {
    run(async |_, directory| {
        let mut runner = TestRunner::deterministic();
        let (mut taken, mut refused, mut recoveries) = (0, 0, 0);
        for number in 0..40u8 {
            let mut state = data(&[0, 1, 2]);
            state.also_known_as = vec![format!("at://{number}.example.com")];
            let genesis =
                UnsignedOperation::Update { data: state, prev: None }.sign(&key(number % 3)).unwrap();
            let did = genesis.did().unwrap();
            directory.plc().submit(&did, &genesis).await.unwrap();
            let mut history = directory.plc().history(&did).await.unwrap();
            // What a recovery has followed on. The directory in memory goes on counting what that has undone as the first to be
            // undone, as the one with a database does not, so that another one there is not tried.
            let mut recovered: Vec<Cid> = Vec::new();
            for (prev, signer, keys) in steps(&mut runner) {
                let counting: Vec<Cid> = history
                    .entries()
                    .iter()
                    .filter(|entry| !entry.is_nullified())
                    .map(|entry| *entry.cid())
                    .collect();
                let prev = counting[prev % counting.len()];
                if recovered.contains(&prev) && Some(&prev) != history.head() {
                    continue;
                }
                let unsigned = match keys {
                    Some(keys) => UnsignedOperation::Update { data: data(&keys), prev: Some(prev) },
                    None => UnsignedOperation::Tombstone { prev },
                };
                let operation = unsigned.sign(&key(signer)).unwrap();
                let foreseen = history.check(&operation, &now());
                let said = directory.plc().submit(&did, &operation).await;
                match (&foreseen, &said) {
                    (Ok(_), Ok(())) => taken += 1,
                    (Err(_), Err(ClientError::Rejected { .. })) => refused += 1,
                    other => panic!("{other:?}: {operation:?} after {history:?}"),
                }
                let Ok(applied) = foreseen else { continue };
                if !applied.nullified.is_empty() {
                    recoveries += 1;
                    recovered.push(prev);
                }
                history = directory.plc().history(&did).await.unwrap();
                assert_eq!(history.head(), Some(&applied.cid));
                for cid in &applied.nullified {
                    assert!(history.entries().iter().any(|entry| entry.cid() == cid && entry.is_nullified()));
                }
            }
            check_views(&directory, &history).await;
        }
        println!("{taken} taken, {recoveries} of them recoveries; {refused} refused");
        assert!(taken > 60 && refused > 60 && recoveries > 10);
        replay(&directory).await;
    });
}

/// What the directory shows of a DID is what the log says.
async fn check_views(directory: &Directory<ReqwestClient, NoDns, TokioClock>, history: &History) {
    let did = history.did();
    match history.data() {
        Some(data) => {
            assert_eq!(directory.plc().data(did).await.unwrap(), *data);
            let (shown, ours) = (directory.document(did).await.unwrap(), history.document().unwrap());
            assert_eq!(
                (shown.signing_key(), shown.pds(), shown.handle()),
                (ours.signing_key(), ours.pds(), ours.handle())
            );
        }
        None => {
            let error = directory.document(did).await.unwrap_err();
            assert!(matches!(error, ResolveError::NotFound | ResolveError::Tombstoned), "{error}");
        }
    }
    let counting = directory.plc().log(did).await.unwrap();
    let plain = atproto_identity::plc::verify_operations(did, &counting).unwrap();
    assert_eq!((plain.head(), plain.data()), (history.head(), history.data()));
}

/// All of the directory, page by page.
async fn replay(directory: &Directory<ReqwestClient, NoDns, TokioClock>) {
    let mut replay = Replay::new();
    let mut cursor = Cursor::Seq(0);
    loop {
        let page = directory.plc().export(&cursor, 50).await.unwrap();
        for entry in &page {
            replay.apply(entry).unwrap();
        }
        match page.last() {
            Some(last) => cursor = last.cursor(),
            None => break,
        }
    }
    assert!(replay.len() > 40 && replay.unexplained().next().is_none());
    let did = replay.iter().next().unwrap().did().clone();
    let history = directory.plc().history(&did).await.unwrap();
    assert_eq!(format!("{history:?}"), format!("{:?}", replay.get(&did).unwrap()));
}

/// Signed, whatever is in it.
fn signed_unchecked(unsigned: UnsignedOperation, secret: &SecretKey) -> Operation {
    let signature = secret.sign(&unsigned.to_bytes());
    Operation { unsigned, sig: data_encoding::BASE64URL_NOPAD.encode(signature.as_bytes()) }
}

#[test]
#[ignore = "needs the reference servers: see the head of the file"]
fn what_we_do_not_make_is_not_taken() {
    run(async |_, directory| {
        let refuses = async |change: &dyn Fn(&mut Data)| {
            let mut state = data(&[0, 1]);
            change(&mut state);
            let unsigned = UnsignedOperation::Update { data: state, prev: None };
            assert!(unsigned.clone().sign(&key(0)).is_err());
            let operation = signed_unchecked(unsigned, &key(0));
            let said = directory.plc().submit(&operation.did().unwrap(), &operation).await;
            matches!(said, Err(ClientError::Rejected { .. }))
        };
        assert!(
            refuses(&|data| data
                .rotation_keys
                .push("did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK".into()))
            .await
        );
        // A signature in another spelling.
        let operation = UnsignedOperation::Update { data: data(&[0]), prev: None }.sign(&key(0)).unwrap();
        let other = Operation { sig: operation.sig.clone() + "\n", ..operation.clone() };
        assert!(directory.plc().submit(&other.did().unwrap(), &other).await.is_err());
        let did = operation.did().unwrap();
        directory.plc().submit(&did, &operation).await.unwrap();
        // Once more, it is refused, and nothing has changed.
        let again = directory.plc().submit(&did, &operation).await;
        assert!(matches!(again, Err(ClientError::Rejected { .. })), "{again:?}");
        assert_eq!(directory.plc().history(&did).await.unwrap().entries().len(), 1);
    });
}
