//! A slow, obvious maker of repositories, which can be told to make wrong ones.

use crate::mst::layer_of;
use crate::repo::Commit;
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_lexicon::data::{Bytes, Cid, Object, Value, cbor};
use atproto_lexicon::syntax::{Did, Tid};
use std::collections::BTreeMap;
use std::convert::Infallible;

/// A node as it is to be written.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The subtree before the first entry.
    pub left: Option<Box<Model>>,
    /// Its entries, in the order in which they are written.
    pub entries: Vec<ModelEntry>,
}

/// An entry of a node.
#[derive(Debug, Clone)]
pub struct ModelEntry {
    /// Its whole key.
    pub key: Vec<u8>,
    /// The record.
    pub value: Cid,
    /// The subtree after it.
    pub right: Option<Box<Model>>,
}

/// Keys and values.
pub type Pairs = Vec<(Vec<u8>, Cid)>;

impl Model {
    /// The one tree of these keys, which are in order.
    pub fn of(pairs: &[(Vec<u8>, Cid)]) -> Self {
        let top = pairs.iter().map(|(key, _)| layer_of(key)).max().unwrap_or(0);
        Self::at(pairs, top).map_or_else(Self::default, |node| *node)
    }

    /// The subtree of these keys on this layer.
    pub fn at(pairs: &[(Vec<u8>, Cid)], layer: u32) -> Option<Box<Self>> {
        if pairs.is_empty() {
            return None;
        }
        let mut parts = pairs.split(|(key, _)| layer_of(key) == layer);
        let below = |part: &[(Vec<u8>, Cid)]| layer.checked_sub(1).and_then(|layer| Self::at(part, layer));
        let left = below(parts.next().unwrap());
        let here = pairs.iter().filter(|(key, _)| layer_of(key) == layer);
        let entries = here.zip(parts).map(|((key, value), part)| ModelEntry {
            key: key.clone(),
            value: *value,
            right: below(part),
        });
        let entries = entries.collect();
        Some(Box::new(Self { left, entries }))
    }

    /// The node's fields; its subtrees go to `blocks`.
    pub fn fields(&self, blocks: &mut Blocks) -> Object {
        let mut link = |child: &Option<Box<Self>>| match child {
            Some(child) => child.write(blocks).into(),
            None => Value::Null,
        };
        let mut previous: &[u8] = &[];
        let mut entries = Vec::new();
        for entry in &self.entries {
            let prefix = previous.iter().zip(&entry.key).take_while(|(a, b)| a == b).count();
            entries.push(Value::Object(Object::from([
                ("k".into(), Value::Bytes(Bytes(entry.key[prefix..].into()))),
                ("p".into(), Value::Integer(prefix as i64)),
                ("t".into(), link(&entry.right)),
                ("v".into(), entry.value.into()),
            ])));
            previous = &entry.key;
        }
        Object::from([("e".into(), Value::Array(entries)), ("l".into(), link(&self.left))])
    }

    /// The node's block and those of its subtrees, added to `blocks`; the node's CID.
    pub fn write(&self, blocks: &mut Blocks) -> Cid {
        let block = cbor::to_vec(&self.fields(blocks)).unwrap();
        blocks.add(block)
    }
}

/// Blocks in the order in which they were added.
#[derive(Debug, Clone, Default)]
pub struct Blocks(pub Vec<(Cid, Vec<u8>)>);

impl Blocks {
    /// Adds a block under the CID that is its own.
    pub fn add(&mut self, block: Vec<u8>) -> Cid {
        let cid = Cid::of_dag_cbor(&block);
        self.0.push((cid, block));
        cid
    }

    /// A CAR of these blocks.
    pub fn car(&self, roots: &[Cid]) -> Vec<u8> {
        let mut bytes = header(roots);
        for (cid, block) in &self.0 {
            bytes.extend(section(cid, block));
        }
        bytes
    }
}

/// A CAR's header, with its length in front.
pub fn header(roots: &[Cid]) -> Vec<u8> {
    let roots = roots.iter().map(|cid| Value::from(*cid)).collect();
    let header = cbor::to_vec(&Object::from([
        ("roots".into(), Value::Array(roots)),
        ("version".into(), Value::Integer(1)),
    ]));
    prefixed(&header.unwrap())
}

/// A CAR's section: any CID, and any block.
pub fn section(cid: &Cid, block: &[u8]) -> Vec<u8> {
    prefixed(&[cid.as_bytes(), block].concat())
}

/// With its length as varint in front.
pub fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let (mut length, mut out) = (bytes.len(), Vec::new());
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// The account of all that is made here.
pub fn did() -> Did {
    "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap()
}

/// Its key, of P-256.
pub fn secret() -> SecretKey {
    SecretKey::from_hex(Curve::P256, &"2b".repeat(32)).unwrap()
}

/// The public part of its key.
pub fn key() -> PublicKey {
    secret().public_key()
}

/// The block of a signed commit of this tree.
pub fn commit(data: Cid) -> Vec<u8> {
    let rev = Tid::from_parts(1_700_000_000_000_000, 0).unwrap();
    Commit::encode(&did(), rev, data, |bytes| Ok::<_, Infallible>(secret().sign(bytes))).unwrap()
}

/// A whole repository: records by path, and the tree that `change` makes of the right one.
#[derive(Debug, Clone)]
pub struct Repository {
    /// All blocks: the records, the nodes and the commit, each after what it links to.
    pub blocks: Blocks,
    /// The commit.
    pub commit: Cid,
    /// The records by path.
    pub records: BTreeMap<String, Cid>,
}

impl Repository {
    /// The repository that has a record at each of these paths.
    pub fn of(paths: &[String]) -> Self {
        Self::changed(paths, |model| model)
    }

    /// With another tree under the signed commit than that of its records.
    pub fn changed(paths: &[String], change: impl FnOnce(Model) -> Model) -> Self {
        let mut blocks = Blocks::default();
        let records = records(paths, &mut blocks);
        let pairs: Pairs = records.iter().map(|(path, cid)| (path.clone().into_bytes(), *cid)).collect();
        let root = change(Model::of(&pairs)).write(&mut blocks);
        Self::with_root(blocks, root, records)
    }

    /// With a root node of these bytes, whatever they are.
    pub fn with_root_block(paths: &[String], block: impl FnOnce(Object) -> Vec<u8>) -> Self {
        let mut blocks = Blocks::default();
        let records = records(paths, &mut blocks);
        let pairs: Pairs = records.iter().map(|(path, cid)| (path.clone().into_bytes(), *cid)).collect();
        let fields = Model::of(&pairs).fields(&mut blocks);
        let root = blocks.add(block(fields));
        Self::with_root(blocks, root, records)
    }

    fn with_root(mut blocks: Blocks, root: Cid, records: BTreeMap<String, Cid>) -> Self {
        let commit = blocks.add(commit(root));
        Self { blocks, commit, records }
    }

    /// The file.
    pub fn car(&self) -> Vec<u8> {
        self.blocks.car(&[self.commit])
    }
}

fn records(paths: &[String], blocks: &mut Blocks) -> BTreeMap<String, Cid> {
    let record = |path: &String| {
        let fields = Object::from([
            ("$type".into(), Value::from(path.split('/').next().unwrap_or_default())),
            ("text".into(), Value::from(format!("the record at {path}"))),
        ]);
        cbor::to_vec(&fields).unwrap()
    };
    paths.iter().map(|path| (path.clone(), blocks.add(record(path)))).collect()
}

/// The first path of this name and a number whose key has the layer.
pub fn path_on(layer: u32, name: &str) -> String {
    let mut paths = (0_u32..).map(|number| format!("com.example.note/{name}{number}"));
    paths.find(|path| layer_of(path.as_bytes()) == layer).unwrap()
}

/// Paths of this many records.
pub fn paths(count: u64) -> Vec<String> {
    let path = |number: u64| format!("com.example.note/{}", Tid::from_u64(number << 20));
    (0..count).map(path).collect()
}
