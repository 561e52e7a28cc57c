use crate::world::{World, post, repo_of};
use serde_json::Value;

const FIREHOSE: &str = env!("CARGO_BIN_EXE_firehose");

fn keeps_its_place(world: &World) {
    let host = world.host();
    let alice = world.account("alice");
    let repo = repo_of(&alice);
    let arguments = ["--host", &host, "--collection", "app.bsky.feed.post"];
    std::fs::write(world.path("firehose.cursor"), "0").unwrap();
    let write = |from: usize, to: usize| {
        world.runtime.block_on(async {
            for number in from..to {
                alice.create_record(&repo, None, &post(&format!("post {number}"))).await.unwrap();
            }
        });
    };
    let told = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["action"], &line["did"]), (&"create".into(), &alice.auth().did().as_str().into()));
        assert!(line["cid"].as_str().unwrap().starts_with("bafyrei") && line["seq"].is_u64());
        line["record"]["text"].as_str().unwrap().to_owned()
    };
    let text = |from: usize, to: usize| (from..to).map(|number| format!("post {number}")).collect::<Vec<_>>();
    write(0, 5);
    // Another collection is not told.
    let other = "com.example.note".parse().unwrap();
    let note = atproto_lexicon::data::Object::from([("$type".into(), "com.example.note".into())]);
    let create = atproto_xrpc::api::com::atproto::repo::CreateRecord::new(repo.clone(), other, note);
    world.runtime.block_on(async { alice.send(&create).await.unwrap() });
    let out = world.done(FIREHOSE, &[&arguments[..], &["--limit", "5"]].concat());
    assert_eq!(out.lines().map(told).collect::<Vec<_>>(), text(0, 5));
    // It goes on where it ended, while there is more.
    write(5, 8);
    let out = world.done(FIREHOSE, &[&arguments[..], &["--limit", "3"]].concat());
    assert_eq!(out.lines().map(told).collect::<Vec<_>>(), text(5, 8));
    let mut running = world.start(FIREHOSE, &arguments);
    write(8, 10);
    assert_eq!([running.line(), running.line()].map(|line| told(&line)).as_slice(), text(8, 10));
}

#[test]
fn it_keeps_its_place() {
    keeps_its_place(&World::embedded());
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_it_keeps_its_place() {
    keeps_its_place(&World::reference());
}
