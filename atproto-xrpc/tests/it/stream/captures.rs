//! What the reference server sent to a subscriber, with the keys that its accounts have had.

use super::net::{binary, secs};
use super::world::{PDS, Plc, Says, follow, host, show};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::frame::to_error_frame;
use atproto_lexicon::syntax::Did;
use atproto_xrpc::stream::firehose::SubscribeRepos;
use atproto_xrpc::stream::firehose::{AccountState, FirehoseEvent, MemoryAccounts};
use atproto_xrpc::stream::{MemoryCursor, StreamEvent, Subscription};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn captures() -> Option<PathBuf> {
    let path = testdata::root().join("captures");
    assert!(path.exists() || !testdata::is_required(), "{} is not there", path.display());
    path.exists().then_some(path)
}

/// The messages of a file: each after its length.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let (mut frames, mut rest) = (Vec::new(), &bytes[..]);
    while let Some((length, after)) = rest.split_first_chunk() {
        let (frame, after) = after.split_at(u32::from_be_bytes(*length) as usize);
        frames.push(frame.to_vec());
        rest = after;
    }
    frames
}

/// The keys that accounts have had, one after the other.
fn keys(captures: &Path) -> BTreeMap<Did, Vec<PublicKey>> {
    let index = std::fs::read(captures.join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    let mut keys = BTreeMap::<Did, Vec<PublicKey>>::new();
    for file in index["files"].as_array().unwrap() {
        if let (Some(did), Some(key)) = (file["did"].as_str(), file["signingKey"].as_str()) {
            let (keys, key) = (keys.entry(did.parse().unwrap()).or_default(), key.parse().unwrap());
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

/// How often each verdict was given, after a host's stream was followed to its end.
fn play(captures: &Path, name: &str) -> (BTreeMap<String, usize>, MemoryAccounts) {
    let mut script: Vec<_> = frames(&captures.join("firehose").join(name)).into_iter().map(binary).collect();
    let count = script.len() as u64;
    script.push(binary(to_error_frame("FutureCursor", None)));
    let net = host(script);
    let plc = keys(captures).iter().fold(Plc::new(&net), |plc, (did, keys)| {
        plc.with(did, keys.iter().map(|key| Says::After(secs(1), Box::new(Says::Document(*key, PDS)))))
    });
    let (accounts, store) = (MemoryAccounts::default(), MemoryCursor::default());
    let mut hose = follow(&net, &plc, store.clone(), &accounts);
    let mut counts = BTreeMap::new();
    while let Ok(event) = net.run(hose.next()) {
        let FirehoseEvent::Report(report) = event else { panic!("{event:?}") };
        let verdict = show(&report).split(' ').nth(2).unwrap().to_owned();
        *counts.entry(verdict).or_insert(0) += 1;
        net.run(hose.handled(&report)).unwrap();
    }
    net.run(hose.close()).unwrap();
    assert_eq!(store.get(), Some(count));
    (counts, accounts)
}

#[test]
fn a_host_is_followed() {
    let Some(captures) = captures() else { return };
    let (counts, accounts) = play(&captures, "pds1.frames");
    let expected = [("account", 12), ("commit", 738), ("identity", 8), ("unchanged", 7)];
    assert_eq!(counts, expected.map(|(verdict, count)| (verdict.to_owned(), count)).into());
    let accounts: Vec<_> =
        keys(&captures).keys().filter_map(|did| Some((did.clone(), accounts.get(did)?))).collect();
    assert_eq!(accounts.len(), 6);
    // Of the repository of one that was deleted nothing is known any more.
    let is_deleted = |state: &AccountState| state.status.as_deref() == Some("deleted");
    assert!(accounts.iter().all(|(_, state)| state.head.is_some() != is_deleted(state)));
    assert_eq!(accounts.iter().filter(|(_, state)| is_deleted(state)).count(), 1);
    assert!(accounts.iter().all(|(_, state)| !state.is_desynchronized));
    assert_eq!(accounts.iter().filter(|(_, state)| !state.is_active).count(), 2);
}

#[test]
fn an_account_that_moves_is_followed() {
    let Some(captures) = captures() else { return };
    // Its `#sync` says another revision than was signed.
    let (counts, accounts) = play(&captures, "pds2.frames");
    assert_eq!((counts["invalid:"], counts["account"], counts["identity"]), (1, 1, 2));
    assert!(counts["commit"] > 0 && counts.len() == 4, "{counts:?}");
    assert!(keys(&captures).keys().any(|did| accounts.get(did).is_some_and(|state| state.head.is_some())));
}

#[test]
fn what_servers_say_of_cursors_is_understood() {
    let Some(captures) = captures() else { return };
    for (name, expected) in [("future-cursor", "FutureCursor"), ("outdated-cursor", "OutdatedCursor")] {
        let file = captures.join("firehose").join(name).with_extension("frames");
        let net = host(frames(&file).into_iter().map(binary).collect());
        let repos = SubscribeRepos::new(PDS).unwrap();
        let mut stream = Subscription::new(repos, net.clone(), net.clone(), 1);
        let found = net.run(stream.next());
        match expected {
            "FutureCursor" => {
                assert!(
                    matches!(found, Err(atproto_xrpc::stream::StreamError::FutureCursor { .. })),
                    "{found:?}"
                );
            }
            _ => assert!(matches!(found, Ok(StreamEvent::OutdatedCursor { .. })), "{found:?}"),
        }
    }
}
