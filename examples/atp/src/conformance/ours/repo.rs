use super::{Answer, bytes, list, parsed, text, verdict};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::mst::{Proof, Tree, TreeDiff, TreeEdit, TreeError, layer_of};
use atproto_repo::repo::{Error, ProofError, Repo, UnsignedRepo, verify_proof};
use atproto_repo::store::MemoryBlocks;
use atproto_repo::sync::{Account, Event, Head, Outcome, Policy, VerifyError};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Display;

fn incomplete(reason: impl Display) -> Json {
    json!({"verdict": "incomplete", "reason": reason.to_string()})
}

fn show(error: impl Display) -> String {
    error.to_string()
}

pub(super) fn layer(request: &Json) -> Answer {
    Ok(json!({"verdict": "valid", "layer": layer_of(text(request, "key")?.as_bytes())}))
}

/// A tree in a CAR without a commit, walked: how many keys it has. Or the root of the tree of these keys.
pub(super) fn tree(request: &Json) -> Answer {
    if let Some(entries) = request["entries"].as_array() {
        let nothing = MemoryBlocks::default();
        let mut edit = TreeEdit::empty(&nothing);
        for entry in entries {
            edit.insert(text(entry, "key")?.as_bytes(), parsed(entry, "value")?).map_err(show)?;
        }
        let (root, _) = edit.finish().map_err(show)?;
        return Ok(json!({"verdict": "valid", "root": root.to_string()}));
    }
    let file = bytes(request, "car")?;
    let car = match Car::parse(&file) {
        Ok(car) => car,
        Err(error) => return Ok(verdict::<(), _>(Err(error))),
    };
    let [root] = *car.roots() else { return Ok(verdict::<(), _>(Err("not one root"))) };
    let (mut walk, mut keys) = (Tree::new(&car, root).walk(), 0_u64);
    loop {
        match walk.next() {
            Ok(Some(_)) => keys = keys.saturating_add(1),
            Ok(None) => return Ok(json!({"verdict": "valid", "root": root.to_string(), "keys": keys})),
            Err(error @ TreeError::Incomplete(_)) => return Ok(incomplete(error)),
            Err(error) => return Ok(verdict::<(), _>(Err(error))),
        }
    }
}

pub(super) fn diff(request: &Json) -> Answer {
    let files = [bytes(request, "before")?, bytes(request, "after")?];
    let [before, after] = [Car::parse(&files[0]).map_err(show)?, Car::parse(&files[1]).map_err(show)?];
    let root = |car: &Car<'_>| car.roots().first().copied().ok_or("no root");
    let mut diff = TreeDiff::new((&before, Some(root(&before)?)), (&after, Some(root(&after)?)));
    let mut ops = Vec::new();
    while let Some(change) = diff.next().map_err(show)? {
        let [old, new] = [change.before, change.after].map(|cid| cid.map(Cid::to_string));
        ops.push(json!({"rpath": String::from_utf8_lossy(change.key), "old_value": old, "new_value": new}));
    }
    let sorted = |cids: Vec<&Cid>| {
        let mut texts: Vec<_> = cids.into_iter().map(Cid::to_string).collect();
        texts.sort();
        texts
    };
    let (created, deleted) = (sorted(diff.created_nodes().collect()), sorted(diff.removed_nodes().collect()));
    Ok(json!({"verdict": "valid", "record_ops": ops, "created_nodes": created, "deleted_nodes": deleted}))
}

/// The roots before and after a commit, and the nodes that cover its operations in any order.
pub(super) fn covering(request: &Json) -> Answer {
    let value = parsed::<Cid>(request, "value")?;
    let keys = |name: &str| -> Result<Vec<&str>, String> {
        list(request, name)?.iter().map(|key| key.as_str().ok_or("a key is text".to_owned())).collect()
    };
    let (all, adds, dels) = (keys("keys")?, keys("adds")?, keys("dels")?);
    let nothing = MemoryBlocks::default();
    let mut edit = TreeEdit::empty(&nothing);
    for key in all {
        edit.insert(key.as_bytes(), value).map_err(show)?;
    }
    let (before, changes) = edit.finish().map_err(show)?;
    let mut blocks = MemoryBlocks::default();
    for (_, block) in changes.created {
        blocks.insert(block);
    }
    let mut edit = TreeEdit::new(&blocks, before);
    for key in &adds {
        edit.insert(key.as_bytes(), value).map_err(show)?;
    }
    for key in &dels {
        edit.remove(key.as_bytes()).map_err(show)?;
    }
    let (after, changes) = edit.finish().map_err(show)?;
    for (_, block) in changes.created {
        blocks.insert(block);
    }
    let changed: Vec<&[u8]> = adds.iter().chain(&dels).map(|key| key.as_bytes()).collect();
    let nodes = Proof::Neighbours.nodes(&blocks, &after, &changed).map_err(show)?;
    let mut nodes: Vec<_> = nodes.iter().map(|(cid, _)| cid.to_string()).collect();
    nodes.sort();
    Ok(json!({
        "verdict": "valid", "root_before": before.to_string(), "root_after": after.to_string(), "nodes": nodes,
    }))
}

fn of_repo<E: Display>(error: Error<E>) -> Json {
    match error {
        Error::Incomplete(missing) => incomplete(missing),
        other => verdict::<(), _>(Err(other)),
    }
}

pub(super) fn repo(request: &Json) -> Answer {
    let (did, key) = (parsed::<Did>(request, "did")?, parsed::<PublicKey>(request, "key")?);
    let file = bytes(request, "car")?;
    let car = match Car::parse(&file) {
        Ok(car) => car,
        Err(error) => return Ok(verdict::<(), _>(Err(error))),
    };
    let checked = Repo::verify(&car, &did, &key).and_then(|repo| {
        let summary = repo.check()?;
        Ok((repo.commit().rev, repo.commit().data, summary.records))
    });
    Ok(match checked {
        Ok((rev, data, records)) => {
            json!({"verdict": "valid", "rev": rev.to_string(), "data": data.to_string(), "records": records})
        }
        Err(error) => of_repo(error),
    })
}

pub(super) fn proof(request: &Json) -> Answer {
    let (did, key) = (parsed::<Did>(request, "did")?, parsed::<PublicKey>(request, "key")?);
    Ok(match verify_proof(&bytes(request, "car")?, &did, &key, text(request, "path")?) {
        Ok(entry) => json!({"verdict": "valid", "record": entry.map(|entry| entry.cid.to_string())}),
        Err(ProofError::Repo(error)) => of_repo(error),
        Err(error) => verdict::<(), _>(Err(error)),
    })
}

/// Messages of a firehose, one after the other, to accounts of which only the keys are known at first.
pub(super) fn events(request: &Json) -> Answer {
    let policy = Policy { allow_unproven: request["lenient"] == true, ..Policy::default() };
    let now = request["now"].as_u64().ok_or("no time now, in microseconds")?;
    let mut accounts = BTreeMap::new();
    for account in list(request, "accounts")? {
        let (did, key) = (parsed::<Did>(account, "did")?, parsed::<PublicKey>(account, "key")?);
        let account = Account::new(did.clone(), None).with_policy(policy).with_max_queue(1 << 20);
        accounts.insert(did, (account, key));
    }
    let mut outcomes = Vec::new();
    for frame in list(request, "frames")? {
        let frame = super::as_bytes(frame).ok_or("a frame is bytes")?;
        outcomes.push(event(&frame, &mut accounts, now)?);
    }
    Ok(match &outcomes[..] {
        [one] => {
            let mut answer = one.clone();
            answer["outcomes"] = json!([one]);
            answer
        }
        _ => json!({"verdict": "valid", "outcomes": outcomes}),
    })
}

/// What becomes of a message: the verdict on it, whether a relay drops it, and whether it changes the account's status.
fn event(frame: &[u8], accounts: &mut BTreeMap<Did, (Account, PublicKey)>, now: u64) -> Answer {
    let outcome =
        |verdict: &str, drop: bool, update: bool| json!({"verdict": verdict, "drop": drop, "update": update});
    let Ok(event) = Event::from_frame(frame) else { return Ok(outcome("invalid", true, false)) };
    let event = event.ok_or("a type of event that is not known")?;
    let known = event.did().and_then(|did| accounts.get_mut(did));
    let Some((account, key)) = known else { return Ok(outcome("invalid", true, false)) };
    let (taken, blocks) = match event {
        Event::Commit(event) => {
            let blocks = event.blocks;
            (account.commit(event, frame, key, now), blocks)
        }
        Event::Sync(event) => (account.sync(&event, frame, key, now), event.blocks),
        Event::Account(event) => return Ok(outcome("valid", false, account.account(&event))),
        _ => return Ok(outcome("valid", false, false)),
    };
    Ok(match taken {
        Outcome::Invalid(VerifyError::Incomplete(_)) => outcome("incomplete", true, false),
        Outcome::Invalid(_) | Outcome::RefreshIdentity(_) => outcome("invalid", true, false),
        Outcome::Ignored => outcome("valid", true, false),
        Outcome::Desynchronized(why) => {
            let verdict = match why {
                None | Some(VerifyError::ChainBreak(_)) => "valid",
                Some(VerifyError::Incomplete(_)) => "incomplete",
                Some(_) => "invalid",
            };
            // A relay passes on what does not follow on what it knows, and fetches the repository: here, what was sent.
            account.begin_resync();
            let _ = account.end_resync(head_of(blocks));
            outcome(verdict, verdict != "valid", false)
        }
        _ => outcome("valid", false, false),
    })
}

fn head_of(blocks: &[u8]) -> Option<Head> {
    let car = Car::parse(blocks).ok()?;
    let repo = UnsignedRepo::open(&car).ok()?;
    Some(Head { rev: repo.commit().rev, data: repo.commit().data })
}
