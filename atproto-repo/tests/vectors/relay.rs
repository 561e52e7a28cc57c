//! Sequences of messages from one host, and what a relay does with each.

use crate::{read_json, same, show, text};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{cbor, json};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::repo::UnsignedRepo;
use atproto_repo::sync::{self, Event, EventError, Head, Outcome, Policy, VerifyError};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;
use testdata::{Case, Suites};

/// A sequence of messages.
pub(crate) struct Scenario {
    /// Whether a missing `prevData` and a missing `prev` of an operation are tolerated.
    pub(crate) lenient: bool,
    pub(crate) accounts: Vec<Account>,
    pub(crate) messages: Vec<Message>,
}

/// An account as it is resolved throughout the scenario.
pub(crate) struct Account {
    pub(crate) did: Did,
    pub(crate) key: PublicKey,
    /// Whether it is active at the beginning.
    pub(crate) is_active: bool,
}

/// A message and what becomes of it.
pub(crate) struct Message {
    /// The type, such as `#commit`.
    pub(crate) t: String,
    pub(crate) body: Vec<u8>,
    /// Whether it is not passed on.
    pub(crate) is_dropped: bool,
    /// Whether it breaks a rule, passed on or not.
    pub(crate) is_invalid: bool,
    /// Whether the account's status changes.
    pub(crate) is_update: bool,
}

impl Message {
    pub(crate) fn event(&self) -> Result<Option<Event<'_>>, EventError> {
        Event::parse(&self.t, &self.body)
    }
}

/// Adds all scenarios; `check` plays one.
pub(crate) fn add(suites: &mut Suites, check: fn(&Scenario) -> Result<(), String>) {
    suites.add("relay", "conformance/relay-scenarios", 4, |folder| {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(show)? {
            paths.push(entry.map_err(show)?.path());
        }
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        let case = |path: std::path::PathBuf| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Case::new(name, move || check(&load(&path)?))
        };
        Ok(paths.into_iter().map(case).collect())
    });
}

fn load(path: &Path) -> Result<Scenario, String> {
    let scenario = read_json(path)?;
    let list = |name: &str| scenario[name].as_array().ok_or(format!("no {name}"));
    Ok(Scenario {
        lenient: flag(&scenario, "lenient")?,
        accounts: list("accounts")?.iter().map(account).collect::<Result<_, _>>()?,
        messages: list("messages")?.iter().map(message).collect::<Result<_, _>>()?,
    })
}

fn flag(json: &Json, name: &str) -> Result<bool, String> {
    json[name].as_bool().ok_or(format!("no {name}"))
}

fn account(json: &Json) -> Result<Account, String> {
    let identity = &json["identity"];
    let key = text(&identity["keys"]["atproto"], "publicKeyMultibase")?;
    Ok(Account {
        did: text(identity, "did")?.parse().map_err(show)?,
        key: PublicKey::from_multikey(key).map_err(show)?,
        is_active: text(json, "status")? == "active",
    })
}

fn message(json: &Json) -> Result<Message, String> {
    let frame = &json["frame"];
    same(&frame["header"]["op"], &Json::from(1))?;
    let body = json::from_str(&frame["body"].to_string()).map_err(show)?;
    Ok(Message {
        t: text(&frame["header"], "t")?.to_owned(),
        body: cbor::to_vec(&body).map_err(show)?,
        is_dropped: flag(json, "drop")?,
        is_invalid: flag(json, "invalid")?,
        is_update: flag(json, "update")?,
    })
}

/// Plays a scenario: each message has the outcome that a relay gives it.
pub(crate) fn play(scenario: &Scenario) -> Result<(), String> {
    let policy = Policy { allow_unproven: scenario.lenient, ..Policy::default() };
    // The newest revision of all scenarios is of 2025.
    let now = 1_800_000_000_000_000;
    let mut states = BTreeMap::new();
    for account in &scenario.accounts {
        let mut state = sync::Account::new(account.did.clone(), None).with_policy(policy);
        if !account.is_active {
            return Err("an account which is not active at the beginning".into());
        }
        state = state.with_max_queue(1 << 20);
        states.insert(account.did.clone(), (state, &account.key));
    }
    for (number, message) in scenario.messages.iter().enumerate() {
        // What is no event at all is dropped without a verdict.
        let Ok(event) = message.event() else {
            same((true, false, false), (message.is_dropped, message.is_invalid, message.is_update))?;
            continue;
        };
        let event = event.ok_or("an unknown type")?;
        let did = event.did().cloned().ok_or("of no account")?;
        let (account, key) = states.get_mut(&did).ok_or("of no account")?;
        let mut is_update = false;
        let outcome = match event {
            Event::Commit(event) => account.commit(event, &message.body, key, now),
            Event::Sync(event) => account.sync(&event, &message.body, key, now),
            Event::Account(event) => {
                is_update = account.account(&event);
                Outcome::Unchanged
            }
            _ => Outcome::Unchanged,
        };
        let is_invalid = matches!(outcome, Outcome::Invalid(_) | Outcome::RefreshIdentity(_));
        let is_dropped = is_invalid || matches!(outcome, Outcome::Ignored);
        // A relay passes on what does not follow on what it knows, and fetches the repository. Here that is what was sent.
        if let Outcome::Desynchronized(why) = &outcome {
            if !matches!(why, None | Some(VerifyError::ChainBreak(_))) {
                return Err(format!("{number}: {outcome:?}"));
            }
            account.begin_resync();
            same(account.end_resync(Some(sent(message)?)).len(), 0)?;
        }
        same(
            (is_dropped, is_invalid, is_update),
            (message.is_dropped, message.is_invalid, message.is_update),
        )
        .map_err(|error| format!("{number}: {error} ({outcome:?})"))?;
    }
    Ok(())
}

/// Where the repository is that a message tells of.
fn sent(message: &Message) -> Result<Head, String> {
    let blocks = match message.event().map_err(show)? {
        Some(Event::Commit(event)) => event.blocks,
        Some(Event::Sync(event)) => event.blocks,
        _ => return Err("not of a repository".into()),
    };
    let car = Car::parse(blocks).map_err(show)?;
    let repo = UnsignedRepo::open(&car).map_err(show)?;
    Ok(Head { rev: repo.commit().rev, data: repo.commit().data })
}
