//! What a reference server sent is of the generated types, and comes out of them as it went in.

use atproto_lexicon::data::{Cid, Limits, Value, cbor, json};
use atproto_lexicon::typed::{self, Endpoint, Record};
use atproto_xrpc::api::{app, chat, com, tools};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
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

/// A record from JSON through its type to DAG-CBOR: its CID. `None` where there is no schema: made up by the one who captured it.
fn cid_through_type(json: &[u8], name: &str) -> Option<Cid> {
    fn cid<T: Record + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + typed::Validate>(
        json: &[u8],
    ) -> Option<Cid> {
        let typed: T = both_ways(json);
        typed.validate().unwrap_or_else(|failures| panic!("{failures}: {typed:?}"));
        Some(Cid::of_dag_cbor(&cbor::to_vec(&typed).unwrap()))
    }
    match name {
        "app.bsky.actor.profile" => cid::<app::bsky::actor::Profile>(json),
        "app.bsky.feed.like" => cid::<app::bsky::feed::Like>(json),
        "app.bsky.feed.post" => cid::<app::bsky::feed::Post>(json),
        "app.bsky.graph.follow" => cid::<app::bsky::graph::Follow>(json),
        other => {
            assert!(!other.starts_with("app.bsky."), "{other}");
            None
        }
    }
}

#[test]
fn listed_records_lose_nothing() {
    let (mut checked, mut stripped) = (0, 0);
    for account in ["ana", "ben", "cat", "fay"] {
        let Some(lines) = capture(&format!("{account}/records.jsonl")) else { return };
        let blocks = blocks_of(account);
        for line in String::from_utf8(lines).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let json = serde_json::to_vec(&line["value"]).unwrap();
            let Some(cid) = cid_through_type(&json, line["value"]["$type"].as_str().unwrap()) else {
                continue;
            };
            let stored: Cid = line["cid"].as_str().unwrap().parse().unwrap();
            if cid != stored {
                // The list has lost byte order marks at the beginning of texts; the blocks have them.
                let mut value = cbor::to_value(&blocks[&stored]).unwrap();
                strip(&mut value);
                assert_eq!(json::from_slice(&json, &Limits::default()).unwrap(), value);
                stripped += 1;
            }
            checked += 1;
        }
    }
    assert!(checked >= 5627 && stripped < 200, "{checked}, {stripped}");
}

/// The blocks of an account's whole repositories.
fn blocks_of(account: &str) -> HashMap<Cid, Vec<u8>> {
    let mut cars = Vec::new();
    files(&testdata::root().join("captures").join(account), "car", &mut cars);
    let mut blocks = HashMap::new();
    for path in cars {
        let file = fs::read(path).unwrap();
        let car = atproto_repo::car::Car::parse(&file).unwrap();
        blocks.extend(car.blocks().map(|block| (block.cid, block.bytes.to_vec())));
    }
    blocks
}

/// Takes the byte order marks away with which texts begin.
fn strip(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(object) => {
            let names: Vec<String> = object.keys().map(String::from).collect();
            names.iter().for_each(|name| strip(object.get_mut(name).unwrap()));
        }
        _ => {}
    }
}

/// The files of a folder and of those in it, with this extension.
fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// Every record in the CAR files and in the events, of which some are not in the lists.
#[test]
fn records_of_repositories_keep_their_cids() {
    let captures = testdata::root().join("captures");
    if !captures.exists() {
        assert!(!testdata::is_required(), "{} is not there", captures.display());
        return;
    }
    let (mut cars, mut frames) = (Vec::new(), Vec::new());
    files(&captures, "car", &mut cars);
    files(&captures.join("firehose"), "frames", &mut frames);
    let mut checked = [0, 0];
    for path in &cars {
        checked[0] += check_blocks(&fs::read(path).unwrap());
    }
    for path in &frames {
        let bytes = fs::read(path).unwrap();
        let mut rest = &bytes[..];
        while let Some((length, after)) = rest.split_first_chunk() {
            let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
            rest = after;
            if let Ok(Some(atproto_repo::sync::Event::Commit(event))) =
                atproto_repo::sync::Event::from_frame(frame)
            {
                checked[1] += check_blocks(event.blocks);
            }
        }
    }
    assert!(cars.len() >= 18 && checked[0] >= 9343 && checked[1] >= 500, "{} {checked:?}", cars.len());
}

/// How many records with a schema are among the blocks of a CAR; each comes out of its type with its CID.
fn check_blocks(file: &[u8]) -> u32 {
    let mut checked = 0;
    for block in atproto_repo::car::Car::parse(file).unwrap().blocks() {
        let Ok(Value::Object(object)) = cbor::to_value(block.bytes) else { continue };
        let Some(name) = object.get("$type").and_then(Value::as_str) else { continue };
        // Some that are made up have no form in JSON.
        let json = json::to_string(&Value::Object(object.clone()));
        if let Some(cid) = json.ok().and_then(|json| cid_through_type(json.as_bytes(), name)) {
            assert_eq!(cid, block.cid, "{object:?}");
            assert_eq!(again(name, block.bytes), block.bytes, "{object:?}");
            checked += 1;
        }
    }
    checked
}

/// From DAG-CBOR through the type to DAG-CBOR.
fn again(name: &str, block: &[u8]) -> Vec<u8> {
    fn through<T: Serialize + DeserializeOwned>(block: &[u8]) -> Vec<u8> {
        cbor::to_vec(&cbor::from_record::<T>(block).unwrap()).unwrap()
    }
    match name {
        "app.bsky.actor.profile" => through::<app::bsky::actor::Profile>(block),
        "app.bsky.feed.like" => through::<app::bsky::feed::Like>(block),
        "app.bsky.feed.post" => through::<app::bsky::feed::Post>(block),
        _ => through::<app::bsky::graph::Follow>(block),
    }
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
