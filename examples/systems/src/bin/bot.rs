//! Answers who mentions it.

use atproto_lexicon::data::cbor;
use atproto_lexicon::syntax::{AtUri, Did, RecordKey, Tid};
use atproto_repo::sync::Action;
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::app::bsky::feed::post::ReplyRef;
use atproto_xrpc::api::app::bsky::richtext::facet::FacetFeaturesItem;
use atproto_xrpc::api::com::atproto::repo::put_record::PutRecordError;
use atproto_xrpc::api::com::atproto::repo::strong_ref::StrongRef;
use atproto_xrpc::bsky::rich_text::RichText;
use atproto_xrpc::records::Before;
use atproto_xrpc::stream::firehose::{Op, Report, Verdict};
use clap::Parser;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;
use std::process::ExitCode;
use systems::connect::{AccountArgs, Identities, LoggedIn, waiting};
use systems::follow::Followed;
use systems::keep::now;
use systems::{Done, Stop, run};

/// Replies to posts that mention an account, once to each, however often it is started again.
#[derive(Parser)]
struct Arguments {
    /// The relay or host whose events it sees.
    #[arg(long, value_name = "URL", default_value = "https://relay1.us-east.bsky.network")]
    host: String,
    /// What it answers; {} is the handle of who is answered.
    #[arg(long, default_value = "Hello @{}!")]
    answer: String,
    /// Where the place in the stream is kept.
    #[arg(long, value_name = "FILE", default_value = "bot.cursor")]
    cursor: PathBuf,
    #[command(flatten)]
    account: AccountArgs,
}

const POSTS: &str = "app.bsky.feed.post";

fn main() -> ExitCode {
    run(answer)
}

async fn answer(arguments: Arguments) -> Done {
    let network = &arguments.account.network;
    let identities = network.identities()?;
    let client = arguments.account.log_in(&identities).await?;
    let mut stream = Followed::new(network, &identities, &arguments.host, &arguments.cursor)?;
    println!("{} answers", client.auth().handle());
    loop {
        let report = stream.next().await?;
        for (uri, post, mention) in mentions(&report, &client.auth().did())? {
            reply(&client, &identities, &report.did, &uri, post, mention, &arguments.answer).await?;
        }
        stream.handled(&report).await?;
    }
}

/// The posts of an event that mention somebody.
fn mentions(report: &Report, whom: &Did) -> Done<Vec<(AtUri, Post, StrongRef)>> {
    let Verdict::Commit(commit) = &report.verdict else { return Ok(Vec::new()) };
    let is_new = |op: &&Op| op.action == Action::Create && op.collection() == POSTS && report.did != *whom;
    let mut found = Vec::new();
    for op in commit.ops.iter().filter(is_new) {
        let (Some(bytes), Some(cid)) = (&op.record, op.cid) else { continue };
        // Whoever writes what is no post mentions nobody.
        let Ok(post) = cbor::from_record::<Post>(bytes) else { continue };
        let mut features = post.facets.iter().flatten().flat_map(|facet| &facet.features);
        if features
            .any(|feature| matches!(feature, FacetFeaturesItem::Mention(mention) if mention.did == *whom))
        {
            let uri: AtUri = format!("at://{}/{}", report.did, op.path).parse()?;
            found.push((uri.clone(), post, StrongRef::new(uri, cid.into())));
        }
    }
    Ok(found)
}

async fn reply(
    client: &LoggedIn,
    identities: &Identities,
    to: &Did,
    uri: &AtUri,
    post: Post,
    parent: StrongRef,
    answer: &str,
) -> Done {
    // Who has no handle that is proven is not called by one.
    let identity = identities.lookup_did(to).await.ok();
    let handle = identity.as_ref().and_then(|identity| identity.verified_handle());
    let text = answer.replace("{}", handle.map_or("you", |handle| handle.as_str()));
    let text = RichText::detect(text, |named| (Some(named) == handle).then(|| to.clone()));
    let (text, facets) = text.into_parts();
    let mut reply = Post::new(text, now()?);
    reply.facets = Some(facets);
    let root = post.reply.map_or_else(|| parent.clone(), |reply| reply.root);
    reply.reply = Some(ReplyRef::new(parent, root));
    let (repo, key, host) = (client.auth().did().into(), key_of(uri)?, client.service().to_string());
    let put = async || client.put_record(&repo, &key, &reply, Before::Absent).await;
    match waiting(&host, put).await {
        Ok(reply) => println!("{uri} is answered by {}", reply.output.uri),
        Err(error) if error.name() == Some(PutRecordError::InvalidSwap.as_ref()) => {
            println!("{uri} was answered before");
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// The key of the answer to a post, the same each time: so nobody is answered twice, also where the answer was written and nobody was told.
/// It is the time of the post, and among the posts of one moment a number that its URI gives it.
fn key_of(uri: &AtUri) -> Done<RecordKey> {
    let hash = Sha256::digest(uri.as_str().as_bytes());
    let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let time = uri.record_key().and_then(|key| key.as_str().parse::<Tid>().ok()).map(Tid::micros);
    let time = time.unwrap_or(number >> 11).min((1 << 53) - 1);
    let key = Tid::from_parts(time, u16::try_from(number & 1023)?);
    Ok(key.ok_or_else(|| Stop::new("no key for an answer"))?.into())
}
