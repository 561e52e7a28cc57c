use crate::world::{LoggedIn, World, post, repo_of};
use atproto_repo::car::Car;
use atproto_repo::repo::UnsignedRepo;
use atproto_xrpc::api::com::atproto::repo::ListRecords;

const CLEANUP: &str = env!("CARGO_BIN_EXE_cleanup");

fn count(world: &World, client: &LoggedIn) -> usize {
    let mut ask = ListRecords::new(repo_of(client), "app.bsky.feed.post".parse().unwrap());
    ask.limit = Some(100);
    world.runtime.block_on(async { client.send(&ask).await.unwrap().output.records.len() })
}

fn deletes_what_was_listed(world: &World) {
    let alice = world.account("alice");
    world.runtime.block_on(async {
        for number in 0..12 {
            let mut old = post(&format!("old {number}"));
            old.created_at = "2020-01-02T03:04:05Z".parse().unwrap();
            alice.create_record(&repo_of(&alice), None, &old).await.unwrap();
        }
        let mut new = post("old, but new");
        new.created_at = "2100-01-02T03:04:05Z".parse().unwrap();
        alice.create_record(&repo_of(&alice), None, &new).await.unwrap();
    });
    let who = ["--account", "alice.test", "--password-file", "password"];
    assert!(!world.run(CLEANUP, &who).is_good);
    let old = ["--older-than", "30"];
    let out = world.done(CLEANUP, &[&who[..], &old].concat());
    assert!(out.ends_with("12 records would be deleted\n"), "{out}");
    assert_eq!((out.lines().count(), count(world, &alice)), (13, 13));
    let out = world.done(CLEANUP, &[&who[..], &old, &["--matching", "old 1"]].concat());
    assert!(out.ends_with("3 records would be deleted\n"), "{out}");
    assert!(!world.run(CLEANUP, &[&who[..], &old, &["--delete"]].concat()).is_good);

    let delete = ["--delete", "--backup", "before.car"];
    // Where the copy cannot be made, nothing is deleted.
    let nowhere = ["--delete", "--backup", "no/such/folder/before.car"];
    assert!(!world.run(CLEANUP, &[&who[..], &old, &nowhere].concat()).is_good);
    assert_eq!(count(world, &alice), 13);
    let out = world.done(CLEANUP, &[&who[..], &old, &delete].concat());
    assert!(out.ends_with("12 records are deleted; before.car has them\n"), "{out}");
    assert_eq!(count(world, &alice), 1);
    let bytes = std::fs::read(world.path("before.car")).unwrap();
    let car = Car::parse(&bytes).unwrap();
    assert_eq!(UnsignedRepo::open(&car).unwrap().check().unwrap().records, 13);
    let out = world.done(CLEANUP, &[&who[..], &old, &["--delete", "--backup", "again.car"]].concat());
    assert!(out.ends_with("0 records are deleted; again.car has them\n"), "{out}");
}

#[test]
fn it_deletes_what_it_listed() {
    deletes_what_was_listed(&World::embedded());
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_it_deletes_what_it_listed() {
    deletes_what_was_listed(&World::reference());
}
