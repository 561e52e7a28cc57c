//! Deletes old records of one's own.

use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::syntax::{AtUri, Datetime, Nsid};
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_xrpc::api::com::atproto::repo::ListRecords;
use atproto_xrpc::api::com::atproto::sync::GetRepo;
use atproto_xrpc::records::Batch;
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use systems::connect::{AccountArgs, LoggedIn, waiting};
use systems::keep::{micros, replace};
use systems::{Done, Stop, run};

/// Lists the records of a collection that are old or hold a text, and deletes them where it is told to, after a copy of the whole
/// repository was made.
#[derive(Parser)]
struct Arguments {
    /// The collection.
    #[arg(long, value_name = "NSID", default_value = "app.bsky.feed.post")]
    collection: Nsid,
    /// Only records whose `createdAt` is more than so many days ago.
    #[arg(long, value_name = "DAYS")]
    older_than: Option<i64>,
    /// Only records whose `text` has this in it.
    #[arg(long, value_name = "TEXT")]
    matching: Option<String>,
    /// Delete them, and do not only list them.
    #[arg(long, requires = "backup")]
    delete: bool,
    /// Where the copy is made before anything is deleted.
    #[arg(long, value_name = "FILE")]
    backup: Option<PathBuf>,
    #[command(flatten)]
    account: AccountArgs,
}

/// The most bytes of a repository.
const MAX_REPO: usize = 1 << 30;
/// How many records are deleted at once.
const AT_ONCE: usize = 100;
const DAY: i64 = 24 * 3600;

fn main() -> ExitCode {
    run(cleanup)
}

async fn cleanup(arguments: Arguments) -> Done {
    if arguments.older_than.is_none() && arguments.matching.is_none() {
        return Err(Stop::new("which records? --older-than or --matching"));
    }
    let identities = arguments.account.network.identities()?;
    let client = arguments.account.log_in(&identities).await?;
    let chosen = choose(&client, &arguments).await?;
    chosen.iter().for_each(|uri| println!("{uri}"));
    let Some(backup) = arguments.backup.filter(|_| arguments.delete) else {
        println!("{} records would be deleted", chosen.len());
        return Ok(());
    };
    let (did, host) = (client.auth().did(), client.service().to_string());
    let ask = GetRepo::new(did.clone());
    let bytes = waiting(&host, async || client.download(&ask).await).await?.output.read_all(MAX_REPO).await?;
    let identity = identities.lookup_did(&did).await?;
    let car = Car::parse(&bytes)?;
    Repo::verify(&car, &did, &identity.signing_key()?)?.check()?;
    replace(&backup, &bytes)?;
    for part in chosen.chunks(AT_ONCE) {
        let keys = part.iter().filter_map(AtUri::record_key);
        let batch = keys.fold(Batch::new(), |batch, key| batch.delete(&arguments.collection, &key));
        // Where the answer is lost they may be gone: the next start sees which are left.
        client.apply_writes(&did.clone().into(), batch, None).await?;
    }
    println!("{} records are deleted; {} has them", chosen.len(), backup.display());
    Ok(())
}

async fn choose(client: &LoggedIn, arguments: &Arguments) -> Done<Vec<AtUri>> {
    let host = client.service().to_string();
    let now = i64::try_from(micros())?.div_euclid(1_000_000);
    let (mut chosen, mut cursor) = (Vec::new(), None);
    loop {
        let mut ask = ListRecords::new(client.auth().did().into(), arguments.collection.clone());
        (ask.limit, ask.cursor) = (Some(100), cursor);
        let page = waiting(&host, async || client.send(&ask).await).await?.output;
        let is_chosen = |value: &Object| {
            is_older(value, arguments.older_than, now) && is_matching(value, arguments.matching.as_deref())
        };
        chosen.extend(
            page.records.iter().filter(|record| is_chosen(&record.value)).map(|record| record.uri.clone()),
        );
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(chosen);
        }
    }
}

/// A record that does not say when it was made is not old.
fn is_older(record: &Object, days: Option<i64>, now: i64) -> bool {
    let Some(days) = days else { return true };
    let made = record.get("createdAt").and_then(Value::as_str).and_then(|text| text.parse::<Datetime>().ok());
    made.is_some_and(|made| made.unix_seconds() < now.saturating_sub(days.saturating_mul(DAY)))
}

fn is_matching(record: &Object, text: Option<&str>) -> bool {
    let Some(text) = text else { return true };
    record.get("text").and_then(Value::as_str).is_some_and(|said| said.contains(text))
}
