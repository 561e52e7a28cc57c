//! The workloads of `benches/peers/repositories`, with the atproto-repo of N. Gerakines.

use atproto_repo::mst::diff_entries;
use atproto_repo::{LimitsConfig, MemoryRepository, MemoryStorage, Mst, RepoConfig};
use cid::Cid;
use side::{Done, Inputs, Listed, Write, timed};

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let load = |bytes| runtime.block_on(load(bytes));
    Some(match workload {
        "read" | "read-shuffled" => {
            let (bytes, did, _) = inputs.repository(workload);
            timed(|| runtime.block_on(read(bytes, &did)))
        }
        "hostile" => side::judge(inputs, |bytes, did, _| runtime.block_on(read(bytes, did))),
        "build" => {
            let pairs: Vec<(String, Cid)> = inputs.pairs();
            timed(|| {
                runtime.block_on(async {
                    let mut tree = Mst::new(MemoryStorage::with_limits(roomy()), RepoConfig::default());
                    for (path, cid) in &pairs {
                        tree.insert(path, (*cid).into()).await.expect("a path");
                    }
                    tree.root().expect("a tree").to_string()
                })
            })
        }
        "write" => {
            let repo = load(inputs.bytes("ordered.car"));
            let writes: Vec<Write<Cid>> = inputs.writes();
            let root = *repo.mst().root().expect("a tree");
            let blocks = repo.storage().blocks().clone().into_iter().collect();
            let store = MemoryStorage::from_blocks(blocks, roomy()).expect("a store");
            let mut tree = Mst::from_root(root, store, RepoConfig::default());
            timed(|| {
                runtime.block_on(async {
                    for write in &writes {
                        match write {
                            Write::Create(path, cid) | Write::Update(path, cid) => {
                                tree.insert(path, (*cid).into()).await.map(|_| ())
                            }
                            Write::Delete(path) => tree.delete(path).await.map(|_| ()),
                        }
                        .expect("a tree");
                    }
                    tree.root().expect("a tree").to_string()
                })
            })
        }
        "diff" => {
            let [old, new] = ["ordered.car", "changed.car"].map(|name| load(inputs.bytes(name)));
            timed(|| {
                runtime.block_on(async {
                    let old = old.mst().entries().await.expect("a tree");
                    let new = new.mst().entries().await.expect("a tree");
                    diff_entries(&old, &new).len().to_string()
                })
            })
        }
        _ => return None,
    })
}

/// Its limits count blocks, those of trees that were among them: a large repository has more.
fn roomy() -> LimitsConfig {
    LimitsConfig { max_memory_bytes: usize::MAX, max_block_count: usize::MAX, ..Default::default() }
}

async fn load(bytes: Vec<u8>) -> MemoryRepository {
    let config = RepoConfig { limits: roomy(), ..RepoConfig::default() };
    MemoryRepository::from_car(&bytes[..], config).await.expect("a repository")
}

/// What it takes for the signed bytes of a commit lacks `prev`, so that no genuine signature is good: none is looked at.
async fn read(bytes: Vec<u8>, did: &str) -> String {
    let repo = load(bytes).await;
    assert_eq!(repo.did(), did);
    let mut listed = Listed::default();
    for (path, cid) in repo.mst().entries().await.expect("a tree") {
        listed.add(&path, &cid.to_bytes());
    }
    listed.result()
}
