//! How it goes, as a page for people.

use crate::AppView;
use atproto_repo::sync::VerifyError;
use atproto_xrpc::stream::firehose::{Ignored, Invalid, Report, Verdict};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use systems::keep::micros;

/// The most reasons that are told apart.
const MAX_REASONS: usize = 50;

/// What has come of the events since the start.
#[derive(Default)]
pub(super) struct Live {
    counts: Mutex<Counts>,
    /// What was said last, and when.
    said: Mutex<Option<(Instant, Value)>>,
}

#[derive(Default)]
struct Counts {
    verified: u64,
    refused: BTreeMap<String, u64>,
    /// From the newest commit to when it was seen, in microseconds.
    lag: Option<u64>,
}

impl Counts {
    fn refuse(&mut self, reason: &str, times: u64) {
        let is_known = self.refused.contains_key(reason) || self.refused.len() < MAX_REASONS;
        let count = self.refused.entry(if is_known { reason } else { "others" }.to_owned()).or_default();
        *count = count.saturating_add(times);
    }
}

impl Live {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts an event, with as many records that break the data model.
    pub(super) fn count(&self, report: &Report, broken: usize) {
        self.broken(broken);
        self.change(|counts| match &report.verdict {
            Verdict::Ignored(Ignored::NoIdentity(_)) => counts.refuse("the account has no identity", 1),
            Verdict::Ignored(why) => counts.refuse(&why.to_string(), 1),
            Verdict::Invalid(Invalid::Host(_)) => counts.refuse("the account is hosted elsewhere", 1),
            Verdict::Invalid(Invalid::Event(VerifyError::Signature)) => {
                counts.refuse(&VerifyError::Signature.to_string(), 1);
            }
            Verdict::Invalid(Invalid::Event(why)) => {
                // What kind it is: who sends it chooses the rest of the text.
                let kind = format!("{why:?}");
                let kind = kind.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default();
                counts.refuse(&format!("the event is not valid ({kind})"), 1);
            }
            Verdict::Invalid(_) => counts.refuse("the event is not valid", 1),
            Verdict::Incomplete(_) => counts.refuse("the identity cannot be resolved now", 1),
            Verdict::Desynchronized(_) => counts.refuse("events were missed", 1),
            Verdict::Queued | Verdict::Resynchronized(_) => {}
            verdict => {
                counts.verified = counts.verified.saturating_add(1);
                if let Verdict::Commit(commit) = verdict {
                    counts.lag = Some(micros().saturating_sub(commit.head.rev.micros()));
                }
            }
        });
    }

    /// Counts records that break the data model.
    pub(super) fn broken(&self, records: usize) {
        if records > 0 {
            let times = u64::try_from(records).unwrap_or(u64::MAX);
            self.change(|counts| counts.refuse("the record breaks the data model", times));
        }
    }
}

pub(super) fn router(view: Arc<AppView>) -> Router {
    let page = || async { Html(include_str!("page.html")) };
    Router::new().route("/", get(page)).route("/live", get(async move || live(&view)))
}

/// Counted once a second at most, whoever asks.
fn live(view: &AppView) -> Response {
    let mut said = view.live.said.lock().unwrap_or_else(PoisonError::into_inner);
    if said.as_ref().is_none_or(|(at, _)| at.elapsed() >= Duration::from_millis(900)) {
        match count(view) {
            Ok(counted) => *said = Some((Instant::now(), counted)),
            Err(error) => eprintln!("live: {error}"),
        }
    }
    match &*said {
        Some((_, counted)) => Json(counted).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn count(view: &AppView) -> rusqlite::Result<Value> {
    let accounts = "SELECT CASE WHEN NOT is_active THEN \
        CASE WHEN status IN ('deactivated', 'deleted', 'suspended', 'takendown') THEN status ELSE 'inactive' END \
        WHEN NOT is_due THEN 'indexed' ELSE 'to be fetched' END, count(*), sum(records) FROM accounts GROUP BY 1";
    let reader = view.index.reader();
    let mut rows = reader.prepare_cached(accounts)?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(String, i64, i64)> = rows.collect::<Result<_, _>>()?;
    let records = rows.iter().fold(0, |sum: i64, (_, _, records)| sum.saturating_add(*records));
    let accounts: BTreeMap<_, _> = rows.into_iter().map(|(state, count, _)| (state, count)).collect();
    let counts = view.live.counts.lock().unwrap_or_else(PoisonError::into_inner);
    let Counts { verified, refused, lag } = &*counts;
    let refused: Vec<Value> = refused.iter().map(|(reason, count)| json!([reason, count])).collect();
    let lag = lag.map(|lag| lag / 1000);
    Ok(
        json!({ "verified": verified, "refused": refused, "lag": lag, "accounts": accounts, "records": records }),
    )
}
