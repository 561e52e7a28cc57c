//! The workloads of `benches/peers/repositories`, with atrium-repo.

use atrium_crypto::verify::Verifier;
use atrium_repo::Repository;
use atrium_repo::blockstore::{
    AsyncBlockStoreRead as _, AsyncBlockStoreWrite as _, CarStore, MemoryBlockStore, SHA2_256,
};
use atrium_repo::mst::Tree;
use futures::TryStreamExt as _;
use ipld_core::cid::Cid;
use side::{Done, Inputs, Listed, Write, timed};
use std::io::Cursor;

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    Some(match workload {
        "read" | "read-shuffled" => {
            let (bytes, did, key) = inputs.repository(workload);
            timed(|| runtime.block_on(read(bytes, &did, &key)))
        }
        "hostile" => side::judge(inputs, |bytes, did, key| runtime.block_on(read(bytes, did, key))),
        "build" => {
            let pairs: Vec<(String, Cid)> = inputs.pairs();
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
            let (mut tree, writes) = (Tree::open(store, root), inputs.writes());
            timed(|| {
                runtime.block_on(async {
                    for write in &writes {
                        match write {
                            Write::Create(path, cid) => tree.add(path, *cid).await,
                            Write::Update(path, cid) => tree.update(path, *cid).await,
                            Write::Delete(path) => tree.delete(path).await,
                        }
                        .expect("a tree");
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
