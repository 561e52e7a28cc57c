//! Commits of a firehose beside the oracle: whatever was forged, an event that is accepted says what changed.

use crate::events::{CommitBody, TIME, encode, op};
use crate::history::{History, KEY, PATHS, forge_blocks, forge_file, path, rev};
use crate::model::{Blocks, did};
use crate::oracle::{self, Map, Op, Oracle};
use arbitrary::{Result, Unstructured};
use atproto_lexicon::data::{Cid, Value};
use atproto_repo::car::Car;
use atproto_repo::sync::{Action, CommitEvent, Event, Head, Policy, VerifiedCommit};

const NOW: u64 = 1_750_000_001_000_000;

pub fn check(data: &[u8]) {
    // Too little data makes no event.
    let _ = check_event(&mut Unstructured::new(data));
}

/// The parts of an event, to be forged.
struct Parts {
    body: CommitBody,
    repo: String,
    root: Cid,
    blocks: Blocks,
    ops: Vec<(Action, String, Option<Cid>, Option<Cid>)>,
}

fn check_event(input: &mut Unstructured<'_>) -> Result<()> {
    let history = History::choose(input)?;
    let bytes = history.after.commit.commit_event(1, TIME).unwrap();
    let mut parts = Parts::of(&commit_of(&bytes).unwrap());
    let forgeries = input.int_in_range(0..=3)?;
    for _ in 0..forgeries {
        parts.forge(&history, input)?;
    }
    let mut car = parts.blocks.car(&[parts.root]);
    if forgeries > 0 {
        forge_file(&mut car, input)?;
    }
    let before = &history.before;
    let head = Head { rev: before.commit.rev(), data: *before.commit.data() };
    let head = input.ratio(3, 4)?.then_some(head);
    let policy = Policy { allow_unproven: input.ratio(1, 8)?, ..Policy::default() };
    let body = parts.body(car);
    let Some(event) = commit_of(&body) else { return Ok(()) };
    match event.clone().verify(&KEY.public_key(), head.as_ref(), NOW, &policy) {
        Ok(verified) => check_verified(&verified, &history, head.as_ref()),
        Err(error) => assert!(forgeries > 0, "{error}: {event:?}"),
    }
    Ok(())
}

fn commit_of(body: &[u8]) -> Option<CommitEvent<'_>> {
    match Event::parse("#commit", body) {
        Ok(Some(Event::Commit(event))) => Some(event),
        _ => None,
    }
}

/// Nothing but what was signed is accepted, and of that only what the oracle says.
fn check_verified(verified: &VerifiedCommit<'_>, history: &History, head: Option<&Head>) {
    let event = verified.event();
    let at = history.at(&verified.head().data).expect("a tree that was never signed");
    // Two commits may have the same tree.
    let all = [&history.before, &history.after, &history.other];
    let signed =
        all.iter().find(|at| *at.commit.cid() == event.commit).expect("a commit that was never signed");
    assert_eq!((verified.did(), verified.head().rev), (&did(), signed.commit.rev()));
    assert_eq!(verified.head().data, *signed.commit.data());
    let mut before: Map = at.map.clone();
    let mut ops: Vec<Op> = Vec::new();
    for op in verified.ops() {
        assert_eq!(at.map.get(op.path.as_bytes()).copied(), op.cid, "{op:?}");
        match verified.record(op) {
            Some(record) => assert!(op.cid == Some(record.cid) && record.cid.matches(record.bytes)),
            None => assert_eq!(op.cid, None),
        }
        match op.prev {
            Some(prev) => before.insert(op.path.into(), prev),
            None => before.remove(op.path.as_bytes()),
        };
        ops.push((op.path.into(), op.prev, op.cid));
    }
    if let Some(head) = head {
        assert!(event.since == Some(head.rev) && verified.head().rev > head.rev);
    }
    if !verified.is_proven() {
        return;
    }
    // An operation that puts a record in the place of the same one changes nothing.
    ops.retain(|(_, before, after)| before != after);
    ops.sort();
    assert!(ops.windows(2).all(|two| two[0].0 != two[1].0));
    assert_eq!(ops, oracle::diff(&before, &at.map).ops);
    let root = Oracle::build(&before).root;
    assert_eq!(event.prev_data.unwrap_or(Oracle::build(&Map::new()).root), root);
    if let Some(head) = head {
        assert_eq!(root, head.data);
        assert_eq!(before, history.before.map);
    }
}

impl Parts {
    fn of(event: &CommitEvent<'_>) -> Self {
        let car = Car::parse(event.blocks).unwrap();
        Self {
            repo: event.repo.to_string(),
            root: event.commit,
            blocks: Blocks(car.blocks().map(|block| (block.cid, block.bytes.to_vec())).collect()),
            ops: event.ops.iter().map(|op| (op.action, op.path.into(), op.cid, op.prev)).collect(),
            body: CommitBody {
                seq: 1,
                commit: event.commit,
                rev: event.rev,
                since: event.since,
                prev_data: event.prev_data,
                blocks: Vec::new(),
                ops: Vec::new(),
            },
        }
    }

    fn body(self, blocks: Vec<u8>) -> Vec<u8> {
        let ops = self.ops.iter().map(|(action, path, cid, prev)| op(action.as_str(), path, *cid, *prev));
        let mut object = CommitBody { blocks, ops: ops.collect(), ..self.body }.object();
        object.insert("repo".into(), Value::from(self.repo.as_str()));
        encode(&object)
    }

    fn forge(&mut self, history: &History, input: &mut Unstructured<'_>) -> Result<()> {
        let at = input.choose_index(self.ops.len().max(1))?;
        let some_rev = rev(input.int_in_range(0..=3)?);
        match input.int_in_range(0..=15)? {
            0 => self.body.since = input.ratio(3, 4)?.then_some(some_rev),
            1 => self.body.rev = some_rev,
            2 => self.repo = "did:web:example.com".into(),
            3 => self.body.prev_data = self.some_root(history, input)?,
            // The commit of another tree; its blocks go along.
            4 => {
                let other = *input.choose(&[&history.before, &history.other])?;
                self.root = *other.commit.cid();
                self.blocks.0.extend_from_slice(&history.blocks);
                if input.ratio(7, 8)? {
                    (self.body.commit, self.body.rev) = (self.root, other.commit.rev());
                }
            }
            5 => self.body.commit = input.choose(&history.blocks)?.0,
            6..=8 => forge_blocks(&mut self.blocks.0, &history.blocks, input)?,
            9 => self.ops.push(self.some_op(history, input)?),
            _ if self.ops.is_empty() => {}
            10 => self.ops[at].2 = some_cid(history, input)?,
            11 => self.ops[at].3 = some_cid(history, input)?,
            12 => drop(self.ops.remove(at)),
            13 => self.ops.push(self.ops[at].clone()),
            14 => self.ops[at].1 = path(input)?.to_owned(),
            _ => self.ops[at] = self.some_op(history, input)?,
        }
        Ok(())
    }

    /// An operation that might be one.
    fn some_op(
        &self,
        history: &History,
        input: &mut Unstructured<'_>,
    ) -> Result<(Action, String, Option<Cid>, Option<Cid>)> {
        let key = match history.after.map.keys().nth(input.choose_index(PATHS.len())?) {
            Some(key) => String::from_utf8_lossy(key).into_owned(),
            None => path(input)?.into(),
        };
        let of = |map: &Map| map.get(key.as_bytes()).copied();
        let cid = if input.ratio(3, 4)? { of(&history.after.map) } else { some_cid(history, input)? };
        let prev = if input.ratio(1, 2)? { of(&history.before.map) } else { some_cid(history, input)? };
        let action = match (cid, prev) {
            (None, _) => Action::Delete,
            (_, None) => Action::Create,
            _ => Action::Update,
        };
        Ok((action, key, cid, prev))
    }

    /// A root that was one, or the one from which the operations lead to the tree.
    fn some_root(&self, history: &History, input: &mut Unstructured<'_>) -> Result<Option<Cid>> {
        Ok(match input.int_in_range(0..=4)? {
            0 => None,
            1 => Some(*history.after.commit.data()),
            2 => Some(*history.other.commit.data()),
            3 => Some(Oracle::build(&Map::new()).root),
            _ => {
                let mut map = history.after.map.clone();
                for (_, path, _, prev) in &self.ops {
                    match prev {
                        Some(prev) => map.insert(path.as_str().into(), *prev),
                        None => map.remove(path.as_bytes()),
                    };
                }
                Some(Oracle::build(&map).root)
            }
        })
    }
}

fn some_cid(history: &History, input: &mut Unstructured<'_>) -> Result<Option<Cid>> {
    Ok(if input.ratio(1, 4)? { None } else { Some(input.choose(&history.blocks)?.0) })
}
