//! A firehose that is verified, and catches up by itself.

use crate::connect::{Identities, NetworkArgs};
use crate::{Done, Stop};
use atproto_identity::adapters::TokioClock;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_repo::sync::Head;
use atproto_xrpc::api::com::atproto::sync::GetRecord;
use atproto_xrpc::stream::firehose::{
    Config, Firehose, FirehoseEvent, Ignored, MemoryAccounts, Report, SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{FileCursor, Subscription, WebSockets};
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// The most bytes of a proof.
const MAX_PROOF: usize = 4 << 20;
/// After which time it is tried again to catch up with an account.
const AGAIN: Duration = Duration::from_secs(30);
/// With how many accounts that is tried meanwhile.
const MAX_TRIED: usize = 10_000;

type Hose = Firehose<WebSockets, TokioClock, Identities, MemoryAccounts, FileCursor>;

/// The events of a relay or host, each with its verdict.
pub struct Followed {
    hose: Hose,
    network: NetworkArgs,
    identities: Identities,
    /// When it was last tried to catch up with an account. A host that is down, or shows what is old, is not asked again at once.
    tried: HashMap<Did, Instant>,
}

impl Followed {
    /// From the place on that a file keeps; where there is none, from now on.
    ///
    /// # Errors
    /// Where it is no URL.
    pub fn new(network: &NetworkArgs, identities: &Identities, host: &str, cursor: &Path) -> Done<Self> {
        Self::with_config(network, identities, host, cursor, Config::default())
    }

    /// [`new`](Self::new), from a host that is believed of its own accounts only.
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn of_pds(network: &NetworkArgs, identities: &Identities, host: &str, cursor: &Path) -> Done<Self> {
        let mut config = Config::default();
        config.is_pds = true;
        Self::with_config(network, identities, host, cursor, config)
    }

    fn with_config(
        network: &NetworkArgs,
        identities: &Identities,
        host: &str,
        cursor: &Path,
        config: Config,
    ) -> Done<Self> {
        let (clock, sockets) = (TokioClock::new(), WebSockets::new(network.policy()));
        let repos = SubscribeRepos::new(host)?;
        let seed = getrandom::u64()?;
        let stream = Subscription::with_store(repos, sockets, clock, FileCursor::new(cursor), seed);
        let accounts = MemoryAccounts::default();
        let hose = Firehose::with_config(stream, identities.clone(), accounts, clock, config);
        Ok(Self { hose, network: network.clone(), identities: identities.clone(), tried: HashMap::new() })
    }

    /// The next event that was verified, or counts for nothing. It comes again after a restart, until it was [`handled`](Self::handled).
    ///
    /// # Errors
    /// Where the host says that it will never send more, or the place cannot be kept.
    pub async fn next(&mut self) -> Done<Box<Report>> {
        loop {
            match self.hose.next().await? {
                FirehoseEvent::Report(report) => match &report.verdict {
                    Verdict::Desynchronized(why) => {
                        if let Some(why) = why {
                            eprintln!("{}: events were missed: {why}", report.did);
                        }
                        self.hose.handled(&report).await?;
                        self.catch_up(&report.did).await;
                    }
                    Verdict::Ignored(Ignored::Desynchronized) => {
                        self.hose.handled(&report).await?;
                        self.catch_up(&report.did).await;
                    }
                    _ => return Ok(report),
                },
                FirehoseEvent::Lost { reason, retry_in } => {
                    eprintln!("the connection is lost: {}; again in {retry_in:?}", Stop::from(reason));
                }
                FirehoseEvent::OutdatedCursor { .. } => eprintln!("events were missed: the place is too old"),
                FirehoseEvent::Invalid { fault, .. } => eprintln!("not an event: {fault}"),
                _ => {}
            }
        }
    }

    /// Goes on with an account from where its host says that it is. Until that can be had, its events count for nothing.
    async fn catch_up(&mut self, did: &Did) {
        let is_new = self.tried.get(did).is_none_or(|tried| tried.elapsed() >= AGAIN);
        if !is_new {
            return;
        }
        if self.tried.len() >= MAX_TRIED {
            self.tried.retain(|_, tried| tried.elapsed() < AGAIN);
        }
        if self.tried.len() < MAX_TRIED {
            self.tried.insert(did.clone(), Instant::now());
            match head(&self.network, &self.identities, did).await {
                Some(head) => {
                    self.hose.begin_resync(did);
                    self.hose.end_resync(did, Some(head));
                }
                None => eprintln!("{did}: where its repository is cannot be found out now"),
            }
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

/// Where an account's repository is, by a proof of any record that is not there: its commit is in it, signed.
async fn head(network: &NetworkArgs, identities: &Identities, did: &Did) -> Option<Head> {
    let identity = identities.refresh(did).await.ok()?;
    let client = network.client(identity.pds().ok()?).ok()?;
    let (collection, rkey) = ("com.example.none".parse().ok()?, "none".parse().ok()?);
    let proof = client.download(&GetRecord { did: did.clone(), collection, rkey }).await.ok()?.output;
    let proof = proof.read_all(MAX_PROOF).await.ok()?;
    let car = Car::parse(&proof).ok()?;
    let repo = Repo::verify(&car, did, &identity.signing_key().ok()?).ok()?;
    Some(Head { rev: repo.commit().rev, data: repo.commit().data })
}
