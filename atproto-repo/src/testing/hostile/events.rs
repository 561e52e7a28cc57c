use super::super::events::{CommitBody, encode, frame, op};
use super::super::model::{Blocks, did, key, secret};
use super::case;
use crate::car::Car;
use crate::repo::{MAX_WRITES, SignedCommit, UnsignedCommit, UnsignedRepo, Write};
use crate::store::{MemoryStore, Store as _};
use crate::sync::Event;
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Cid, Object, Value, cbor};
use atproto_lexicon::syntax::{Did, Tid};
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::testing::Verdict::{Incomplete, Invalid, Valid};

/// A message of the firehose about an account of which nothing is known but its key.
#[derive(Debug, Clone)]
pub struct EventCase {
    /// The account.
    pub did: Did,
    /// Its key.
    pub key: PublicKey,
    /// When it is received, in microseconds since 1970.
    pub now: u64,
    /// The message of the WebSocket.
    pub frame: Vec<u8>,
}

const SIGNED: u64 = 1_750_000_000_000_000;

fn rev(number: u64) -> Tid {
    Tid::from_parts(SIGNED + number, 1).unwrap()
}

fn record(text: &str) -> Vec<u8> {
    let fields = [("$type".into(), "com.example.note".into()), ("text".into(), text.into())];
    cbor::to_vec(&Object::from(fields)).unwrap()
}

/// The parts of an event, to be changed.
#[derive(Clone)]
struct Parts {
    body: CommitBody,
    root: Cid,
    blocks: Blocks,
    ops: Vec<(&'static str, String, Option<Cid>, Option<Cid>)>,
    repo: String,
}

impl Parts {
    fn of(commit: &SignedCommit) -> Self {
        let body = commit.commit_event(1, super::super::events::TIME).unwrap();
        let event = match Event::parse("#commit", &body) {
            Ok(Some(Event::Commit(event))) => Some(event),
            _ => None,
        };
        let event = event.unwrap();
        let car = Car::parse(event.blocks).unwrap();
        let action =
            |name: &str| ["create", "update", "delete"].into_iter().find(|other| *other == name).unwrap();
        Self {
            root: event.commit,
            blocks: Blocks(car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect()),
            ops: event
                .ops
                .iter()
                .map(|op| (action(op.action.as_str()), op.path.into(), op.cid, op.prev))
                .collect(),
            repo: event.repo.to_string(),
            body: CommitBody {
                seq: 1,
                commit: event.commit,
                rev: event.rev,
                since: event.since,
                prev_data: event.prev_data,
                ..CommitBody::default()
            },
        }
    }

    fn frame(self) -> Vec<u8> {
        let blocks = self.blocks.car(&[self.root]);
        let ops = self.ops.iter().map(|(action, path, cid, prev)| op(action, path, *cid, *prev)).collect();
        let mut body = CommitBody { blocks, ops, ..self.body }.object();
        body.insert("repo".into(), Value::from(self.repo.as_str()));
        frame("#commit", &body)
    }
}

/// Two commits, one after the other: the second creates, updates and deletes a record each.
fn commits() -> [SignedCommit; 2] {
    let paths: Vec<String> = (0..60).map(|number| format!("com.example.note/{number:02}")).collect();
    let records: Vec<Vec<u8>> = paths.iter().map(|path| record(path)).collect();
    let creates: Vec<Write<'_>> =
        paths.iter().zip(&records).map(|(path, record)| Write::Create { path, record }).collect();
    let first = UnsignedCommit::create(&did(), &creates, rev(0)).unwrap().sign(&secret());
    let mut store = MemoryStore::default();
    store.commit(&first.write_set()).unwrap();
    let (created, updated) = (record("new"), record("other"));
    let writes = [
        Write::Create { path: "com.example.note/05a", record: &created },
        Write::Update { path: &paths[20], record: &updated, swap: None },
        Write::Delete { path: &paths[40], swap: None },
    ];
    let second = UnsignedRepo::open(&store).unwrap().write(&writes, None, rev(1)).unwrap().sign(&secret());
    [first, second]
}

/// So many creations after the first commit, in one event.
fn creations(first: &SignedCommit, count: usize) -> Parts {
    let mut store = MemoryStore::default();
    store.commit(&first.write_set()).unwrap();
    let record = record("one of many");
    let paths: Vec<String> = (0..count).map(|number| format!("com.example.note/a{number:03}")).collect();
    let mut event: Option<Parts> = None;
    // More than a commit may have are made by several.
    for (number, paths) in (1..).zip(paths.chunks(MAX_WRITES)) {
        let writes: Vec<Write<'_>> =
            paths.iter().map(|path| Write::Create { path, record: &record }).collect();
        let commit =
            UnsignedRepo::open(&store).unwrap().write(&writes, None, rev(number)).unwrap().sign(&secret());
        store.commit(&commit.write_set()).unwrap();
        let mut parts = Parts::of(&commit);
        if let Some(before) = event {
            (parts.body.since, parts.body.prev_data) = (before.body.since, before.body.prev_data);
            parts.ops.splice(0..0, before.ops);
            let more: Vec<_> =
                before.blocks.0.into_iter().filter(|block| !parts.blocks.0.contains(block)).collect();
            parts.blocks.0.extend(more);
        }
        event = Some(parts);
    }
    event.unwrap()
}

/// `#commit` messages, each the first that is seen of its account.
pub fn events() -> Vec<Hostile<EventCase>> {
    let [first, second] = commits();
    let (create, genuine) = (Parts::of(&first), Parts::of(&second));
    let changed = |change: &dyn Fn(&mut Parts)| {
        let mut parts = genuine.clone();
        change(&mut parts);
        parts.frame()
    };
    let some = Cid::of_dag_cbor(b"some");
    let without = |at: usize| changed(&|parts| drop(parts.blocks.0.remove(at)));
    let position =
        |cid: Option<Cid>| genuine.blocks.0.iter().position(|(other, _)| Some(*other) == cid).unwrap();
    // The first operations are in the order of the writes.
    let (created, updated) = (position(genuine.ops[0].2), position(genuine.ops[1].2));
    let node = position(Some(*second.data()));
    let field = |name: &str, value: Option<Value>| {
        let event = genuine.clone();
        let blocks = event.blocks.car(&[event.root]);
        let ops = event.ops.iter().map(|(action, path, cid, prev)| op(action, path, *cid, *prev)).collect();
        let mut body = CommitBody { blocks, ops, ..event.body }.object();
        body.remove(name);
        body.extend(value.map(|value| (name.to_owned(), value)));
        [encode(&super::super::events::header(1, Some("#commit"))), encode(&body)].concat()
    };
    let all = [
        ("first commit", create.clone().frame(), Valid),
        ("commit that creates, updates and deletes", genuine.clone().frame(), Valid),
        (
            "block that is not needed",
            changed(&|parts| parts.blocks.0.push((Cid::of_dag_cbor(b"\xa0"), b"\xa0".to_vec()))),
            Valid,
        ),
        ("operations in another order", changed(&|parts| parts.ops.reverse()), Valid),
        ("unknown field", field("future", Some(Value::Null)), Valid),
        ("no operation of what was created", changed(&|parts| drop(parts.ops.remove(0))), Invalid),
        ("no operation of what was updated", changed(&|parts| drop(parts.ops.remove(1))), Invalid),
        ("no operation of what was deleted", changed(&|parts| drop(parts.ops.remove(2))), Invalid),
        ("no operations", changed(&|parts| parts.ops.clear()), Invalid),
        (
            "operation that changed nothing of the tree",
            changed(&|parts| parts.ops.push(("create", "com.example.note/zz".into(), parts.ops[0].2, None))),
            Invalid,
        ),
        ("operation twice", changed(&|parts| parts.ops.push(parts.ops[0].clone())), Invalid),
        ("record that is not the tree's", changed(&|parts| parts.ops[0].2 = parts.ops[1].2), Invalid),
        ("record before that was another", changed(&|parts| parts.ops[1].3 = Some(some)), Invalid),
        ("deleted record that was another", changed(&|parts| parts.ops[2].3 = Some(some)), Invalid),
        ("creation that says what was before", changed(&|parts| parts.ops[0].3 = Some(some)), Invalid),
        (
            "update that is called a creation",
            changed(&|parts| (parts.ops[1].0, parts.ops[1].3) = ("create", None)),
            Invalid,
        ),
        ("deletion with a record", changed(&|parts| parts.ops[2].2 = Some(some)), Invalid),
        (
            "operation at another path",
            changed(&|parts| parts.ops[0].1 = "com.example.note/05b".into()),
            Invalid,
        ),
        ("operation at no path", changed(&|parts| parts.ops[0].1 = "com.example.note".into()), Invalid),
        ("200 operations", creations(&first, 200).frame(), Valid),
        ("201 operations", creations(&first, 201).frame(), Invalid),
        ("tree before that was another", changed(&|parts| parts.body.prev_data = Some(some)), Invalid),
        ("no tree before, though there was a commit", changed(&|parts| parts.body.prev_data = None), Invalid),
        (
            "neither a tree nor a commit before",
            changed(&|parts| (parts.body.prev_data, parts.body.since) = (None, None)),
            Invalid,
        ),
        (
            "another account than was signed",
            changed(&|parts| parts.repo = "did:web:example.com".into()),
            Invalid,
        ),
        ("another revision than was signed", changed(&|parts| parts.body.rev = rev(2)), Invalid),
        (
            "another commit than the root",
            changed(&|parts| parts.body.commit = parts.blocks.0[node].0),
            Invalid,
        ),
        ("root that is a node", changed(&|parts| parts.root = parts.blocks.0[node].0), Invalid),
        (
            "commit of the revision before",
            changed(&|parts| {
                parts.blocks.0.push((*first.cid(), first.block().to_vec()));
                (parts.root, parts.body.commit) = (*first.cid(), *first.cid());
            }),
            Invalid,
        ),
        (
            "commit with other bytes",
            changed(&|parts| {
                let at = position(Some(parts.root));
                let end = parts.blocks.0[at].1.len() - 1;
                parts.blocks.0[at].1[end] ^= 1;
            }),
            Invalid,
        ),
        ("no blocks", changed(&|parts| parts.blocks.0.clear()), Incomplete),
        ("commit is missing", without(position(Some(genuine.root))), Incomplete),
        ("root node is missing", without(node), Incomplete),
        ("created record is missing", without(created), Incomplete),
        ("updated record is missing", without(updated), Incomplete),
        (
            "path that is a number",
            field(
                "ops",
                Some(Value::Array(vec![Value::Object(Object::from([
                    ("action".into(), "create".into()),
                    ("cid".into(), some.into()),
                    ("path".into(), Value::Integer(1)),
                ]))])),
            ),
            Invalid,
        ),
        ("blocks that are text", field("blocks", Some("a".into())), Invalid),
        ("no blocks field", field("blocks", None), Invalid),
        ("no revision", field("rev", None), Invalid),
        ("no number", field("seq", None), Invalid),
        ("number 0", field("seq", Some(Value::Integer(0))), Invalid),
        ("number 2^53", field("seq", Some(Value::Integer(1 << 53))), Invalid),
    ];
    let of = |frame: Vec<u8>, key: PublicKey, now: u64| EventCase { did: did(), key, now, frame };
    let mut cases: Vec<_> = all
        .into_iter()
        .map(|(name, frame, verdict)| case(name, of(frame, key(), SIGNED + 1_000_000), verdict))
        .collect();
    let other = atproto_crypto::SecretKey::from_hex(atproto_crypto::Curve::P256, &"77".repeat(32)).unwrap();
    // It is of the account that the message names, whose key is the same.
    for case in cases.iter_mut().filter(|case| case.name == "another account than was signed") {
        case.artefact.did = "did:web:example.com".parse().unwrap();
    }
    cases.push(case(
        "signed by another key",
        of(genuine.clone().frame(), other.public_key(), SIGNED),
        Invalid,
    ));
    cases.push(case("ten minutes early", of(genuine.clone().frame(), key(), SIGNED - 600_000_000), Invalid));
    cases.push(case("four minutes early", of(genuine.frame(), key(), SIGNED - 240_000_000), Valid));
    cases
}
