use crate::world::{World, post, repo_of, until};
use atproto_xrpc::api::app::bsky::feed::{DescribeFeedGenerator, GetFeedSkeleton};

const FEED: &str = env!("CARGO_BIN_EXE_feed-generator");
const URI: &str = "at://did:web:example.com/app.bsky.feed.generator/cats";

#[test]
fn a_feed_has_the_newest_first_and_forgets_nothing() {
    let world = World::embedded();
    let host = world.host();
    let alice = world.account("alice");
    let arguments =
        ["--word", "Cat", "--feed", URI, "--hostname", "feeds.example.com", "--port", "0", "--host", &host];
    std::fs::write(world.path("feed.cursor"), "0").unwrap();
    let write = |text: &str| {
        world.runtime.block_on(async {
            alice.create_record(&repo_of(&alice), None, &post(text)).await.unwrap().output.uri
        })
    };
    let mut written = Vec::new();
    for number in 0..5 {
        written.push(write(&format!("number {number}: a cat!")));
        write(&format!("number {number}: a category"));
    }
    let ask = |address: &str, limit: Option<i64>, cursor: Option<String>| {
        let mut ask = GetFeedSkeleton::new(URI.parse().unwrap());
        (ask.limit, ask.cursor) = (limit, cursor);
        let client = world.client_of(address);
        world.runtime.block_on(async { client.send(&ask).await.map(|reply| reply.output) })
    };
    let all = |address: &str| {
        let feed = ask(address, None, None).unwrap().feed;
        feed.into_iter().map(|post| post.post).collect::<Vec<_>>()
    };
    let mut running = world.start(FEED, &arguments);
    let address = running.address();
    let described = world
        .runtime
        .block_on(async { world.client_of(&address).send(&DescribeFeedGenerator).await.unwrap().output });
    assert_eq!(described.feeds[0].uri.as_str(), URI);
    until(|| (all(&address).len() == 5).then_some(()));
    written.reverse();
    assert_eq!(all(&address), written);
    // Page by page.
    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let page = ask(&address, Some(2), cursor).unwrap();
        paged.extend(page.feed.into_iter().map(|post| post.post));
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, written);
    assert!(ask(&address, None, Some("x".to_owned())).is_err());
    drop(running);

    // What was written and deleted meanwhile is seen, and nothing twice.
    let gone = written.pop().unwrap();
    let key = gone.record_key().unwrap();
    world.runtime.block_on(async {
        alice
            .delete_record::<atproto_xrpc::api::app::bsky::feed::Post>(&repo_of(&alice), &key, None)
            .await
            .unwrap()
    });
    written.insert(0, write("another CAT"));
    let mut running = world.start(FEED, &arguments);
    let address = running.address();
    until(|| (all(&address) == written).then_some(()));
}
