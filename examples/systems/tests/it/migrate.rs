use crate::world::{World, post, repo_of};
use atproto_lexicon::data::{Object, Value};
use atproto_xrpc::api::com::atproto::repo::{CreateRecord, ListRecords, UploadBlob};
use atproto_xrpc::api::com::atproto::sync::{GetRepoStatus, ListBlobs};
use std::time::Duration;

const MIGRATE: &str = env!("CARGO_BIN_EXE_migrate");

fn loses_nothing(world: &World, kills: u64) {
    let alice = world.account("alice");
    let did = alice.auth().did();
    world.runtime.block_on(async {
        let repo = repo_of(&alice);
        for number in 0..8 {
            let bytes = format!("file {number}");
            let blob = alice.send_bytes(&UploadBlob, "text/plain", bytes).await.unwrap().output.blob;
            let mut record = Object::from([("$type".into(), "com.example.file".into())]);
            record.insert("file".into(), Value::Object(Object::try_from(&blob).unwrap()));
            let collection = "com.example.file".parse().unwrap();
            alice.send(&CreateRecord::new(repo.clone(), collection, record)).await.unwrap();
            alice.create_record(&repo, None, &post(&number.to_string())).await.unwrap();
        }
    });
    let to = world.host_at(1);
    let password = ["--password-file", "password", "--new-password-file", "password"];
    let arguments =
        [&["--account", "alice.test", "--to", &to, "--email", "alice@mail.test"][..], &password].concat();
    // Killed again and again, later each time.
    for kill in 0..kills {
        let mut running = world.start(MIGRATE, &arguments);
        std::thread::sleep(Duration::from_millis(30 + 40 * kill));
        running.kill();
    }
    let ended = world.run(MIGRATE, &arguments);
    assert!(!ended.is_good && ended.err.contains("start again with --token"), "{}", ended.err);
    let token = world.mail(&alice);
    let wrong = world.run(MIGRATE, &[&arguments[..], &["--token", "AAAAA-AAAAA"]].concat());
    assert!(!wrong.is_good && wrong.err.contains("oken"), "{}", wrong.err);
    let with_token = [&arguments[..], &["--token", &token]].concat();
    for kill in 0..kills.min(3) {
        let mut running = world.start(MIGRATE, &with_token);
        std::thread::sleep(Duration::from_millis(100 + 150 * kill));
        running.kill();
    }
    let mut ended = world.run(MIGRATE, &with_token);
    if !ended.is_good {
        // The token was used by one that was killed before it could go on: another one is sent.
        assert!(ended.err.contains("without --token another token is sent"), "{}", ended.err);
        assert!(!world.run(MIGRATE, &arguments).is_good);
        ended = world.run(MIGRATE, &[&arguments[..], &["--token", &world.mail(&alice)]].concat());
    }
    assert!(ended.is_good, "{}", ended.err);
    assert_eq!(ended.out.lines().last().unwrap(), format!("{did} is at {to}"));
    // Once more changes nothing.
    assert!(world.run(MIGRATE, &arguments).is_good);

    world.runtime.block_on(async {
        let (old, new) = (world.client_of(&world.host()), world.client_of(&to));
        let status = GetRepoStatus { did: did.clone() };
        assert!(!old.send(&status).await.unwrap().output.active);
        assert!(new.send(&status).await.unwrap().output.active);
        for (collection, count) in [("app.bsky.feed.post", 8), ("com.example.file", 8)] {
            let ask = ListRecords::new(did.clone().into(), collection.parse().unwrap());
            assert_eq!(new.send(&ask).await.unwrap().output.records.len(), count);
        }
        assert_eq!(new.send(&ListBlobs::new(did.clone())).await.unwrap().output.cids.len(), 8);
    });
}

#[test]
fn it_loses_nothing() {
    loses_nothing(&World::embedded(), 8);
}

/// One that was killed may have asked for the account at the new host, and the next start asks before it is there.
#[test]
fn of_two_that_make_the_account_both_go_on() {
    let world = World::embedded();
    world.account("alice");
    let to = world.host_at(1);
    std::thread::scope(|scope| {
        let starts = ["one.json", "two.json"].map(|progress| {
            let (world, to) = (&world, &to);
            scope.spawn(move || {
                let password = ["--password-file", "password", "--new-password-file", "password"];
                let arguments = ["--account", "alice.test", "--to", to, "--progress", progress];
                world.run(MIGRATE, &[&arguments[..], &password].concat())
            })
        });
        for start in starts {
            let ended = start.join().unwrap();
            assert!(ended.err.contains("start again with --token"), "{}", ended.err);
        }
    });
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_it_loses_nothing() {
    loses_nothing(&World::reference(), 8);
}
