//! The workloads of `benches/peers/repositories`, with rsky-repo.

use lexicon_cid::Cid;
use rsky_repo::car::read_car_with_root;
use rsky_repo::mst::MST;
use rsky_repo::mst::diff::mst_diff;
use rsky_repo::storage::memory_blockstore::MemoryBlockstore;
use rsky_repo::storage::types::RepoStorage;
use rsky_repo::sync::consumer::verify_repo;
use side::{Done, Inputs, Listed, Write, timed};
use std::sync::Arc;
use tokio::sync::RwLock;

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let stored = |name: &str| {
        runtime.block_on(async {
            let car = read_car_with_root(inputs.bytes(name)).await.expect("a CAR");
            let commit: rsky_repo::types::Commit =
                serde_ipld_dagcbor::from_slice(car.blocks.get(car.root).expect("a commit"))
                    .expect("a commit");
            let store = MemoryBlockstore::new(Some(car.blocks)).await.expect("a store");
            let store: Arc<RwLock<dyn RepoStorage>> = Arc::new(RwLock::new(store));
            MST::load(store, commit.data, None).expect("a tree")
        })
    };
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
                    let store: Arc<RwLock<dyn RepoStorage>> =
                        Arc::new(RwLock::new(MemoryBlockstore::default()));
                    let mut tree = MST::create(store, None, None).await.expect("a tree");
                    for (path, cid) in &pairs {
                        tree = tree.add(path, *cid, None).await.expect("a path");
                    }
                    tree.get_pointer().await.expect("a tree").to_string()
                })
            })
        }
        "write" => {
            let mut tree = stored("ordered.car");
            let writes = inputs.writes();
            timed(|| {
                runtime.block_on(async {
                    let mut root = String::new();
                    for write in &writes {
                        tree = match write {
                            Write::Create(path, cid) => tree.add(path, *cid, None).await,
                            Write::Update(path, cid) => tree.update(path, *cid).await,
                            Write::Delete(path) => tree.delete(path).await,
                        }
                        .expect("a tree");
                        root = tree.get_pointer().await.expect("a tree").to_string();
                    }
                    root
                })
            })
        }
        "diff" => {
            let [mut old, mut new] = ["ordered.car", "changed.car"].map(stored);
            timed(|| {
                let diff = runtime.block_on(mst_diff(&mut new, Some(&mut old))).expect("trees");
                (diff.adds.len() + diff.updates.len() + diff.deletes.len()).to_string()
            })
        }
        _ => return None,
    })
}

async fn read(bytes: Vec<u8>, did: &str, key: &str) -> String {
    let mut car = read_car_with_root(bytes).await.expect("a CAR");
    let (did, key) = (did.to_owned(), key.to_owned());
    let repo = verify_repo(&mut car.blocks, car.root, Some(&did), Some(&key), None).await;
    let mut creates = repo.expect("a repository").creates;
    creates.sort_by_cached_key(|record| format!("{}/{}", record.collection, record.rkey));
    let mut listed = Listed::default();
    for record in creates {
        listed.add(&format!("{}/{}", record.collection, record.rkey), &record.cid.to_bytes());
    }
    listed.result()
}
