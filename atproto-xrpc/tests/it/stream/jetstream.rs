//! Jetstream, over a network that is simulated. The dictionary was trained on events that were made up.

use super::net::{Act, Net, binary};
use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
use atproto_xrpc::stream::jetstream::{Jetstream, JetstreamKind, Operation};
use atproto_xrpc::stream::{Lost, MemoryCursor, Message, StreamEvent, Subscription, UrlError};
use serde_json::json;
use std::time::Duration;

const DID: &str = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const CID: &str = "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u";

type Stream = Subscription<Jetstream, Net, Net, MemoryCursor>;

fn server() -> Jetstream {
    Jetstream::new("https://jetstream.example.com").unwrap()
}

fn follow(net: &Net, server: Jetstream, cursor: &MemoryCursor) -> Stream {
    Subscription::with_store(server, net.clone(), net.clone(), cursor.clone(), 7)
}

fn text(json: &serde_json::Value) -> Act {
    Act::Send(Message::Text(json.to_string()))
}

fn commit(time: u64, operation: &str) -> serde_json::Value {
    let mut commit = json!({"rev": "3lrmq22222222", "operation": operation, "collection": "com.example.note",
        "rkey": "1"});
    if operation != "delete" {
        commit["cid"] = CID.into();
        commit["record"] = json!({"uri": format!("at://{DID}/com.example.note/1"), "cid": CID});
    }
    json!({"did": DID, "time_us": time, "kind": "commit", "commit": commit})
}

fn identity(time: u64) -> serde_json::Value {
    json!({"did": DID, "time_us": time, "kind": "identity",
        "identity": {"did": DID, "handle": "alice.example.com", "seq": 1, "time": "2026-01-01T00:00:00Z"}})
}

/// The number of the next event, and what it is.
fn next(net: &Net, stream: &mut Stream) -> (Option<u64>, Option<JetstreamKind>) {
    match net.run(stream.next()).unwrap() {
        StreamEvent::Message { seq, message } => (seq, Some(message.kind)),
        StreamEvent::Invalid { seq, .. } => (seq, None),
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_are_read() {
    let account = json!({"did": DID, "time_us": 14, "kind": "account",
        "account": {"active": false, "did": DID, "seq": 2, "status": "deactivated", "time": "2026-01-01T00:00:00Z"}});
    let new = json!({"did": DID, "time_us": 15, "kind": "weather", "weather": {}});
    // Wrong by itself: the connection stays.
    let mut other_type = commit(16, "create");
    other_type["commit"]["rkey"] = 5.into();
    let mut no_record = commit(17, "create");
    no_record["commit"].as_object_mut().unwrap().remove("record");
    let mut both = identity(18);
    both["account"] = json!({"active": true});
    // What a record holds is its author's fault.
    let mut old_link = commit(19, "create");
    old_link["commit"]["record"]["link"] = json!({"$link": "QmbWqxBEKC3P8tqsKc98xmWNzrzDtRLMiMPL8wBuTGsMnR"});
    let mut no_type = commit(20, "create");
    no_type["commit"]["record"]["blob"] =
        json!({"$type": "blob", "ref": {"$link": CID}, "mimeType": "", "size": 1});
    let mut of_other_kind = old_link.clone();
    of_other_kind["kind"] = "weather".into();
    let script = [
        commit(11, "create"),
        commit(12, "delete"),
        identity(13),
        account,
        new,
        other_type,
        no_record,
        both,
        old_link,
        of_other_kind,
        no_type,
    ];
    let mut script: Vec<_> = script.iter().map(text).collect();
    script.push(Act::Send(Message::Text("{".to_owned())));
    let net = Net::open([script]);
    let mut stream = follow(&net, server(), &MemoryCursor::default());

    let (seq, kind) = next(&net, &mut stream);
    let Some(JetstreamKind::Commit(created)) = kind else { panic!("{kind:?}") };
    assert_eq!((seq, created.operation, created.rkey.as_str()), (Some(11), Operation::Create, "1"));
    assert_eq!(created.record::<StrongRef>().unwrap().unwrap().cid.as_str(), CID);
    assert_eq!(created.cid.as_ref().unwrap().to_string(), CID);
    let (_, kind) = next(&net, &mut stream);
    let Some(JetstreamKind::Commit(deleted)) = kind else { panic!("{kind:?}") };
    assert!(deleted.operation == Operation::Delete && deleted.record::<StrongRef>().is_none());
    let handle = Some("alice.example.com".parse().unwrap());
    assert_eq!(next(&net, &mut stream), (Some(13), Some(JetstreamKind::Identity { handle })));
    let status = Some("deactivated".to_owned());
    assert_eq!(
        next(&net, &mut stream),
        (Some(14), Some(JetstreamKind::Account { is_active: false, status }))
    );
    for time in [16, 17, 18, 19, 20] {
        assert_eq!(next(&net, &mut stream), (Some(time), None));
    }
    assert!(matches!(net.run(stream.next()), Ok(StreamEvent::Lost { reason: Lost::Text, .. })));
}

#[test]
fn times_are_cursors() {
    let time = 1_750_000_000_000_000;
    // Two at the same time, one a little earlier, and after the connection the same again.
    let first: Vec<_> = [time, time, time - 5, time + 1].iter().map(|time| text(&identity(*time))).collect();
    let again: Vec<_> = [time + 1, time + 2].iter().map(|time| text(&identity(*time))).collect();
    let net = Net::open([[first, vec![Act::Close]].concat(), again]);
    let cursor = MemoryCursor::new(Some(time - 10));
    let mut stream = follow(&net, server(), &cursor);
    let mut seqs: Vec<_> = (0..4).map(|_| next(&net, &mut stream).0.unwrap()).collect();
    assert_eq!(seqs, [time, time, time, time + 1]);
    // Each is handled by itself.
    for (handled, expected) in [(3, time - 10), (0, time), (1, time), (2, time + 1)] {
        stream.handled(seqs[handled]);
        net.run(stream.save()).unwrap();
        assert_eq!(cursor.get(), Some(expected), "{handled}");
    }
    assert!(matches!(net.run(stream.next()), Ok(StreamEvent::Lost { .. })));
    seqs = (0..2).map(|_| next(&net, &mut stream).0.unwrap()).collect();
    assert_eq!(seqs, [time + 1, time + 2]);
    let urls: Vec<_> = net.attempts().into_iter().map(|(_, url)| url).collect();
    let url = |cursor: u64| {
        format!(
            "wss://jetstream.example.com/subscribe?maxMessageSizeBytes=5000000&cursor={}",
            cursor - 5_000_000
        )
    };
    assert_eq!(urls, [url(time - 10), url(time + 1)]);
}

#[test]
fn what_is_wanted_stands_in_the_url() {
    let net = Net::open([vec![text(&identity(10))]]);
    let did = DID.parse().unwrap();
    let wanted = server().with_collections(["app.bsky.feed.post", "app.bsky.graph.*"]).unwrap();
    let wanted = wanted.with_accounts([&did]).unwrap().with_cursor(9).with_rewind(Duration::ZERO);
    let mut stream = Subscription::new(wanted, net.clone(), net.clone(), 7);
    assert!(matches!(net.run(stream.next()), Ok(StreamEvent::Message { .. })));
    let expected = "wss://jetstream.example.com/subscribe?maxMessageSizeBytes=5000000&wantedCollections=app.bsky.feed.post\
        &wantedCollections=app.bsky.graph.*&wantedDids=did%3Aplc%3Aewvi7nxzyoun6zhxrhs64oiz&cursor=9";
    assert_eq!(net.attempts()[0].1, expected);
    for bad in ["", "*", "post", "app.bsky.feed.post&x=y", ".*", "app.*.post"] {
        assert_eq!(server().with_collections([bad]).err(), Some(UrlError::Params), "{bad}");
    }
    assert_eq!(server().with_accounts(std::iter::repeat_n(&did, 1000)).err(), Some(UrlError::Params));
    assert_eq!(Jetstream::new("https://a.example/subscribe").err(), Some(UrlError::Server));
}

#[test]
fn compressed_events_are_read() {
    let dictionary = include_bytes!("jetstream.dictionary");
    let event = include_bytes!("jetstream.zst");
    let compressed = || server().with_dictionary(dictionary).unwrap();
    let cut = event[..50].to_vec();
    // 100 MB of zeros, in 3 KB.
    let zeros = include_bytes!("jetstream-zeros.zst").to_vec();
    let net = Net::open([
        vec![binary(*event), text(&identity(6)), binary(cut)],
        vec![binary(*event), binary(zeros), text(&identity(7)), Act::Close],
        vec![binary(*b"{}")],
        vec![binary(*event)],
    ]);
    let mut stream = follow(&net, compressed(), &MemoryCursor::default());
    let lost = |stream: &mut Stream| match net.run(stream.next()).unwrap() {
        StreamEvent::Lost { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        assert!(matches!(next(&net, &mut stream), (Some(5 | 6), Some(_))));
    }
    assert!(matches!(lost(&mut stream), Lost::Text));
    assert_eq!(next(&net, &mut stream).0, Some(6));
    assert_eq!(next(&net, &mut stream), (None, None));
    assert_eq!(next(&net, &mut stream).0, Some(7));
    assert!(matches!(lost(&mut stream), Lost::Closed));
    assert!(matches!(lost(&mut stream), Lost::Text));
    assert!(next(&net, &mut stream).1.is_some());
    assert!(net.attempts()[0].1.ends_with("/subscribe?maxMessageSizeBytes=5000000&compress=true"));
    assert!(server().with_dictionary(&dictionary[..100]).is_err());
    // Who has not asked for it does not get it.
    let net = Net::open([vec![binary(*event)]]);
    let mut stream = follow(&net, server(), &MemoryCursor::default());
    assert!(matches!(net.run(stream.next()), Ok(StreamEvent::Lost { reason: Lost::Kind, .. })));
}
