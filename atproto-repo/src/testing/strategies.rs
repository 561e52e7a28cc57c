//! Valid repositories, their histories and events.

use super::model::{Model, Pairs, Repository, did, secret};
use crate::repo::{SignedCommit, UnsignedCommit, UnsignedRepo, Write};
use crate::store::{MemoryStore, Store as _};
use atproto_lexicon::data::{Cid, Object, cbor};
use atproto_lexicon::syntax::{Did, Nsid, Tid};
use atproto_lexicon::testing::{strings, values};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Paths of records, `COLLECTION/RECORD-KEY`; of a few collections.
pub fn path() -> impl Strategy<Value = String> {
    let collection = prop_oneof![
        6 => prop::sample::select(&["com.example.note", "com.example.like", "com.example.noteLike"][..])
            .prop_map(String::from),
        1 => strings::nsid().prop_map(|nsid: Nsid| nsid.to_normalized().to_string()),
    ];
    (collection, strings::record_key()).prop_map(|(collection, key)| format!("{collection}/{key}"))
}

/// Keys of a tree with their values: any bytes, up to 1,024 of them, in order.
pub fn pairs(most: usize) -> impl Strategy<Value = Pairs> {
    let key = prop_oneof![
        6 => path().prop_map(String::into_bytes),
        // These share their beginnings, and so lie in the same nodes.
        3 => vec(prop::sample::select(&b"ab"[..]), 1..12),
        1 => vec(any::<u8>(), 1..=crate::mst::MAX_KEY),
    ];
    btree_map(key, values::cid(), 0..=most).prop_map(|pairs| pairs.into_iter().collect())
}

/// Trees of up to so many keys.
pub fn tree(most: usize) -> impl Strategy<Value = Model> {
    pairs(most).prop_map(|pairs| Model::of(&pairs))
}

/// Signed repositories of up to so many records.
pub fn repository(most: usize) -> impl Strategy<Value = Repository> {
    btree_set(path(), 0..=most).prop_map(|paths| Repository::of(&paths.into_iter().collect::<Vec<_>>()))
}

atproto_lexicon::impl_arbitrary! {
    History: history(5, 8);
    Model: tree(40);
    Repository: repository(40);
}

/// A record, or none, to be at a path from then on.
pub type Change = (String, Option<Object>);

/// Changes of a repository in the order of its commits: all of a commit are of different paths, and each changes something.
pub fn changes(commits: usize, most: usize) -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = (any::<prop::sample::Index>(), prop::option::weighted(0.7, values::object()));
    (btree_set(path(), 1..=most * 2), vec(vec(change, 1..=most), 1..=commits)).prop_map(|(paths, commits)| {
        let (paths, mut now) = (Vec::from_iter(paths), BTreeMap::<String, Object>::new());
        let commit = |changes: Vec<(prop::sample::Index, Option<Object>)>| {
            let mut found: BTreeMap<String, Option<Object>> = BTreeMap::new();
            for (at, record) in changes {
                let path = at.get(&paths);
                let record = record.map(|mut record| {
                    record.insert("$type".into(), path.split('/').next().unwrap_or_default().into());
                    record
                });
                if !found.contains_key(path) && now.get(path) != record.as_ref() {
                    found.insert(path.clone(), record);
                }
            }
            for (path, record) in &found {
                match record {
                    Some(record) => now.insert(path.clone(), record.clone()),
                    None => now.remove(path),
                };
            }
            found.into_iter().collect()
        };
        commits.into_iter().map(commit).collect()
    })
}

/// The commits of a repository, one after the other, and what it has at the end.
#[derive(Debug, Clone)]
pub struct History {
    /// The account, and whose key signed each: those of [`model`](super::model).
    pub did: Did,
    /// Each commit with all that it changed.
    pub commits: Vec<SignedCommit>,
    /// All blocks of the last commit.
    pub store: MemoryStore,
    /// The records at the end.
    pub records: BTreeMap<String, Cid>,
}

impl History {
    /// Makes the commits of these [`changes`].
    pub fn of(changes: &[Vec<Change>]) -> Self {
        let (mut store, mut commits) = (MemoryStore::default(), Vec::<SignedCommit>::new());
        let mut records = BTreeMap::new();
        for (number, changes) in (0..).zip(changes) {
            let blocks: Vec<_> = changes
                .iter()
                .map(|(path, record)| (path, record.as_ref().map(|record| cbor::to_vec(record).unwrap())))
                .collect();
            let write =
                |(path, record): &(&String, Option<Vec<u8>>)| (records.contains_key(*path), record.is_some());
            let there: Vec<_> = blocks.iter().map(write).collect();
            let writes: Vec<Write<'_>> = blocks
                .iter()
                .zip(there)
                .map(|((path, record), (is_there, _))| match (record, is_there) {
                    (None, _) => Write::Delete { path, swap: None },
                    (Some(record), true) => Write::Update { path, record, swap: None },
                    (Some(record), false) => Write::Create { path, record },
                })
                .collect();
            let rev = Tid::from_parts(1_750_000_000_000_000 + number, 1).unwrap();
            let unsigned = if commits.is_empty() {
                UnsignedCommit::create(&did(), &writes, rev).unwrap()
            } else {
                UnsignedRepo::open(&store).unwrap().write(&writes, None, rev).unwrap()
            };
            let commit = unsigned.sign(&secret());
            store.commit(&commit.write_set()).unwrap();
            commits.push(commit);
            for (path, record) in blocks {
                match record {
                    Some(record) => records.insert(path.clone(), Cid::of_dag_cbor(&record)),
                    None => records.remove(path),
                };
            }
        }
        Self { did: did(), commits, store, records }
    }

    /// The bodies of the `#commit` events, numbered from 1.
    pub fn events(&self) -> Vec<Vec<u8>> {
        let numbered = (1..).zip(&self.commits);
        numbered.map(|(seq, commit)| commit.commit_event(seq, super::events::TIME).unwrap()).collect()
    }
}

/// Histories of up to so many commits, each of up to so many changes.
pub fn history(commits: usize, most: usize) -> impl Strategy<Value = History> {
    changes(commits, most).prop_map(|changes| History::of(&changes))
}
