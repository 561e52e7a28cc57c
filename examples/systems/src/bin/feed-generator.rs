//! Serves a feed of the posts that have a word in them.

use atproto_identity::DidDocument;
use atproto_lexicon::data::cbor;
use atproto_lexicon::syntax::{AtUri, Did};
use atproto_lexicon::typed::AnyError;
use atproto_repo::sync::Action;
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::app::bsky::feed::defs::SkeletonFeedPost;
use atproto_xrpc::api::app::bsky::feed::describe_feed_generator::{
    DescribeFeedGenerator, DescribeFeedGeneratorOutput, Feed,
};
use atproto_xrpc::api::app::bsky::feed::get_feed_skeleton::{
    GetFeedSkeleton, GetFeedSkeletonError, GetFeedSkeletonOutput,
};
use atproto_xrpc::server::{Asked, Refusal, ServeError, XrpcRouter};
use atproto_xrpc::stream::firehose::{Report, Verdict};
use clap::Parser;
use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use systems::connect::NetworkArgs;
use systems::follow::Followed;
use systems::keep::micros;
use systems::{Done, run, service};

/// Follows a relay or host, keeps the posts that have a word in their text or among their tags, and serves them as a feed, the newest
/// first. A record `app.bsky.feed.generator` of an account makes it known; its key is the name of the feed.
#[derive(Parser)]
struct Arguments {
    /// The word, in any case.
    #[arg(long)]
    word: String,
    /// The feed, as its record is called: at://DID/app.bsky.feed.generator/NAME.
    #[arg(long, value_name = "AT-URI")]
    feed: AtUri,
    /// The name of the machine where it is reached by HTTPS, through a proxy.
    #[arg(long, value_name = "NAME")]
    hostname: String,
    /// Where it listens.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The relay or host whose events it sees.
    #[arg(long, value_name = "URL", default_value = "https://relay1.us-east.bsky.network")]
    host: String,
    /// Where the posts are kept.
    #[arg(long, value_name = "FILE", default_value = "feed.redb")]
    data: PathBuf,
    /// Where the place in the stream is kept.
    #[arg(long, value_name = "FILE", default_value = "feed.cursor")]
    cursor: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
}

/// When a post was seen, in microseconds since 1970, and its URI.
const BY_TIME: TableDefinition<'static, (u64, &str), ()> = TableDefinition::new("by_time");
/// When the post of a URI was seen.
const BY_URI: TableDefinition<'static, &str, u64> = TableDefinition::new("by_uri");
/// The most posts that are kept.
const MAX_POSTS: u64 = 100_000;

struct Index {
    database: Database,
    did: Did,
    feed: AtUri,
    word: String,
}

fn main() -> ExitCode {
    run(serve)
}

async fn serve(arguments: Arguments) -> Done {
    let did = service::did_of(&arguments.hostname)?;
    let database = service::open(&arguments.data)?;
    let word = arguments.word.to_lowercase();
    let index = Arc::new(Index { database, did: did.clone(), feed: arguments.feed, word });
    index.change(|_, _| Ok(()))?;
    let listener = service::listen(arguments.port).await?;
    println!("{did} at port {}", listener.local_addr()?.port());
    let endpoint = format!("https://{}", arguments.hostname);
    let document = DidDocument::new(did).with_service("bsky_fg", "BskyFeedGenerator", &endpoint);
    let router = XrpcRouter::new(index.clone())
        .serve(describe)
        .serve(skeleton)
        .with_did_document(&document)
        .with_cors()
        .on_failure(|endpoint, error| eprintln!("{endpoint}: {error}"));
    let identities = arguments.network.identities()?;
    let mut stream = Followed::new(&arguments.network, &identities, &arguments.host, &arguments.cursor)?;
    let watch = async {
        loop {
            let report = stream.next().await?;
            index.take(&report)?;
            stream.handled(&report).await?;
        }
    };
    tokio::select! {
        served = axum::serve(listener, router.into_router()) => Ok(served?),
        ended = watch => ended,
    }
}

type Times<'t> = redb::Table<'t, (u64, &'static str), ()>;
type Uris<'t> = redb::Table<'t, &'static str, u64>;

impl Index {
    fn change(&self, make: impl FnOnce(&mut Times<'_>, &mut Uris<'_>) -> Result<(), redb::Error>) -> Done {
        let transaction = self.database.begin_write()?;
        make(&mut transaction.open_table(BY_TIME)?, &mut transaction.open_table(BY_URI)?)?;
        Ok(transaction.commit()?)
    }

    /// Whether a post is of the feed.
    fn is_wanted(&self, bytes: &[u8]) -> bool {
        let Ok(post) = cbor::from_record::<Post>(bytes) else { return false };
        let is_word = |text: &str| text.to_lowercase() == self.word;
        post.text.split(|c: char| !c.is_alphanumeric()).any(is_word)
            || post.tags.iter().flatten().any(|tag| is_word(tag))
    }

    /// Takes notice of what an event changes. It may come twice.
    fn take(&self, report: &Report) -> Done {
        let Verdict::Commit(commit) = &report.verdict else { return Ok(()) };
        for op in commit.ops.iter().filter(|op| op.collection() == "app.bsky.feed.post") {
            let uri = format!("at://{}/{}", report.did, op.path);
            let is_wanted = op.record.as_ref().is_some_and(|record| self.is_wanted(record));
            if !is_wanted && op.action == Action::Create {
                continue;
            }
            self.change(|times, uris| {
                let known = uris.get(uri.as_str())?.map(|time| time.value());
                match known {
                    Some(time) if !is_wanted => {
                        uris.remove(uri.as_str())?;
                        times.remove((time, uri.as_str()))?;
                    }
                    None if is_wanted => {
                        let time = micros();
                        uris.insert(uri.as_str(), time)?;
                        times.insert((time, uri.as_str()), ())?;
                    }
                    _ => {}
                }
                while redb::ReadableTableMetadata::len(times)? > MAX_POSTS {
                    let Some((oldest, _)) = times.pop_first()? else { break };
                    uris.remove(oldest.value().1)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The newest posts from before a moment, with the moments when they were seen.
    fn before(&self, cursor: (u64, &str), limit: usize) -> Result<Vec<(u64, String)>, redb::Error> {
        let transaction = self.database.begin_read()?;
        let times = transaction.open_table(BY_TIME)?;
        let posts = times.range(..cursor)?.rev().take(limit).map(|row| {
            let (key, _) = row?;
            let (time, uri) = key.value();
            Ok((time, uri.to_owned()))
        });
        posts.collect()
    }
}

async fn describe(
    index: Arc<Index>,
    _: Asked<DescribeFeedGenerator>,
) -> Result<DescribeFeedGeneratorOutput, ServeError<AnyError>> {
    Ok(DescribeFeedGeneratorOutput::new(index.did.clone(), vec![Feed::new(index.feed.clone())]))
}

async fn skeleton(
    index: Arc<Index>,
    asked: Asked<GetFeedSkeleton>,
) -> Result<GetFeedSkeletonOutput, ServeError<GetFeedSkeletonError>> {
    if asked.params.feed != index.feed {
        return Err(ServeError::named(GetFeedSkeletonError::UnknownFeed, "there is no such feed"));
    }
    let limit = usize::try_from(asked.params.limit_or_default())?;
    let cursor = asked.params.cursor.as_deref();
    let cursor =
        cursor.map(|cursor| cursor.split_once(' ').and_then(|(time, uri)| Some((time.parse().ok()?, uri))));
    let Some(cursor) = cursor.unwrap_or(Some((u64::MAX, ""))) else {
        return Err(Refusal::invalid_request("cursor: not one that was given here").into());
    };
    let posts = index.before(cursor, limit)?;
    let feed = posts.iter().map(|(_, uri)| Ok(SkeletonFeedPost::new(uri.parse()?)));
    let mut output = GetFeedSkeletonOutput::new(feed.collect::<Result<_, ServeError<_>>>()?);
    let last = posts.last().filter(|_| posts.len() == limit);
    output.cursor = last.map(|(time, uri)| format!("{time} {uri}"));
    Ok(output)
}
