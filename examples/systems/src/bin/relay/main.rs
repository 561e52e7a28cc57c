//! Many hosts in, one verified stream out.

mod log;

use atproto_xrpc::api::com::atproto::sync::subscribe_repos::{SubscribeRepos, SubscribeReposError};
use atproto_xrpc::server::{Asked, Events, LogLimits, RedbLog, ServeError, ServerConfig, XrpcRouter};
use atproto_xrpc::stream::FileCursor;
use atproto_xrpc::stream::firehose::{
    AccountState, Config, Received, Report, SubscribeRepos as Hose, Verdict,
};
use atproto_xrpc::stream::frame::MAX_FRAME;
use clap::Parser;
use log::{Accounts, Appender, Entry};
use std::collections::{BTreeSet, VecDeque};
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
    window: usize,
    /// How many MiB of them.
    #[arg(long, value_name = "MIB", default_value_t = 16_384)]
    window_size: usize,
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
/// The most bytes of an event: of a frame without its header, and here its number may be longer.
const MAX_BODY: usize = MAX_FRAME - 64;
/// The most bytes of why an account is not active that are kept.
const MAX_STATUS: usize = 128;
/// For how long a host that has ended its stream is left alone.
const PAUSE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    run(relay)
}

async fn relay(arguments: Arguments) -> Done {
    fs::create_dir_all(&arguments.data)?;
    let database = Arc::new(service::open(&arguments.data.join("events.redb"))?);
    let window = LogLimits { events: arguments.window, bytes: arguments.window_size.saturating_mul(1 << 20) };
    let log = Arc::new(RedbLog::open(database, window, MEMORY)?);
    let (appender, write) = Appender::new(log.clone())?;
    let writer = tokio::task::spawn_blocking(write);
    let identities = arguments.network.identities()?;
    let listener = service::listen(arguments.port).await?;
    println!("{} hosts, at port {}", arguments.hosts.len(), listener.local_addr()?.port());
    let mut hosts = JoinSet::new();
    let mut names = BTreeSet::new();
    for host in &arguments.hosts {
        if !names.insert(Hose::new(host)?.host().to_owned()) {
            return Err(Stop::new(format!("{host} is there twice")));
        }
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
    log: Arc<RedbLog>,
    asked: Asked<SubscribeRepos>,
) -> Result<Events<RedbLog>, ServeError<SubscribeReposError>> {
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
    let cursor = arguments.data.join(format!("{}.cursor", name_of(&host)));
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

/// A file name that no other host has.
fn name_of(host: &str) -> String {
    let mut name = String::new();
    for byte in host.bytes() {
        match char::from(byte) {
            char @ ('a'..='z' | '0'..='9' | '.' | '-') => name.push(char),
            _ => name.extend(format!("_{byte:02x}").chars()),
        }
    }
    name
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
        let is_small = |event: &Received| event.body.len() <= MAX_BODY;
        let event = report.received.clone().filter(|event| is_small(event) && is_valid(host, &report));
        let short = |status: &String| status.len() <= MAX_STATUS;
        let state = report.state.clone();
        let state = state.map(|state| AccountState { status: state.status.filter(short), ..state });
        let entry = Entry { event, did: report.did.clone(), state };
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
        // A `#sync`: consumers have to fetch the repository as well.
        Verdict::Desynchronized(None) => true,
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
