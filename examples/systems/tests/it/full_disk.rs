//! Files may have 1 KiB, or 4: more than that and the disk is as good as full.

use crate::world::{Ended, World, post, repo_of};
use atproto_xrpc::api::app::bsky::feed::Post;
use std::fs::File;

/// Runs a program whose files may have so many blocks of 512 bytes, or of 1 KiB where the shell counts so.
fn run(world: &World, blocks: usize, program: &str, arguments: &[&str]) -> Ended {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    world.run("sh", &[&["-c", &script, program], arguments].concat())
}

fn assert_is_one_line(ended: &Ended, about: &str) {
    assert!(!ended.is_good && ended.out.is_empty(), "{}", ended.out);
    assert!(ended.err.lines().count() == 1 && ended.err.contains(about), "{}", ended.err);
}

#[test]
fn nothing_is_half_done() {
    let world = World::embedded();
    let alice = world.account("alice");
    let write = |number: usize| {
        let post = post(&format!("{number}: {}", "long ".repeat(40)));
        let written =
            world.runtime.block_on(async { alice.create_record(&repo_of(&alice), None, &post).await });
        written.unwrap().output.uri
    };
    let posts: Vec<_> = (0..20).map(write).collect();

    let backup = env!("CARGO_BIN_EXE_backup");
    assert_is_one_line(&run(&world, 2, backup, &["alice.test"]), "repo.car: ");
    assert!(!world.path("backup/repo.car").exists());
    // A copy that is there stays.
    world.done(backup, &["alice.test"]);
    let copy = std::fs::read(world.path("backup/repo.car")).unwrap();
    write(20);
    assert_is_one_line(&run(&world, 2, backup, &["alice.test"]), "repo.car: ");
    assert_eq!(std::fs::read(world.path("backup/repo.car")).unwrap(), copy);

    // Nothing is deleted of which there is no copy.
    let who = ["--account", "alice.test", "--password-file", "password"];
    let all = ["--older-than", "1", "--delete", "--backup", "before.car"];
    let ended = run(&world, 4, env!("CARGO_BIN_EXE_cleanup"), &[&who[..], &all].concat());
    assert!(!ended.is_good && ended.err.contains("before.car: "), "{}{}", ended.out, ended.err);
    world.runtime.block_on(async {
        let key = posts[0].record_key().unwrap();
        alice.get_record::<Post>(&repo_of(&alice), &key).await.unwrap();
    });

    let host = world.host();
    let relay = run(&world, 8, env!("CARGO_BIN_EXE_relay"), &["--port", "0", &host]);
    assert!(!relay.is_good && relay.err.contains("events.redb: "), "{}", relay.err);
    let view = run(&world, 8, env!("CARGO_BIN_EXE_app-view"), &["--port", "0", "--host", &host]);
    assert!(!view.is_good && view.err.contains("app-view.sqlite: "), "{}", view.err);
}

#[test]
fn what_could_not_be_printed_comes_again() {
    let world = World::embedded();
    let alice = world.account("alice");
    std::fs::write(world.path("firehose.cursor"), "0\n").unwrap();
    let post = post("once");
    world.runtime.block_on(async { alice.create_record(&repo_of(&alice), None, &post).await.unwrap() });
    let firehose = env!("CARGO_BIN_EXE_firehose");
    let (host, limit) = (world.host(), ["--limit", "1"]);
    let arguments = [&["--host", &host, "--collection", "app.bsky.feed.post"][..], &limit].concat();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = world.command(firehose, &arguments).stdout(full).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(!ended.status.success() && said.lines().count() == 1 && said.contains("space"), "{said}");
    assert!(world.done(firehose, &arguments).contains("\"once\""));
}
