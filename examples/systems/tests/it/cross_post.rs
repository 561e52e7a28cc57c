use crate::world::{World, repo_of, until};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::com::atproto::repo::ListRecords;

const CROSS_POST: &str = env!("CARGO_BIN_EXE_cross-post");

fn rss(items: &[(u32, &str)]) -> String {
    let item = |(number, title): &(u32, &str)| {
        format!(
            "<item><title>{title}</title><link>https://blog.example.com/{number}</link><guid>{number}</guid>
            <pubDate>Mon, {:02} Jan 2026 10:00:00 GMT</pubDate><description>about {title}</description></item>",
            number % 28 + 1
        )
    };
    let items: String = items.iter().rev().map(item).collect();
    format!(
        r#"<?xml version="1.0"?><rss version="2.0"><channel><title>A blog</title>{items}</channel></rss>"#
    )
}

#[test]
fn each_entry_is_posted_once() {
    let world = World::embedded();
    let alice = world.account("alice");
    let posts = || {
        let mut ask = ListRecords::new(repo_of(&alice), "app.bsky.feed.post".parse().unwrap());
        ask.reverse = Some(true);
        let records = world.runtime.block_on(async { alice.send(&ask).await.unwrap().output.records });
        let post = |record: atproto_xrpc::api::com::atproto::repo::list_records::Record| {
            atproto_lexicon::typed::from_value::<Post>(&record.value.into()).unwrap()
        };
        records.into_iter().map(post).collect::<Vec<_>>()
    };
    let texts = || posts().into_iter().map(|post| post.text).collect::<Vec<_>>();
    let feed = |text: &str| std::fs::write(world.path("feed"), text).unwrap();
    let arguments = ["feed", "--account", "alice.test", "--password-file", "password"];
    let long = "x".repeat(400);
    feed(&rss(&[(1, "old")]));
    assert_eq!(world.done(CROSS_POST, &arguments), "");
    feed(&rss(&[(1, "old"), (2, "two"), (3, &long), (4, "four"), (5, "five")]));
    // Three at once, oldest first.
    world.done(CROSS_POST, &arguments);
    assert_eq!(texts(), ["two".to_owned(), format!("{}…", "x".repeat(299)), "four".to_owned()]);
    world.done(CROSS_POST, &arguments);
    assert_eq!(world.done(CROSS_POST, &arguments), "");
    assert_eq!(posts().len(), 4);
    let json = serde_json::to_string(&posts()[0].embed).unwrap();
    assert!(json.contains("https://blog.example.com/2") && json.contains("about two"), "{json}");

    // As if it had been killed after one was posted.
    let file = world.path("cross-post.json");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let ask = ListRecords::new(repo_of(&alice), "app.bsky.feed.post".parse().unwrap());
    let last = world.runtime.block_on(async { alice.send(&ask).await.unwrap().output.records.remove(0) });
    let mut killed = kept;
    killed["entries"]["5"] = serde_json::json!({"Key": last.uri.record_key().unwrap().as_str()});
    std::fs::write(&file, killed.to_string()).unwrap();
    world.done(CROSS_POST, &arguments);
    assert_eq!(posts().len(), 4);

    // While it runs, a file that is none is passed over.
    let _running = world.start(CROSS_POST, &[&arguments[..], &["--every", "1"]].concat());
    feed("no feed");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    feed(
        r#"{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [
        {"id": "j", "title": "from JSON", "url": "https://blog.example.com/j"}]}"#,
    );
    until(|| (texts().len() == 5).then_some(()));
    assert_eq!(texts()[4], "from JSON");
}

#[test]
fn a_file_that_is_no_feed_is_one_line() {
    let world = World::embedded();
    world.account("alice");
    std::fs::write(world.path("feed"), "no feed").unwrap();
    let ended = world.run(CROSS_POST, &["feed", "--account", "alice.test", "--password-file", "password"]);
    assert!(!ended.is_good && ended.err.starts_with("feed: "), "{}", ended.err);
    assert_eq!(ended.err.lines().count(), 1);
}
