//! Repositories for the benchmarks, always the same for a number of records: posts, likes and follows, 25 : 55 : 20, in records
//! of 150 to 500 bytes with links, facets and replies.

use atproto_crypto::{Curve, PublicKey, SecretKey, Signature};
use atproto_lexicon::data::{Bytes, Cid, Object, Value, cbor};
use atproto_lexicon::syntax::{Did, Tid};
use atproto_repo::mst::layer_of;
use atproto_repo::repo::Commit;
use std::convert::Infallible;

pub(crate) struct Corpus {
    /// The paths, in order and one after another in memory, so that nobody waits for them.
    pub(crate) paths: Vec<String>,
    /// The records, in the order of their paths.
    pub(crate) records: Vec<Vec<u8>>,
    /// All blocks in pre-order.
    pub(crate) blocks: Vec<(Cid, Vec<u8>)>,
    commit: Cid,
}

impl Corpus {
    pub(crate) fn of(records: usize) -> Self {
        let mut random = Random(records as u64);
        let mut pairs: Vec<(String, Vec<u8>)> = (0..records).map(|number| random.record(number)).collect();
        pairs.sort();
        let keys: Vec<Key> = pairs
            .iter()
            .map(|(path, record)| Key { path, layer: layer_of(path.as_bytes()), record })
            .collect();
        let top = keys.iter().map(|key| key.layer).max().unwrap_or(0);
        let tree = tree(&keys, top).unwrap_or_else(|| Tree::of(Vec::new(), None));
        let mut blocks = vec![commit(&did(), tree.cid)];
        let commit = blocks[0].0;
        tree.push_pre_order(&mut blocks);
        let (paths, records): (Vec<String>, _) = pairs.into_iter().unzip();
        Self { paths: paths.iter().map(String::clone).collect(), records, blocks, commit }
    }

    /// The file with its blocks in pre-order.
    pub(crate) fn pre_order(&self) -> Vec<u8> {
        car(self.commit, self.blocks.iter())
    }

    /// [`pre_order`](Self::pre_order), of another account.
    pub(crate) fn pre_order_of(&self, did: &Did) -> Vec<u8> {
        let commit = commit(did, self.blocks[1].0);
        car(commit.0, std::iter::once(&commit).chain(&self.blocks[1..]))
    }

    /// The file with its blocks in no order.
    pub(crate) fn unordered(&self) -> Vec<u8> {
        let mut blocks: Vec<_> = self.blocks.iter().collect();
        let mut random = Random(7);
        for at in (1..blocks.len()).rev() {
            blocks.swap(at, random.below(at as u64 + 1) as usize);
        }
        car(self.commit, blocks.into_iter())
    }
}

fn commit(did: &Did, tree: Cid) -> (Cid, Vec<u8>) {
    let rev = Tid::from_parts(1_750_000_000_000_000, 1).unwrap();
    let block = Commit::encode(did, rev, tree, |bytes| Ok::<_, Infallible>(secret().sign(bytes)));
    let block = block.unwrap_or_else(|never| match never {});
    (Cid::of_dag_cbor(&block), block)
}

pub(crate) fn did() -> Did {
    "did:plc:ewvi7nxzyoun6zhxrhs64oiz".parse().unwrap()
}

pub(crate) fn key() -> PublicKey {
    secret().public_key()
}

pub(crate) fn secret() -> SecretKey {
    SecretKey::from_hex(Curve::K256, &"2b".repeat(32)).unwrap()
}

/// So many messages, of 200 bytes, with their signatures: of one that comes again the processor has learned every branch.
pub(crate) fn signatures(count: usize) -> Vec<([u8; 200], Signature)> {
    let signed = (0..count as u64).map(|number| {
        let mut message = [7; 200];
        message[..8].copy_from_slice(&number.to_le_bytes());
        (message, secret().sign(&message))
    });
    signed.collect()
}

struct Key<'a> {
    path: &'a str,
    layer: u32,
    record: &'a [u8],
}

struct Tree<'a> {
    cid: Cid,
    block: Vec<u8>,
    left: Option<Box<Tree<'a>>>,
    entries: Vec<(Cid, &'a [u8], Option<Tree<'a>>)>,
}

/// The subtree of these keys on this layer.
fn tree<'a>(keys: &[Key<'a>], layer: u32) -> Option<Tree<'a>> {
    if keys.is_empty() {
        return None;
    }
    let below = |keys: &[Key<'a>]| tree(keys, layer.checked_sub(1)?);
    let mut parts = keys.split(|key| key.layer == layer);
    let left = below(parts.next().unwrap_or_default());
    let here = keys.iter().filter(|key| key.layer == layer);
    Some(Tree::of(here.zip(parts.map(below)).collect(), left))
}

impl<'a> Tree<'a> {
    fn of(entries: Vec<(&Key<'a>, Option<Self>)>, left: Option<Self>) -> Self {
        let link = |tree: Option<&Self>| tree.map_or(Value::Null, |tree| tree.cid.into());
        let mut before: &[u8] = &[];
        let mut list = Vec::new();
        let mut kept = Vec::new();
        for (key, right) in entries {
            let path = key.path.as_bytes();
            let prefix = before.iter().zip(path).take_while(|(a, b)| a == b).count();
            let value = Cid::of_dag_cbor(key.record);
            list.push(Value::Object(Object::from([
                ("k".into(), Value::Bytes(Bytes(path[prefix..].into()))),
                ("p".into(), Value::Integer(prefix as i64)),
                ("t".into(), link(right.as_ref())),
                ("v".into(), value.into()),
            ])));
            before = path;
            kept.push((value, key.record, right));
        }
        let node = Object::from([("e".into(), Value::Array(list)), ("l".into(), link(left.as_ref()))]);
        let block = cbor::to_vec(&node).unwrap();
        Self { cid: Cid::of_dag_cbor(&block), block, left: left.map(Box::new), entries: kept }
    }

    fn push_pre_order(self, blocks: &mut Vec<(Cid, Vec<u8>)>) {
        blocks.push((self.cid, self.block));
        if let Some(left) = self.left {
            left.push_pre_order(blocks);
        }
        for (value, record, right) in self.entries {
            blocks.push((value, record.to_vec()));
            if let Some(right) = right {
                right.push_pre_order(blocks);
            }
        }
    }
}

fn car<'a>(commit: Cid, blocks: impl Iterator<Item = &'a (Cid, Vec<u8>)>) -> Vec<u8> {
    let roots = Value::Array(vec![commit.into()]);
    let header = Object::from([("roots".into(), roots), ("version".into(), Value::Integer(1))]);
    let header = cbor::to_vec(&header).unwrap();
    let mut bytes = Vec::new();
    push_length(header.len(), &mut bytes);
    bytes.extend(header);
    for (cid, block) in blocks {
        push_length(block.len() + Cid::LEN, &mut bytes);
        bytes.extend(cid.as_bytes());
        bytes.extend(block);
    }
    bytes
}

fn push_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// Numbers that are always the same (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn tid(&mut self, number: usize) -> String {
        // About one record in ten minutes, so that keys of different collections are mixed in time.
        let micros = 1_700_000_000_000_000 + number as u64 * 600_000_000 + self.below(500_000_000);
        Tid::from_parts(micros, (self.next() % 1024) as u16).unwrap().to_string()
    }

    fn did(&mut self) -> String {
        let characters = b"abcdefghijklmnopqrstuvwxyz234567";
        let id: String = (0..24).map(|_| characters[self.below(32) as usize] as char).collect();
        format!("did:plc:{id}")
    }

    /// A reference to some post.
    fn reference(&mut self) -> Value {
        let cid = Cid::of_dag_cbor(&self.next().to_le_bytes()).to_string();
        let number = self.below(1_000_000) as usize;
        let uri = format!("at://{}/app.bsky.feed.post/{}", self.did(), self.tid(number));
        object([("cid", cid.into()), ("uri", uri.into())])
    }

    fn words(&mut self, count: u64) -> String {
        let words =
            ["sea", "morning", "☀", "a", "protocol", "the", "keys", "of", "light", "walking", "naïve", "42"];
        let words: Vec<&str> = (0..count).map(|_| words[self.below(12) as usize]).collect();
        words.join(" ")
    }

    pub(crate) fn record(&mut self, number: usize) -> (String, Vec<u8>) {
        let created_at = format!(
            "2025-{:02}-{:02}T12:{:02}:00.{:03}Z",
            1 + number % 12,
            1 + number % 28,
            number % 60,
            number % 1000
        );
        let (collection, mut fields) = match self.below(100) {
            0..25 => ("app.bsky.feed.post", self.post()),
            25..80 => ("app.bsky.feed.like", vec![("subject", self.reference())]),
            _ => ("app.bsky.graph.follow", vec![("subject", self.did().into()), ("via", self.did().into())]),
        };
        fields.push(("$type", collection.into()));
        fields.push(("createdAt", created_at.into()));
        let fields: Object = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        (format!("{collection}/{}", self.tid(number)), cbor::to_vec(&fields).unwrap())
    }

    fn post(&mut self) -> Vec<(&'static str, Value)> {
        let count = 8 + self.below(16);
        let mut fields = vec![("text", self.words(count).into()), ("langs", Value::Array(vec!["en".into()]))];
        match self.below(3) {
            0 => fields.push(("reply", object([("root", self.reference()), ("parent", self.reference())]))),
            1 => {
                let link = object([
                    ("$type", "app.bsky.richtext.facet#link".into()),
                    ("uri", format!("https://example.com/{}", self.next()).into()),
                ]);
                let index = object([("byteStart", Value::Integer(4)), ("byteEnd", Value::Integer(24))]);
                let facet = object([("features", Value::Array(vec![link])), ("index", index)]);
                fields.push(("facets", Value::Array(vec![facet])));
            }
            _ => fields.push(("image", Cid::of_dag_cbor(&self.next().to_le_bytes()).into())),
        }
        fields
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
