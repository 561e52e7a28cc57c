//! Posts what is new in a feed.

use atproto_lexicon::syntax::{RecordKey, TidSource, Uri};
use atproto_xrpc::api::app::bsky::embed::external::{External, ExternalDef};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::bsky::rich_text::RichText;
use atproto_xrpc::records::Before;
use clap::Parser;
use feed_rs::model::Entry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use systems::connect::{AccountArgs, LoggedIn, waiting};
use systems::keep::{Kept, new_key, now};
use systems::{Done, Stop, run};

/// Posts the entries of a feed (RSS, Atom or JSON Feed, in a file) with their titles and links, each once, oldest first.
///
/// What is in the feed when it is started for the first time is passed over, unless it is told otherwise.
#[derive(Parser)]
struct Arguments {
    /// The file.
    feed: PathBuf,
    /// Read it again every so many seconds, and do not end.
    #[arg(long, value_name = "SECONDS")]
    every: Option<u64>,
    /// The most posts each time that it is read.
    #[arg(long, default_value_t = 3)]
    at_once: usize,
    /// Post what is in the feed the first time, too.
    #[arg(long)]
    all: bool,
    /// Where is kept what was posted.
    #[arg(long, value_name = "FILE", default_value = "cross-post.json")]
    progress: PathBuf,
    #[command(flatten)]
    account: AccountArgs,
}

#[derive(Default, Serialize, Deserialize)]
struct Progress {
    is_begun: bool,
    /// By the name that the feed gives an entry.
    entries: BTreeMap<String, State>,
}

#[derive(Serialize, Deserialize)]
enum State {
    /// It was there before, or it is posted.
    Done,
    /// It is to be posted with this key, or was and nobody was told.
    Key(RecordKey),
}

/// A post has room for so many characters.
const MAX_TEXT: usize = 300;

fn main() -> ExitCode {
    run(cross_post)
}

async fn cross_post(arguments: Arguments) -> Done {
    let identities = arguments.account.network.identities()?;
    let client = arguments.account.log_in(&identities).await?;
    let mut kept: Kept<Progress> = Kept::open(&arguments.progress)?;
    loop {
        match (read(&arguments.feed), arguments.every) {
            (Ok(entries), _) => post_new(&client, &mut kept, &entries, &arguments).await?,
            // Whoever writes the file may be about to.
            (Err(stop), Some(_)) => eprintln!("{stop}"),
            (Err(stop), None) => return Err(stop),
        }
        let Some(seconds) = arguments.every else { return Ok(()) };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}

/// The entries of a feed, oldest first.
fn read(path: &PathBuf) -> Done<Vec<Entry>> {
    let fail = |error: &dyn std::fmt::Display| Stop::new(format!("{}: {error}", path.display()));
    let bytes = fs::read(path).map_err(|error| fail(&error))?;
    let mut entries = feed_rs::parser::parse(&bytes[..]).map_err(|error| fail(&error))?.entries;
    // Most feeds have the newest one first, and some say no dates.
    entries.reverse();
    entries.sort_by_key(|entry| entry.published.or(entry.updated));
    Ok(entries)
}

async fn post_new(
    client: &LoggedIn,
    kept: &mut Kept<Progress>,
    entries: &[Entry],
    arguments: &Arguments,
) -> Done {
    if !kept.value.is_begun {
        kept.value.is_begun = true;
        if !arguments.all {
            kept.value.entries = entries.iter().map(|entry| (entry.id.clone(), State::Done)).collect();
        }
        kept.save()?;
    }
    let keys = TidSource::new(0);
    let is_new = |entry: &&Entry| !matches!(kept.value.entries.get(&entry.id), Some(State::Done));
    let new: Vec<&Entry> = entries.iter().filter(is_new).take(arguments.at_once).collect();
    for entry in new {
        let key = match kept.value.entries.get(&entry.id) {
            Some(State::Key(key)) => key.clone(),
            _ => {
                let key = new_key(&keys)?;
                kept.value.entries.insert(entry.id.clone(), State::Key(key.clone()));
                kept.save()?;
                key
            }
        };
        let (host, repo, record) =
            (client.service().to_string(), client.auth().did().into(), post_of(entry)?);
        let put =
            waiting(&host, async || client.put_record(&repo, &key, &record, Before::Absent).await).await;
        match put {
            Ok(reply) => println!("{}: {}", reply.output.uri, record.text.lines().next().unwrap_or_default()),
            // It was posted, and nobody was told.
            Err(error) if error.name() == Some("InvalidSwap") => {}
            Err(error) => return Err(error.into()),
        }
        kept.value.entries.insert(entry.id.clone(), State::Done);
        kept.save()?;
    }
    Ok(())
}

/// The title, cut where there is no room for it, with the link as a card.
fn post_of(entry: &Entry) -> Done<Post> {
    let title = entry.title.as_ref().map_or("", |title| title.content.trim());
    let summary = entry.summary.as_ref().map_or("", |summary| summary.content.trim());
    let text = if title.is_empty() { summary } else { title };
    let mut text = RichText::detect(text, |_| None);
    if !text.is_within_post_limits() {
        let cut: String = text.as_str().chars().take(MAX_TEXT.saturating_sub(1)).collect();
        text = RichText::detect(format!("{cut}…"), |_| None);
    }
    let (text, facets) = text.into_parts();
    let mut post = Post::new(text, now()?);
    post.facets = (!facets.is_empty()).then_some(facets);
    let link = entry.links.first().and_then(|link| link.href.parse::<Uri>().ok());
    if let Some(link) = link {
        let summary = summary.chars().take(MAX_TEXT).collect();
        let card = ExternalDef::new(link, title.to_owned(), summary);
        post.embed = Some(External::new(card).into());
    }
    Ok(post)
}
