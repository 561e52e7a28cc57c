//! A firehose that is verified, and catches up by itself.

use crate::connect::{Anybody, Identities, NetworkArgs};
use crate::keep::micros;
use crate::{Done, Stop};
use atproto_identity::adapters::TokioClock;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_repo::store::Archive;
use atproto_repo::sync::Head;
use atproto_xrpc::ServiceUrl;
use atproto_xrpc::api::com::atproto::sync::GetRecord;
use atproto_xrpc::stream::firehose::{
    AccountStore, Config, Firehose, FirehoseEvent, Ignored, MemoryAccounts, Report, SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{CursorStore, FileCursor, Subscription, WebSockets};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The most bytes of a proof.
const MAX_PROOF: usize = 4 << 20;
/// For how long that is tried.
const LONGEST: Duration = Duration::from_secs(600);
/// After which time it is tried again: where it failed, and where it did not.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
const AFTER_SUCCESS: Duration = Duration::from_secs(2);
/// The most microseconds that a revision may be ahead.
const AHEAD: u64 = 300_000_000;
/// With how many accounts that is tried meanwhile, and with how many at once.
const MAX_TRIED: usize = 100_000;
const AT_ONCE: usize = 4;

/// What catches up with an account; where it is then.
pub type Fetched = Pin<Box<dyn Future<Output = Done<Head>> + Send>>;

/// The events of a relay or host, each with its verdict.
pub struct Followed<A: AccountStore = MemoryAccounts, S: CursorStore = FileCursor> {
    hose: Firehose<WebSockets, TokioClock, Identities, A, S>,
    fetch: Box<dyn Fn(Did) -> Fetched + Send>,
    fetches: JoinSet<(Did, Done<Head>)>,
    /// With which accounts that is being done.
    running: HashSet<Did>,
    on_missed: Box<dyn FnMut() -> Done + Send>,
    /// When it was last tried to catch up with an account, and for how long that is enough. A host that is down, or shows what is old, is
    /// not asked again at once.
    tried: HashMap<Did, (Instant, Duration)>,
}

impl Followed {
    /// From the place on that a file keeps; where there is none, from now on. Who catches up with an account takes it as it is.
    ///
    /// # Errors
    /// Where it is no URL.
    pub fn new(network: &NetworkArgs, identities: &Identities, host: &str, cursor: &Path) -> Done<Self> {
        let (accounts, cursor) = (MemoryAccounts::default(), FileCursor::new(cursor));
        let head = head_of(network, identities, host)?;
        Self::with(network, identities, host, accounts, cursor, Config::default(), head)
    }
}

impl<A: AccountStore, S: CursorStore> Followed<A, S> {
    /// With stores of one's own, and what catches up with an account.
    ///
    /// # Errors
    /// Where it is no URL.
    pub fn with<F: Future<Output = Done<Head>> + Send + 'static>(
        network: &NetworkArgs,
        identities: &Identities,
        host: &str,
        accounts: A,
        cursor: S,
        config: Config,
        fetch: impl Fn(Did) -> F + Send + 'static,
    ) -> Done<Self> {
        let (clock, sockets) = (TokioClock::new(), WebSockets::new(network.policy()));
        let stream =
            Subscription::with_store(SubscribeRepos::new(host)?, sockets, clock, cursor, getrandom::u64()?);
        let hose = Firehose::with_config(stream, identities.clone(), accounts, clock, config);
        let fetch = Box::new(move |did| Box::pin(fetch(did)) as Fetched);
        Ok(Self {
            hose,
            fetch,
            fetches: JoinSet::new(),
            running: HashSet::new(),
            on_missed: Box::new(|| Ok(())),
            tried: HashMap::new(),
        })
    }

    /// Has it said that events were missed, of accounts that are not known, before any event after them comes.
    #[must_use]
    pub fn on_missed(self, on_missed: impl FnMut() -> Done + Send + 'static) -> Self {
        Self { on_missed: Box::new(on_missed), ..self }
    }

    /// The next event. It comes again after a restart, until it was [`handled`](Self::handled). Nothing is lost where the future is
    /// dropped.
    ///
    /// # Errors
    /// Where the host says that it will never send more, or the place cannot be kept.
    pub async fn next(&mut self) -> Done<Box<Report>> {
        loop {
            let event = tokio::select! {
                event = self.hose.next() => event?,
                Some(fetched) = self.fetches.join_next() => {
                    let (did, head) = fetched?;
                    if let Err(stop) = &head {
                        eprintln!("{did}: where its repository is cannot be found out now: {stop}");
                    }
                    self.running.remove(&did);
                    let last = self.tried.get(&did).map_or(Duration::ZERO, |(_, pause)| *pause);
                    // Longer each time, so that those that never answer leave room for others.
                    let longer = last.saturating_mul(2).clamp(AFTER_FAILURE, LONGEST);
                    let pause = if head.is_ok() { AFTER_SUCCESS } else { longer };
                    self.tried.insert(did.clone(), (Instant::now(), pause));
                    self.hose.end_resync(&did, head.ok());
                    continue;
                }
            };
            match event {
                FirehoseEvent::Report(report) => {
                    match &report.verdict {
                        Verdict::Desynchronized(why) => {
                            if let Some(why) = why {
                                eprintln!("{}: events were missed: {why}", report.did);
                            }
                            self.catch_up(&report.did);
                        }
                        Verdict::Ignored(Ignored::Desynchronized) => self.catch_up(&report.did),
                        _ => {}
                    }
                    return Ok(report);
                }
                FirehoseEvent::Lost { reason, retry_in } => {
                    eprintln!("the connection is lost: {}; again in {retry_in:?}", Stop::from(reason));
                }
                FirehoseEvent::OutdatedCursor { .. } => {
                    eprintln!("events were missed: the place is too old");
                    (self.on_missed)()?;
                }
                FirehoseEvent::Invalid { fault, .. } => eprintln!("not an event: {fault}"),
                _ => {}
            }
        }
    }

    /// Whether it can be begun to catch up with another account.
    pub fn has_room(&mut self) -> bool {
        if self.tried.len() >= MAX_TRIED {
            self.tried.retain(|_, (tried, pause)| tried.elapsed() < *pause);
        }
        self.fetches.len() < AT_ONCE && self.tried.len() < MAX_TRIED
    }

    /// Begins to catch up with an account, unless that is being done, or was tried a moment ago. Its events wait meanwhile; until it could
    /// be done, they count for nothing.
    pub fn catch_up(&mut self, did: &Did) {
        let is_new = self.tried.get(did).is_none_or(|(tried, pause)| tried.elapsed() >= *pause);
        if is_new && self.has_room() && self.running.insert(did.clone()) {
            self.hose.begin_resync(did);
            let (did, fetch) = (did.clone(), (self.fetch)(did.clone()));
            self.fetches.spawn(async move {
                let fetched = tokio::time::timeout(LONGEST, fetch).await;
                (did, fetched.unwrap_or_else(|_| Err(Stop::new("it takes too long"))))
            });
        }
    }

    /// Says that an event needs not come again.
    ///
    /// # Errors
    /// Where the place cannot be kept.
    pub async fn handled(&mut self, report: &Report) -> Done {
        Ok(self.hose.handled(report).await?)
    }

    /// Keeps the place now.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub async fn save(&mut self) -> Done {
        Ok(self.hose.save().await?)
    }
}

/// Finds out where an account's repository is, by a proof of any record that is not there: its commit is in it, signed.
///
/// # Errors
/// Where `host`, any, is no URL.
pub fn head_of(
    network: &NetworkArgs,
    identities: &Identities,
    host: &str,
) -> Done<impl Fn(Did) -> Fetched + Send + 'static> {
    let (client, identities) = (network.client(host)?, identities.clone());
    Ok(move |did| Box::pin(head(client.clone(), identities.clone(), did)) as Fetched)
}

async fn head(client: Anybody, identities: Identities, did: Did) -> Done<Head> {
    let identity = identities.refresh(&did).await?;
    let client = client.with_service(ServiceUrl::parse(identity.pds()?)?);
    let (collection, rkey) = ("com.example.none".parse()?, "none".parse()?);
    let proof = client.download(&GetRecord { did: did.clone(), collection, rkey }).await?.output;
    let proof = proof.read_all(MAX_PROOF).await?;
    let car = Car::parse(&proof)?;
    let repo = Repo::verify(&car, &did, &identity.signing_key()?)?;
    where_is(&repo)
}

/// Where a repository that was fetched is.
///
/// # Errors
/// Where its revision is in the future: nothing would come after it.
pub fn where_is<B: Archive>(repo: &Repo<'_, B>) -> Done<Head> {
    let (rev, data) = (repo.commit().rev, repo.commit().data);
    if rev.micros() > micros().saturating_add(AHEAD) {
        return Err(Stop::new("the revision of its repository is in the future"));
    }
    Ok(Head { rev, data })
}
