use crate::world::{LoggedIn, PASSWORD, Running, World, post, repo_of, until};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::syntax::{AtIdentifier, AtUri};
use atproto_xrpc::api::app::bsky::feed::{GetPosts, Like, Post, get_posts::GetPostsOutput};
use atproto_xrpc::api::com::atproto::identity::{RequestPlcOperationSignature, SignPlcOperation};
use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
use atproto_xrpc::api::com::atproto::repo::{GetRecord, ListRecords};
use atproto_xrpc::api::com::atproto::server::{
    ActivateAccount, DeactivateAccount, DeleteAccount, RequestAccountDelete,
};
use std::process::Command;

const APP_VIEW: &str = env!("CARGO_BIN_EXE_app-view");

fn write(world: &World, client: &LoggedIn, text: &str) -> StrongRef {
    let post = post(text);
    let written = world.runtime.block_on(async { client.create_record(&repo_of(client), None, &post).await });
    let written = written.unwrap().output;
    StrongRef::new(written.uri, written.cid)
}

fn like(world: &World, client: &LoggedIn, post: &StrongRef) -> AtUri {
    let like = Like::new(post.clone(), "2026-01-02T03:04:06Z".parse().unwrap());
    world
        .runtime
        .block_on(async { client.create_record(&repo_of(client), None, &like).await.unwrap().output.uri })
}

fn text_of(record: &Object) -> String {
    let Some(Value::String(text)) = record.get("text") else { panic!("no text") };
    text.to_string()
}

struct View<'w> {
    world: &'w World,
    _running: Running,
    address: String,
}

impl<'w> View<'w> {
    fn start(world: &'w World) -> Self {
        let mut running = world.start(APP_VIEW, &["--port", "0", "--host", &world.host()]);
        let address = running.address();
        Self { world, _running: running, address }
    }

    /// The texts of an account's posts, page by page.
    fn texts(&self, repo: &AtIdentifier, reverse: bool) -> Vec<String> {
        let client = self.world.client_of(&self.address);
        let mut ask = ListRecords::new(repo.clone(), "app.bsky.feed.post".parse().unwrap());
        (ask.limit, ask.reverse) = (Some(2), Some(reverse));
        let mut texts = Vec::new();
        loop {
            let page = self.world.runtime.block_on(async { client.send(&ask).await.unwrap().output });
            texts.extend(page.records.iter().map(|record| text_of(&record.value)));
            ask.cursor = page.cursor;
            if ask.cursor.is_none() {
                return texts;
            }
        }
    }

    fn posts(&self, uris: &[&AtUri]) -> GetPostsOutput {
        let client = self.world.client_of(&self.address);
        let ask = GetPosts { uris: uris.iter().map(|uri| (*uri).clone()).collect() };
        self.world.runtime.block_on(async { client.send(&ask).await.unwrap().output })
    }

    fn likes(&self, post: &StrongRef) -> Option<i64> {
        self.posts(&[&post.uri]).posts.first().and_then(|post| post.like_count)
    }

    /// The live page's numbers.
    fn live(&self) -> serde_json::Value {
        let url = format!("{}/live", self.address);
        let get = async { reqwest::get(url).await.unwrap().bytes().await.unwrap() };
        serde_json::from_slice(&self.world.runtime.block_on(get)).unwrap()
    }
}

#[test]
fn what_was_there_and_what_comes_is_indexed() {
    let world = World::embedded();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    let posts: Vec<_> = (0..5).map(|number| write(&world, &alice, &format!("number {number}"))).collect();
    let liked = like(&world, &bob, &posts[0]);
    let view = View::start(&world);
    until(|| (view.likes(&posts[0]) == Some(1)).then_some(()));
    let alices = AtIdentifier::from(alice.auth().did());
    let all = |upto: usize| (0..upto).map(|number| format!("number {number}")).collect::<Vec<_>>();
    assert_eq!(until(|| Some(view.texts(&alices, true)).filter(|texts| texts.len() == 5)), all(5));
    assert_eq!(
        view.texts(&"alice.test".parse().unwrap(), false),
        all(5).into_iter().rev().collect::<Vec<_>>()
    );
    let shown = view.posts(&[
        &posts[1].uri,
        &"at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/a".parse().unwrap(),
    ]);
    assert_eq!(shown.posts.len(), 1);
    assert_eq!((shown.posts[0].author.handle.as_str(), shown.posts[0].like_count), ("alice.test", Some(0)));

    // From here on by events.
    let second = like(&world, &bob, &posts[1]);
    until(|| (view.likes(&posts[1]) == Some(1)).then_some(()));
    world.runtime.block_on(async {
        bob.delete_record::<Like>(&repo_of(&bob), &second.record_key().unwrap(), None).await.unwrap()
    });
    until(|| (view.likes(&posts[1]) == Some(0)).then_some(()));
    until(|| {
        let live = view.live();
        let is_seen = live["verified"].as_u64().unwrap() >= 2 && live["lag"].as_u64().is_some();
        (is_seen && live["accounts"] == serde_json::json!({ "indexed": 2 })).then_some(())
    });
    drop(view);

    // What happens while it is away: an account is new, a record is gone, one is there.
    let carol = world.account("carol");
    let new = write(&world, &carol, "new");
    write(&world, &alice, "number 5");
    world.runtime.block_on(async {
        let key = posts[2].uri.record_key().unwrap();
        alice.delete_record::<Post>(&repo_of(&alice), &key, None).await.unwrap();
        bob.delete_record::<Like>(&repo_of(&bob), &liked.record_key().unwrap(), None).await.unwrap();
    });
    let view = View::start(&world);
    until(|| (view.likes(&new) == Some(0) && view.likes(&posts[0]) == Some(0)).then_some(()));
    let mut left = all(6);
    left.remove(2);
    assert_eq!(until(|| Some(view.texts(&alices, true)).filter(|texts| texts.len() == 5)), left);

    // What is not to be seen is not shown.
    let ask = {
        let key = posts[0].uri.record_key().unwrap();
        GetRecord::new(alices, "app.bsky.feed.post".parse().unwrap(), key)
    };
    let client = world.client_of(&view.address);
    let found = || world.runtime.block_on(async { client.send(&ask).await });
    assert_eq!(text_of(&found().unwrap().output.value), "number 0");
    world.runtime.block_on(async { alice.send(&DeactivateAccount::default()).await.unwrap() });
    let refused = until(|| found().err());
    assert_eq!(refused.name(), Some("RecordNotFound"));
    let states = serde_json::json!({ "indexed": 2, "deactivated": 1 });
    until(|| (view.live()["accounts"] == states).then_some(()));
    world.runtime.block_on(async { alice.send(&ActivateAccount).await.unwrap() });
    until(|| found().ok());
}

#[test]
fn of_accounts_that_are_gone_nothing_is_shown() {
    let world = World::embedded();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    let (first, second) = (write(&world, &alice, "of alice"), write(&world, &bob, "of bob"));
    let view = View::start(&world);
    let shown = |view: &View<'_>| view.posts(&[&first.uri, &second.uri]).posts.len();
    until(|| (shown(&view) == 2).then_some(()));
    until(|| (view.live()["accounts"] == serde_json::json!({ "indexed": 2 })).then_some(()));
    world.runtime.block_on(async {
        bob.send(&RequestAccountDelete).await.unwrap();
        let delete = DeleteAccount::new(bob.auth().did(), PASSWORD.to_owned(), world.mail(&bob));
        world.client_of(&world.host()).send(&delete).await.unwrap();
    });
    until(|| (view.live()["accounts"] == serde_json::json!({ "indexed": 1, "deleted": 1 })).then_some(()));
    assert_eq!(shown(&view), 1);
    drop(view);

    // Of one that went while nobody looked, and whose events are no longer there, the host says nothing at all.
    let connection = rusqlite::Connection::open(world.path("app-view.sqlite")).unwrap();
    let missed = "UPDATE place SET missed = 1; \
        INSERT INTO accounts (did, rev, is_due, hosted) VALUES ('did:plc:aaaaaaaaaaaaaaaaaaaaaaaa', '3jzfcijpj2z2a', 0, 0)";
    connection.execute_batch(missed).unwrap();
    drop(connection);
    let view = View::start(&world);
    let states = serde_json::json!({ "indexed": 1, "deleted": 1, "inactive": 1 });
    until(|| (view.live()["accounts"] == states).then_some(()));
    assert_eq!(shown(&view), 1);
}

/// The account gets another key, of which its host knows nothing.
fn take_key_away(world: &World, client: &LoggedIn) {
    world.runtime.block_on(async {
        client.send(&RequestPlcOperationSignature).await.unwrap();
        let key = SecretKey::from_hex(Curve::K256, &"2b".repeat(32)).unwrap().public_key().to_did_key();
        let methods = Object::from([("atproto".into(), Value::String(key))]);
        let ask = SignPlcOperation {
            token: Some(world.mail(client)),
            verification_methods: Some(methods),
            ..SignPlcOperation::default()
        };
        let signed = client.send(&ask).await.unwrap().output.operation;
        let url = format!("{}/{}", world.plc(), client.auth().did());
        let body = serde_json::to_vec(&signed).unwrap();
        let post = reqwest::Client::new().post(url).header("content-type", "application/json").body(body);
        assert!(post.send().await.unwrap().status().is_success());
    });
}

#[test]
#[ignore = "starts Chromium: browser"]
fn browser_shows_the_live_network() {
    let world = World::embedded();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    write(&world, &bob, "before");
    let view = View::start(&world);
    until(|| (view.live()["accounts"]["indexed"] == 2).then_some(()));
    write(&world, &bob, "one");
    until(|| (view.live()["verified"] == 1).then_some(()));
    // Keys are remembered, but not from one start to the next.
    drop(view);
    take_key_away(&world, &alice);
    write(&world, &alice, "signed by nobody");
    write(&world, &bob, "two");
    let view = View::start(&world);
    until(|| (view.live()["verified"] == 1 && view.live()["refused"][0][1] == 1).then_some(()));
    let profile = world.path("profile");
    let profile = format!("--user-data-dir={}", profile.display());
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--virtual-time-budget=4000",
        "--dump-dom",
        &profile,
    ];
    let shown = Command::new("chromium").args(arguments).arg(&view.address).output().unwrap();
    let page = String::from_utf8(shown.stdout).unwrap();
    for part in [
        "since this program was started",
        "events a second</dt><dd id=\"rate\">0.0<",
        "<dd id=\"refused\">1<",
        "<dd id=\"records\">3<",
        "<td>signature is not of the account's key</td><td>1</td>",
        "<td>indexed</td><td>2</td>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
