//! The stream of a directory's operations.

use super::net::{Names, policy};
use super::websocket::{close, frame, sends};
use super::{at_most, run};
use crate::plc::{at, update};
use atproto_identity::Config;
use atproto_identity::adapters::websocket::StreamError;
use atproto_identity::adapters::{ExportStream, ExportStreamError};
use atproto_identity::plc::{ExportEntry, Replay};
use std::net::SocketAddr;

/// A genesis and an update, as the directory numbers them.
fn entries() -> [ExportEntry; 2] {
    let genesis = update(&[0, 1], None, 1);
    let next = update(&[0], Some(genesis.cid()), 0);
    let did = genesis.did().unwrap();
    [(genesis, 7), (next, 9)].map(|(operation, seq)| ExportEntry {
        did: did.clone(),
        cid: operation.cid(),
        operation,
        created_at: at(i64::try_from(seq).unwrap()),
        nullified: None,
        seq: Some(seq),
    })
}

fn text(entry: &ExportEntry) -> Vec<u8> {
    let mut json = serde_json::to_value(entry).unwrap();
    json["type"] = "indexed_op".into();
    frame(0x81, json.to_string().as_bytes())
}

async fn connect(address: SocketAddr) -> ExportStream {
    let config = Config { plc_directory: format!("http://{address}"), policy: policy() };
    at_most(1500, ExportStream::connect(&config, &Names::default(), Some(6))).await.unwrap()
}

#[test]
fn operations_come_as_they_are_taken() {
    run(async {
        let [first, second] = entries();
        let other = frame(0x81, br#"{"type":"to_come"}"#);
        let (server, _hear) = sends([text(&first), other, text(&second), close(1000, "")].concat()).await;
        let mut stream = connect(server.address).await;
        assert_eq!(stream.cursor(), Some(6));
        let mut replay = Replay::new();
        for expected in [first, second] {
            let entry = at_most(900, stream.next()).await.unwrap().unwrap();
            assert_eq!(entry, expected);
            assert_eq!(stream.cursor(), expected.seq);
            replay.apply(&entry).unwrap();
        }
        assert_eq!(at_most(1500, stream.next()).await.unwrap(), None);
        assert_eq!(replay.iter().next().unwrap().entries().len(), 2);
    });
}

#[test]
fn why_it_ends_is_told() {
    run(async {
        for reason in ["OutdatedCursor", "Cursor too old for streaming"] {
            let (server, _hear) = sends(close(1008, reason)).await;
            let end = at_most(1500, connect(server.address).await.next()).await.unwrap_err();
            assert!(matches!(end, ExportStreamError::OutdatedCursor), "{end:?}");
        }
        for reason in ["FutureCursor", "Cursor is from the future"] {
            let (server, _hear) = sends(close(1008, reason)).await;
            let end = at_most(1500, connect(server.address).await.next()).await.unwrap_err();
            assert!(matches!(end, ExportStreamError::FutureCursor), "{end:?}");
        }
        let (server, _hear) = sends(close(1008, "ConsumerTooSlow")).await;
        let end = at_most(1500, connect(server.address).await.next()).await.unwrap_err();
        assert!(matches!(end, ExportStreamError::TooSlow), "{end:?}");
        let (server, _hear) = sends(close(1011, "internal error")).await;
        let end = at_most(1500, connect(server.address).await.next()).await.unwrap_err();
        assert!(matches!(end, ExportStreamError::Stream(StreamError::Closed { code: 1011, .. })), "{end:?}");
        for bad in ["", "[]", "{}", "{"] {
            let (server, _hear) = sends(frame(0x81, bad.as_bytes())).await;
            let mut stream = connect(server.address).await;
            let found = tokio::time::timeout(std::time::Duration::from_millis(300), stream.next()).await;
            match found {
                // An empty message is none.
                Err(_) => assert!(bad.is_empty()),
                Ok(found) => {
                    assert!(matches!(found, Err(ExportStreamError::Malformed(_))), "{bad:?}: {found:?}")
                }
            }
        }
    });
}
