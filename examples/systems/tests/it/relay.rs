use crate::world::{LoggedIn, Running, World, post, repo_of};
use serde_json::Value;

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
