//! The workloads of `benches/peers/repositories`, with shrike.

use shrike::cbor::Cid;
use shrike::crypto::parse_did_key;
use shrike::mst::{DetachedTree, MemBlockStore, NoBlocks, Tree};
use shrike::repo::{MemRepoStore, Repo};
use side::{Done, Inputs, Listed, timed};
use std::collections::HashMap;
use std::str::FromStr as _;

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    Some(match workload {
        "read" | "read-shuffled" => {
            let name = if workload == "read" { "ordered.car" } else { "shuffled.car" };
            let (bytes, did, key) = inputs.repository(name);
            timed(|| read(&bytes, &did, &key))
        }
        "hostile" => side::judge(inputs, |bytes, did, key| read(&bytes, did, key)),
        "build" => {
            let pairs: Vec<(String, Cid)> =
                inputs.pairs().into_iter().map(|(path, cid)| (path, parse(&cid))).collect();
            timed(|| {
                let mut tree = DetachedTree::new();
                for (path, cid) in pairs {
                    tree.insert(&NoBlocks, path, cid).expect("a path");
                }
                tree.flush().expect("a tree").root.to_string()
            })
        }
        "write" => {
            let (mut blocks, root) = stored(&inputs.bytes("ordered.car"));
            let writes = inputs.writes();
            timed(|| {
                let (mut tree, mut root) = (DetachedTree::load(root), root);
                for (path, cid) in writes {
                    match cid {
                        Some(cid) => tree.insert(&blocks, path, parse(&cid)),
                        None => tree.remove(&blocks, &path),
                    }
                    .expect("a tree");
                    let write = tree.flush().expect("a tree");
                    blocks.extend(write.new_blocks);
                    root = write.root;
                }
                root.to_string()
            })
        }
        "diff" => {
            let [mut old, mut new] = ["ordered.car", "changed.car"].map(|name| {
                let (blocks, root) = stored(&inputs.bytes(name));
                let store = MemBlockStore::new();
                for (cid, block) in blocks {
                    shrike::mst::BlockStore::put_block(&store, cid, block).expect("a store");
                }
                Tree::load(Box::new(store), root)
            });
            timed(|| {
                let diff = shrike::mst::diff(&mut old, &mut new).expect("trees");
                (diff.added.len() + diff.updated.len() + diff.removed.len()).to_string()
            })
        }
        _ => return None,
    })
}

/// A repository that is loaded is checked but for its signature.
fn read(bytes: &[u8], did: &str, key: &str) -> String {
    let repo = Repo::load_car(bytes).expect("a repository");
    let commit = repo.head().expect("a commit");
    assert_eq!(commit.did.to_string(), did);
    commit.verify(&*parse_did_key(key).expect("a key")).expect("a signature");
    let (root, store) = (commit.data, repo.into_store());
    let (mut listed, blocks) = (Listed::default(), blocks(&store));
    let mut tree = DetachedTree::load(root);
    tree.walk(&blocks, |path, cid| {
        listed.add(path, &cid.to_bytes());
        Ok(())
    })
    .expect("a tree");
    listed.result()
}

fn blocks(store: &MemRepoStore) -> HashMap<Cid, &[u8]> {
    store.iter().map(|(cid, block)| (*cid, block)).collect()
}

fn stored(bytes: &[u8]) -> (HashMap<Cid, Vec<u8>>, Cid) {
    let repo = Repo::load_car(bytes).expect("a repository");
    let root = repo.head().expect("a commit").data;
    (repo.into_store().iter().map(|(cid, block)| (*cid, block.to_vec())).collect(), root)
}

fn parse(cid: &str) -> Cid {
    Cid::from_str(cid).expect("a CID")
}
