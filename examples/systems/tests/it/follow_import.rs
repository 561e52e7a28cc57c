use crate::world::{World, repo_of};
use atproto_xrpc::api::com::atproto::repo::ListRecords;

const IMPORT: &str = env!("CARGO_BIN_EXE_follow-import");

#[test]
fn everybody_is_followed_once() {
    let world = World::embedded();
    let alice = world.account("alice");
    for name in ["bob", "carol", "dave"] {
        world.account(name);
    }
    let count = || {
        let ask = ListRecords::new(repo_of(&alice), "app.bsky.graph.follow".parse().unwrap());
        world.runtime.block_on(async { alice.send(&ask).await.unwrap().output.records.len() })
    };
    let arguments = ["list", "--account", "alice.test", "--password-file", "password"];
    let list = |text: &str| std::fs::write(world.path("list"), text).unwrap();
    list("# friends\nbob.test\n\n@carol.test\nnobody.test\n");
    let ended = world.run(IMPORT, &arguments);
    assert!(!ended.is_good);
    assert_eq!(ended.out, "bob.test is followed\ncarol.test is followed\n2 are followed now\n");
    assert!(ended.err.ends_with("1 are not found\n"), "{}", ended.err);
    assert_eq!(count(), 2);
    list("bob.test\ncarol.test\ndave.test\n");
    assert_eq!(world.done(IMPORT, &arguments), "dave.test is followed\n1 are followed now\n");
    // Without what was kept, what is there counts.
    std::fs::remove_file(world.path("follow-import.json")).unwrap();
    assert_eq!(world.done(IMPORT, &arguments), "0 are followed now\n");
    assert_eq!(count(), 3);
    list("bob.test\nno handle\n");
    let ended = world.run(IMPORT, &arguments);
    assert!(ended.err.starts_with("list, line 2: ") && ended.out.is_empty(), "{}", ended.err);
}

#[test]
fn who_is_killed_before_it_is_known_follows_nobody_twice() {
    let world = World::embedded();
    let alice = world.account("alice");
    world.account("bob");
    std::fs::write(world.path("list"), "bob.test\n").unwrap();
    let arguments = ["list", "--account", "alice.test", "--password-file", "password"];
    world.done(IMPORT, &arguments);
    // As if it had been killed after the record was written.
    let kept = std::fs::read_to_string(world.path("follow-import.json")).unwrap();
    std::fs::write(world.path("follow-import.json"), kept.replace("true", "false")).unwrap();
    world.done(IMPORT, &arguments);
    let ask = ListRecords::new(repo_of(&alice), "app.bsky.graph.follow".parse().unwrap());
    let follows = world.runtime.block_on(async { alice.send(&ask).await.unwrap().output.records.len() });
    assert_eq!(follows, 1);
}
