//! A directory of did:plc (<https://web.plc.directory/api/redoc>): it takes what is signed by a key that may, and forgets nothing.
//!
//! It serves no `/export/stream`, and asks nobody for a proof of work.

use crate::storage::{Failed, Rows, Storage};
use crate::time;
use atproto_identity::plc::{ExportEntry, History, LogEntry, Operation, is_did, verify_log};
use atproto_lexicon::syntax::Did;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// `DID/number`, the number in eight digits: an entry of its audit log.
const OPERATIONS: Rows = Rows::new("plc_operations");
/// The order in which operations came, in twelve digits: `DID/number`.
const EXPORT: Rows = Rows::new("plc_export");
/// The most entries of the export at once.
const MAX_EXPORT: usize = 1000;

/// The directory.
#[derive(Debug)]
pub(crate) struct Plc {
    storage: Storage,
    /// One operation at a time.
    writer: Mutex<()>,
}

/// What it does not answer as asked.
enum Refused {
    NotFound(Did),
    Gone(Did),
    Invalid(String),
    Failed(Failed),
}

impl<E: Into<Failed>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::NotFound(did) => (StatusCode::NOT_FOUND, format!("DID not registered: {did}")),
            Self::Gone(did) => (StatusCode::GONE, format!("DID not available: {did}")),
            Self::Invalid(reason) => (StatusCode::BAD_REQUEST, reason),
            Self::Failed(error) => {
                eprintln!("directory: {}", error.0);
                (StatusCode::INTERNAL_SERVER_ERROR, "the directory failed".to_owned())
            }
        };
        (status, Json(json!({ "message": message }))).into_response()
    }
}

#[derive(Deserialize)]
struct ExportParams {
    count: Option<usize>,
    /// A number, or the time of an entry.
    after: Option<String>,
}

type Answer<T> = Result<T, Refused>;

impl Plc {
    pub(crate) fn new(storage: Storage) -> Arc<Self> {
        Arc::new(Self { storage, writer: Mutex::new(()) })
    }

    pub(crate) fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/_health", get(async || Json(json!({"version": env!("CARGO_PKG_VERSION")}))))
            .route("/export", get(export))
            .route("/{did}", get(document).post(submit))
            .route("/{did}/data", get(data))
            .route("/{did}/log", get(log))
            .route("/{did}/log/audit", get(audit_log))
            .route("/{did}/log/last", get(last))
            .with_state(Arc::clone(self))
    }

    fn entries(&self, did: &Did) -> Answer<Vec<LogEntry>> {
        let rows = self.storage.scan(OPERATIONS, &format!("{did}/"), "", usize::MAX)?;
        let entries = rows.iter().map(|(_, row)| serde_json::from_slice(row));
        Ok(entries.collect::<Result<Vec<_>, _>>()?)
    }

    fn known(&self, did: &Did) -> Answer<(Vec<LogEntry>, History)> {
        let entries = self.entries(did)?;
        if entries.is_empty() {
            return Err(Refused::NotFound(did.clone()));
        }
        let history = verify_log(did, &entries)?;
        Ok((entries, history))
    }

    fn standing(&self, did: &Did) -> Answer<History> {
        let (_, history) = self.known(did)?;
        if history.is_tombstoned() { Err(Refused::Gone(did.clone())) } else { Ok(history) }
    }

    /// Takes an operation, where the one who signed it may.
    fn apply(&self, did: &Did, operation: Operation) -> Answer<()> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_did(did) {
            return Err(Refused::Invalid(format!("not a did:plc: {did}")));
        }
        let mut entries = self.entries(did)?;
        let mut history = History::new(did.clone());
        for entry in &entries {
            history.apply(&entry.operation, &entry.created_at, None)?;
        }
        let now = time::now()?;
        let applied =
            history.apply(&operation, &now, None).map_err(|fault| Refused::Invalid(fault.to_string()))?;
        let change = self.storage.begin()?;
        for (number, entry) in entries.iter_mut().enumerate() {
            if applied.nullified.contains(&entry.cid) {
                entry.nullified = true;
                change.put_json(OPERATIONS, &key_of(did, number), entry)?;
            }
        }
        let key = key_of(did, entries.len());
        let entry =
            LogEntry { did: did.clone(), operation, cid: applied.cid, nullified: false, created_at: now };
        change.put_json(OPERATIONS, &key, &entry)?;
        let last = change.last_key(EXPORT)?.map_or(Ok(0), |key| key.parse::<u64>())?;
        let seq = last.saturating_add(1);
        change.put(EXPORT, &format!("{seq:012}"), key.as_bytes())?;
        Ok(change.commit()?)
    }
}

fn key_of(did: &Did, number: usize) -> String {
    format!("{did}/{number:08}")
}

async fn document(State(plc): State<Arc<Plc>>, Path(did): Path<Did>) -> Answer<Response> {
    let document = plc.standing(&did)?.document().ok_or(Refused::NotFound(did))?;
    let kind = [(http::header::CONTENT_TYPE, "application/did+ld+json")];
    Ok((kind, document.to_json().to_string()).into_response())
}

async fn data(State(plc): State<Arc<Plc>>, Path(did): Path<Did>) -> Answer<Response> {
    let history = plc.standing(&did)?;
    let mut data = serde_json::to_value(history.data())?;
    if let Some(data) = data.as_object_mut() {
        data.insert("did".to_owned(), did.as_str().into());
    }
    Ok(Json(data).into_response())
}

async fn log(State(plc): State<Arc<Plc>>, Path(did): Path<Did>) -> Answer<Response> {
    let (entries, _) = plc.known(&did)?;
    let standing = entries.into_iter().filter(|entry| !entry.nullified);
    Ok(Json(standing.map(|entry| entry.operation).collect::<Vec<_>>()).into_response())
}

async fn audit_log(State(plc): State<Arc<Plc>>, Path(did): Path<Did>) -> Answer<Response> {
    Ok(Json(plc.known(&did)?.0).into_response())
}

async fn last(State(plc): State<Arc<Plc>>, Path(did): Path<Did>) -> Answer<Response> {
    Ok(Json(plc.known(&did)?.0.pop().map(|entry| entry.operation)).into_response())
}

async fn submit(
    State(plc): State<Arc<Plc>>,
    Path(did): Path<Did>,
    Json(operation): Json<Operation>,
) -> Answer<()> {
    tokio::task::spawn_blocking(move || plc.apply(&did, operation)).await?
}

/// Lines of JSON, oldest first: by number, or in the older format by time.
async fn export(State(plc): State<Arc<Plc>>, Query(params): Query<ExportParams>) -> Answer<Response> {
    let count = params.count.unwrap_or(MAX_EXPORT).min(MAX_EXPORT);
    let after = params.after.unwrap_or_default();
    let number = after.parse::<u64>().map(|seq| format!("{seq:012}"));
    let mut lines = String::new();
    let mut taken = 0_usize;
    for (seq, key) in plc.storage.scan(EXPORT, "", number.as_deref().unwrap_or_default(), usize::MAX)? {
        if taken == count {
            break;
        }
        let Some(entry) = plc.storage.get_json::<LogEntry>(OPERATIONS, std::str::from_utf8(&key)?)? else {
            continue;
        };
        if number.is_err() && entry.created_at.as_str() <= after.as_str() {
            continue;
        }
        taken = taken.saturating_add(1);
        let LogEntry { did, operation, cid, nullified, created_at } = entry;
        let (seq, nullified) = match number {
            Ok(_) => (Some(seq.parse()?), None),
            Err(_) => (None, Some(nullified)),
        };
        let line = ExportEntry { did, operation, cid, created_at, nullified, seq };
        lines.push_str(&serde_json::to_string(&line)?);
        lines.push('\n');
    }
    Ok(([(http::header::CONTENT_TYPE, "application/jsonlines")], lines).into_response())
}
