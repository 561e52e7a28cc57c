//! Records and pages of them.

use crate::net::{Net, Says, json};
use atproto_lexicon::data::Value;
use atproto_xrpc::Error;
use atproto_xrpc::api::app::bsky::feed::Like;
use atproto_xrpc::api::com::atproto::repo::StrongRef;
use atproto_xrpc::records::{Batch, Before};
use futures_util::StreamExt as _;

const CID: &str = "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u";

fn like() -> Like {
    let subject =
        StrongRef::new("at://did:web:b.example/app.bsky.feed.post/1".parse().unwrap(), CID.parse().unwrap());
    Like::new(subject, "2026-01-02T03:04:05Z".parse().unwrap())
}

fn page(records: &[&str], cursor: Option<&str>) -> Says {
    let records: Vec<String> = records
        .iter()
        .enumerate()
        .map(|(number, value)| {
            format!(r#"{{"uri":"at://did:web:a.example/app.bsky.feed.like/{number}","cid":"{CID}","value":{value}}}"#)
        })
        .collect();
    let cursor = cursor.map(|cursor| format!(r#","cursor":"{cursor}""#)).unwrap_or_default();
    json(200, &format!(r#"{{"records":[{}]{cursor}}}"#, records.join(",")))
}

#[test]
fn pages_are_read_to_the_last() {
    let good = serde_json::to_string(&like()).unwrap();
    let bad = r#"{"$type":"app.bsky.feed.like","subject":1}"#;
    let net = Net::script([page(&[&good], Some("a")), page(&[], Some("b&c")), page(&[bad, &good], None)]);
    let client = net.client();
    let pages = net.run(async move {
        let repo = "did:web:a.example".parse().unwrap();
        client.list_records::<Like>(&repo).map(Result::unwrap).collect::<Vec<_>>().await
    });
    let records: Vec<_> = pages.iter().flatten().collect();
    assert_eq!((pages.len(), records.len()), (3, 3));
    assert_eq!(records[0].value.good(), Some(&like()));
    let bad = records[1].value.clone().into_result().unwrap_err();
    assert!(matches!(bad.value, Some(Value::Object(_))));
    let queries: Vec<String> =
        net.asked().iter().map(|request| request.uri().query().unwrap().to_owned()).collect();
    let first = "repo=did%3Aweb%3Aa.example&collection=app.bsky.feed.like";
    assert_eq!(queries[0], format!("{first}&limit=100"));
    assert_eq!(queries[1], format!("{first}&cursor=a&limit=100"));
    assert_eq!(queries[2], format!("{first}&cursor=b%26c&limit=100"));
}

#[test]
fn an_empty_cursor_is_none() {
    let net = Net::script([page(&[], Some("a")), page(&[], Some(""))]);
    let client = net.client();
    let pages = net.run(async move {
        let repo = "did:web:a.example".parse().unwrap();
        client.list_records::<Like>(&repo).map(|page| page.is_ok()).collect::<Vec<_>>().await
    });
    assert_eq!((pages, net.asked().len()), (vec![true, true], 2));
}

#[test]
fn pages_without_an_end_have_one() {
    let net = Net::new(|_| page(&[], Some("same")));
    let client = net.client();
    let pages = net.run(async move {
        let repo = "did:web:a.example".parse().unwrap();
        client.list_records::<Like>(&repo).collect::<Vec<_>>().await
    });
    assert!(matches!(&pages[..], [Ok(_), Err(Error::Malformed(_))]));
    let net = Net::script([page(&[], Some("a")), json(400, r#"{"error":"InvalidRequest"}"#)]);
    let client = net.client();
    let pages = net.run(async move {
        let repo = "did:web:a.example".parse().unwrap();
        client.list_records::<Like>(&repo).collect::<Vec<_>>().await
    });
    assert!(matches!(&pages[..], [Ok(_), Err(Error::Refused(_))]));
}

#[test]
fn writes_say_what_they_must_find() {
    let done = format!(r#"{{"uri":"at://did:web:a.example/app.bsky.feed.like/k","cid":"{CID}"}}"#);
    let net = Net::new(move |_| json(200, &done));
    let client = net.client();
    net.run(async move {
        let (repo, key) = ("did:web:a.example".parse().unwrap(), "k".parse().unwrap());
        client.create_record(&repo, Some(&key), &like()).await.unwrap();
        for before in [Before::Any, Before::Absent, Before::Is(CID.parse().unwrap())] {
            client.put_record(&repo, &key, &like(), before).await.unwrap();
        }
        client.delete_record::<Like>(&repo, &key, Some(&CID.parse().unwrap())).await.unwrap();
        let batch = Batch::new().create(None, &like()).unwrap().update(&key, &like()).unwrap();
        let batch = batch.delete(&"app.bsky.feed.like".parse().unwrap(), &key);
        assert_eq!((batch.len(), batch.is_empty()), (3, false));
        client.apply_writes(&repo, batch, Some(&CID.parse().unwrap())).await.unwrap();
    });
    let bodies: Vec<serde_json::Value> =
        net.asked().iter().map(|request| serde_json::from_slice(request.body()).unwrap()).collect();
    let record = serde_json::to_value(like()).unwrap();
    for (body, swap) in bodies[1..4].iter().zip([None, Some(serde_json::Value::Null), Some(CID.into())]) {
        assert_eq!((body["rkey"].as_str(), &body["record"]), (Some("k"), &record));
        assert_eq!(body.get("swapRecord").cloned(), swap);
    }
    assert_eq!(bodies[0]["collection"], "app.bsky.feed.like");
    assert_eq!(bodies[4]["swapRecord"], CID);
    let types: Vec<_> = bodies[5]["writes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|write| write["$type"].as_str().unwrap())
        .collect();
    let names = ["create", "update", "delete"].map(|name| format!("com.atproto.repo.applyWrites#{name}"));
    assert_eq!(
        (types, bodies[5]["swapCommit"].as_str()),
        (names.iter().map(String::as_str).collect(), Some(CID))
    );
}

#[test]
fn a_record_of_another_type_is_none() {
    let other = format!(
        r#"{{"uri":"at://did:web:a.example/app.bsky.feed.like/k","cid":"{CID}","value":{{"$type":"com.example.x"}}}}"#
    );
    let mut answers = vec![
        other.clone(),
        other.replace(r#"{"$type":"com.example.x"}"#, &serde_json::to_string(&like()).unwrap()),
    ];
    let net = Net::new(move |_| json(200, &answers.remove(0)));
    let client = net.client();
    net.run(async move {
        let (repo, key) = ("did:web:a.example".parse().unwrap(), "k".parse().unwrap());
        let error = client.get_record::<Like>(&repo, &key).await.unwrap_err();
        assert!(matches!(error, Error::Malformed(_)), "{error:?}");
        assert_eq!(client.get_record::<Like>(&repo, &key).await.unwrap().output.value, like());
    });
}
