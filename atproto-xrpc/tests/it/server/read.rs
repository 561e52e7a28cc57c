//! Requests as types, without a server.

use atproto_lexicon::typed::Endpoint;
use atproto_xrpc::api::com::atproto::label::QueryLabels;
use atproto_xrpc::api::com::atproto::moderation::CreateReport;
use atproto_xrpc::api::com::atproto::repo::{CreateRecord, ListRecords, UploadBlob};
use atproto_xrpc::api::com::atproto::server::{DeleteSession, DescribeServer};
use atproto_xrpc::server::{Refusal, read_input, read_media_type, read_params};
use atproto_xrpc::{Call, ServiceUrl};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

fn message<T: std::fmt::Debug>(read: Result<T, Refusal>) -> String {
    let refusal = read.unwrap_err();
    assert_eq!((refusal.status().as_u16(), refusal.error()), (400, "InvalidRequest"));
    refusal.message().unwrap().to_owned()
}

#[test]
fn what_a_call_writes_is_read() {
    let mut list =
        ListRecords::new("alice.example.com".parse().unwrap(), "com.example.note".parse().unwrap());
    list.limit = Some(7);
    list.reverse = Some(false);
    list.cursor = Some("a&b=c d+é%".into());
    let url = ServiceUrl::parse("https://pds.example.com").unwrap();
    let request = Call::of(&list).unwrap().to_request(&url).unwrap();
    assert_eq!(read_params::<ListRecords>(request.uri().query()).unwrap(), list);
    let mut labels = QueryLabels::new(vec!["a*".into(), "b,c".into(), "a*".into()]);
    labels.sources = Some(vec!["did:web:a.example".parse().unwrap()]);
    let request = Call::of(&labels).unwrap().to_request(&url).unwrap();
    assert_eq!(read_params::<QueryLabels>(request.uri().query()).unwrap(), labels);
}

#[test]
fn each_bad_parameter_is_named() {
    let good = "repo=alice.example.com&collection=com.example.note";
    for (more, expected) in [
        ("&limit=1&new=1&new=2&$type=x&=&&", None),
        ("&cursor=", None),
        ("&reverse=true", None),
        ("&limit=0", Some("/limit: 0 is less than 1")),
        ("&limit=101", Some("/limit: 101 is greater than 100")),
        ("&limit=", None),
        ("&limit=+5", Some("limit: not an integer")),
        ("&limit=%2B5", Some("limit: not an integer")),
        ("&limit=5.0", Some("limit: not an integer")),
        ("&limit=9223372036854775808", Some("limit: not an integer")),
        ("&limit=1&limit=2", Some("limit: there is more than one")),
        ("&limit=1&limit=1", Some("limit: there is more than one")),
        ("&reverse=1", Some("reverse: neither true nor false")),
        ("&reverse=True", Some("reverse: neither true nor false")),
        ("&reverse", None),
        ("&cursor=a&cursor=b", Some("cursor: there is more than one")),
        ("&cursor=%", Some("the query is not percent-encoded UTF-8")),
        ("&cursor=%ff", Some("the query is not percent-encoded UTF-8")),
        ("&other=%ff", Some("the query is not percent-encoded UTF-8")),
    ] {
        let read = read_params::<ListRecords>(Some(&format!("{good}{more}")));
        match expected {
            None => assert!(read.is_ok(), "{more}: {read:?}"),
            Some(expected) => assert_eq!(message(read), expected, "{more}"),
        }
    }
    for (query, expected) in [
        (None, "missing field `repo`"),
        (Some(""), "missing field `repo`"),
        (Some("repo=&collection=com.example.note"), "missing field `repo`"),
        (Some("repo=alice.example.com"), "missing field `collection`"),
        (Some("Repo=alice.example.com&collection=com.example.note"), "missing field `repo`"),
    ] {
        assert_eq!(message(read_params::<ListRecords>(query)), expected);
    }
    assert!(
        message(read_params::<ListRecords>(Some("repo=a.example&collection=x"))).starts_with("collection: ")
    );
    // What names nothing takes anything.
    assert!(read_params::<DescribeServer>(Some("a=1&a=2&b")).is_ok());
    assert!(message(read_params::<QueryLabels>(None)).contains("uriPatterns"));
    let read = read_params::<QueryLabels>(Some("uriPatterns=a&uriPatterns=b&sources=x")).unwrap_err();
    assert!(read.message().unwrap().starts_with("sources: "));
}

fn headers(media_type: &str) -> HeaderMap {
    HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_str(media_type).unwrap())])
}

#[test]
fn each_bad_body_is_refused() {
    let json = headers("application/json");
    let good = r#"{"repo":"alice.example.com","collection":"com.example.note","record":{"n":1},"new":[1]}"#;
    let read = |body: &str| read_input::<CreateRecord>(&json, body.as_bytes());
    assert!(read(good).unwrap().extra.contains_key("new"));
    for cut in 0..good.len() {
        message(read(&good[..cut]));
    }
    for (from, to) in [
        (r#""n":1"#, r#""n":1.5"#),
        (r#""n":1"#, r#""n":1,"n":1"#),
        (r#""record":{"n":1}"#, r#""record":[]"#),
        (r#""record":{"n":1}"#, r#""record":null"#),
        (r#""record":{"n":1},"#, ""),
        (r#""collection":"com.example.note""#, r#""collection":"note""#),
        (
            r#""collection":"com.example.note""#,
            r#""collection":"com.example.note","collection":"com.example.note""#,
        ),
        (r#""new":[1]"#, r#""rkey":"a/b""#),
        (r#""new":[1]"#, r#""validate":"true""#),
        (r#""new":[1]}"#, r#""new":[1]} x"#),
        (r#""n":1"#, r#""n":{"$link":"x"}"#),
    ] {
        assert!(good.contains(from));
        message(read(&good.replace(from, to)));
    }
    // Depth costs no stack, and a message is short whatever was sent.
    message(read(&format!("{}1", "[".repeat(1_000_000))));
    let long = good.replace("com.example.note", &"x".repeat(100_000));
    assert!(message(read(&long)).len() <= 512);
    message(read_input::<CreateRecord>(&json, b"\xff"));
}

#[test]
fn constraints_of_the_lexicon_count() {
    let report = |length: usize| {
        let reason = "é".repeat(length);
        let subject = r#"{"$type":"com.atproto.admin.defs#repoRef","did":"did:web:a.example"}"#;
        let body = format!(
            r#"{{"reasonType":"com.atproto.moderation.defs#reasonSpam","subject":{subject},"reason":"{reason}"}}"#
        );
        read_input::<CreateReport>(&headers("application/json"), body.as_bytes())
    };
    assert!(report(2000).is_ok());
    assert!(message(report(2001)).starts_with("/reason: "));
}

#[test]
fn a_body_is_of_the_type_that_is_expected() {
    let ok = |media_type: &str| read_media_type(&headers(media_type), "application/json");
    assert_eq!(ok("Application/JSON; charset=utf-8").unwrap(), "application/json");
    for bad in [
        "",
        "json",
        "application/",
        "/json",
        "*/*",
        "application/*",
        "text/plain",
        "application/json, text/plain",
    ] {
        message(ok(bad));
    }
    message(read_media_type(&HeaderMap::new(), "application/json"));
    let mut twice = headers("application/json");
    twice.append("content-type", HeaderValue::from_static("application/json"));
    message(read_media_type(&twice, "application/json"));
    assert_eq!(read_media_type(&headers("image/PNG"), "image/*").unwrap(), "image/png");
    message(read_media_type(&headers("imagex/png"), "image/*"));
    assert_eq!(read_media_type(&headers("a/b"), UploadBlob::INPUT.unwrap()).unwrap(), "a/b");
    let mut compressed = headers("application/json");
    compressed.insert("content-encoding", HeaderValue::from_static("gzip"));
    assert_eq!(read_media_type(&compressed, "*/*").unwrap_err().status(), 415);
    // An endpoint without a body takes none.
    assert!(read_input::<DeleteSession>(&HeaderMap::new(), b"").is_ok());
    message(read_input::<DeleteSession>(&headers("application/json"), b"{}"));
}

proptest! {
    #[test]
    fn no_query_and_no_body_is_too_bad(query in "[a-z=&%+0-9é]{0,80}", body in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = read_params::<ListRecords>(Some(&query));
        let _ = read_params::<QueryLabels>(Some(&query));
        let _ = read_input::<CreateRecord>(&headers("application/json"), &body);
        let _ = String::from_utf8(body).map(|text| read_params::<ListRecords>(Some(&text)));
    }
}
