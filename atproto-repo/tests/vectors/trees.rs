//! Whole trees, what differs between two of them, and which nodes prove it.

use crate::{read, read_json, same, show, text};
use atproto_lexicon::data::Cid;
use atproto_repo::car::Car;
use atproto_repo::mst::{Builder, Proof, Tree, TreeDiff, TreeEdit, layer_of};
use atproto_repo::store::{Blocks, MemoryBlocks};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use testdata::{Case, Suites};

type Nodes = BTreeSet<Cid>;
type Check = Result<(), String>;

/// A key with its value before and after.
type Op = (Vec<u8>, Option<Cid>, Option<Cid>);

/// In how many of the cases the nodes of the suite and ours are the same.
#[derive(Debug, Default, PartialEq, Eq)]
struct Equal {
    /// [`Proof::Minimal`] of the changed keys, and `proof_nodes`.
    minimal: usize,
    /// [`Proof::Search`] of them, and `proof_nodes`.
    search: usize,
    /// The least that undoing reads, and `inductive_proof_nodes`.
    covering: usize,
    /// [`Proof::Neighbours`] of the changed keys, and `inductive_proof_nodes`.
    neighbours: usize,
}

pub(crate) fn add(suites: &mut Suites) {
    let suite = "conformance/mst-test-suite";
    suites.add("mst::cars", &format!("{suite}/cars/exhaustive"), 128, |folder| {
        let case = |path: PathBuf| Case::new(name(&path), move || Tested::load(&path)?.check());
        Ok(files(folder)?.into_iter().map(case).collect())
    });
    suites.add("mst::diffs", &format!("{suite}/tests/diff/exhaustive"), 8192, |folder| {
        let files = files(folder)?;
        let root = testdata::root().join(suite);
        Ok(vec![Case::of_many("all", files.len(), move || {
            let (mut trees, mut equal) = (BTreeMap::new(), Equal::default());
            for file in &files {
                check_diff(&read_json(file)?, &root, &mut trees, &mut equal)
                    .map_err(|error| format!("{}: {error}", name(file)))?;
            }
            // The relations above hold in every case; that nothing of ours grew or shrank within them is seen here.
            same(equal, Equal { minimal: 7695, search: 8049, covering: 7836, neighbours: 7797 })
        })])
    });
    let path = "conformance/atproto-interop-tests/firehose/commit-proof-fixtures.json";
    suites.add("mst::commit_proofs", path, 6, |path| {
        let fixtures = read_json(path)?;
        let fixtures = fixtures.as_array().ok_or("not an array")?.iter().cloned();
        let case = |fixture: Json| {
            let name = text(&fixture, "comment")?.to_owned();
            Ok(Case::new(name, move || check_commit_proof(&fixture)))
        };
        fixtures.map(case).collect()
    });
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let files = std::fs::read_dir(folder).map_err(show)?;
    let mut files = files.map(|file| Ok(file.map_err(show)?.path())).collect::<Result<Vec<_>, String>>()?;
    files.sort();
    Ok(files)
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn cid(json: &Json) -> Result<Option<Cid>, String> {
    json.as_str().map(|text| text.parse().map_err(show)).transpose()
}

fn cids(json: &Json) -> Result<Nodes, String> {
    let list = json.as_array().ok_or("no list of CIDs")?;
    list.iter().map(|json| cid(json)?.ok_or("no CID".into())).collect()
}

fn subset(name: &str, these: &Nodes, those: &Nodes) -> Check {
    let more: Vec<_> = these.difference(those).map(Cid::to_string).collect();
    if more.is_empty() { Ok(()) } else { Err(format!("{name}: {more:?} too many")) }
}

/// A tree of the suite.
struct Tested {
    root: Cid,
    blocks: MemoryBlocks,
    pairs: Vec<(Vec<u8>, Cid)>,
}

impl Tested {
    fn load(path: &Path) -> Result<Self, String> {
        let file = read(path)?;
        let car = Car::parse(&file).map_err(show)?;
        let [root] = *car.roots() else { return Err("not one root".into()) };
        let mut blocks = MemoryBlocks::default();
        for block in car.blocks() {
            same(blocks.insert(block.bytes.to_vec()), block.cid)?;
        }
        let (mut pairs, mut walk) = (Vec::new(), Tree::new(&blocks, root).walk());
        while let Some(entry) = walk.next().map_err(show)? {
            pairs.push((entry.key.to_vec(), *entry.value));
        }
        same(walk.nodes(), blocks.len() as u64)?;
        Ok(Self { root, blocks, pairs })
    }

    /// Its keys make the same tree, at once and one by one, in both directions.
    fn check(&self) -> Check {
        let mut built = MemoryBlocks::default();
        let mut builder = Builder::new(|cid, block| assert_eq!(built.insert(block.to_vec()), cid));
        for (key, value) in &self.pairs {
            builder.push(key, value).map_err(show)?;
        }
        same(builder.finish(), self.root)?;
        let nodes = |blocks: &MemoryBlocks| blocks.iter().map(|(cid, _)| *cid).collect::<Nodes>();
        same(nodes(&built), nodes(&self.blocks))?;
        let nothing = MemoryBlocks::default();
        let (mut up, mut down) = (TreeEdit::empty(&nothing), TreeEdit::empty(&nothing));
        for (key, value) in &self.pairs {
            same(up.insert(key, *value), Ok(None))?;
        }
        for (key, value) in self.pairs.iter().rev() {
            same(down.insert(key, *value), Ok(None))?;
        }
        for edit in [&mut up, &mut down] {
            let (root, changes) = edit.finish().map_err(show)?;
            same(root, self.root)?;
            same(changes.created.into_iter().map(|(cid, _)| cid).collect::<Nodes>(), nodes(&self.blocks))?;
        }
        Ok(())
    }
}

fn check_diff(case: &Json, root: &Path, trees: &mut BTreeMap<String, Tested>, equal: &mut Equal) -> Check {
    let paths = [text(&case["inputs"], "mst_a")?, text(&case["inputs"], "mst_b")?];
    for path in paths {
        if !trees.contains_key(path) {
            trees.insert(path.to_owned(), Tested::load(&root.join(path))?);
        }
    }
    let [before, after] = paths.map(|path| &trees[path]);
    let results = &case["results"];
    let nodes = |name: &str| cids(&results[name]).map_err(|error| format!("{name}: {error}"));
    let (created, deleted) = (nodes("created_nodes")?, nodes("deleted_nodes")?);
    let list = results["record_ops"].as_array().ok_or("no record_ops")?.iter();
    let ops = list
        .map(|op| Ok((text(op, "rpath")?.into(), cid(&op["old_value"])?, cid(&op["new_value"])?)))
        .collect::<Result<Vec<Op>, String>>()?;

    let mut diff = TreeDiff::new((&before.blocks, Some(before.root)), (&after.blocks, Some(after.root)));
    let mut found = Vec::new();
    while let Some(change) = diff.next().map_err(show)? {
        found.push((change.key.to_vec(), change.before.copied(), change.after.copied()));
    }
    same(&found, &ops)?;
    same(diff.created_nodes().copied().collect(), created.clone())?;
    same(diff.removed_nodes().copied().collect(), deleted.clone())?;

    let mut edit = TreeEdit::new(&before.blocks, before.root);
    for (key, old, new) in &ops {
        same(put(&mut edit, key, *new)?, *old)?;
    }
    let (root, changes) = edit.finish().map_err(show)?;
    same(root, after.root)?;
    same(changes.created.iter().map(|(cid, _)| *cid).collect(), created.clone())?;
    same(changes.retired.into_iter().collect(), deleted)?;

    check_proofs(
        before,
        after,
        &ops,
        &created,
        (nodes("proof_nodes")?, nodes("inductive_proof_nodes")?),
        equal,
    )
}

/// The suite looks at a key's layer after it has read the node below only, and undoes the last key first: so neither of its sets is
/// the least or the greatest of ours.
fn check_proofs(
    before: &Tested,
    after: &Tested,
    ops: &[Op],
    created: &Nodes,
    (proof, inductive): (Nodes, Nodes),
    equal: &mut Equal,
) -> Check {
    let keys: Vec<&[u8]> = ops.iter().map(|(key, ..)| key.as_slice()).collect();
    let deleted = ops.iter().filter(|(_, _, new)| new.is_none());
    let deleted: Vec<&[u8]> = deleted.map(|(key, ..)| key.as_slice()).collect();
    let of = |proof: Proof, keys: &[&[u8]]| -> Result<Nodes, String> {
        // Ours always has the root, and of no key nothing else.
        if keys.is_empty() {
            return Ok(Nodes::new());
        }
        let nodes = proof.nodes(&after.blocks, &after.root, keys).map_err(show)?;
        Ok(nodes.into_iter().map(|(cid, _)| cid).collect())
    };
    let [minimal, search, neighbours] =
        [of(Proof::Minimal, &keys)?, of(Proof::Search, &keys)?, of(Proof::Neighbours, &keys)?];
    subset("minimal", &minimal, &proof)?;
    subset("proof", &proof, &search)?;

    let covering: Nodes = created | &of(Proof::Search, &deleted)?;
    let mut least_first = ops.to_vec();
    least_first.sort_by_key(|(key, old, new)| match (old, new) {
        (_, None) => (0, 0),
        (Some(_), _) => (1, 0),
        (None, _) => (2, layer_of(key)),
    });
    same(undo(after, &least_first, before.root)?, covering.clone())?;
    subset("covering", &covering, &inductive)?;
    subset("inductive", &inductive, &neighbours)?;
    let last_first: Vec<Op> = ops.iter().rev().cloned().collect();
    let read = undo(after, &last_first, before.root)?;
    subset("read, last first", &read, &inductive)?;
    subset("covering", &covering, &read)?;

    equal.minimal += usize::from(minimal == proof);
    equal.search += usize::from(search == proof);
    equal.covering += usize::from(covering == inductive);
    equal.neighbours += usize::from(neighbours == inductive);
    Ok(())
}

/// Undoes operations on a tree, which leads to this root; the nodes that this read.
fn undo(after: &Tested, ops: &[Op], before: Cid) -> Result<Nodes, String> {
    let blocks = Recording { blocks: &after.blocks, read: RefCell::default() };
    undo_over(&blocks, after.root, ops, before)?;
    Ok(blocks.read.into_inner())
}

fn undo_over<B: Blocks>(blocks: &B, after: Cid, ops: &[Op], before: Cid) -> Check
where
    B::Error: std::fmt::Display + std::fmt::Debug + PartialEq,
{
    let mut edit = TreeEdit::new(blocks, after);
    for (key, old, new) in ops {
        same(put(&mut edit, key, *old)?, *new)?;
    }
    same(edit.is_root(&before).map_err(show)?, true)
}

fn put<B: Blocks>(edit: &mut TreeEdit<'_, B>, key: &[u8], value: Option<Cid>) -> Result<Option<Cid>, String>
where
    B::Error: std::fmt::Display + std::fmt::Debug,
{
    match value {
        Some(value) => edit.insert(key, value),
        None => edit.remove(key),
    }
    .map_err(show)
}

/// Blocks, and which of them were asked for.
struct Recording<'a> {
    blocks: &'a MemoryBlocks,
    read: RefCell<Nodes>,
}

impl Blocks for Recording<'_> {
    type Error = std::convert::Infallible;

    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, Self::Error> {
        self.read.borrow_mut().insert(*cid);
        self.blocks.get(cid, buf)
    }
}

/// The nodes of the keys' neighbours are those of the fixture, and on them alone what was done is undone in any order.
fn check_commit_proof(fixture: &Json) -> Check {
    let value = cid(&fixture["leafValue"])?.ok_or("no leafValue")?;
    let keys = |name: &str| -> Result<Vec<Vec<u8>>, String> {
        let list = fixture[name].as_array().ok_or(format!("no {name}"))?;
        list.iter().map(|key| Ok(key.as_str().ok_or("not a key")?.into())).collect()
    };
    let root = |name: &str| cid(&fixture[name])?.ok_or(format!("no {name}"));
    let (before, after) = (root("rootBeforeCommit")?, root("rootAfterCommit")?);

    let nothing = MemoryBlocks::default();
    let mut edit = TreeEdit::empty(&nothing);
    for key in keys("keys")? {
        same(edit.insert(&key, value), Ok(None))?;
    }
    let (found, changes) = edit.finish().map_err(show)?;
    same(found, before)?;
    let mut blocks = MemoryBlocks::default();
    for (cid, block) in changes.created {
        same(blocks.insert(block), cid)?;
    }
    let adds = keys("adds")?.into_iter().map(|key| (key, None, Some(value)));
    let mut ops: Vec<Op> =
        adds.chain(keys("dels")?.into_iter().map(|key| (key, Some(value), None))).collect();
    let mut edit = TreeEdit::new(&blocks, before);
    for (key, old, new) in &ops {
        same(put(&mut edit, key, *new)?, *old)?;
    }
    let (found, changes) = edit.finish().map_err(show)?;
    same(found, after)?;
    for (_, block) in changes.created {
        blocks.insert(block);
    }

    let keys: Vec<&[u8]> = ops.iter().map(|(key, ..)| key.as_slice()).collect();
    let nodes = Proof::Neighbours.nodes(&blocks, &after, &keys).map_err(show)?;
    same(nodes.iter().map(|(cid, _)| *cid).collect(), cids(&fixture["blocksInProof"])?)?;
    let mut sent = MemoryBlocks::default();
    for (_, block) in nodes {
        sent.insert(block);
    }
    ops.sort();
    undo_over(&sent, after, &ops, before)?;
    ops.reverse();
    undo_over(&sent, after, &ops, before)
}
