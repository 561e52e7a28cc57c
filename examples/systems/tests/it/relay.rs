use crate::world::{LoggedIn, Running, World, post, repo_of};
use atproto_identity::fetch_policy::{DevelopmentPolicy, FetchPolicy};
use atproto_xrpc::api::com::atproto::server::{ActivateAccount, DeactivateAccount};
use atproto_xrpc::stream::frame::Frame;
use atproto_xrpc::stream::{Connect as _, Message, Socket, WebSockets};
use serde_json::Value;
use std::time::Duration;

const RELAY: &str = env!("CARGO_BIN_EXE_relay");
const FIREHOSE: &str = env!("CARGO_BIN_EXE_firehose");

fn write(world: &World, client: &LoggedIn, texts: &[&str]) {
    for text in texts {
        world
            .runtime
            .block_on(async { client.create_record(&repo_of(client), None, &post(text)).await.unwrap() });
    }
}

/// What a consumer of the relay sees from where it was on: these, each once.
fn consume(world: &World, relay: &str, cursor: &str, wanted: &[&str]) {
    let limit = wanted.len().to_string();
    let arguments = ["--host", relay, "--collection", "app.bsky.feed.post", "--cursor", cursor, "--limit"];
    let lines = world.done(FIREHOSE, &[&arguments[..], &[&limit]].concat());
    let texts = lines.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["record"]["text"].as_str().unwrap().to_owned()
    });
    let mut texts: Vec<_> = texts.collect();
    texts.sort();
    assert_eq!(texts, wanted);
}

fn address(running: &mut Running) -> String {
    running.address().replace("127.0.0.1", "localhost")
}

#[test]
fn many_hosts_become_one_stream() {
    let world = World::embedded();
    let (alice, bob) = (world.account_at(0, "alice"), world.account_at(1, "bob"));
    write(&world, &alice, &["a1", "a2"]);
    write(&world, &bob, &["b1"]);
    let hosts = [world.host_at(0), world.host_at(1)];
    let arguments = [&["--port", "0"][..], &hosts.each_ref().map(String::as_str)].concat();
    let mut running = world.start(RELAY, &arguments);
    let relay = address(&mut running);
    for name in ["first", "second"] {
        std::fs::write(world.path(name), "0").unwrap();
    }
    consume(&world, &relay, "first", &["a1", "a2", "b1"]);
    write(&world, &bob, &["b2"]);
    consume(&world, &relay, "first", &["b2"]);
    running.kill();

    // What happens while it is away is sent when it is back; what was sent is still there, and not sent again.
    write(&world, &alice, &["a3"]);
    let mut running = world.start(RELAY, &arguments);
    let relay = address(&mut running);
    consume(&world, &relay, "first", &["a3"]);
    consume(&world, &relay, "second", &["a1", "a2", "a3", "b1", "b2"]);
}

/// Waits for a relay to have events of these kinds, one after the other.
fn wait_for(world: &World, relay: &str, wanted: &[&str]) {
    let wanted: Vec<_> = wanted.iter().map(|kind| (*kind).to_owned()).collect();
    let url = relay.replacen("http", "ws", 1) + "/xrpc/com.atproto.sync.subscribeRepos?cursor=0";
    let read = async {
        let sockets = WebSockets::new(FetchPolicy::from(DevelopmentPolicy::default()));
        let mut socket = sockets.connect(&url, 1 << 20).await.unwrap();
        let mut kinds = Vec::new();
        while !kinds.ends_with(&wanted) {
            if let Message::Binary(bytes) = Socket::recv(&mut socket).await.unwrap().unwrap() {
                let Frame::Message { t, .. } = Frame::parse(&bytes, &Default::default()).unwrap() else {
                    panic!("an error")
                };
                kinds.push(t.to_owned());
            }
        }
    };
    world.runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), read).await.unwrap() });
}

#[test]
fn an_account_that_was_away_goes_on() {
    let world = World::embedded();
    let alice = world.account("alice");
    write(&world, &alice, &["a1"]);
    let mut running = world.start(RELAY, &["--port", "0", &world.host_at(0)]);
    let relay = address(&mut running);
    std::fs::write(world.path("cursor"), "0").unwrap();
    consume(&world, &relay, "cursor", &["a1"]);
    world.runtime.block_on(async {
        alice.send(&DeactivateAccount::default()).await.unwrap();
        alice.send(&ActivateAccount).await.unwrap();
    });
    write(&world, &alice, &["a2", "a3"]);
    wait_for(&world, &relay, &["#account", "#account", "#identity", "#sync", "#commit", "#commit"]);
}
