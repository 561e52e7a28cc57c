//! Brings posts from an archive of another network.

mod read;

use atproto_lexicon::syntax::Datetime;
use atproto_xrpc::api::app::bsky::embed::images::{Image as Embedded, Images};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::app::bsky::feed::post::ReplyRef;
use atproto_xrpc::api::com::atproto::repo::UploadBlob;
use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
use atproto_xrpc::bsky::rich_text::RichText;
use atproto_xrpc::records::Before;
use clap::Parser;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use systems::connect::{AccountArgs, LoggedIn, waiting};
use systems::keep::{Kept, key_of};
use systems::{Done, Stop, run};

/// Posts what somebody wrote elsewhere, with its dates, threads and images: the unpacked archive of X (`data/tweets.js`) or export of
/// Mastodon (`outbox.json`). Only what was public, and answers nobody else.
///
/// Without --post it only says what it would do.
#[derive(Parser)]
struct Arguments {
    /// The folder that the archive was unpacked to.
    folder: PathBuf,
    /// Post it.
    #[arg(long)]
    post: bool,
    /// Where is kept what was posted.
    #[arg(long, value_name = "FILE", default_value = "archive-import.json")]
    progress: PathBuf,
    #[command(flatten)]
    account: AccountArgs,
}

/// What is in an archive.
#[derive(Default)]
struct Archive {
    /// The names of all that is in it.
    own: HashSet<String>,
    items: Vec<Item>,
    left_out: Vec<String>,
}

impl Archive {
    fn leave(&mut self, id: &str, why: &str) -> Done {
        self.left_out.push(format!("{id}: {why}"));
        Ok(())
    }

    /// Adds an item, with those of its images that can be posted.
    fn add(&mut self, mut item: Item) -> Done {
        let is_good = |image: &Image| fs::metadata(&image.path).is_ok_and(|file| file.len() <= MAX_IMAGE);
        for image in item.images.extract_if(.., |image| !is_good(image) || media_type(image).is_none()) {
            let why = "is not there, too large, or of another kind";
            self.left_out.push(format!("{}: {} {why}", item.id, image.path.display()));
        }
        self.items.push(item);
        Ok(())
    }
}

struct Item {
    id: String,
    text: String,
    created: Datetime,
    /// Another one of the archive; empty where there is none.
    reply_to: String,
    images: Vec<Image>,
}

struct Image {
    path: PathBuf,
    alt: String,
}

/// What was posted of an item: its first and last post, and the first one of its thread.
#[derive(Clone, Serialize, Deserialize)]
struct Posted {
    root: StrongRef,
    last: StrongRef,
}

/// The most images of a post, and bytes of one.
const MAX_IMAGES: usize = 4;
const MAX_IMAGE: u64 = 2_000_000;

fn main() -> ExitCode {
    run(import)
}

async fn import(arguments: Arguments) -> Done {
    let mut archive = read::read(&arguments.folder)?;
    archive.items.sort_by_key(|item| (item.created.unix_seconds(), item.created.subsec_nanos()));
    archive.left_out.iter().for_each(|line| println!("- {line}"));
    if !arguments.post {
        for item in &archive.items {
            let line = item.text.lines().next().unwrap_or_default();
            println!(
                "+ {} {} post(s), {} image(s): {line}",
                item.created,
                parts(item).len(),
                item.images.len()
            );
        }
        println!("{} would be posted, {} are left out", archive.items.len(), archive.left_out.len());
        return Ok(());
    }
    let identities = arguments.account.network.identities()?;
    let client = arguments.account.log_in(&identities).await?;
    let mut kept: Kept<BTreeMap<String, Posted>> = Kept::open(&arguments.progress)?;
    for item in &archive.items {
        if !kept.value.contains_key(&item.id) {
            let above = kept.value.get(&item.reply_to).cloned();
            let posted = post(&client, item, above).await?;
            println!("+ {} {}", item.created, posted.last.uri);
            kept.value.insert(item.id.clone(), posted);
            kept.save()?;
        }
    }
    println!("{} are posted, {} are left out", archive.items.len(), archive.left_out.len());
    Ok(())
}

/// Posts an item, as a thread where it is too long for one post.
async fn post(client: &LoggedIn, item: &Item, mut above: Option<Posted>) -> Done<Posted> {
    let (repo, host) = (client.auth().did().into(), client.service().to_string());
    let mut images = item.images.chunks(MAX_IMAGES);
    let micros = u64::try_from(item.created.unix_seconds()).unwrap_or_default().saturating_mul(1_000_000);
    let micros = micros.saturating_add(u64::from(item.created.subsec_nanos() / 1000));
    for (micros, text) in (micros..).zip(parts(item)) {
        let (text, facets) = text.into_parts();
        let mut record = Post::new(text, item.created.clone());
        record.facets = (!facets.is_empty()).then_some(facets);
        record.reply = above.as_ref().map(|above| ReplyRef::new(above.root.clone(), above.last.clone()));
        let mut embedded = Vec::new();
        for image in images.next().into_iter().flatten() {
            let bytes = fs::read(&image.path)?;
            let kind = media_type(image).unwrap_or_default();
            let uploaded = waiting(&host, async || client.send_bytes(&UploadBlob, kind, bytes.clone()).await);
            embedded.push(Embedded::new(uploaded.await?.output.blob, image.alt.clone()));
        }
        if !embedded.is_empty() {
            record.embed = Some(Images::new(embedded).into());
        }
        let key = key_of(&item.id, micros)?;
        let put =
            waiting(&host, async || client.put_record(&repo, &key, &record, Before::Absent).await).await;
        let (uri, cid) = match put {
            Ok(reply) => (reply.output.uri, Some(reply.output.cid)),
            // It was posted, and nobody was told.
            Err(error) if error.name() == Some("InvalidSwap") => {
                let found =
                    waiting(&host, async || client.get_record::<Post>(&repo, &key).await).await?.output;
                (found.uri, found.cid)
            }
            Err(error) => return Err(error.into()),
        };
        let last = StrongRef::new(uri, cid.ok_or_else(|| Stop::new("the host tells no CID"))?);
        above = Some(Posted { root: above.map_or_else(|| last.clone(), |above| above.root), last });
    }
    above.ok_or_else(|| Stop::new("an item without a post"))
}

/// The texts of an item's posts, at least one, and as many as its images need.
fn parts(item: &Item) -> Vec<RichText> {
    let mut parts = RichText::detect(item.text.clone(), |_| None).into_posts();
    parts.resize_with(parts.len().max(item.images.len().div_ceil(MAX_IMAGES)), RichText::new);
    parts
}

fn media_type(image: &Image) -> Option<&'static str> {
    match image.path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => Some("image/jpeg"),
        "png" => Some("image/png"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}
