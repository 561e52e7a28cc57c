//! Keeps a list of accounts as a file has it.

use atproto_lexicon::syntax::{AtIdentifier, AtUri, Did, RecordKey, TidSource};
use atproto_lexicon::typed::Lenient;
use atproto_xrpc::api::app::bsky::graph::defs::ListPurpose;
use atproto_xrpc::api::app::bsky::graph::{List, Listblock, Listitem};
use atproto_xrpc::records::Before;
use clap::Parser;
use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use systems::connect::{AccountArgs, LoggedIn, lookup, waiting};
use systems::keep::{Kept, new_key, now};
use systems::{Done, Stop, run};

/// Keeps a moderation list, which its subscribers mute or block, in step with a file: whom it names is on the list, and nobody else.
#[derive(Parser)]
struct Arguments {
    /// The file: a handle or DID a line. Lines that are empty or begin with `#` are passed over.
    file: PathBuf,
    /// What the list is called when it is made.
    #[arg(long, default_value = "moderation list")]
    name: String,
    /// Block everybody on the list, too; without it that is taken back.
    #[arg(long)]
    block: bool,
    /// Where the keys of the list's records are kept.
    #[arg(long, value_name = "FILE", default_value = "moderation-list.json")]
    progress: PathBuf,
    #[command(flatten)]
    account: AccountArgs,
}

/// The keys of records, each before it is written: so nothing is written twice.
#[derive(Default, Serialize, Deserialize)]
struct Keys {
    list: Option<RecordKey>,
    block: Option<RecordKey>,
    items: BTreeMap<Did, RecordKey>,
}

fn main() -> ExitCode {
    run(keep)
}

async fn keep(arguments: Arguments) -> Done {
    let named = read(&arguments.file)?;
    let identities = arguments.account.network.identities()?;
    // Who is not found now may be found later: the list is left as it is.
    let mut wanted = BTreeSet::new();
    for who in &named {
        wanted.insert(lookup(&identities, who).await?.did().clone());
    }
    let client = arguments.account.log_in(&identities).await?;
    let (host, repo) = (client.service().to_string(), client.auth().did().into());
    let (mut kept, source) = (Kept::<Keys>::open(arguments.progress)?, TidSource::new(0));

    if kept.value.list.is_none() {
        kept.value.list = Some(new_key(&source)?);
        kept.save()?;
    }
    let list_key = kept.value.list.clone().ok_or_else(|| Stop::new("no key for the list"))?;
    let list = AtUri::from_parts(&repo, Some((&"app.bsky.graph.list".parse()?, Some(&list_key))));
    let record = List::new(arguments.name, ListPurpose::Modlist, now()?);
    // One that is there stays as it is.
    let put =
        waiting(&host, async || client.put_record(&repo, &list_key, &record, Before::Absent).await).await;
    if let Err(error) = put
        && error.name() != Some("InvalidSwap")
    {
        return Err(error.into());
    }

    let items = items(&client, &list).await?;
    let (mut added, mut removed) = (0_usize, 0_usize);
    for did in wanted.iter().filter(|did| !items.contains_key(*did)) {
        if !kept.value.items.contains_key(did) {
            kept.value.items.insert(did.clone(), new_key(&source)?);
            kept.save()?;
        }
        let Some(key) = kept.value.items.get(did) else { continue };
        let item = Listitem::new(did.clone(), list.clone(), now()?);
        waiting(&host, async || client.put_record(&repo, key, &item, Before::Any).await).await?;
        println!("+ {did}");
        added = added.saturating_add(1);
    }
    for (did, keys) in items.iter().filter(|(did, _)| !wanted.contains(*did)) {
        for key in keys {
            waiting(&host, async || client.delete_record::<Listitem>(&repo, key, None).await).await?;
        }
        println!("- {did}");
        removed = removed.saturating_add(1);
    }
    // Whoever comes back gets a new key.
    kept.value.items.retain(|did, _| wanted.contains(did));
    kept.save()?;
    block(&client, &mut kept, &list, arguments.block).await?;
    println!("{list}: {} accounts, {added} added, {removed} removed", wanted.len());
    Ok(())
}

/// Whom a file names.
fn read(file: &PathBuf) -> Done<Vec<AtIdentifier>> {
    let fail = |error: &dyn std::fmt::Display| Stop::new(format!("{}: {error}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| fail(&error))?;
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let parse = |(number, line): (usize, &str)| {
        let parsed = line.trim_start_matches('@').parse();
        parsed.map_err(|error| fail(&format_args!("line {number}: {error}")))
    };
    lines.map(parse).collect()
}

/// Who is on the list, by which records.
async fn items(client: &LoggedIn, list: &AtUri) -> Done<BTreeMap<Did, Vec<RecordKey>>> {
    let repo = client.auth().did().into();
    let mut pages = pin!(client.list_records::<Listitem>(&repo));
    let mut found = BTreeMap::<Did, Vec<RecordKey>>::new();
    while let Some(page) = pages.try_next().await? {
        for stored in page {
            if let (Lenient::Good(item), Some(key)) = (stored.value, stored.uri.record_key())
                && item.list == *list
            {
                found.entry(item.subject).or_default().push(key);
            }
        }
    }
    Ok(found)
}

/// Blocks the list, or no longer.
async fn block(client: &LoggedIn, kept: &mut Kept<Keys>, list: &AtUri, is_wanted: bool) -> Done {
    let (host, repo) = (client.service().to_string(), client.auth().did().into());
    if is_wanted {
        if kept.value.block.is_none() {
            kept.value.block = Some(new_key(&TidSource::new(1))?);
            kept.save()?;
        }
        let Some(key) = &kept.value.block else { return Ok(()) };
        let record = Listblock::new(list.clone(), now()?);
        let put = waiting(&host, async || client.put_record(&repo, key, &record, Before::Absent).await).await;
        match put {
            Err(error) if error.name() != Some("InvalidSwap") => return Err(error.into()),
            _ => {}
        }
    } else if let Some(key) = &kept.value.block {
        waiting(&host, async || client.delete_record::<Listblock>(&repo, key, None).await).await?;
        kept.value.block = None;
        kept.save()?;
    }
    Ok(())
}
