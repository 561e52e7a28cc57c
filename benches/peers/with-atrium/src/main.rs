//! The workloads of `benches/peers/repositories`, with atrium-repo.

use atrium_crypto::verify::Verifier;
use atrium_repo::Repository;
use atrium_repo::blockstore::{
    AsyncBlockStoreRead as _, AsyncBlockStoreWrite as _, CarStore, MemoryBlockStore, SHA2_256,
};
use atrium_repo::mst::Tree;
use futures::TryStreamExt as _;
use ipld_core::cid::Cid;
use side::{Done, Inputs, Listed, timed};
use std::io::Cursor;

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    Some(match workload {
        "read" | "read-shuffled" => {
            let name = if workload == "read" { "ordered.car" } else { "shuffled.car" };
            let (bytes, did, key) = inputs.repository(name);
            timed(|| runtime.block_on(read(bytes, &did, &key)))
        }
        "hostile" => side::judge(inputs, |bytes, did, key| runtime.block_on(read(bytes, did, key))),
        "build" => {
            let pairs: Vec<(String, Cid)> =
                inputs.pairs().into_iter().map(|(path, cid)| (path, parse(&cid))).collect();
            timed(|| {
                runtime.block_on(async {
                    let mut tree = Tree::create(MemoryBlockStore::new()).await.expect("a tree");
                    for (path, cid) in &pairs {
                        tree.add(path, *cid).await.expect("a path");
                    }
                    tree.root().to_string()
                })
            })
        }
        "write" => {
            let (store, root) = runtime.block_on(stored(&inputs.bytes("ordered.car")));
            let (mut tree, writes, pairs) = (Tree::open(store, root), inputs.writes(), inputs.pairs());
            timed(|| {
                runtime.block_on(async {
                    for (path, cid) in &writes {
                        match cid {
                            None => tree.delete(path).await,
                            Some(cid) if pairs.binary_search_by(|(known, _)| known.cmp(path)).is_ok() => {
                                tree.update(path, parse(cid)).await
                            }
                            Some(cid) => tree.add(path, parse(cid)).await,
                        }
                        .unwrap_or_else(|e| panic!("{e} {path} {cid:?}"));
                    }
                    tree.root().to_string()
                })
            })
        }
        _ => return None,
    })
}

/// A commit does not tell its DID.
async fn read(bytes: Vec<u8>, _: &str, key: &str) -> String {
    let car = CarStore::open(Cursor::new(&bytes)).await.expect("a CAR");
    let root = car.roots().next().expect("a root");
    let mut repo = Repository::open(car, root).await.expect("a commit");
    let commit = repo.commit();
    let (algorithm, public) = atrium_crypto::did::parse_did_key(key).expect("a key");
    let verifier = Verifier::default();
    verifier.verify(algorithm, &public, &commit.bytes(), commit.sig()).expect("a signature");
    let mut tree = repo.tree();
    let entries = tree.entries();
    futures::pin_mut!(entries);
    let mut listed = Listed::default();
    while let Some((path, cid)) = entries.try_next().await.expect("a tree") {
        listed.add(&path, &cid.to_bytes());
    }
    listed.result()
}

/// The nodes of a tree in memory: the store hashes what it is given.
async fn stored(bytes: &[u8]) -> (MemoryBlockStore, Cid) {
    let mut car = CarStore::open(Cursor::new(bytes)).await.expect("a CAR");
    let commit = car.roots().next().expect("a root");
    let root = Repository::open(&mut car, commit).await.expect("a commit").commit().data();
    let nodes: Vec<Cid> = Tree::open(&mut car, root).export().try_collect().await.expect("a tree");
    let mut store = MemoryBlockStore::new();
    for cid in nodes {
        if let Ok(block) = car.read_block(cid).await {
            store.write_block(cid.codec(), SHA2_256, &block).await.expect("a store");
        }
    }
    (store, root)
}

fn parse(cid: &str) -> Cid {
    cid.parse().expect("a CID")
}
