//! The workloads of `benches/peers/repositories`, with shrike.

use shrike::cbor::Cid;
use shrike::crypto::parse_did_key;
use shrike::mst::{BlockSource, BlockStore as _, DetachedTree, MemBlockStore, MstError, NoBlocks, Tree};
use shrike::repo::{MemRepoStore, Repo, RepoStore as _};
use side::{Done, Inputs, Listed, Write, timed};
use std::borrow::Cow;
use std::collections::HashMap;

fn main() {
    side::main(run);
}

fn run(workload: &str, inputs: &Inputs) -> Option<Done> {
    Some(match workload {
        "read" | "read-shuffled" => {
            let (bytes, did, key) = inputs.repository(workload);
            timed(|| read(&bytes, &did, &key))
        }
        "hostile" => side::judge(inputs, |bytes, did, key| read(&bytes, did, key)),
        "build" => {
            let pairs: Vec<(String, Cid)> = inputs.pairs();
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
                for write in writes {
                    match write {
                        Write::Create(path, cid) | Write::Update(path, cid) => {
                            tree.insert(&blocks, path, cid)
                        }
                        Write::Delete(path) => tree.remove(&blocks, &path),
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
                    store.put_block(cid, block).expect("a store");
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
    let (mut tree, store) = (DetachedTree::load(commit.data), Stored(repo.into_store()));
    let mut listed = Listed::default();
    tree.walk(&store, |path, cid| {
        listed.add(path, &cid.to_bytes());
        Ok(())
    })
    .expect("a tree");
    listed.result()
}

/// What a repository was loaded into, as a tree reads it.
struct Stored(MemRepoStore);

impl BlockSource for Stored {
    fn read_block(&self, cid: &Cid) -> Result<Option<Cow<'_, [u8]>>, MstError> {
        self.0.borrow_block(cid).map_err(|never| match never {})
    }
}

fn stored(bytes: &[u8]) -> (HashMap<Cid, Vec<u8>>, Cid) {
    let repo = Repo::load_car(bytes).expect("a repository");
    let root = repo.head().expect("a commit").data;
    (repo.into_store().iter().map(|(cid, block)| (*cid, block.to_vec())).collect(), root)
}
