use crate::world::{World, post, repo_of};
use atproto_lexicon::data::{BlobRef, Object, Value};
use atproto_repo::car::{Car, CarWriter};
use atproto_xrpc::api::com::atproto::repo::{CreateRecord, UploadBlob};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

const BACKUP: &str = env!("CARGO_BIN_EXE_backup");

fn is_incremental_and_verified(world: &World) {
    let alice = world.account("alice");
    let with_file = |bytes: &'static [u8]| {
        world.runtime.block_on(async {
            let blob = alice.send_bytes(&UploadBlob, "text/plain", bytes).await.unwrap().output.blob;
            let mut record = Object::from([("$type".into(), "com.example.file".into())]);
            record.insert("file".into(), Value::Object(Object::try_from(&blob).unwrap()));
            let create = CreateRecord::new(repo_of(&alice), "com.example.file".parse().unwrap(), record);
            alice.send(&create).await.unwrap();
            match blob {
                BlobRef::Blob(blob) => blob.cid.to_string(),
                BlobRef::Legacy(_) => panic!(),
            }
        })
    };
    let first = with_file(b"the first file");
    let out = world.done(BACKUP, &["alice.test"]);
    assert!(out.contains("1 records, new; 1 blobs, 1 new"), "{out}");
    assert_eq!(fs::read(world.path("backup/blobs").join(&first)).unwrap(), b"the first file");
    let out = world.done(BACKUP, &["alice.test"]);
    assert!(out.contains("1 records, unchanged; 1 blobs, 0 new"), "{out}");

    with_file(b"the second file");
    world.runtime.block_on(async { alice.create_record(&repo_of(&alice), None, &post("x")).await.unwrap() });
    let out = world.done(BACKUP, &["alice.test"]);
    assert!(out.contains("3 records, new; 2 blobs, 1 new"), "{out}");

    // What has rotted on the disk is fetched again.
    fs::write(world.path("backup/blobs").join(&first), b"another file").unwrap();
    let file = world.path("backup/repo.car");
    let mut car = fs::read(&file).unwrap();
    let last = car.len() - 1;
    car[last] ^= 1;
    fs::write(&file, car).unwrap();
    let out = world.done(BACKUP, &["alice.test"]);
    assert!(out.contains("3 records, new; 2 blobs, 1 new"), "{out}");
    assert_eq!(fs::read(world.path("backup/blobs").join(&first)).unwrap(), b"the first file");
    // So is a file of whole blocks of which one is missing.
    let whole = fs::read(&file).unwrap();
    let car = Car::parse(&whole).unwrap();
    let mut part = CarWriter::new(Vec::new(), car.roots()).unwrap();
    for block in car.blocks().take(car.len() - 1) {
        part.write(&block.cid, block.bytes).unwrap();
    }
    fs::write(&file, part.into_inner()).unwrap();
    let out = world.done(BACKUP, &["alice.test"]);
    assert!(out.contains("3 records, new; 2 blobs, 0 new"), "{out}");
    assert_eq!(fs::read(&file).unwrap(), whole);
}

#[test]
fn who_is_down_is_waited_for() {
    let world = World::embedded();
    world.account("alice");
    // Nobody listens at the port of a listener that is gone.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (plc, handles) = (format!("http://localhost:{port}"), world.port().to_string());
    let arguments = ["alice.test", "--plc", &plc, "--development", &handles];
    let mut command = world.command_here(BACKUP, &arguments);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    for _ in 0..2 {
        let line = told.next().unwrap().unwrap();
        assert!(line.starts_with("alice.test: ") && line.contains("; again in "), "{line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_copy_is_incremental_and_verified() {
    is_incremental_and_verified(&World::embedded());
}

#[test]
#[ignore = "needs the reference servers"]
fn realnet_a_copy_is_incremental_and_verified() {
    is_incremental_and_verified(&World::reference());
}

#[test]
fn what_is_not_there_is_one_line() {
    let world = World::embedded();
    for who in ["nobody.test", "did:plc:ewvi7nxzyoun6zhxrhs64oiz"] {
        let ended = world.run(BACKUP, &[who]);
        assert!(!ended.is_good);
        assert_eq!((ended.err.lines().count(), ended.out.as_str()), (1, ""), "{}", ended.err);
        assert!(ended.err.starts_with(who), "{}", ended.err);
    }
    assert!(!world.path("backup").exists());
}
