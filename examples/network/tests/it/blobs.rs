//! Blobs, which are there for as long as a record names them.

use super::*;
use atproto_lexicon::data::{BlobRef, Value};
use atproto_lexicon::syntax::{CidString, RecordKey};
use atproto_xrpc::api::com::atproto::repo::{CreateRecord, DeleteRecord, UploadBlob};
use atproto_xrpc::api::com::atproto::sync::{GetBlob, ListBlobs};

fn with_file(blob: &BlobRef) -> Object {
    let mut record = note("with a file");
    record.insert("file".into(), Value::Object(Object::try_from(blob).unwrap()));
    record
}

async fn blobs(network: &Network, alice: &LoggedIn) -> Vec<CidString> {
    client(network, 0).send(&ListBlobs::new(did_of(alice))).await.unwrap().output.cids
}

#[test]
fn a_blob_lives_as_long_as_a_record_names_it() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let bytes: Vec<u8> = (0..100_000_u32).map(|number| (number % 251) as u8).collect();
        let blob = alice.send_bytes(&UploadBlob, "image/png", bytes.clone()).await.unwrap().output.blob;
        let BlobRef::Blob(of) = &blob else { panic!() };
        assert_eq!((of.size, of.mime_type.as_str()), (100_000, "image/png"));
        let ask = GetBlob { did: did_of(&alice), cid: of.cid.into() };
        assert_eq!(refused(client(&network, 0).download(&ask).await), bad("BlobNotFound"));
        assert!(blobs(&network, &alice).await.is_empty());

        let mut keys: Vec<RecordKey> = Vec::new();
        for _ in 0..2 {
            let create =
                CreateRecord::new(repo_of(&alice), "com.example.note".parse().unwrap(), with_file(&blob));
            keys.push(alice.send(&create).await.unwrap().output.uri.record_key().unwrap());
        }
        assert_eq!(blobs(&network, &alice).await, [CidString::from(of.cid)]);
        let reply = client(&network, 0).download(&ask).await.unwrap();
        assert_eq!(reply.head.headers["content-type"], "image/png");
        assert_eq!(reply.output.read_all(1 << 20).await.unwrap(), bytes);

        for (deleted, left) in keys.into_iter().zip([1, 0]) {
            let delete = DeleteRecord::new(repo_of(&alice), "com.example.note".parse().unwrap(), deleted);
            alice.send(&delete).await.unwrap();
            assert_eq!(blobs(&network, &alice).await.len(), left);
        }
        assert_eq!(refused(client(&network, 0).download(&ask).await), bad("BlobNotFound"));
    });
}

#[test]
fn a_record_names_no_blob_that_is_not_there() {
    run(async {
        let network = start().await;
        let alice = account(&network, "alice").await;
        let bob = account(&network, "bob").await;
        let blob = bob.send_bytes(&UploadBlob, "text/plain", b"of bob".to_vec()).await.unwrap().output.blob;
        let create =
            CreateRecord::new(repo_of(&alice), "com.example.note".parse().unwrap(), with_file(&blob));
        assert_eq!(refused(alice.send(&create).await), bad("BlobNotFound"));
    });
}
