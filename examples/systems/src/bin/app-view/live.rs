//! How it goes, as a page for people.

use crate::AppView;
use atproto_xrpc::stream::firehose::{Ignored, Report, Verdict};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use systems::keep::micros;

/// The most reasons that are told apart.
const MAX_REASONS: usize = 50;

/// What has come of the events since the start.
#[derive(Default)]
pub(super) struct Live(Mutex<Counts>);

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
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Counts an event, with as many records that break the data model.
    pub(super) fn count(&self, report: &Report, broken: usize) {
        self.broken(broken);
        self.change(|counts| match &report.verdict {
            Verdict::Ignored(Ignored::NoIdentity(_)) => counts.refuse("the account has no identity", 1),
            Verdict::Ignored(why) => counts.refuse(&why.to_string(), 1),
            Verdict::Invalid(why) => counts.refuse(&why.to_string(), 1),
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

fn live(view: &AppView) -> impl IntoResponse + use<> {
    let state = "CASE WHEN NOT is_active THEN coalesce(status, 'inactive') WHEN NOT is_due THEN 'indexed' ELSE 'to be fetched' END";
    let accounts = format!("SELECT {state}, count(*) FROM accounts GROUP BY 1");
    let count = || -> rusqlite::Result<(BTreeMap<String, i64>, i64)> {
        let reader = view.index.reader();
        let mut accounts = reader.prepare_cached(&accounts)?;
        let accounts =
            accounts.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        Ok((
            accounts,
            reader.query_row("SELECT coalesce(sum(records), 0) FROM accounts", [], |row| row.get(0))?,
        ))
    };
    match count() {
        Ok((accounts, records)) => {
            let counts = view.live.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Counts { verified, refused, lag } = &*counts;
            let refused: Vec<Value> = refused.iter().map(|(reason, count)| json!([reason, count])).collect();
            let lag = lag.map(|lag| lag / 1000);
            Json(json!({ "verified": verified, "refused": refused, "lag": lag, "accounts": accounts, "records": records }))
                .into_response()
        }
        Err(error) => {
            eprintln!("live: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
