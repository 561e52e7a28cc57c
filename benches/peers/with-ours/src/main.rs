//! The workloads of `benches/peers/repositories`, with these crates.

use atproto_crypto::PublicKey;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::mst::{Edit, TreeDiff, TreeEdit};
use atproto_repo::repo::stream::{RepoStream, Slice};
use atproto_repo::repo::{Repo, UnsignedRepo};
use atproto_repo::store::MemoryBlocks;
use atproto_repo::sync::{Event, Policy};
use side::{Done, Inputs, Listed, Write, timed};

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    Some(match workload {
        "read" => {
            let (bytes, did, key) = inputs.repository(workload);
            timed(|| stream(&bytes, &did, &key))
        }
        "hostile" => side::judge(inputs, |bytes, did, key| stream(&bytes, did, key)),
        "read-shuffled" => {
            let (bytes, did, key) = inputs.repository(workload);
            let (did, key) = account(&did, &key);
            timed(|| {
                let car = Car::parse(&bytes).expect("a CAR");
                let repo = Repo::verify(&car, &did, &key).expect("a commit");
                let (mut walk, mut listed) = (repo.walk(), Listed::default());
                while let Some(entry) = walk.next().expect("a repository") {
                    listed.add(entry.path, entry.cid.as_bytes());
                }
                listed.result()
            })
        }
        "build" => {
            let pairs = inputs.pairs();
            timed(|| {
                let mut tree = Edit::empty();
                for (path, cid) in &pairs {
                    tree.insert(path.as_bytes(), *cid).expect("a path");
                }
                tree.finish().expect("a tree").0.to_string()
            })
        }
        "write" => {
            let (mut blocks, mut root) = stored(&inputs.bytes("ordered.car"));
            let writes = inputs.writes();
            timed(|| {
                for write in &writes {
                    let mut tree = TreeEdit::new(&blocks, root);
                    match write {
                        Write::Create(path, cid) | Write::Update(path, cid) => {
                            tree.insert(path.as_bytes(), *cid)
                        }
                        Write::Delete(path) => tree.remove(path.as_bytes()),
                    }
                    .expect("a tree");
                    let (next, changes) = tree.finish().expect("a tree");
                    changes.retired.iter().for_each(|cid| drop(blocks.remove(cid)));
                    changes.created.into_iter().for_each(|(cid, block)| blocks.insert_unchecked(cid, block));
                    root = next;
                }
                root.to_string()
            })
        }
        "diff" => {
            let [(before, old), (after, new)] =
                ["ordered.car", "changed.car"].map(|name| stored(&inputs.bytes(name)));
            timed(|| {
                let mut diff = TreeDiff::new((&before, Some(old)), (&after, Some(new)));
                let mut count = 0;
                while diff.next().expect("trees").is_some() {
                    count += 1;
                }
                count.to_string()
            })
        }
        "event" => {
            let (events, (did, key)) = (inputs.events(), inputs.account());
            let (_, key) = account(&did, &key);
            timed(|| {
                let mut ops = 0;
                for body in &events {
                    let Ok(Some(Event::Commit(event))) = Event::parse("#commit", body) else {
                        panic!("a commit")
                    };
                    let now = event.rev.micros();
                    ops += event.verify(&key, None, now, &Policy::default()).expect("an event").ops().len();
                }
                ops.to_string()
            })
        }
        _ => return None,
    })
}

/// The records of a file that is read from its beginning to its end.
fn stream(bytes: &[u8], did: &str, key: &str) -> String {
    let (did, key) = account(did, key);
    let (mut repo, mut listed) = (RepoStream::verify(Slice::new(bytes), did, key), Listed::default());
    while let Some(entry) = repo.next().expect("a repository") {
        listed.add(entry.path, entry.cid.as_bytes());
    }
    listed.result()
}

fn account(did: &str, key: &str) -> (Did, PublicKey) {
    (did.parse().expect("a DID"), key.parse().expect("a key"))
}

/// The tree of a repository in memory.
fn stored(bytes: &[u8]) -> (MemoryBlocks, Cid) {
    let car = Car::parse(bytes).expect("a CAR");
    let mut blocks = MemoryBlocks::default();
    car.blocks().for_each(|block| blocks.insert_unchecked(block.cid, block.bytes.to_vec()));
    let root = UnsignedRepo::open(&car).expect("a commit").commit().data;
    (blocks, root)
}
