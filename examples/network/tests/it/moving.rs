//! An account that goes from one host to another, with all that it has.

use super::*;
use atproto_lexicon::data::{BlobRef, Value};
use atproto_xrpc::api::com::atproto::identity::{
    GetRecommendedDidCredentials, RequestPlcOperationSignature, SignPlcOperation, SubmitPlcOperation,
};
use atproto_xrpc::api::com::atproto::repo::{CreateRecord, ImportRepo, ListMissingBlobs, UploadBlob};
use atproto_xrpc::api::com::atproto::server::{
    ActivateAccount, CheckAccountStatus, DeactivateAccount, GetServiceAuth,
};
use atproto_xrpc::api::com::atproto::sync::{GetBlob, GetRepo};
use atproto_xrpc::auth::Fixed;
use atproto_xrpc::auth::Secret;

#[test]
fn an_account_goes_to_another_host() {
    run(async {
        let mut network = start().await;
        network.add_host(Storage::memory().unwrap()).await.unwrap();
        let alice = account(&network, "alice").await;
        let (did, repo) = (did_of(&alice), repo_of(&alice));
        let blob = alice.send_bytes(&UploadBlob, "text/plain", b"a file".to_vec()).await.unwrap().output.blob;
        let BlobRef::Blob(of) = blob.clone() else { panic!() };
        let mut record = note("with a file");
        record.insert("file".into(), Value::Object(Object::try_from(&blob).unwrap()));
        alice
            .send(&CreateRecord::new(repo.clone(), "com.example.note".parse().unwrap(), record))
            .await
            .unwrap();
        for number in 0..20 {
            alice.create_record(&repo, None, &post(&number.to_string())).await.unwrap();
        }

        // An account there, for who proves to be the one.
        let there = client(&network, 1);
        let mut ask = GetServiceAuth::new(network.host(1).did().to_string());
        ask.lxm = Some("com.atproto.server.createAccount".parse().unwrap());
        let token = alice.send(&ask).await.unwrap().output.token;
        let mut create = CreateAccount::new("alice.test".parse().unwrap());
        create.password = Some(PASSWORD.to_owned());
        create.did = Some(did.clone());
        let proven = there.clone().with_auth(Fixed::bearer(&Secret::new(token)).unwrap());
        create.handle = "alice.example.com".parse().unwrap();
        assert_eq!(refused(proven.send(&create).await), bad("UnsupportedDomain"));
        let token = alice.send(&ask).await.unwrap().output.token;
        let proven = there.clone().with_auth(Fixed::bearer(&Secret::new(token)).unwrap());
        create.handle = "alice.test".parse().unwrap();
        proven.send(&create).await.unwrap();
        let moved = there.clone().login(&Login::new("alice.test", PASSWORD)).await.unwrap();
        let create = CreateRecord::new(repo.clone(), "com.example.note".parse().unwrap(), note("too early"));
        assert_eq!(refused(moved.send(&create).await), bad("AccountDeactivated"));
        assert_eq!(refused(moved.send(&ActivateAccount).await), bad("InvalidRequest"));

        let file = client(&network, 0).download(&GetRepo::new(did.clone())).await.unwrap().output;
        let file = file.read_all(10 << 20).await.unwrap();
        let mut broken = file.to_vec();
        let last = broken.len() - 1;
        broken[last] ^= 1;
        assert_eq!(refused(moved.send_bytes(&ImportRepo, "application/vnd.ipld.car", broken).await).0, 400);
        moved.send_bytes(&ImportRepo, "application/vnd.ipld.car", file).await.unwrap();
        let missing = moved.send(&ListMissingBlobs::default()).await.unwrap().output.blobs;
        assert_eq!(missing.iter().map(|blob| blob.cid.to_cid()).collect::<Vec<_>>(), [Some(of.cid)]);
        let bytes =
            client(&network, 0).download(&GetBlob { did: did.clone(), cid: of.cid.into() }).await.unwrap();
        let bytes = bytes.output.read_all(1000).await.unwrap();
        moved.send_bytes(&UploadBlob, "text/plain", bytes).await.unwrap();
        assert!(moved.send(&ListMissingBlobs::default()).await.unwrap().output.blobs.is_empty());
        let status = moved.send(&CheckAccountStatus).await.unwrap().output;
        assert_eq!((status.indexed_records, status.expected_blobs, status.imported_blobs), (21, 1, 1));
        assert!(!status.valid_did && !status.activated);

        // The identity, signed by the old host for who has the token.
        let wanted = moved.send(&GetRecommendedDidCredentials).await.unwrap().output;
        let mut sign = SignPlcOperation::default();
        (sign.rotation_keys, sign.also_known_as) = (wanted.rotation_keys, wanted.also_known_as);
        (sign.services, sign.verification_methods) = (wanted.services, wanted.verification_methods);
        sign.token = Some("not it".to_owned());
        assert_eq!(refused(alice.send(&sign).await), bad("InvalidToken"));
        alice.send(&RequestPlcOperationSignature).await.unwrap();
        sign.token = network.host(0).mail(&did);
        let operation = alice.send(&sign).await.unwrap().output.operation;
        assert_eq!(
            refused(alice.send(&SubmitPlcOperation::new(operation.clone())).await),
            bad("InvalidRequest")
        );
        moved.send(&SubmitPlcOperation::new(operation)).await.unwrap();
        moved.send(&ActivateAccount).await.unwrap();
        alice.send(&DeactivateAccount::default()).await.unwrap();

        let identity = network.resolver().unwrap().lookup(&"alice.test".parse().unwrap()).await.unwrap();
        assert_eq!((identity.did(), identity.pds().unwrap()), (&did, network.host(1).url()));
        moved.create_record(&repo, None, &post("here")).await.unwrap();
        let file = there.download(&GetRepo::new(did.clone())).await.unwrap().output;
        let file = file.read_all(10 << 20).await.unwrap();
        let car = atproto_repo::car::Car::parse(&file).unwrap();
        let whole = atproto_repo::repo::Repo::verify(&car, &did, &identity.signing_key().unwrap()).unwrap();
        assert_eq!(whole.check().unwrap().records, 22);
        assert_eq!(refused(client(&network, 0).download(&GetRepo::new(did)).await), bad("RepoDeactivated"));
    });
}
