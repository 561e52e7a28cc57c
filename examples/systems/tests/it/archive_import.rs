use crate::world::{LoggedIn, World, repo_of};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::com::atproto::repo::ListRecords;
use atproto_xrpc::api::com::atproto::sync::ListBlobs;
use serde_json::json;
use std::fs;
use std::time::Duration;

const IMPORT: &str = env!("CARGO_BIN_EXE_archive-import");
const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// All posts with their URIs, oldest first.
fn posts(world: &World, client: &LoggedIn) -> Vec<(String, Post)> {
    let mut ask = ListRecords::new(repo_of(client), "app.bsky.feed.post".parse().unwrap());
    (ask.reverse, ask.limit) = (Some(true), Some(100));
    let records = world.runtime.block_on(async { client.send(&ask).await.unwrap().output.records });
    let post = |record: atproto_xrpc::api::com::atproto::repo::list_records::Record| {
        (record.uri.to_string(), atproto_lexicon::typed::from_value(&record.value.into()).unwrap())
    };
    records.into_iter().map(post).collect()
}

fn tweets(world: &World) {
    let tweet = |id: &str, day: u32, text: &str, more: serde_json::Value| {
        let mut tweet = json!({"id_str": id, "full_text": text, "created_at": format!("{} Oct {day:02} 20:19:24 +0000 2018", ["Wed", "Thu", "Fri", "Sat", "Sun"][day as usize - 10])});
        tweet.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "tweet": tweet })
    };
    let photo = |kind: &str, name: &str| json!({"url": "https://t.co/m", "media_url_https": format!("https://pbs.example.com/{name}"), "type": kind});
    let photos: Vec<_> = (0..5).map(|number| photo("photo", &format!("p{number}.jpg"))).collect();
    let long = "word ".repeat(100);
    let tweets = json!([
        tweet("5", 14, "the answer", json!({"in_reply_to_status_id_str": "1"})),
        tweet(
            "1",
            10,
            "Cats &amp; dogs https://t.co/a https://t.co/m",
            json!({
                "entities": {"urls": [{"url": "https://t.co/a", "expanded_url": "https://example.com/cats"}]},
                "extended_entities": {"media": photos},
            })
        ),
        tweet("2", 11, "RT @other: no", json!({})),
        tweet("3", 12, "@other yes", json!({"in_reply_to_status_id_str": "99"})),
        tweet("4", 13, &long, json!({"entities": {"media": [photo("video", "v.mp4")]}})),
    ]);
    let media = world.path("x/data/tweets_media");
    fs::create_dir_all(&media).unwrap();
    for number in 0..5 {
        fs::write(media.join(format!("1-p{number}.jpg")), format!("picture {number}")).unwrap();
    }
    fs::write(world.path("x/data/tweets.js"), format!("window.YTD.tweets.part0 = {tweets}")).unwrap();
}

fn brings_tweets_once(world: &World) {
    let alice = world.account("alice");
    tweets(world);
    let arguments = ["x", "--account", "alice.test", "--password-file", "password"];
    let out = world.done(IMPORT, &arguments);
    assert!(out.ends_with("3 would be posted, 3 are left out\n"), "{out}");
    assert!(
        out.contains("- 2: it repeats") && out.contains("- 3: it answers") && out.contains("- 4: its video"),
        "{out}"
    );
    assert!(posts(world, &alice).is_empty());
    let to_post = [&arguments[..], &["--post"]].concat();
    for kill in 0..6 {
        let mut running = world.start(IMPORT, &to_post);
        std::thread::sleep(Duration::from_millis(60 + 60 * kill));
        running.kill();
    }
    let out = world.done(IMPORT, &to_post);
    assert!(out.ends_with("3 are posted, 3 are left out\n"), "{out}");
    // Without what it kept, too, nothing is posted again.
    fs::remove_file(world.path("archive-import.json")).unwrap();
    world.done(IMPORT, &to_post);

    let posts = posts(world, &alice);
    let texts: Vec<_> = posts.iter().map(|(_, post)| post.text.as_str()).collect();
    assert_eq!(
        (posts.len(), texts[0], texts[1], texts[4]),
        (5, "Cats & dogs https://example.com/cats", "", "the answer")
    );
    assert_eq!(format!("{} {}", texts[2], texts[3]), "word ".repeat(100).trim_end());
    let parent = |number: usize| {
        posts[number].1.reply.as_ref().map(|reply| (reply.parent.uri.to_string(), reply.root.uri.to_string()))
    };
    let of = |parent: usize, root: usize| Some((posts[parent].0.clone(), posts[root].0.clone()));
    assert_eq!(
        [parent(0), parent(1), parent(2), parent(3), parent(4)],
        [None, of(0, 0), None, of(2, 2), of(1, 0)]
    );
    assert_eq!(posts[0].1.created_at.as_str(), "2018-10-10T20:19:24.000Z");
    assert_eq!(posts[0].1.facets.as_ref().unwrap().len(), 1);
    let ask = ListBlobs::new(alice.auth().did());
    assert_eq!(world.runtime.block_on(async { alice.send(&ask).await.unwrap().output.cids.len() }), 5);
}

#[test]
fn tweets_are_brought_once() {
    brings_tweets_once(&World::embedded());
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_tweets_are_brought_once() {
    brings_tweets_once(&World::reference());
}

#[test]
fn of_mastodon_only_what_was_public() {
    let world = World::embedded();
    let alice = world.account("alice");
    let note = |id: &str, to: &str, content: &str, more: serde_json::Value| {
        let mut note = json!({"id": id, "type": "Note", "content": content, "published": format!("2020-01-0{id}T00:00:00Z"), "to": [to], "cc": []});
        note.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"type": "Create", "object": note})
    };
    let outbox = json!({"orderedItems": [
        note("1", PUBLIC, "<p>one<br />&lt;two&gt;</p><p>see <a href=\"https://example.com\">https://<span>example.com</span></a></p>", json!({
            "summary": "a warning",
            "attachment": [
                {"type": "Document", "mediaType": "image/png", "url": "/../media/a.png", "name": "a cat"},
                {"type": "Document", "mediaType": "image/png", "url": "/media/missing.png", "name": null},
                {"type": "Document", "mediaType": "video/mp4", "url": "/media/v.mp4", "name": null},
            ],
        })),
        note("2", "https://example.com/followers", "<p>for friends</p>", json!({})),
        note("3", PUBLIC, "<p>thread</p>", json!({"inReplyTo": "1"})),
        note("4", PUBLIC, "<p>@other no</p>", json!({"inReplyTo": "https://example.com/5"})),
        {"type": "Announce", "object": "https://example.com/6"},
    ]});
    fs::create_dir_all(world.path("m/media")).unwrap();
    fs::write(world.path("m/media/a.png"), "a picture").unwrap();
    fs::write(world.path("m/outbox.json"), outbox.to_string()).unwrap();
    let arguments = ["m", "--account", "alice.test", "--password-file", "password", "--post"];
    let out = world.done(IMPORT, &arguments);
    assert!(out.ends_with("2 are posted, 5 are left out\n"), "{out}");
    let posts = posts(&world, &alice);
    assert_eq!(posts[0].1.text, "a warning\n\none\n<two>\n\nsee https://example.com");
    assert_eq!((posts.len(), posts[1].1.text.as_str()), (2, "thread"));
    assert_eq!(posts[1].1.reply.as_ref().unwrap().parent.uri.to_string(), posts[0].0);
    let embed = serde_json::to_string(&posts[0].1.embed).unwrap();
    assert!(embed.contains("a cat") && embed.matches("\"alt\"").count() == 1, "{embed}");
}

#[test]
fn what_is_no_archive_is_one_line() {
    let world = World::embedded();
    let with = |folder: &str| {
        let ended = world.run(IMPORT, &[folder, "--account", "alice.test", "--password-file", "password"]);
        assert!(!ended.is_good && ended.err.lines().count() == 1, "{}", ended.err);
        ended.err
    };
    assert!(with("none").starts_with("none: neither"));
    fs::create_dir_all(world.path("m")).unwrap();
    fs::write(world.path("m/outbox.json"), "{").unwrap();
    assert!(with("m").starts_with("m/outbox.json: "));
}
