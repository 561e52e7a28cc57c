//! The directory: it takes what is signed by who may, and shows all that it took.

use super::*;
use atproto_crypto::{Curve, SecretKey};
use atproto_identity::plc::{
    ClientError, Cursor, Data, Operation, Replay, UnsignedOperation, verify_log, verify_operations,
};

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(Curve::P256, &[number; 32]).unwrap()
}

fn data(keys: &[u8], name: &str) -> Data {
    Data {
        rotation_keys: keys.iter().map(|number| key(*number).public_key().to_did_key()).collect(),
        also_known_as: vec![format!("at://{name}.test")],
        ..Data::default()
    }
}

fn sign(data: Data, prev: Option<&Operation>, by: u8) -> Operation {
    UnsignedOperation::Update { data, prev: prev.map(Operation::cid) }.sign(&key(by)).unwrap()
}

#[test]
fn a_log_grows_and_is_verified() {
    run(async {
        let network = start().await;
        let resolver = network.resolver().unwrap();
        let plc = resolver.directory().plc();
        let genesis = sign(data(&[1, 2], "a"), None, 1);
        let did = genesis.did().unwrap();
        assert!(matches!(plc.log(&did).await, Err(ClientError::Fetch(_))));
        plc.submit(&did, &genesis).await.unwrap();
        let stolen = sign(data(&[2], "b"), Some(&genesis), 2);
        plc.submit(&did, &stolen).await.unwrap();
        let rejected = |result: Result<(), ClientError>| {
            matches!(result, Err(ClientError::Rejected { status: 400, .. }))
        };
        assert!(rejected(plc.submit(&did, &sign(data(&[3], "c"), Some(&stolen), 3)).await));
        assert!(rejected(plc.submit(&did, &genesis).await));
        let other = sign(data(&[4], "d"), None, 4);
        assert!(rejected(plc.submit(&did, &other).await));
        // The key that stands first undoes what the second one did.
        let recovery = sign(data(&[1], "e"), Some(&genesis), 1);
        plc.submit(&did, &recovery).await.unwrap();
        let log = plc.audit_log(&did).await.unwrap();
        assert_eq!(log.iter().map(|entry| entry.nullified).collect::<Vec<_>>(), [false, true, false]);
        verify_log(&did, &log).unwrap();
        let standing = plc.log(&did).await.unwrap();
        assert_eq!(standing, [genesis, recovery.clone()]);
        verify_operations(&did, &standing).unwrap();
        assert_eq!(plc.last(&did).await.unwrap(), recovery);
        assert_eq!(plc.data(&did).await.unwrap(), data(&[1], "e"));
        let document = resolver.directory().document(&did).await.unwrap();
        assert_eq!(document.handle().unwrap().as_str(), "e.test");
        let end = UnsignedOperation::Tombstone { prev: recovery.cid() }.sign(&key(1)).unwrap();
        plc.submit(&did, &end).await.unwrap();
        assert!(resolver.directory().document(&did).await.is_err());
    });
}

#[test]
fn an_export_replays_to_the_same() {
    run(async {
        let network = start().await;
        let resolver = network.resolver().unwrap();
        let plc = resolver.directory().plc();
        let mut last = Vec::new();
        for number in 10..20 {
            let genesis = sign(data(&[number], "a"), None, number);
            let did = genesis.did().unwrap();
            let update = sign(data(&[number], &format!("n{number}")), Some(&genesis), number);
            plc.submit(&did, &genesis).await.unwrap();
            plc.submit(&did, &update).await.unwrap();
            last.push((did, update.cid()));
        }
        for (start, count) in
            [(Cursor::Seq(0), 3), (Cursor::Time("2020-01-01T00:00:00Z".parse().unwrap()), 1000)]
        {
            let (mut replay, mut cursor) = (Replay::new(), start);
            loop {
                let page = plc.export(&cursor, count).await.unwrap();
                let Some(end) = page.last() else { break };
                cursor = end.cursor();
                for entry in &page {
                    replay.apply(entry).unwrap();
                }
            }
            assert_eq!(replay.len(), 10);
            for (did, cid) in &last {
                assert_eq!(replay.get(did).unwrap().head(), Some(cid));
            }
        }
    });
}
