//! Commits of a firehose: genuine ones are verified, and each forgery is refused for its own reason.

use crate::events::{CommitBody, TIME, op};
use crate::history::steps;
use crate::oracle::{self, Map, Oracle};
use crate::write::{Records, as_writes, did, forty, map_of, next, record, rev, secret, writes};
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_lexicon::data::{Cid, cbor};
use atproto_repo::car::{Car, CarError, CarReason, CarWriter};
use atproto_repo::mst::{TreeFault, TreeReason};
use atproto_repo::repo::{Commit, CommitReason, Missing, UnsignedCommit, UnsignedRepo, Write};
use atproto_repo::store::{MemoryStore, Store as _};
use atproto_repo::sync::{
    Account, CommitEvent, ErrorKind, Event, Head, Outcome, Policy, ProduceError, VerifyError,
};
use proptest::prelude::*;
use std::convert::Infallible;

/// A time at which no revision of these tests is in the future.
pub(crate) const NOW: u64 = 1_750_000_001_000_000;

pub(crate) fn key() -> PublicKey {
    secret().public_key()
}

pub(crate) fn commit_of(body: &[u8]) -> CommitEvent<'_> {
    match Event::parse("#commit", body).unwrap() {
        Some(Event::Commit(event)) => event,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn head_of(store: &MemoryStore) -> Option<Head> {
    let repo = UnsignedRepo::open(store).ok()?;
    Some(Head { rev: repo.commit().rev, data: repo.commit().data })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, ..ProptestConfig::default() })]

    #[test]
    fn events_lead_from_commit_to_commit(history in steps()) {
        let (mut store, mut records) = (MemoryStore::default(), Records::new());
        let mut account = Account::new(did(), None);
        for (number, step) in history.iter().enumerate() {
            let before: Map = map_of(&records);
            let list = writes(step, &mut records);
            let commit = next(&store, &as_writes(&list), number as u64);
            store.commit(&commit.write_set()).unwrap();
            let body = commit.commit_event(number as u64 + 1, TIME).unwrap();
            let Outcome::Commit(verified) = account.commit(commit_of(&body), &body, &key(), NOW) else {
                panic!("{:?}", account.commit(commit_of(&body), &body, &key(), NOW));
            };
            prop_assert!(verified.is_proven());
            prop_assert_eq!(Some(verified.head()), head_of(&store));
            let after = map_of(&records);
            let mut ops: Vec<oracle::Op> =
                verified.ops().iter().map(|op| (op.path.into(), op.prev, op.cid)).filter(|(_, a, b)| a != b).collect();
            ops.sort();
            prop_assert_eq!(ops, oracle::diff(&before, &after).ops);
            for op in verified.ops() {
                let number = records.get(op.path);
                prop_assert_eq!(verified.record(op).map(|record| record.bytes.to_vec()), number.map(|n| record(*n)));
            }
        }
    }
}

proptest! {
    /// On the fewest nodes the operations can be undone, and that is all that they prove.
    #[test]
    fn the_fewest_blocks_are_enough_where_that_is_allowed(history in steps()) {
        let (mut store, mut records) = (MemoryStore::default(), Records::new());
        let minimal = Policy { allow_minimal: true, ..Policy::default() };
        for (number, step) in history.iter().enumerate() {
            let (before, head) = (map_of(&records), head_of(&store));
            let list = writes(step, &mut records);
            let commit = next(&store, &as_writes(&list), number as u64);
            store.commit(&commit.write_set()).unwrap();
            let after = map_of(&records);
            // Updates that change nothing are undone, too.
            let op = |path: &[u8]| (path.to_vec(), before.get(path).copied(), after.get(path).copied());
            let ops: Vec<oracle::Op> = list.iter().map(|(path, ..)| op(path.as_bytes())).collect();
            let needed = oracle::covering_nodes(&before, &after, &ops);
            let nodes = Oracle::build(&after).nodes;
            let event = Parts::of(&commit.commit_event(1, TIME).unwrap(), head)
                .with(|event| event.blocks.retain(|(cid, _)| !nodes.contains_key(cid) || needed.contains(cid)));
            prop_assert_eq!(event.verify_with(&key(), NOW, &minimal), Ok(true));
            match event.verify() {
                Ok(true) | Err(VerifyError::Incomplete(Missing::Node(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The parts of an event, to be forged.
#[derive(Clone)]
struct Parts {
    body: CommitBody,
    root: Cid,
    blocks: Vec<(Cid, Vec<u8>)>,
    head: Option<Head>,
    ops: Vec<(&'static str, String, Option<Cid>, Option<Cid>)>,
}

impl Parts {
    /// A genuine event.
    fn of(body: &[u8], head: Option<Head>) -> Self {
        let event = commit_of(body);
        let car = Car::parse(event.blocks).unwrap();
        let ops = event.ops.iter().map(|op| (op.action.as_str(), op.path.to_owned(), op.cid, op.prev));
        Self {
            root: event.commit,
            blocks: car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect(),
            head,
            ops: ops.collect(),
            body: CommitBody {
                seq: event.seq as i64,
                commit: event.commit,
                rev: event.rev,
                since: event.since,
                prev_data: event.prev_data,
                blocks: Vec::new(),
                ops: Vec::new(),
            },
        }
    }

    fn body(&self) -> Vec<u8> {
        let mut car = CarWriter::new(Vec::new(), &[self.root]).unwrap();
        for (cid, block) in &self.blocks {
            car.write(cid, block).unwrap();
        }
        let ops = self.ops.iter().map(|(action, path, cid, prev)| op(action, path, *cid, *prev)).collect();
        cbor::to_vec(&CommitBody { blocks: car.into_inner(), ops, ..self.body.clone() }.object()).unwrap()
    }

    fn verify_with(&self, key: &PublicKey, now: u64, policy: &Policy) -> Result<bool, VerifyError> {
        commit_of(&self.body()).verify(key, self.head.as_ref(), now, policy).map(|commit| commit.is_proven())
    }

    fn verify(&self) -> Result<bool, VerifyError> {
        self.verify_with(&key(), NOW, &Policy::default())
    }

    /// The event with a change.
    fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut forged = self.clone();
        change(&mut forged);
        forged
    }

    fn op(&mut self, action: &str) -> &mut (&'static str, String, Option<Cid>, Option<Cid>) {
        self.ops.iter_mut().find(|op| op.0 == action).unwrap()
    }

    /// Signs another tree with the account's key.
    fn sign(&mut self, data: Cid) {
        let block =
            Commit::encode(&did(), self.body.rev, data, |bytes| Ok::<_, Infallible>(secret().sign(bytes)));
        self.root = Cid::of_dag_cbor(block.as_ref().unwrap());
        self.body.commit = self.root;
        self.blocks.push((self.root, block.unwrap()));
    }
}

/// An event of a creation, an update and a deletion in a repository of forty records.
fn genuine() -> Parts {
    let (mut store, _) = forty();
    let paths: Vec<String> =
        [41, 3, 20].map(|number| String::from_utf8(crate::history::key(number)).unwrap()).into();
    let (new, other) = (record(200), record(201));
    let head = head_of(&store);
    let list = [
        Write::Create { path: &paths[0], record: &new },
        Write::Update { path: &paths[1], record: &other, swap: None },
        Write::Delete { path: &paths[2], swap: None },
    ];
    let commit = next(&store, &list, 1);
    store.commit(&commit.write_set()).unwrap();
    Parts::of(&commit.commit_event(1, TIME).unwrap(), head)
}

#[test]
fn each_forgery_is_refused_for_its_own_reason() {
    let event = genuine();
    assert_eq!(event.verify(), Ok(true));
    assert_eq!(event.with(|event| event.head = None).verify(), Ok(true));
    let head = event.head.unwrap();
    let (created, updated) = (event.ops[0].2.unwrap(), event.ops[1].2.unwrap());
    let path = |action: &str| event.clone().op(action).1.clone();

    // Nothing but this is wrong: `since` is not signed.
    let stale = event.with(|event| {
        event.head = Some(Head { rev: event.body.rev, ..head });
        event.body.since = Some(event.body.rev);
    });
    assert_eq!(stale.verify(), Err(VerifyError::StaleRev { rev: rev(1), head: rev(1) }));
    let future = event.verify_with(&key(), rev(1).micros() - 300_000_001, &Policy::default());
    assert_eq!(future, Err(VerifyError::FutureRev(rev(1))));
    assert!(event.verify_with(&key(), rev(1).micros() - 300_000_000, &Policy::default()).is_ok());

    let flipped = event.with(|event| event.blocks.last_mut().unwrap().1[5] ^= 1);
    let refused = flipped.verify();
    assert!(
        matches!(refused, Err(VerifyError::Car(CarError { reason: CarReason::Hash(_), .. }))),
        "{refused:?}"
    );
    assert_eq!(event.with(|event| event.body.commit = created).verify(), Err(VerifyError::Root));
    let rootless = event.with(|event| event.root = created).verify();
    assert!(matches!(rootless, Err(VerifyError::Commit(CommitReason::MissingField(_)))), "{rootless:?}");
    let other = SecretKey::from_hex(Curve::K256, &"3c".repeat(32)).unwrap();
    assert_eq!(event.verify_with(&other.public_key(), NOW, &Policy::default()), Err(VerifyError::Signature));
    let later = event.with(|event| event.body.rev = rev(2));
    assert_eq!(later.verify(), Err(VerifyError::FieldMismatch("rev")));

    for (from, to) in [("update", "create"), ("update", "delete"), ("create", "update")] {
        let forged = event.with(|event| event.op(from).0 = to);
        assert_eq!(forged.verify(), Err(VerifyError::OpShape(path(from))), "{from} as {to}");
    }
    let twice = event.with(|event| {
        // An update that changes nothing can be undone as often as one likes.
        let op = ("update", path("create"), Some(created), Some(created));
        *event.op("create") = op.clone();
        event.ops.push(op);
    });
    assert_eq!(twice.verify(), Err(VerifyError::DuplicatePath(path("create"))));
    let swapped = event.with(|event| event.op("create").2 = Some(updated));
    let refused = VerifyError::OpMismatch { path: path("create"), found: Some(created) };
    assert_eq!(swapped.verify(), Err(refused));
    let swapped = event.with(|event| event.op("update").2 = Some(created));
    let refused = VerifyError::OpMismatch { path: path("update"), found: Some(updated) };
    assert_eq!(swapped.verify(), Err(refused));
    let hidden = event.with(|event| {
        let op = event.op("update");
        (op.0, op.2) = ("delete", None);
    });
    let refused = VerifyError::OpMismatch { path: path("update"), found: Some(updated) };
    assert_eq!(hidden.verify(), Err(refused));

    for at in 0..event.ops.len() {
        let left_out = event.with(|event| drop(event.ops.remove(at))).verify();
        assert!(matches!(left_out, Err(VerifyError::Inversion)), "{at}: {left_out:?}");
    }
    let wrong = event.with(|event| (event.head, event.body.prev_data) = (None, Some(created)));
    assert_eq!(wrong.verify(), Err(VerifyError::Inversion));
    for action in ["update", "delete"] {
        let wrong = event.with(|event| event.op(action).3 = Some(created));
        assert_eq!(wrong.verify(), Err(VerifyError::Inversion));
    }
    let skipped = event.with(|event| event.body.since = Some(rev(7)));
    assert_eq!(skipped.verify(), Err(VerifyError::ChainBreak(head.rev)));
    let elsewhere = event.with(|event| event.head = Some(Head { data: created, ..head }));
    assert_eq!(elsewhere.verify(), Err(VerifyError::ChainBreak(head.rev)));
}

#[test]
fn no_block_can_be_left_out() {
    let event = genuine();
    let needed = event.blocks.len();
    let mut nodes = 0;
    for at in 0..needed {
        let forged = event.with(|event| drop(event.blocks.remove(at)));
        let (cid, _) = event.blocks[at];
        match forged.verify() {
            Err(VerifyError::Incomplete(Missing::Commit(missing))) => assert_eq!((missing, at), (cid, 0)),
            Err(VerifyError::Incomplete(Missing::Record { cid: missing, .. })) => assert_eq!(missing, cid),
            Err(VerifyError::Incomplete(Missing::Node(missing))) => {
                assert_eq!(missing, cid);
                nodes += 1;
            }
            // A node beside the keys, which another order of undoing might need.
            Ok(true) => {}
            other => panic!("{at}: {other:?}"),
        }
    }
    assert!(nodes >= 3);
}

#[test]
fn a_tree_that_is_none_is_refused_under_a_good_signature() {
    // Keys of two layers in one node.
    let keys = [
        "com.example.note/1",
        "com.example.note/2",
        "com.example.note/3",
        "com.example.note/4",
        "com.example.note/5",
    ];
    let layers: Vec<u32> = keys.iter().map(|key| oracle::layer_of(key.as_bytes())).collect();
    let first = layers[0];
    assert!(layers.iter().any(|layer| *layer != first), "{layers:?}");
    let value = Cid::of_dag_cbor(&record(1));
    let mut node = b"\xa2\x61e\x85".to_vec();
    let mut previous = "";
    for key in keys {
        let shared = previous.bytes().zip(key.bytes()).take_while(|(a, b)| a == b).count();
        node.extend(b"\xa4\x61k");
        node.push(0x40 | (key.len() - shared) as u8);
        node.extend(&key.as_bytes()[shared..]);
        node.extend(b"\x61p");
        node.push(shared as u8);
        node.extend(b"\x61t\xf6\x61v\xd8\x2a\x58\x25\0");
        node.extend(value.as_bytes());
        previous = key;
    }
    node.extend(b"\x61l\xf6");
    // The first key's suffix is longer than 23 bytes only where the key is.
    assert!(keys[0].len() < 24);
    let root = Cid::of_dag_cbor(&node);
    let mut event = genuine();
    (event.head, event.body.since, event.body.prev_data) = (None, None, None);
    event.blocks = vec![(root, node), (value, record(1))];
    event.ops = keys.iter().map(|key| ("create", (*key).to_owned(), Some(value), None)).collect();
    event.sign(root);
    let refused = event.verify();
    let is_layer = |reason: &TreeReason| matches!(reason, TreeReason::KeyLayer { .. });
    assert!(
        matches!(&refused, Err(VerifyError::Tree(TreeFault { reason, .. })) if is_layer(reason)),
        "{refused:?}"
    );
}

#[test]
fn a_key_that_is_no_path_is_refused_under_a_good_signature() {
    let value = Cid::of_dag_cbor(&record(1));
    let tree = Oracle::build(&Map::from([(b"note".to_vec(), value)]));
    let mut event = genuine();
    (event.head, event.body.since, event.body.prev_data) = (None, None, None);
    event.blocks = tree.nodes.into_iter().chain([(value, record(1))]).collect();
    event.ops = vec![("create", "note".to_owned(), Some(value), None)];
    event.sign(tree.root);
    assert!(matches!(event.verify(), Err(VerifyError::Path(path, _)) if path == "note"));
}

/// The first commit that is not empty, after an empty one.
#[test]
fn prev_data_is_missing_in_a_first_commit_only() {
    let mut store = MemoryStore::default();
    let empty = UnsignedCommit::create(&did(), &[], rev(0)).unwrap().sign(&secret());
    store.commit(&empty.write_set()).unwrap();
    let first = Parts::of(&empty.commit_event(1, TIME).unwrap(), None);
    assert_eq!(first.verify(), Ok(true));

    let note = record(1);
    let commit = next(&store, &[Write::Create { path: "com.example.note/a", record: &note }], 1);
    let event = Parts::of(&commit.commit_event(2, TIME).unwrap(), None);
    assert_eq!(event.verify(), Ok(true));
    // Undone, it is the empty tree all the same.
    let old = event.with(|event| event.body.prev_data = None);
    assert_eq!(old.verify(), Err(VerifyError::NoPrevData));
    let lenient = Policy { allow_unproven: true, ..Policy::default() };
    assert_eq!(old.verify_with(&key(), NOW, &lenient), Ok(false));
    assert_eq!(event.verify_with(&key(), NOW, &lenient), Ok(true));
    // It passes for a first commit only as long as it is one.
    assert_eq!(old.with(|event| event.body.since = None).verify(), Ok(true));
    let second =
        genuine().with(|event| (event.head, event.body.since, event.body.prev_data) = (None, None, None));
    assert_eq!(second.verify(), Err(VerifyError::Inversion));
}

#[test]
fn a_lenient_policy_lets_pass_nothing_else() {
    let lenient = Policy { allow_unproven: true, ..Policy::default() };
    let verify = |event: &Parts| event.verify_with(&key(), NOW, &lenient);
    let old = genuine().with(|event| {
        event.op("update").3 = None;
        event.op("delete").3 = None;
    });
    assert_eq!(old.verify(), Err(VerifyError::OpShape(old.ops[1].1.clone())));
    assert_eq!(verify(&old), Ok(false));
    let (created, updated) = (old.ops[0].2.unwrap(), old.ops[1].2.unwrap());
    for (forged, path) in [
        (old.with(|event| event.op("create").2 = Some(updated)), &old.ops[0].1),
        (old.with(|event| event.op("update").2 = Some(created)), &old.ops[1].1),
        (
            old.with(|event| event.op("delete").1 = old.ops[0].1.replace("41", "5")),
            &old.ops[0].1.replace("41", "5"),
        ),
    ] {
        let refused = verify(&forged);
        assert!(
            matches!(&refused, Err(VerifyError::OpMismatch { path: at, .. }) if at == path)
                || matches!(&refused, Err(VerifyError::Incomplete(Missing::Node(_)))),
            "{refused:?}"
        );
    }
    let wrong = genuine().with(|event| (event.head, event.body.prev_data) = (None, Some(created)));
    assert_eq!(verify(&wrong), Err(VerifyError::Inversion));
}

#[test]
fn kinds_say_what_to_do() {
    let event = genuine();
    let kind = |event: &Parts| event.verify().unwrap_err().kind();
    assert_eq!(kind(&event.with(|event| event.body.rev = event.head.unwrap().rev)), ErrorKind::Stale);
    assert_eq!(kind(&event.with(|event| event.body.rev = rev(2))), ErrorKind::Invalid);
    assert_eq!(kind(&event.with(|event| drop(event.ops.pop()))), ErrorKind::Desynchronized);
    assert_eq!(kind(&event.with(|event| event.body.since = Some(rev(9)))), ErrorKind::Desynchronized);
}

/// Where nothing has changed, no node need be sent; one that is sent has to be the root of a tree.
#[test]
fn a_commit_without_operations_may_have_no_nodes() {
    let (mut store, _) = forty();
    let head = head_of(&store);
    let commit = next(&store, &[], 1);
    store.commit(&commit.write_set()).unwrap();
    let event = Parts::of(&commit.commit_event(1, TIME).unwrap(), head);
    assert_eq!(event.verify(), Ok(true));
    assert_eq!(event.with(|event| event.blocks.truncate(1)).verify(), Ok(true));
    let record_as_tree = event.with(|event| {
        let root = Cid::of_dag_cbor(&record(1));
        (event.head, event.body.prev_data) = (None, Some(root));
        event.blocks = vec![(root, record(1))];
        event.sign(root);
    });
    assert!(matches!(record_as_tree.verify(), Err(VerifyError::Tree(_))));
}

#[test]
fn events_keep_within_the_limits() {
    let long = |number: usize| {
        let text = "a".repeat(999_000);
        let object =
            atproto_lexicon::data::Object::from([("text".to_owned(), format!("{number}{text}").into())]);
        (format!("com.example.note/{number}"), cbor::to_vec(&object).unwrap())
    };
    let (two, three): (Vec<_>, Vec<_>) = ((0..2).map(long).collect(), (0..3).map(long).collect());
    let event = |list: &[(String, Vec<u8>)]| {
        let list: Vec<_> = list.iter().map(|(path, record)| Write::Create { path, record }).collect();
        next(&MemoryStore::default(), &list, 0).commit_event(1, TIME)
    };
    let body = event(&two).unwrap();
    assert_eq!(commit_of(&body).ops.len(), 2);
    assert!(matches!(event(&three), Err(ProduceError::Blocks(2_000_001..))));
    // One record at three paths is one block.
    let same: Vec<_> = three.iter().map(|(path, _)| (path.clone(), three[0].1.clone())).collect();
    let body = event(&same).unwrap();
    assert!(body.len() < 1_010_000);
    assert!(commit_of(&body).verify(&key(), None, NOW, &Policy::default()).is_ok());
    let commit = next(&MemoryStore::default(), &[], 0);
    assert_eq!(commit.commit_event(0, TIME), Err(ProduceError::Seq));
    assert_eq!(commit.sync_event(1 << 53, TIME), Err(ProduceError::Seq));
    assert!(commit.sync_event((1 << 53) - 1, TIME).is_ok());
}
