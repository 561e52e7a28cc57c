use super::report::Report;
use super::repositories::Repositories;
use super::verify::op_json;
use crate::network::{Network, NetworkArguments, Remembered, with_sources};
use crate::output::{Failure, Outcome, Output};
use crate::remote::service;
use atproto_identity::adapters::{HickoryDns, TokioClock};
use atproto_lexicon::data::{Cid, cbor, json};
use atproto_lexicon::syntax::{Did, Nsid};
use atproto_repo::sync::{Event, EventError, Head};
use atproto_xrpc::stream::firehose::{
    Config, Firehose, FirehoseEvent, MemoryAccounts, Op, RepoMessage, SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{
    CursorError, CursorStore, FileCursor, MemoryCursor, StreamEvent, Subscription, WebSockets,
};
use clap::Args;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::{Value as Json, json as object};
use std::collections::HashSet;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

#[derive(Args)]
pub(crate) struct Watch {
    /// A relay or PDS: a URL or the name of a host.
    host: String,
    /// Begin after this event, or with the oldest that the host has for 0; by default, with what happens from now on.
    #[arg(long, value_name = "N")]
    cursor: Option<u64>,
    /// Keep the place in this file, and go on from there.
    #[arg(long, value_name = "FILE", conflicts_with = "cursor")]
    cursor_file: Option<PathBuf>,
    /// Show only commits with records of this collection, and of them only these; may be given several times.
    #[arg(long = "collection", value_name = "NSID")]
    collections: Vec<Nsid>,
    /// Verify each event.
    #[arg(long)]
    verify: bool,
    /// The host is a PDS: it is believed only of the accounts that are there.
    #[arg(long, requires = "verify")]
    pds: bool,
    /// Show the records.
    #[arg(long)]
    records: bool,
    /// End after so many events.
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    #[command(flatten)]
    network: NetworkArguments,
}

type Sockets = WebSockets<HickoryDns>;
type Stream = Subscription<SubscribeRepos, Sockets, TokioClock, Place>;

/// Where the place in the stream is kept.
enum Place {
    Memory(MemoryCursor),
    File(FileCursor),
}

impl CursorStore for Place {
    async fn load(&mut self) -> Result<Option<u64>, CursorError> {
        match self {
            Self::Memory(cursor) => cursor.load().await,
            Self::File(cursor) => cursor.load().await,
        }
    }

    async fn save(&mut self, cursor: u64) -> Result<(), CursorError> {
        match self {
            Self::Memory(memory) => memory.save(cursor).await,
            Self::File(file) => file.save(cursor).await,
        }
    }
}

impl Watch {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let host = service(&self.host)?.to_string();
        let network = Network::open(self.network.clone())?;
        let (policy, dns) = (network.policy().clone(), network.dns().clone());
        let (runtime, identities) = network.into_parts();
        let repos = SubscribeRepos::new(&host).map_err(|error| Failure::Usage(format!("{host}: {error}")))?;
        let place = match &self.cursor_file {
            Some(path) => Place::File(FileCursor::new(path)),
            None => Place::Memory(MemoryCursor::new(self.cursor)),
        };
        let sockets = WebSockets::with_addresses(policy.clone(), dns.clone());
        let seed = getrandom::u64().map_err(|error| Failure::File(error.to_string()))?;
        let stream = Subscription::with_store(repos, sockets, TokioClock::new(), place, seed);
        runtime.block_on(async {
            if self.verify {
                let identities = Arc::new(identities);
                let repositories = Repositories::new(policy, dns, identities.clone())?;
                self.verified(stream, identities, &repositories, output).await
            } else {
                self.unverified(stream, output).await
            }
        })
    }

    /// What the host says.
    async fn unverified(&self, mut stream: Stream, output: &mut Output) -> Result<Outcome, Failure> {
        let mut left = self.limit;
        while left > 0 {
            match stream.next().await.map_err(|error| Failure::File(with_sources(&error)))? {
                StreamEvent::Message { message, .. } => {
                    left = left.saturating_sub(self.show(self.describe(&message), output)?);
                    stream.handled(message.seq());
                }
                StreamEvent::Invalid { seq, fault } => {
                    left = left.saturating_sub(self.show(Some(invalid(seq, &fault)), output)?);
                    seq.iter().for_each(|seq| stream.handled(*seq));
                }
                StreamEvent::OutdatedCursor { .. } => output.note(OUTDATED),
                StreamEvent::Lost { reason, retry_in } => {
                    output.note(format!("{reason}; again in {} ms", retry_in.as_millis()));
                }
                StreamEvent::NotSaved(error) => output.note(with_sources(&error)),
                _ => {}
            }
        }
        stream.close().await.map_err(|error| Failure::File(with_sources(&error)))?;
        Ok(Outcome::Done)
    }

    async fn verified(
        &self,
        stream: Stream,
        identities: Arc<Remembered>,
        repositories: &Repositories,
        output: &mut Output,
    ) -> Result<Outcome, Failure> {
        let mut config = Config::default();
        config.is_pds = self.pds;
        let accounts = MemoryAccounts::default();
        let mut hose = Firehose::with_config(stream, identities, accounts, TokioClock::new(), config);
        let (mut left, mut outcome) = (self.limit, Outcome::Done);
        let mut fetching = FuturesUnordered::new();
        // Whose repository could not be had: it is not asked for again.
        let mut lost = HashSet::new();
        while left > 0 {
            let next: Either<_, Option<(Did, Option<Head>)>> = if fetching.is_empty() {
                Either::Left(hose.next().await)
            } else {
                let event = pin!(hose.next());
                match select(event, fetching.next()).await {
                    Either::Left((event, _)) => Either::Left(event),
                    Either::Right((fetched, _)) => Either::Right(fetched),
                }
            };
            let event = match next {
                Either::Left(event) => event.map_err(|error| Failure::File(with_sources(&error)))?,
                Either::Right(fetched) => {
                    if let Some((did, head)) = fetched {
                        let is_lost = head.is_none();
                        hose.end_resync(&did, head);
                        lost.extend(is_lost.then_some(did));
                    }
                    continue;
                }
            };
            match event {
                FirehoseEvent::Report(report) => {
                    if matches!(report.verdict, Verdict::Desynchronized(_))
                        && fetching.len() < MAX_FETCHED
                        && !lost.contains(&report.did)
                    {
                        hose.begin_resync(&report.did);
                        let did = report.did.clone();
                        fetching.push(async move {
                            let head = repositories.head(&did).await;
                            (did, head)
                        });
                    }
                    let described = self.describe_verdict(report.seq, &report.did, &report.verdict);
                    outcome =
                        outcome.max(described.as_ref().map_or(Outcome::Done, |report| report.counts_as));
                    left = left.saturating_sub(self.show(described, output)?);
                    hose.handled(&report).await.map_err(|error| Failure::File(with_sources(&error)))?;
                }
                FirehoseEvent::Invalid { seq, fault } => {
                    outcome = Outcome::Negative;
                    left = left.saturating_sub(self.show(Some(invalid(seq, &fault)), output)?);
                }
                FirehoseEvent::OutdatedCursor { .. } => output.note(OUTDATED),
                FirehoseEvent::Lost { reason, retry_in } => {
                    output.note(format!("{reason}; again in {} ms", retry_in.as_millis()));
                }
                FirehoseEvent::NotSaved(error) => output.note(with_sources(&error)),
                _ => {}
            }
        }
        drop(fetching);
        hose.close().await.map_err(|error| Failure::File(with_sources(&error)))?;
        Ok(outcome)
    }

    /// Prints what is to be shown, at once, and says how many events that is.
    fn show(&self, report: Option<Report>, output: &mut Output) -> Result<u64, Failure> {
        let Some(report) = report else { return Ok(0) };
        report.print(output)?;
        output.finish()?;
        Ok(1)
    }

    fn wants(&self, path: &str) -> bool {
        let collection = path.split('/').next().unwrap_or_default();
        self.collections.is_empty() || self.collections.iter().any(|wanted| wanted.as_str() == collection)
    }

    /// An event by the word of the host.
    fn describe(&self, message: &RepoMessage) -> Option<Report> {
        let kind = message.kind().trim_start_matches('#');
        let mut report = Report::new(kind_of(kind), "unverified");
        (report.seq, report.did) = (Some(message.seq()), Some(message.did().to_string()));
        match message.event() {
            Ok(Some(Event::Commit(commit))) => {
                let ops = commit.ops.iter().filter(|op| self.wants(op.path));
                let ops: Vec<_> = ops.map(op_json).collect();
                if ops.is_empty() && !self.collections.is_empty() {
                    return None;
                }
                report.ops = Some(Json::Array(ops));
            }
            _ if !self.collections.is_empty() => return None,
            Ok(Some(Event::Account(event))) if !event.active => {
                let status = event.status.map(|status| status.as_str().to_owned());
                report.reason = Some(status.unwrap_or_else(|| "not active".to_owned()));
            }
            _ => {}
        }
        Some(report)
    }

    fn describe_verdict(&self, seq: Option<u64>, did: &Did, verdict: &Verdict) -> Option<Report> {
        let report = match verdict {
            Verdict::Commit(commit) => {
                let ops = commit.ops.iter().filter(|op| self.wants(&op.path));
                let ops: Vec<_> = ops.map(|op| self.op(op)).collect();
                if ops.is_empty() && !self.collections.is_empty() {
                    return None;
                }
                Report { ops: Some(Json::Array(ops)), ..Report::new("commit", "commit") }
            }
            Verdict::Invalid(error) => Report::new("event", "invalid").because(Outcome::Negative, error),
            Verdict::Incomplete(error) => {
                Report::new("event", "incomplete").because(Outcome::Incomplete, error)
            }
            Verdict::Desynchronized(Some(error)) => {
                Report::new("event", "desynchronized").because(Outcome::Incomplete, error)
            }
            Verdict::Desynchronized(None) => Report::new("event", "desynchronized"),
            _ if !self.collections.is_empty() => return None,
            Verdict::Unchanged => Report::new("event", "unchanged"),
            Verdict::Account { is_active: true, .. } => Report::new("account", "unchanged"),
            Verdict::Account { status, .. } => {
                let status = status.as_deref().unwrap_or("not active");
                Report::new("account", "unchanged").because(Outcome::Done, status)
            }
            Verdict::Identity { .. } => Report::new("identity", "unchanged"),
            Verdict::Ignored(why) => Report::new("event", "ignored").because(Outcome::Done, why),
            Verdict::Queued => Report::new("event", "queued"),
            Verdict::Resynchronized(head) => {
                Report::new("account", "resynchronized").because(Outcome::Done, head.rev)
            }
            _ => Report::new("event", "ignored"),
        };
        Some(Report { seq, did: Some(did.to_string()), ..report })
    }

    fn op(&self, op: &Op) -> Json {
        let text = |cid: Option<Cid>| cid.map(|cid| cid.to_string());
        let mut json = object!({
            "action": op.action.as_str(),
            "path": op.path,
            "cid": text(op.cid),
            "prev": text(op.prev),
        });
        let record = op.record.as_ref().filter(|_| self.records);
        if let (Some(record), Some(fields)) = (record, json.as_object_mut()) {
            let value = cbor::to_value(record).ok().and_then(|value| json::to_string(&value).ok());
            let value = value.and_then(|text| serde_json::from_str(&text).ok());
            // What is no record by the data model is shown as nothing.
            fields.insert("record".to_owned(), value.unwrap_or(Json::Null));
        }
        json
    }
}

const OUTDATED: &str = "the host no longer has all events from the cursor on: some were missed";
/// How many repositories are asked for at once.
const MAX_FETCHED: usize = 8;

fn invalid(seq: Option<u64>, fault: &EventError) -> Report {
    Report { seq, ..Report::new("unknown", "invalid").because(Outcome::Negative, fault) }
}

fn kind_of(kind: &str) -> &'static str {
    ["commit", "sync", "account", "identity"].into_iter().find(|known| *known == kind).unwrap_or("unknown")
}
