//! The workloads of `benches/peers/repositories`, with jacquard-repo.

use cid::Cid;
use jacquard_common::types::crypto::PublicKey;
use jacquard_repo::car::reader::parse_car_bytes;
use jacquard_repo::commit::Commit;
use jacquard_repo::commit::firehose::validate_v1_1;
use jacquard_repo::{MemoryBlockStore, Mst};
use side::{Done, Inputs, Listed, Write, timed};
use smol_str::SmolStr;
use std::sync::Arc;

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let stored = |name: &str| {
        runtime.block_on(async {
            let car = parse_car_bytes(&inputs.bytes(name)).await.expect("a CAR");
            let commit = Commit::<SmolStr>::from_cbor(&car.blocks[&car.root]).expect("a commit");
            Mst::load(Arc::new(MemoryBlockStore::new_from_blocks(car.blocks)), *commit.data(), None)
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
                    let mut tree = Mst::new(Arc::new(MemoryBlockStore::new()));
                    for (path, cid) in &pairs {
                        tree.add_mut(path, *cid).await.expect("a path");
                    }
                    tree.root().await.expect("a tree").to_string()
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
                            Write::Create(path, cid) | Write::Update(path, cid) => tree.add(path, *cid).await,
                            Write::Delete(path) => tree.delete(path).await,
                        }
                        .expect("a tree");
                        root = tree.persist().await.expect("a tree").to_string();
                    }
                    root
                })
            })
        }
        "diff" => {
            let [old, new] = ["ordered.car", "changed.car"].map(stored);
            timed(|| runtime.block_on(old.diff(&new)).expect("trees").op_count().to_string())
        }
        "event" => {
            let (events, (_, key)) = (inputs.events(), inputs.account());
            let key = decode(&key);
            timed(|| {
                let mut ops = 0;
                for body in &events {
                    let event = serde_ipld_dagcbor::from_slice(body).expect("an event");
                    let event: jacquard_repo::commit::firehose::FirehoseCommit<SmolStr> = event;
                    runtime.block_on(validate_v1_1(&event, &key)).expect("an event");
                    ops += event.ops.len();
                }
                ops.to_string()
            })
        }
        _ => return None,
    })
}

async fn read(bytes: Vec<u8>, did: &str, key: &str) -> String {
    let car = parse_car_bytes(&bytes).await.expect("a CAR");
    let commit = Commit::<SmolStr>::from_cbor(&car.blocks[&car.root]).expect("a commit");
    assert_eq!(commit.did().as_ref(), did);
    commit.verify(&decode(key)).expect("a signature");
    let store = Arc::new(MemoryBlockStore::new_from_blocks(car.blocks));
    let tree = Mst::load(store, *commit.data(), None);
    let mut listed = Listed::default();
    for (path, cid) in tree.leaves_sequential().await.expect("a tree") {
        listed.add(&path, &cid.to_bytes());
    }
    listed.result()
}

fn decode(key: &str) -> PublicKey<'_> {
    PublicKey::decode(key.strip_prefix("did:key:").expect("a did:key")).expect("a key")
}
