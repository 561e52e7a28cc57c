//! Every record of a network, verified, and what can be asked of them.

mod answer;
mod index;
mod live;

use atproto_lexicon::syntax::Did;
use atproto_repo::sync::Head;
use atproto_xrpc::ServiceUrl;
use atproto_xrpc::api::com::atproto::sync::{GetRepo, ListRepos};
use atproto_xrpc::stream::firehose::Config;
use clap::Parser;
use index::Index;
use live::Live;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use systems::connect::{Anybody, Identities, NetworkArgs, waiting};
use systems::follow::Followed;
use systems::keep::micros;
use systems::{Done, run, service};
use tokio::time::MissedTickBehavior;

/// Fetches the repositories of a relay or host, follows its events, and keeps every record that is verified in a database, from which
/// it answers `com.atproto.repo.getRecord`, `listRecords` and `app.bsky.feed.getPosts`. At `/` it shows how it goes.
#[derive(Parser)]
struct Arguments {
    /// The relay or host.
    #[arg(long, value_name = "URL", default_value = "https://relay1.us-east.bsky.network")]
    host: String,
    /// Where it listens.
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// Where the records are kept, and how far it has come.
    #[arg(long, value_name = "FILE", default_value = "app-view.sqlite")]
    data: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
}

/// The most bytes of a repository.
const MAX_REPO: usize = 256 << 20;

fn main() -> ExitCode {
    run(serve)
}

/// What answers are made of.
struct AppView {
    index: Index,
    live: Live,
    identities: Identities,
}

async fn serve(arguments: Arguments) -> Done {
    let identities = arguments.network.identities()?;
    let index = Index::open(&arguments.data, &arguments.host)?;
    let view = Arc::new(AppView { index, live: Live::default(), identities });
    let listener = service::listen(arguments.port).await?;
    println!("the records of {} at port {}", arguments.host, listener.local_addr()?.port());
    tokio::select! {
        served = axum::serve(listener, answer::router(view.clone())) => Ok(served?),
        ended = list(&arguments, &view.index) => ended,
        ended = follow(&arguments, view.clone()) => ended,
        ended = tidy(&view.index) => ended,
    }
}

/// Takes note of all accounts that the host has, at each start: there may be more; and whenever they may have changed unseen.
async fn list(arguments: &Arguments, index: &Index) -> Done {
    let client = arguments.network.client(&arguments.host)?;
    let mut is_start = true;
    loop {
        let missed = index.missed()?;
        if is_start || missed > 0 {
            let mut ask = ListRepos { limit: Some(1000), ..ListRepos::default() };
            let start = micros();
            loop {
                let asked = micros();
                let page = waiting(&arguments.host, async || client.send(&ask).await).await?.output;
                index.note(&page.repos, missed > 0, asked)?;
                ask.cursor = page.cursor;
                if ask.cursor.is_none() {
                    break;
                }
            }
            if missed > 0 {
                index.leave_out(start)?;
            }
            index.add_missed(missed.saturating_neg())?;
            is_start = false;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn tidy(index: &Index) -> Done {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let index = index.clone();
        tokio::task::spawn_blocking(move || index.tidy()).await??;
    }
}

/// Follows the events from the first start on, and fetches beside them what they do not lead to.
async fn follow(arguments: &Arguments, view: Arc<AppView>) -> Done {
    let index = view.index.clone();
    let fetch = {
        let (client, view) = (arguments.network.client(&arguments.host)?, view.clone());
        move |did| fetch(client.clone(), view.clone(), did)
    };
    let (accounts, cursor, config) = (index.clone(), index.clone(), Config::default());
    let mut stream = Followed::with(
        &arguments.network,
        &view.identities,
        &arguments.host,
        accounts,
        cursor,
        config,
        fetch,
    )?
    .on_missed({
        let index = index.clone();
        move || index.add_missed(1)
    });
    let mut look = tokio::time::interval(Duration::from_millis(100));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Whether it may be that there is something to fetch.
    let mut may_be_due = true;
    loop {
        tokio::select! {
            report = stream.next() => {
                let report = report?;
                let broken = tokio::task::block_in_place(|| index.take(&report))?;
                view.live.count(&report, broken);
                stream.handled(&report).await?;
                stream.save().await?;
            }
            _ = look.tick() => may_be_due = true,
        }
        while may_be_due && stream.has_room() {
            match index.next_due()? {
                Some(did) => stream.catch_up(&did),
                None => may_be_due = false,
            }
        }
    }
}

/// Fetches a repository, verifies all of it, and keeps what is in it in place of what was known.
async fn fetch(client: Anybody, view: Arc<AppView>, did: Did) -> Done<Head> {
    let identity = view.identities.refresh(&did).await?;
    let (key, client) = (identity.signing_key()?, client.with_service(ServiceUrl::parse(identity.pds()?)?));
    let deletions = view.index.deletions(&did)?;
    let repo = client.download(&GetRepo::new(did.clone())).await?.output.read_all(MAX_REPO).await?;
    let fetched = tokio::task::spawn_blocking(move || {
        let (head, broken) = view.index.replace(&did, &key, &repo, deletions)?;
        view.live.broken(broken);
        Ok(head)
    });
    fetched.await?
}
