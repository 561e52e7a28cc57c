//! Generated types beside plain `serde_json` and structs by hand: `cargo bench -p benches --bench typed`.
//!
//! A page of 100 posts, as a reference server sent it (`captures/appview/timeline.json`, its entries repeated), decoded into
//! `getTimeline`'s output and into structs of the same fields with derived `Deserialize`; a post checked against its constraints;
//! Rust generated from all documents of `lexicons/`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

use atproto_lexicon::check::Validate;
use atproto_lexicon::codegen::Config;
use atproto_lexicon::data::{Limits, json};
use atproto_lexicon::syntax::{AtUri, CidString, Datetime, Did, Handle, Uri};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::app::bsky::feed::get_timeline::GetTimelineOutput;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::hint::black_box;
use timing::{paired, report};

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

#[derive(Serialize, Deserialize)]
struct Timeline {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
    feed: Vec<FeedViewPost>,
}

#[derive(Serialize, Deserialize)]
struct FeedViewPost {
    post: PostView,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<Box<ReplyRef>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostView {
    author: Profile,
    #[serde(skip_serializing_if = "Option::is_none")]
    bookmark_count: Option<i64>,
    cid: CidString,
    #[serde(skip_serializing_if = "Option::is_none")]
    embed: Option<Embed>,
    indexed_at: Datetime,
    labels: Vec<serde_json::Value>,
    like_count: Option<i64>,
    quote_count: Option<i64>,
    record: serde_json::Value,
    reply_count: Option<i64>,
    repost_count: Option<i64>,
    uri: AtUri,
    viewer: Option<Viewer>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    associated: Option<Associated>,
    did: Did,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    handle: Handle,
    labels: Vec<serde_json::Value>,
    viewer: Option<ProfileViewer>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Associated {
    activity_subscription: ActivitySubscription,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActivitySubscription {
    allow_subscriptions: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProfileViewer {
    blocked_by: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    following: Option<AtUri>,
    muted: Option<bool>,
    muted_only_quoteposts: Option<bool>,
    muted_only_reposts: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Viewer {
    #[serde(skip_serializing_if = "Option::is_none")]
    bookmarked: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding_disabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    like: Option<AtUri>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repost: Option<AtUri>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_muted: Option<bool>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "$type")]
enum Embed {
    #[serde(rename = "app.bsky.embed.external#view")]
    External { external: External },
    #[serde(rename = "app.bsky.embed.record#view")]
    Record { record: RecordEmbed },
}

#[derive(Serialize, Deserialize)]
struct External {
    description: String,
    title: String,
    uri: Uri,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "$type")]
enum RecordEmbed {
    #[serde(rename = "app.bsky.embed.record#viewRecord")]
    View(Box<ViewRecord>),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ViewRecord {
    author: Profile,
    cid: CidString,
    #[serde(skip_serializing_if = "Option::is_none")]
    embeds: Option<Vec<Embed>>,
    indexed_at: Datetime,
    labels: Vec<serde_json::Value>,
    like_count: Option<i64>,
    quote_count: Option<i64>,
    reply_count: Option<i64>,
    repost_count: Option<i64>,
    uri: AtUri,
    value: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "$type")]
enum Reason {
    #[serde(rename = "app.bsky.feed.defs#reasonRepost")]
    #[serde(rename_all = "camelCase")]
    Repost { by: Box<Profile>, cid: CidString, indexed_at: Datetime, uri: AtUri },
}

#[derive(Serialize, Deserialize)]
struct ReplyRef {
    parent: Reply,
    root: Reply,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "$type")]
enum Reply {
    #[serde(rename = "app.bsky.feed.defs#postView")]
    Post(Box<PostView>),
}

/// Reads and writes again, as a plain value.
fn again<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> serde_json::Value {
    serde_json::to_value(serde_json::from_slice::<T>(bytes).unwrap()).unwrap()
}

fn main() {
    let root = std::env::var("ATPROTO_TESTDATA").unwrap_or_else(|_| "../../shared".into());
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(root).join("captures/appview/timeline.json");
    let Ok(bytes) = std::fs::read(&path) else {
        return println!("{} is not there: no figures", path.display());
    };
    let mut page: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let feed = page["feed"].as_array().unwrap().clone();
    page["feed"] = feed.iter().cycle().take(100).cloned().collect();
    let bytes = serde_json::to_vec(&page).unwrap();
    println!("{} bytes of JSON", bytes.len());

    let by_hand = || drop(black_box(serde_json::from_slice::<Timeline>(black_box(&bytes)).unwrap()));
    let generated =
        || drop(black_box(serde_json::from_slice::<GetTimelineOutput>(black_box(&bytes)).unwrap()));
    let (base, own, ratio) = paired(201, by_hand, generated);
    println!("by hand {base:?}, generated {own:?}");
    report("decode of 100 posts, × serde_json into structs by hand", ratio, 1.2);
    assert_eq!(again::<Timeline>(&bytes), page, "by hand all is read");
    assert_eq!(again::<GetTimelineOutput>(&bytes), page, "all is read");

    let lexicons = path.ancestors().nth(3).unwrap().join("lexicons");
    let roots = ["app", "chat", "com", "internal", "site", "tools"];
    let config = Config::new().lexicons(&lexicons).roots(roots);
    let (_, own, _) = paired(5, || {}, || drop(black_box(config.generate().unwrap().to_files())));
    report("code of all documents, ms", own.as_secs_f64() * 1e3, 1000.0);

    let post =
        feed.iter().map(|entry| &entry["post"]["record"]).find(|record| record["reply"].is_object()).unwrap();
    let post: Post = serde_json::from_value(post.clone()).unwrap();
    let (_, own, _) = paired(201, || {}, || (0..1000).for_each(|_| black_box(&post).validate().unwrap()));
    report("constraints of a post, µs", own.as_secs_f64() * 1e3, 2.0);
    json::from_slice(&serde_json::to_vec(&post).unwrap(), &Limits::default()).unwrap();
}
