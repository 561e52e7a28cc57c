//! Many hosts in, one verified stream out.

mod log;

use atproto_xrpc::api::com::atproto::sync::subscribe_repos::{SubscribeRepos, SubscribeReposError};
use atproto_xrpc::server::{Asked, Events, LogLimits, ServeError, ServerConfig, XrpcRouter};
use atproto_xrpc::stream::FileCursor;
use atproto_xrpc::stream::firehose::{Config, Report, Verdict};
use clap::Parser;
use log::{Accounts, Appender, DiskLog, Entry, Window};
use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use systems::connect::{Identities, NetworkArgs};
use systems::follow::{Followed, head_of};
use systems::{Done, Stop, run, service};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Follows hosts of accounts, verifies every event, and sends what is valid on in one stream: `com.atproto.sync.subscribeRepos`.
///
/// A host is believed of its own accounts only. An event is on the disk before anybody sees it, and its number is never given twice.
#[derive(Parser, Clone)]
struct Arguments {
    /// The hosts.
    #[arg(required = true, value_name = "URL")]
    hosts: Vec<String>,
    /// Where it listens.
    #[arg(long, default_value_t = 2470)]
    port: u16,
    /// The folder in which the events and the places in the streams of the hosts are kept.
    #[arg(long, value_name = "FOLDER", default_value = "relay")]
    data: PathBuf,
    /// How many events are kept for consumers that come late.
    #[arg(long, value_name = "EVENTS", default_value_t = 1_000_000)]
    window: u64,
    /// How many MiB of them.
    #[arg(long, value_name = "MIB", default_value_t = 16_384)]
    window_size: u64,
    /// How many events of one host are taken in a second; others wait at the host.
    #[arg(long, value_name = "EVENTS", default_value_t = 5000)]
    per_host: u32,
    /// The most consumers.
    #[arg(long, default_value_t = 1000)]
    consumers: usize,
    #[command(flatten)]
    network: NetworkArgs,
}

/// What is in memory of the newest events.
const MEMORY: LogLimits = LogLimits { events: 20_000, bytes: 64 << 20 };
/// For how long a host that has ended its stream is left alone.
const PAUSE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    run(relay)
}

async fn relay(arguments: Arguments) -> Done {
    fs::create_dir_all(&arguments.data)?;
    let window = Window { events: arguments.window, bytes: arguments.window_size.saturating_mul(1 << 20) };
    let (log, appender, write) = DiskLog::open(&arguments.data.join("events.redb"), window, MEMORY)?;
    let writer = tokio::task::spawn_blocking(write);
    let identities = arguments.network.identities()?;
    let listener = service::listen(arguments.port).await?;
    println!("{} hosts, at port {}", arguments.hosts.len(), listener.local_addr()?.port());
    let mut hosts = JoinSet::new();
    for host in &arguments.hosts {
        let (accounts, appender) = (Accounts(log.clone()), appender.clone());
        hosts.spawn(follow(host.clone(), arguments.clone(), identities.clone(), accounts, appender));
    }
    let config = ServerConfig { max_consumers: arguments.consumers, ..ServerConfig::default() };
    let router = XrpcRouter::new(log)
        .with_config(config)
        .with_health(env!("CARGO_PKG_VERSION"))
        .subscription(subscribe)
        .on_failure(|endpoint, error| eprintln!("{endpoint}: {error}"));
    tokio::select! {
        served = axum::serve(listener, router.into_router()) => Ok(served?),
        written = writer => written?,
        Some(ended) = hosts.join_next() => ended?,
    }
}

async fn subscribe(
    log: Arc<DiskLog>,
    asked: Asked<SubscribeRepos>,
) -> Result<Events<DiskLog>, ServeError<SubscribeReposError>> {
    Ok(Events::new(log, asked.params.cursor)?)
}

/// Follows a host, whatever it does.
async fn follow(
    host: String,
    arguments: Arguments,
    identities: Identities,
    accounts: Accounts,
    appender: Appender,
) -> Done {
    let name: String = host.chars().map(|char| if char.is_alphanumeric() { char } else { '-' }).collect();
    let cursor = arguments.data.join(format!("{name}.cursor"));
    if !cursor.exists() {
        // All that the host still has.
        systems::keep::replace(&cursor, b"0")?;
    }
    let network = &arguments.network;
    loop {
        let (accounts, cursor) = (accounts.clone(), FileCursor::new(&cursor));
        let mut config = Config::default();
        config.is_pds = true;
        let head = head_of(network, &identities, &host)?;
        let mut stream = Followed::with(network, &identities, &host, accounts, cursor, config, head)?;
        let Err(stop) = pass_on(&host, &mut stream, &appender, arguments.per_host).await;
        if appender.is_closed() {
            return Err(stop);
        }
        eprintln!("{host}: {stop}; again in {PAUSE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sends the events of a host on. One counts as handled once it is on the disk.
async fn pass_on(
    host: &str,
    stream: &mut Followed<Accounts>,
    appender: &Appender,
    per_host: u32,
) -> Result<std::convert::Infallible, Stop> {
    let mut waiting: VecDeque<(Box<Report>, Option<oneshot::Receiver<()>>)> = VecDeque::new();
    let (mut second, mut taken) = (Instant::now(), 0_u32);
    loop {
        let report = stream.next().await?;
        let event = report.received.clone().filter(|_| is_valid(host, &report));
        let entry = Entry { event, did: report.did.clone(), state: report.state.clone() };
        let is_news = entry.event.is_some() || entry.state.is_some();
        let is_done = if is_news { Some(appender.append(entry).await?) } else { None };
        waiting.push_back((report, is_done));
        while let Some((report, is_done)) = waiting.front_mut()
            && is_done.as_mut().is_none_or(|is_done| is_done.try_recv().is_ok())
        {
            stream.handled(report).await?;
            waiting.pop_front();
        }
        taken = taken.saturating_add(1);
        if taken >= per_host {
            tokio::time::sleep(Duration::from_secs(1).saturating_sub(second.elapsed())).await;
            (second, taken) = (Instant::now(), 0);
        } else if second.elapsed() >= Duration::from_secs(1) {
            (second, taken) = (Instant::now(), 0);
        }
    }
}

/// Whether an event is sent on. Who sends what is not valid is told of.
fn is_valid(host: &str, report: &Report) -> bool {
    match &report.verdict {
        Verdict::Commit(commit) => commit.is_proven,
        Verdict::Unchanged | Verdict::Account { .. } | Verdict::Identity { .. } => true,
        Verdict::Invalid(reason) => {
            eprintln!("{host}: event {:?} of {} is invalid: {reason}", report.seq, report.did);
            false
        }
        Verdict::Incomplete(error) => {
            eprintln!("{host}: event {:?} of {}: {error}", report.seq, report.did);
            false
        }
        _ => false,
    }
}
