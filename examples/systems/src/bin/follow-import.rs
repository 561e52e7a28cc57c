//! Follows a list of accounts.

use atproto_lexicon::syntax::{AtIdentifier, Did, RecordKey, TidSource};
use atproto_xrpc::api::app::bsky::graph::Follow;
use atproto_xrpc::records::Before;
use clap::Parser;
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use systems::connect::{AccountArgs, LoggedIn, lookup, waiting};
use systems::keep::{Kept, new_key, now};
use systems::{Done, Stop, run};

/// Follows whom a file names, a handle or DID a line, and nobody twice. A line that is empty or begins with `#` is passed over.
#[derive(Parser)]
struct Arguments {
    /// The file.
    list: PathBuf,
    /// Where is kept how far it has come.
    #[arg(long, value_name = "FILE", default_value = "follow-import.json")]
    progress: PathBuf,
    #[command(flatten)]
    account: AccountArgs,
}

/// What is known of whom the list names.
#[derive(Serialize, Deserialize)]
struct Entry {
    did: Did,
    /// The key of the record, before it is written.
    key: RecordKey,
    is_done: bool,
}

fn main() -> ExitCode {
    run(import)
}

async fn import(Arguments { list, progress, account }: Arguments) -> Done {
    let text =
        fs::read_to_string(&list).map_err(|error| Stop::new(format!("{}: {error}", list.display())))?;
    let mut named: Vec<AtIdentifier> = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        if !line.starts_with('#') {
            let name = line.trim().trim_start_matches('@');
            let parsed = name.parse();
            named.push(
                parsed.map_err(|error| Stop::new(format!("{}, line {number}: {error}", list.display())))?,
            );
        }
    }
    let identities = account.network.identities()?;
    let client = account.log_in(&identities).await?;
    let mut kept: Kept<BTreeMap<String, Entry>> = Kept::open(progress)?;
    let followed = followed(&client).await?;
    let (keys, mut new, mut failed) = (TidSource::new(0), 0_usize, 0_usize);
    for who in named {
        if kept.value.get(who.as_str()).is_some_and(|entry| entry.is_done) {
            continue;
        }
        let did = match lookup(&identities, &who).await {
            Ok(identity) => identity.did().clone(),
            Err(stop) => {
                eprintln!("{stop}");
                failed = failed.saturating_add(1);
                continue;
            }
        };
        let is_followed = followed.contains(&did);
        // A handle may be somebody else's than the last time.
        if kept.value.get(who.as_str()).is_none_or(|entry| entry.did != did) {
            let entry = Entry { did, key: new_key(&keys)?, is_done: is_followed };
            kept.value.insert(who.to_string(), entry);
            kept.save()?;
        }
        let Some(entry) = kept.value.get_mut(who.as_str()) else { continue };
        if !is_followed {
            follow(&client, entry).await?;
            new = new.saturating_add(1);
            println!("{who} is followed");
        }
        entry.is_done = true;
        kept.save()?;
    }
    println!("{new} are followed now");
    if failed == 0 { Ok(()) } else { Err(Stop::new(format!("{failed} are not found"))) }
}

/// Writes the record with the key that it was given: the same one, if it was written before and nobody was told.
async fn follow(client: &LoggedIn, entry: &Entry) -> Done {
    let (repo, host) = (client.auth().did().into(), client.service().to_string());
    let record = Follow::new(entry.did.clone(), now()?);
    waiting(&host, async || client.put_record(&repo, &entry.key, &record, Before::Any).await).await?;
    Ok(())
}

/// Whom the account follows already.
async fn followed(client: &LoggedIn) -> Done<HashSet<Did>> {
    let repo = client.auth().did().into();
    let mut records = pin!(client.list_records::<Follow>(&repo));
    let mut found = HashSet::new();
    while let Some(page) = records.try_next().await? {
        found.extend(page.into_iter().filter_map(|stored| Some(stored.value.into_result().ok()?.subject)));
    }
    Ok(found)
}
