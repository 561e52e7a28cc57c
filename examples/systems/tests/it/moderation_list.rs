use crate::world::{World, repo_of};
use atproto_xrpc::api::com::atproto::repo::ListRecords;

const LIST: &str = env!("CARGO_BIN_EXE_moderation-list");

#[test]
fn a_list_is_as_the_file() {
    let world = World::embedded();
    let alice = world.account("alice");
    let dids = ["bob", "carol", "dave"].map(|name| world.account(name).auth().did().to_string());
    let count = |collection: &str| {
        let ask = ListRecords::new(repo_of(&alice), format!("app.bsky.graph.{collection}").parse().unwrap());
        world.runtime.block_on(async { alice.send(&ask).await.unwrap().output.records.len() })
    };
    let arguments = ["list", "--account", "alice.test", "--password-file", "password"];
    let list = |text: &str| std::fs::write(world.path("list"), text).unwrap();
    list("# pests\nbob.test\n@carol.test\n");
    let out = world.done(LIST, &arguments);
    let did = |number: usize| dids[number].clone();
    assert!(
        out.contains(&format!("+ {}\n", did(0))) && out.ends_with("2 accounts, 2 added, 0 removed\n"),
        "{out}"
    );
    assert_eq!((count("list"), count("listitem"), count("listblock")), (1, 2, 0));
    list("carol.test\ndave.test\n");
    let out = world.done(LIST, &[&arguments[..], &["--block"]].concat());
    assert!(
        out.contains(&format!("- {}\n", did(0))) && out.ends_with("2 accounts, 1 added, 1 removed\n"),
        "{out}"
    );
    assert_eq!((count("list"), count("listitem"), count("listblock")), (1, 2, 1));
    let out = world.done(LIST, &[&arguments[..], &["--block"]].concat());
    assert!(out.ends_with("2 accounts, 0 added, 0 removed\n"), "{out}");
    // Who comes back is on it again; the block is taken back.
    list("bob.test\ncarol.test\ndave.test\n");
    world.done(LIST, &arguments);
    assert_eq!((count("list"), count("listitem"), count("listblock")), (1, 3, 0));
    // A name that nobody has changes nothing.
    list("nobody.test\n");
    let ended = world.run(LIST, &arguments);
    assert!(!ended.is_good && ended.err.starts_with("nobody.test: "), "{}", ended.err);
    assert_eq!(count("listitem"), 3);
}
