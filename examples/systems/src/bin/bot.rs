//! Answers who mentions it.

use atproto_lexicon::data::cbor;
use atproto_lexicon::syntax::{AtUri, Did, Tid};
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
use std::path::PathBuf;
use std::process::ExitCode;
use systems::connect::{AccountArgs, Identities, LoggedIn, waiting};
use systems::follow::Followed;
use systems::keep::{key_of, now};
use systems::{Done, run};

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
    reply.reply = Some(ReplyRef::new(root, parent));
    // The key follows from the post: nobody is answered twice, also where the answer was written and nobody was told.
    let time = uri.record_key().and_then(|key| key.as_str().parse::<Tid>().ok()).map_or(0, Tid::micros);
    let (repo, host) = (client.auth().did().into(), client.service().to_string());
    let key = key_of(uri.as_str(), time.min((1 << 53) - 1))?;
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
