//! What a reference server sent is of the generated types, and comes out of them as it went in.

use atproto_lexicon::data::{Cid, Limits, Value, cbor, json};
use atproto_lexicon::typed::{self, Endpoint, Record};
use atproto_xrpc::api::{app, chat, com, tools};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of the captures; `None` where they are not there.
pub(crate) fn capture(name: &str) -> Option<Vec<u8>> {
    let path = testdata::root().join("captures").join(name);
    match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            assert!(!testdata::is_required(), "{}: {error}", path.display());
            None
        }
    }
}

/// JSON to the type, to DAG-CBOR, to the type, to JSON: nothing is lost, and the CBOR is that of the plain value.
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> T {
    let value = json::from_slice(bytes, &Limits::default()).unwrap();
    let typed: T = serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {value:?}"));
    let block = cbor::to_vec(&typed).unwrap();
    assert_eq!(block, cbor::to_vec(&value).unwrap());
    assert_eq!(cbor::from_slice::<T>(&block).unwrap(), typed);
    assert_eq!(typed::from_value::<T>(&value).unwrap(), typed);
    let again = serde_json::to_vec(&typed).unwrap();
    assert_eq!(json::from_slice(&again, &Limits::default()).unwrap(), value);
    typed
}

fn record<T: Record + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + typed::Validate>(
    json: &[u8],
) {
    let typed: T = both_ways(json);
    typed.validate().unwrap_or_else(|failures| panic!("{failures}: {typed:?}"));
}

#[test]
fn listed_records_lose_nothing() {
    let mut checked = 0;
    for account in ["ana", "ben", "cat", "dot", "eve", "fay"] {
        let path = testdata::root().join("captures").join(account).join("records.jsonl");
        if !path.exists() {
            continue;
        }
        for line in fs::read_to_string(path).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let json = serde_json::to_vec(&line["value"]).unwrap();
            match line["value"]["$type"].as_str().unwrap() {
                "app.bsky.actor.profile" => record::<app::bsky::actor::Profile>(&json),
                "app.bsky.feed.like" => record::<app::bsky::feed::Like>(&json),
                "app.bsky.feed.post" => record::<app::bsky::feed::Post>(&json),
                "app.bsky.graph.follow" => record::<app::bsky::graph::Follow>(&json),
                // Made up by the one who captured them: there is no schema.
                other => {
                    assert!(!other.starts_with("app.bsky."), "{other}");
                    continue;
                }
            }
            checked += 1;
        }
    }
    assert!(checked >= 5000 || !testdata::is_required(), "{checked}");
}

/// Every record in the CAR files, of which some are not in the lists.
#[test]
fn records_of_repositories_keep_their_cids() {
    let mut checked = 0;
    for file in
        ["ana/repo-1.car", "ana/repo-2.car", "ben/repo.car", "fay/repo-before.car", "fay/repo-after.car"]
    {
        let Some(bytes) = capture(file) else {
            continue;
        };
        let car = atproto_repo::car::Car::parse(&bytes).unwrap();
        for block in car.blocks() {
            let (cid, block) = (block.cid, block.bytes);
            let Ok(Value::Object(object)) = cbor::to_value(block) else {
                continue;
            };
            let again = match object.get("$type").and_then(Value::as_str) {
                Some("app.bsky.actor.profile") => again::<app::bsky::actor::Profile>(block),
                Some("app.bsky.feed.like") => again::<app::bsky::feed::Like>(block),
                Some("app.bsky.feed.post") => again::<app::bsky::feed::Post>(block),
                Some("app.bsky.graph.follow") => again::<app::bsky::graph::Follow>(block),
                _ => continue,
            };
            assert_eq!(Cid::of_dag_cbor(&again), cid);
            checked += 1;
        }
    }
    assert!(checked >= 5000 || !testdata::is_required(), "{checked}");
}

fn again<T: Serialize + DeserializeOwned>(block: &[u8]) -> Vec<u8> {
    cbor::to_vec(&cbor::from_record::<T>(block).unwrap()).unwrap()
}

#[test]
fn views_lose_nothing() {
    use app::bsky::{actor, feed, graph, notification};
    type Check = fn(&[u8]);
    let checks: [(&str, Check); 14] = [
        ("appview/author-feed", |json| drop(both_ways::<feed::get_author_feed::GetAuthorFeedOutput>(json))),
        ("appview/followers", |json| drop(both_ways::<graph::get_followers::GetFollowersOutput>(json))),
        ("appview/likes", |json| drop(both_ways::<feed::get_likes::GetLikesOutput>(json))),
        ("appview/list", |json| drop(both_ways::<graph::get_list::GetListOutput>(json))),
        ("appview/notifications", |json| {
            drop(both_ways::<notification::list_notifications::ListNotificationsOutput>(json));
        }),
        ("appview/posts", |json| drop(both_ways::<feed::get_posts::GetPostsOutput>(json))),
        ("appview/profile", |json| drop(both_ways::<actor::get_profile::GetProfileOutput>(json))),
        ("appview/profiles", |json| drop(both_ways::<actor::get_profiles::GetProfilesOutput>(json))),
        ("appview/search-posts", |json| drop(both_ways::<feed::search_posts::SearchPostsOutput>(json))),
        ("appview/thread", |json| drop(both_ways::<feed::get_post_thread::GetPostThreadOutput>(json))),
        ("appview/timeline", |json| drop(both_ways::<feed::get_timeline::GetTimelineOutput>(json))),
        ("ozone/events", |json| {
            drop(both_ways::<tools::ozone::moderation::query_events::QueryEventsOutput>(json));
        }),
        ("ozone/statuses", |json| {
            drop(both_ways::<tools::ozone::moderation::query_statuses::QueryStatusesOutput>(json));
        }),
        ("labels/query", |json| {
            drop(both_ways::<com::atproto::label::query_labels::QueryLabelsOutput>(json))
        }),
    ];
    for (name, check) in checks {
        if let Some(json) = capture(&format!("{name}.json")) {
            check(&json);
        }
    }
}

/// `[u32 length][frame]`, repeated; a frame is a header and a body.
pub(crate) fn frames(path: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let (mut rest, mut frames) = (&bytes[..], Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        let (header, body) = cbor::split_first(frame, cbor::Profile::Atproto, &Limits::default()).unwrap();
        let header = cbor::to_value(header).unwrap();
        // The last one may be an error.
        if let Some(t) = header.get("t").and_then(Value::as_str) {
            frames.push((t.to_owned(), body.to_vec()));
        }
        rest = after;
    }
    frames
}

fn messages<E>(path: PathBuf) -> usize
where
    E: Endpoint,
    E::Output: typed::Union + Serialize,
{
    let mut count = 0;
    for (t, body) in frames(&path) {
        let message = typed::read_body::<E>(&t, &body, &Limits::default()).unwrap().unwrap();
        // Where it stands alone, the message says its type.
        let mut value = cbor::to_value(&cbor::to_vec(&message).unwrap()).unwrap();
        let Value::Object(object) = &mut value else { panic!() };
        assert_eq!(object.remove("$type").unwrap().as_str().unwrap(), format!("{}{t}", E::NSID));
        assert_eq!(cbor::to_vec(&value).unwrap(), body);
        count += 1;
    }
    count
}

#[test]
fn messages_lose_nothing() {
    let captures = testdata::root().join("captures");
    if !captures.exists() {
        return assert!(!testdata::is_required());
    }
    let mut count = 0;
    for entry in fs::read_dir(captures.join("firehose")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "frames") {
            count += messages::<com::atproto::sync::SubscribeRepos>(path);
        }
    }
    assert!(count > 700, "{count}");
    assert!(messages::<com::atproto::label::SubscribeLabels>(captures.join("labels/labels.frames")) > 0);
    assert_eq!(
        typed::read_body::<com::atproto::sync::SubscribeRepos>("#new", b"\xa0", &Limits::default()).unwrap(),
        None
    );
}

#[test]
fn chat_is_there() {
    assert_eq!(chat::bsky::convo::GetConvo::NSID, "chat.bsky.convo.getConvo");
}
