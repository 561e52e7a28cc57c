//! Schemas as their authors publish them, over a network that is made up.

use atproto_crypto::{Curve, SecretKey};
use atproto_identity::clock::Clock;
use atproto_identity::dns::{Dns, DnsError};
use atproto_identity::{DidDocument, Directory};
use atproto_lexicon::data::{Value, cbor, json};
use atproto_lexicon::http::{Bytes, HttpClient, HttpError, Request, Response};
use atproto_lexicon::syntax::{Did, Nsid, Tid};
use atproto_repo::repo::{UnsignedCommit, UnsignedRepo, Write};
use atproto_repo::store::{MemoryStore, Store as _};
use atproto_xrpc::lexicon::{LexiconError, read_schema, resolve, resolve_at};
use futures_executor::block_on;
use std::time::Duration;

const DID: &str = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

fn did() -> Did {
    DID.parse().unwrap()
}

fn key() -> SecretKey {
    SecretKey::from_bytes(Curve::P256, &[5; 32]).unwrap()
}

fn nsid(name: &str) -> Nsid {
    format!("com.example.{name}").parse().unwrap()
}

/// A record with this `$type` and `id`.
fn schema(type_name: &str, id: &str) -> Vec<u8> {
    let text = format!(
        r#"{{"$type": "{type_name}", "lexicon": 1, "id": "com.example.{id}", "defs": {{"main": {{"type": "token"}}}}}}"#
    );
    let Ok(Value::Object(record)) = json::from_str(&text) else { panic!("{text}") };
    cbor::to_vec(&record).unwrap()
}

/// The proof of what is at the schema's place in a repository of several.
fn proof(name: &str) -> Vec<u8> {
    const TYPE: &str = "com.atproto.lexicon.schema";
    let records = [
        ("note", schema(TYPE, "note")),
        ("other", schema(TYPE, "note")),
        ("post", schema("com.example.post", "post")),
        (
            "empty",
            cbor::to_vec(&json::to_record(br#"{"$type": "com.atproto.lexicon.schema"}"#).unwrap()).unwrap(),
        ),
    ];
    let paths: Vec<_> = records.iter().map(|(name, _)| format!("{TYPE}/com.example.{name}")).collect();
    let writes = paths.iter().zip(&records).map(|(path, (_, record))| Write::Create { path, record });
    let writes: Vec<_> = writes.collect();
    let rev = Tid::from_parts(1_750_000_000_000_000, 1).unwrap();
    let commit = UnsignedCommit::create(&did(), &writes, rev).unwrap().sign(&key());
    let mut store = MemoryStore::default();
    store.commit(&commit.write_set()).unwrap();
    UnsignedRepo::open(&store).unwrap().prove(&format!("{TYPE}/com.example.{name}")).unwrap()
}

#[test]
fn a_schema_is_proven() {
    let read = |name: &str| read_schema(&proof(name), &did(), &key().public_key(), &nsid(name));
    let published = read("note").unwrap();
    assert_eq!((published.document.id.as_str(), &published.did), ("com.example.note", &did()));
    assert_eq!(
        published.uri().unwrap().to_string(),
        format!("at://{DID}/com.atproto.lexicon.schema/com.example.note")
    );
    assert!(matches!(read("missing"), Err(LexiconError::NotFound)));
    assert!(matches!(read("other"), Err(LexiconError::OtherSchema)));
    assert!(matches!(read("post"), Err(LexiconError::OtherSchema)));
    assert!(matches!(read("empty"), Err(LexiconError::Schema(_))));
    // A proof of something else, another key, another account, and a proof that was changed.
    let note = proof("note");
    let key = key().public_key();
    assert!(matches!(read_schema(&proof("zoo"), &did(), &key, &nsid("note")), Err(LexiconError::Proof(_))));
    let other = SecretKey::from_bytes(Curve::P256, &[6; 32]).unwrap().public_key();
    assert!(matches!(read_schema(&note, &did(), &other, &nsid("note")), Err(LexiconError::Proof(_))));
    let stranger = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    assert!(matches!(read_schema(&note, &stranger, &key, &nsid("note")), Err(LexiconError::Proof(_))));
    for at in 0..note.len() {
        let mut changed = note.clone();
        changed[at] ^= 1;
        // What changes is not what the proof says: at most which bytes say it.
        if let Ok(schema) = read_schema(&changed, &did(), &key, &nsid("note")) {
            assert_eq!(schema.cid, published.cid, "byte {at}");
        }
    }
}

#[derive(Clone)]
struct Hosts;

impl HttpClient for Hosts {
    type Body = Bytes;

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let uri = request.uri().to_string();
        if uri == format!("https://plc.directory/{DID}") {
            let document = DidDocument::new(did()).with_key("atproto", &key().public_key());
            let pds = "https://pds.example.com";
            let document = document.with_service("atproto_pds", "AtprotoPersonalDataServer", pds);
            return Ok(Response::new(document.to_json().to_string().into()));
        }
        let asked = uri.strip_prefix("https://pds.example.com/xrpc/com.atproto.sync.getRecord?").expect(&uri);
        let name = asked.rsplit('.').next().unwrap();
        if name == "refused" {
            let refused = Bytes::from_static(br#"{"error": "RecordNotFound", "message": "no"}"#);
            return Ok(Response::builder()
                .status(404)
                .header("content-type", "application/json")
                .body(refused)
                .unwrap());
        }
        let car = Response::builder().header("content-type", "application/vnd.ipld.car");
        Ok(car.body(proof(name).into()).unwrap())
    }
}

impl Dns for Hosts {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        match name {
            "_lexicon.example.com" => Ok(vec![b"v=1".to_vec(), format!("did={DID}").into_bytes()]),
            "_lexicon.other.com" => Err(DnsError::TimedOut),
            // Nothing above or below is asked.
            "_lexicon.deep.example.com" => Ok(Vec::new()),
            name => panic!("{name}"),
        }
    }
}

#[derive(Clone)]
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_time(&self) -> Duration {
        Duration::ZERO
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

#[test]
fn a_schema_is_found() {
    let directory = Directory::new(Hosts, Hosts, Still);
    let find = |nsid: &str| block_on(resolve(&directory, Hosts, Still, &nsid.parse().unwrap()));
    for same in ["com.example.note", "COM.Example.note"] {
        assert_eq!(find(same).unwrap().did, did());
    }
    for nobody in ["com.example.missing", "com.example.refused", "com.example.deep.note"] {
        assert!(matches!(find(nobody), Err(LexiconError::NotFound)), "{nobody}");
    }
    assert!(
        matches!(find("com.other.note"), Err(LexiconError::Identity(error)) if error.retry_after().is_some())
    );
    // By the account, whatever DNS says.
    let found = block_on(resolve_at(&directory, Hosts, Still, &did(), &nsid("note")));
    assert_eq!(found.unwrap().document.id, nsid("note"));
}
