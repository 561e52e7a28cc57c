//! What the reference server sent to a subscriber.

use crate::{read, read_json, same, show, text};
use atproto_crypto::PublicKey;
use atproto_repo::car::Car;
use atproto_repo::sync::{Account, Event, EventError, Outcome};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use testdata::{Case, Suites};

const NAMES: [&str; 4] = ["pds1", "pds2", "future-cursor", "outdated-cursor"];

/// How many messages of each type there are at least.
const COUNTS: [(&str, usize); 6] =
    [("#account", 13), ("#commit", 739), ("#identity", 10), ("#info", 1), ("#sync", 8), ("error", 1)];

pub(crate) fn add(suites: &mut Suites) {
    suites.add("captures::firehose", "captures/firehose", NAMES.len() + 3, |folder| {
        let case = |name: &str| {
            let path = folder.join(name);
            Case::new(name, move || check(&path).map(drop))
        };
        let counts = Case::new("counts", {
            let folder = folder.to_owned();
            move || check_counts(&folder)
        });
        let sequence = |name: &'static str| {
            let folder = folder.to_owned();
            Case::new(format!("{name}, in sequence"), move || play(&folder, name))
        };
        let cases = NAMES.iter().map(|name| case(name)).chain([counts]);
        Ok(cases.chain(["pds1", "pds2"].map(sequence)).collect())
    });
}

/// The messages of a file.
fn frames(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let (bytes, mut frames) = (read(&path.with_extension("frames"))?, Vec::new());
    let mut rest = &bytes[..];
    while let Some((length, after)) = rest.split_first_chunk() {
        let (frame, after) =
            after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or("a message is cut off")?;
        frames.push(frame.to_vec());
        rest = after;
    }
    Ok(frames)
}

/// The signing keys that an account has had.
fn keys(folder: &Path) -> Result<BTreeMap<String, Vec<PublicKey>>, String> {
    let index = read_json(&folder.with_file_name("index.json"))?;
    let mut keys = BTreeMap::<_, Vec<_>>::new();
    for file in index["files"].as_array().ok_or("no files")? {
        if let (Some(did), Some(key)) = (file["did"].as_str(), file["signingKey"].as_str()) {
            let (key, keys) = (key.parse().map_err(show)?, keys.entry(did.to_owned()).or_default());
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    Ok(keys)
}

/// Verifies all events of a host one after the other, each on what came before. Of all of them only one is refused.
fn play(folder: &Path, name: &str) -> Result<(), String> {
    let (keys, mut accounts) = (keys(folder)?, BTreeMap::new());
    // Nothing here is of the future.
    let now = u64::MAX;
    for frame in frames(&folder.join(name))? {
        let event = Event::from_frame(&frame).map_err(show)?.ok_or("an unknown type")?;
        let (seq, did) = (event.seq(), event.did().cloned().ok_or("of no account")?);
        let account = accounts.entry(did.clone()).or_insert_with(|| Account::new(did.clone(), None));
        let known = &keys[did.as_str()];
        let mut outcome = format!("{:?}", take(account, &frame, &known[0], now)?);
        if outcome.starts_with("RefreshIdentity") {
            outcome = format!("{:?}", take(account, &frame, known.get(1).ok_or(outcome)?, now)?);
        }
        let is_refused = outcome.starts_with("Invalid");
        let is_good = outcome.starts_with("Commit") || outcome.starts_with("Unchanged");
        let expected = (name, seq) == ("pds2", Some(4));
        if is_refused != expected || is_good == expected {
            return Err(format!("{name} {seq:?}: {outcome}"));
        }
    }
    Ok(())
}

/// Gives an event to its account.
fn take<'a>(
    account: &mut Account,
    frame: &'a [u8],
    key: &PublicKey,
    now: u64,
) -> Result<Outcome<'a>, String> {
    Ok(match Event::from_frame(frame).map_err(show)?.ok_or("an unknown type")? {
        Event::Commit(event) => account.commit(event, b"", key, now),
        Event::Sync(event) => account.sync(&event, b"", key, now),
        Event::Account(event) => {
            account.account(&event);
            Outcome::Unchanged
        }
        _ => Outcome::Unchanged,
    })
}

fn check_counts(folder: &Path) -> Result<(), String> {
    let mut counts = BTreeMap::new();
    for name in NAMES {
        for t in check(&folder.join(name))? {
            *counts.entry(t).or_insert(0) += 1;
        }
    }
    let few = COUNTS.iter().filter(|(t, count)| counts.get(*t).is_none_or(|found| found < count));
    same(few.collect::<Vec<_>>(), Vec::new())
}

/// Checks a file of messages, and says of which type each is.
fn check(path: &Path) -> Result<Vec<String>, String> {
    let frames = read(&path.with_extension("frames"))?;
    let lines = String::from_utf8(read(&PathBuf::from(path).with_extension("jsonl"))?).map_err(show)?;
    let (mut types, mut rest) = (Vec::new(), &frames[..]);
    for line in lines.lines() {
        let expected: Json = serde_json::from_str(line).map_err(show)?;
        let (length, after) = rest.split_first_chunk().ok_or("a message is missing")?;
        same(Some((frames.len() - after.len()) as u64), expected["offset"].as_u64())?;
        let (frame, after) =
            after.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or("a message is cut off")?;
        same(Some(frame.len() as u64), expected["length"].as_u64())?;
        types.push(check_frame(frame, &expected).map_err(|error| format!("{}: {error}", expected["n"]))?);
        rest = after;
    }
    same(rest.len(), 0)?;
    Ok(types)
}

fn check_frame(frame: &[u8], expected: &Json) -> Result<String, String> {
    let event = match Event::from_frame(frame) {
        Err(EventError::Stream { error, .. }) => {
            same(&error[..], text(expected, "error")?)?;
            same(&expected["op"], &Json::from(-1))?;
            return Ok("error".into());
        }
        event => event.map_err(show)?.ok_or("an unknown type")?,
    };
    same(event.seq(), expected["seq"].as_u64())?;
    same(event.did().map(|did| did.as_str()), expected["did"].as_str())?;
    let t = match &event {
        Event::Commit(event) => {
            same(event.ops.len() as u64, expected["ops"].as_u64().ok_or("no ops")?)?;
            same(Some(event.blocks.len() as u64), expected["blocks"].as_u64())?;
            same(&event.commit.to_string()[..], text(expected, "commit")?)?;
            same(&event.rev.to_string()[..], text(expected, "rev")?)?;
            same(event.since.map(|since| since.to_string()).as_deref(), expected["since"].as_str())?;
            same(event.prev_data.map(|cid| cid.to_string()).as_deref(), expected["prevData"].as_str())?;
            same((event.too_big, event.rebase), (false, false))?;
            same(Car::parse(event.blocks).map_err(show)?.roots(), &[event.commit])?;
            "#commit"
        }
        Event::Sync(event) => {
            same(Some(event.blocks.len() as u64), expected["blocks"].as_u64())?;
            same(&event.rev.to_string()[..], text(expected, "rev")?)?;
            "#sync"
        }
        Event::Account(event) => {
            same(Some(event.active), expected["active"].as_bool())?;
            same(event.status.map(|status| status.as_str()), expected["status"].as_str())?;
            "#account"
        }
        Event::Identity(event) => {
            same(event.handle.as_ref().map(|handle| handle.as_str()), expected["handle"].as_str())?;
            "#identity"
        }
        Event::Info(event) => {
            same(event.name, text(expected, "name")?)?;
            "#info"
        }
        _ => return Err("an unknown type".into()),
    };
    same(t, text(expected, "t")?)?;
    Ok(t.into())
}
