//! Views, preferences and labelers, as JSON that both sides read.

use super::Dice;
use serde_json::{Value as Json, json};

pub(super) const NOW: &str = "2026-01-02T03:04:05.678Z";
pub(super) const NOW_MICROS: u64 = 1_767_323_045_678_000;
pub(super) const AUTHOR: &str = "did:web:author.example.com";
pub(super) const QUOTED: &str = "did:web:quoted.example.com";
pub(super) const ME: &str = "did:web:me.example.com";
/// Both listened to; a third one is not.
pub(super) const LABELERS: [&str; 3] =
    ["did:web:one.labels.example.com", "did:web:two.labels.example.com", "did:web:three.labels.example.com"];
pub(super) const USERS: [Option<&str>; 3] = [None, Some(ME), Some(AUTHOR)];
pub(super) const SETTINGS: [Option<&str>; 4] = [None, Some("ignore"), Some("warn"), Some("hide")];
const CID: &str = "bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u";

const GLOBAL: [&str; 8] =
    ["!hide", "!warn", "!no-unauthenticated", "porn", "sexual", "nudity", "graphic-media", "gore"];

/// All values of labels that something is said about, and some that mean nothing.
pub(super) fn values() -> Vec<String> {
    let mut values: Vec<String> = GLOBAL.map(String::from).into();
    values.extend(["nothing-known", "digit1", "bot", "spam"].map(String::from));
    values
        .extend(custom().into_iter().map(|definition| definition["identifier"].as_str().unwrap().to_owned()));
    values
}

/// Definitions of all kinds, each with one of the default settings.
fn custom() -> Vec<Json> {
    let mut definitions = Vec::new();
    for severity in ["alert", "inform", "none", "other"] {
        for blurs in ["content", "media", "none"] {
            for adult in ["", "-adult"] {
                let default = ["warn", "hide", "ignore"][definitions.len() % 3];
                let identifier = format!("{severity}-{blurs}{adult}");
                definitions.push(definition(&identifier, severity, blurs, !adult.is_empty(), Some(default)));
            }
        }
    }
    definitions
}

fn definition(identifier: &str, severity: &str, blurs: &str, adult: bool, default: Option<&str>) -> Json {
    let mut definition = json!({
        "identifier": identifier, "severity": severity, "blurs": blurs,
        "locales": [{ "lang": "en", "name": identifier, "description": "A label." }],
    });
    if adult {
        definition["adultOnly"] = true.into();
    }
    if let Some(default) = default {
        definition["defaultSetting"] = default.into();
    }
    definition
}

/// The first defines much; the second what all share, and what may not be defined; the third is not listened to.
pub(super) fn labelers() -> Vec<Json> {
    let mut second = vec![
        definition("porn", "alert", "content", false, None),
        definition("!hide", "inform", "none", false, Some("ignore")),
        definition("digit1", "alert", "content", false, Some("hide")),
        definition("spam", "inform", "content", true, Some("other")),
    ];
    // Breaks its schema.
    second.push(definition(&"x".repeat(101), "alert", "content", false, None));
    let definitions = [custom(), second, custom()];
    LABELERS
        .iter()
        .zip(definitions)
        .map(|(did, definitions)| {
            json!({
                "uri": format!("at://{did}/app.bsky.labeler.service/self"), "cid": CID, "indexedAt": NOW,
                "creator": { "did": did, "handle": &did[8..] },
                "policies": { "labelValues": [], "labelValueDefinitions": definitions },
            })
        })
        .collect()
}

pub(super) fn label(src: &str, uri: &str, value: &str) -> Json {
    json!({ "src": src, "uri": uri, "val": value, "cts": NOW })
}

pub(super) fn profile_uri(did: &str) -> String {
    format!("at://{did}/app.bsky.actor.profile/self")
}

pub(super) fn post_uri(did: &str) -> String {
    format!("at://{did}/app.bsky.feed.post/1")
}

pub(super) fn preferences(adult: bool) -> Json {
    json!({
        "adultContentEnabled": adult, "labels": {}, "mutedWords": [], "hiddenPosts": [],
        "labelers": [{ "did": LABELERS[0], "labels": {} }, { "did": LABELERS[1], "labels": {} }],
    })
}

pub(super) fn actor(did: &str, labels: &[Json]) -> Json {
    json!({ "did": did, "handle": &did[8..], "labels": labels })
}

/// A subject of this kind, with labels on the account and on the content.
pub(super) fn subject(kind: &str, actor: &Json, labels: &[Json]) -> Json {
    let did = actor["did"].as_str().unwrap();
    let uri = |collection: &str| format!("at://{did}/{collection}/1");
    match kind {
        "profile" => actor.clone(),
        "status" => {
            let mut actor = actor.clone();
            actor["status"] =
                json!({ "status": "app.bsky.actor.status#live", "record": {}, "labels": labels });
            actor
        }
        "post" => json!({
            "uri": post_uri(did), "cid": CID, "author": actor, "indexedAt": NOW, "labels": labels,
            "record": record("Hello", &Json::Null),
        }),
        "notification" => json!({
            "uri": uri("app.bsky.graph.follow"), "cid": CID, "author": actor, "reason": "follow", "record": {},
            "isRead": false, "indexedAt": NOW, "labels": labels,
        }),
        "feedGenerator" => json!({
            "uri": uri("app.bsky.feed.generator"), "cid": CID, "did": "did:web:feed.example.com", "creator": actor,
            "displayName": "Feed", "indexedAt": NOW, "labels": labels,
        }),
        _ => {
            let mut list = list(did, labels);
            list["creator"] = actor.clone();
            list
        }
    }
}

/// A list without its creator's view.
pub(super) fn list(authority: &str, labels: &[Json]) -> Json {
    json!({
        "uri": format!("at://{authority}/app.bsky.graph.list/1"), "cid": CID, "name": "List",
        "purpose": "app.bsky.graph.defs#modlist", "indexedAt": NOW, "labels": labels,
    })
}

/// Mutes and blocks, by the bits of a number below 64.
pub(super) fn viewer(bits: usize) -> Json {
    let mut viewer = json!({});
    let is = |bit: usize| bits & (1 << bit) != 0;
    if is(0) {
        viewer["muted"] = true.into();
    }
    if is(1) {
        viewer["mutedByList"] = list(LABELERS[2], &[]);
    }
    if is(2) {
        viewer["blocking"] = format!("at://{ME}/app.bsky.graph.block/1").into();
    }
    if is(3) {
        viewer["blockingByList"] = list(LABELERS[2], &[]);
    }
    if is(4) {
        viewer["blockedBy"] = true.into();
    }
    if is(5) {
        viewer["following"] = format!("at://{ME}/app.bsky.graph.follow/1").into();
    }
    viewer
}

fn record(text: &str, embed: &Json) -> Json {
    let mut record = json!({ "$type": "app.bsky.feed.post", "text": text, "createdAt": NOW });
    if !embed.is_null() {
        record["embed"] = embed.clone();
    }
    record
}

const WORDS: [&str; 16] = [
    "Politics",
    "super-bad",
    "and/or",
    "a",
    "猫が",
    "Hello,",
    "idea.",
    "(bonus)",
    "x😀",
    "İstanbul",
    "ΣΑΣ",
    "don't",
    "s@ssy",
    "🙂",
    "a.b",
    "!?",
];
const MUTED: [&str; 18] = [
    "politics",
    "superbad",
    "super bad",
    "bad",
    "andor",
    "and/or",
    "a",
    "猫",
    "hello",
    "bonus",
    "idea",
    "😀",
    "",
    "cats",
    "İSTANBUL",
    "σας",
    "dont",
    "hello, idea",
];
const SPACES: [&str; 5] = [" ", "  ", "\n", "\u{3000}", "\u{200b}"];

pub(super) fn text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.roll(5) {
        text += dice.pick(&WORDS);
        text += dice.pick(&SPACES);
    }
    text + dice.pick(&WORDS)
}

pub(super) fn muted_words(dice: &mut Dice) -> Vec<Json> {
    let mut words = Vec::new();
    for _ in 0..dice.roll(4) {
        let mut word = json!({ "value": dice.pick(&MUTED), "targets": ["content", "tag"] });
        if dice.once_in(4) {
            word["targets"] = json!(["tag"]);
        }
        if dice.once_in(3) {
            let times = ["2026-01-02T03:04:05.677Z", NOW, "2026-01-02T03:04:05.679Z"];
            word["expiresAt"] = dice.pick(&times).into();
        }
        if dice.once_in(3) {
            word["actorTarget"] = (dice.pick(&["all", "exclude-following"])).into();
        }
        words.push(word);
    }
    words
}

fn images(dice: &mut Dice, name: &str) -> Json {
    let is_view = name.ends_with("#view");
    let images: Vec<Json> = (0..dice.roll(3))
        .map(|_| {
            let mut image = json!({ "alt": text(dice) });
            if is_view {
                image["thumb"] = "https://example.com/1".into();
                image["fullsize"] = "https://example.com/2".into();
            }
            image
        })
        .collect();
    json!({ "$type": name, "images": images })
}

fn external(dice: &mut Dice, name: &str) -> Json {
    let external = json!({ "uri": "https://example.com", "title": text(dice), "description": text(dice) });
    json!({ "$type": name, "external": external })
}

/// A record of a post, rarely of something else.
fn some_record(dice: &mut Dice) -> Json {
    let media = |dice: &mut Dice| {
        if dice.once_in(2) {
            images(dice, "app.bsky.embed.images")
        } else {
            external(dice, "app.bsky.embed.external")
        }
    };
    let embed = match dice.roll(4) {
        0 => Json::Null,
        1 | 2 => media(dice),
        _ => {
            let reference = json!({ "record": { "uri": post_uri(ME), "cid": CID } });
            json!({ "$type": "app.bsky.embed.recordWithMedia", "record": reference, "media": media(dice) })
        }
    };
    let mut record = record(&text(dice), &embed);
    if dice.once_in(3) {
        record["langs"] = json!([dice.pick(&["en", "ja", "zh", "ko-KR"]), "th"]);
    }
    if dice.once_in(4) {
        record["tags"] = json!(["Cats", "dogs"]);
    }
    if dice.once_in(4) {
        let tag = json!({ "$type": "app.bsky.richtext.facet#tag", "tag": dice.pick(&MUTED) });
        let link = json!({ "$type": "app.bsky.richtext.facet#link", "uri": "https://example.com" });
        record["facets"] = json!([{ "index": { "byteStart": 0, "byteEnd": 1 }, "features": [link, tag] }]);
    }
    if dice.once_in(8) {
        record["$type"] = "com.example.note".into();
    }
    record
}

/// Labels of all kinds on something; few times none.
pub(super) fn some_labels(dice: &mut Dice, did: &str, uri: &str) -> Vec<Json> {
    let values = values();
    let sources = [LABELERS[0], LABELERS[0], LABELERS[1], LABELERS[2], did];
    (0..dice.roll(3)).map(|_| label(dice.pick(&sources), uri, &dice.pick(&values))).collect()
}

pub(super) fn some_actor(dice: &mut Dice, did: &str) -> Json {
    let mut labels = some_labels(dice, did, did);
    labels.extend(some_labels(dice, did, &profile_uri(did)));
    let mut actor = actor(did, &labels);
    if dice.once_in(2) {
        let bits = dice.roll(64) & dice.roll(64);
        actor["viewer"] = viewer(bits);
    }
    actor
}

fn quoted(dice: &mut Dice) -> Json {
    let did = dice.pick(&[QUOTED, QUOTED, AUTHOR, ME]);
    let uri = post_uri(did);
    match dice.roll(5) {
        0 => {
            let author = json!({ "did": did, "viewer": viewer(dice.roll(64)) });
            json!({ "$type": "app.bsky.embed.record#viewBlocked", "uri": uri, "blocked": true, "author": author })
        }
        1 => json!({ "$type": "app.bsky.embed.record#viewNotFound", "uri": uri, "notFound": true }),
        _ => json!({
            "$type": "app.bsky.embed.record#viewRecord", "uri": uri, "cid": CID, "indexedAt": NOW,
            "author": some_actor(dice, did), "value": some_record(dice), "labels": some_labels(dice, did, &post_uri(did)),
        }),
    }
}

/// A post with something of everything.
pub(super) fn some_post(dice: &mut Dice) -> Json {
    let actor = some_actor(dice, AUTHOR);
    let labels = some_labels(dice, AUTHOR, &post_uri(AUTHOR));
    let mut post = subject("post", &actor, &labels);
    post["record"] = some_record(dice);
    let view = |dice: &mut Dice| {
        if dice.once_in(2) {
            images(dice, "app.bsky.embed.images#view")
        } else {
            external(dice, "app.bsky.embed.external#view")
        }
    };
    match dice.roll(5) {
        0 => {}
        1 => post["embed"] = view(dice),
        2 | 3 => post["embed"] = json!({ "$type": "app.bsky.embed.record#view", "record": quoted(dice) }),
        _ => {
            let record = json!({ "record": quoted(dice) });
            post["embed"] = json!({ "$type": "app.bsky.embed.recordWithMedia#view", "record": record, "media": view(dice) });
        }
    }
    post
}
