//! Sequences of messages from one host, and what a relay does with each.

use crate::{read_json, same, show, text};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{cbor, json};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_repo::sync::{Event, EventError};
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

/// What is passed on is an event, and of an account that is active.
pub(crate) fn is_read(scenario: &Scenario) -> Result<(), String> {
    let mut active: BTreeMap<_, _> =
        scenario.accounts.iter().map(|account| (&account.did, account.is_active)).collect();
    for message in scenario.messages.iter().filter(|message| !message.is_dropped) {
        let event = message.event().map_err(show)?.ok_or("an unknown type")?;
        same(message.is_invalid, false)?;
        let account = scenario.accounts.iter().find(|account| Some(&account.did) == event.did());
        let account = account.ok_or("of no account")?;
        match event {
            Event::Commit(commit) => {
                same(active.get(&account.did), Some(&true))?;
                same(commit.prev_data.is_some() || scenario.lenient, true)?;
                let car = Car::parse(commit.blocks).map_err(show)?;
                let repo = Repo::verify(&car, &commit.repo, &account.key).map_err(show)?;
                same((repo.commit_cid(), repo.commit().rev), (&commit.commit, commit.rev))?;
            }
            Event::Account(event) => {
                let before = active.insert(&account.did, event.active);
                same(before != Some(event.active), message.is_update)?;
            }
            _ => same(message.is_update, false)?,
        }
    }
    Ok(())
}
