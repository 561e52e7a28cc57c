//! The directory's HTTP interface.

use super::export::{Cursor, ExportEntry};
use super::history::History;
use super::log::{LogEntry, LogError, verify_log};
use super::operation::Operation;
use super::{Data, is_did};
use crate::clock::Clock;
use crate::directory::Directory;
use crate::dns::Dns;
use crate::error::ResolveError;
use crate::resolve::Fetching;
use atproto_lexicon::http::{Bytes, HttpClient, Request};
use atproto_lexicon::syntax::Did;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method};
use serde::de::DeserializeOwned;

/// The most entries in a page of an export.
const MAX_COUNT: u16 = 1000;
/// As much as is kept of what the directory says against an operation, in characters.
const MAX_MESSAGE: usize = 500;

/// Talks to the directory of did:plc that a [`Directory`] has in its [`Config`](crate::Config), within its policy and limits: see
/// [`Directory::plc`].
///
/// Nothing is tried again here. A submission that ended in an error may have been taken all the same; [`audit_log`](Self::audit_log)
/// tells, and submitting it once more is refused then.
#[derive(Debug)]
pub struct Client<'a, H, D, C> {
    directory: &'a Directory<H, D, C>,
}

/// Why the directory did not do what it was asked to.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// It was not reached, does not know the DID, or gave no answer that can be used.
    #[error(transparent)]
    Fetch(#[from] ResolveError),
    /// It refuses the operation.
    #[error("refused with status {status}: {message}")]
    Rejected {
        /// The status of the response.
        status: u16,
        /// What it says, up to 500 characters of it.
        message: String,
    },
    /// What it says is not what was asked for.
    #[error("the directory's answer: {0}")]
    Malformed(String),
    /// Its log of the DID is not valid.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl<H: HttpClient, D: Dns, C: Clock> Directory<H, D, C> {
    /// The directory of did:plc.
    pub fn plc(&self) -> Client<'_, H, D, C> {
        Client { directory: self }
    }
}

impl<H: HttpClient, D: Dns, C: Clock> Client<'_, H, D, C> {
    /// The operations that count, oldest first (`/{did}/log`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn log(&self, did: &Did) -> Result<Vec<Operation>, ClientError> {
        self.get(did, "/log").await
    }

    /// All operations, with what the directory says of them (`/{did}/log/audit`). Nothing of it is verified:
    /// [`history`](Self::history) does that.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn audit_log(&self, did: &Did) -> Result<Vec<LogEntry>, ClientError> {
        self.get(did, "/log/audit").await
    }

    /// The verified history: the audit log, every signature and time in it checked.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::Log`] where the directory shows what it should not have taken.
    pub async fn history(&self, did: &Did) -> Result<History, ClientError> {
        Ok(verify_log(did, &self.audit_log(did).await?)?)
    }

    /// The last operation (`/{did}/log/last`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn last(&self, did: &Did) -> Result<Operation, ClientError> {
        self.get(did, "/log/last").await
    }

    /// The state of a DID, as the directory says it (`/{did}/data`).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn data(&self, did: &Did) -> Result<Data, ClientError> {
        self.get(did, "/data").await
    }

    /// Submits an operation, once.
    ///
    /// # Errors
    /// [`ClientError::Rejected`] where the directory refuses it.
    pub async fn submit(&self, did: &Did, operation: &Operation) -> Result<(), ClientError> {
        let body =
            serde_json::to_vec(operation).map_err(|error| ClientError::Malformed(error.to_string()))?;
        let mut request = self.request(&self.url(did, "")?, Method::POST, body.into())?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.send(request, self.directory.config().policy.max_body).await.map(drop)
    }

    /// A page of all operations of all DIDs (`/export`): up to `count`, of which the directory gives 1000 at most. There are no
    /// more where it is empty; else the next one begins after the last entry's [`cursor`](ExportEntry::cursor).
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn export(&self, after: &Cursor, count: u16) -> Result<Vec<ExportEntry>, ClientError> {
        let count = count.clamp(1, MAX_COUNT);
        let url = format!("{}/export?count={count}&after={after}", self.directory.config().plc_directory);
        let limit = usize::from(count).saturating_mul(ExportEntry::MAX_LINE);
        let body = self.send(self.request(&url, Method::GET, Bytes::new())?, limit).await?;
        let mut entries = Vec::new();
        for line in body.split(|byte| *byte == b'\n') {
            let entry = ExportEntry::parse_line(line);
            entries.extend(entry.map_err(|error| ClientError::Malformed(error.to_string()))?);
        }
        Ok(entries)
    }

    fn url(&self, did: &Did, path: &str) -> Result<String, ClientError> {
        if !is_did(did) {
            return Err(ResolveError::InvalidDid.into());
        }
        Ok(format!("{}/{did}{path}", self.directory.config().plc_directory))
    }

    fn request(&self, url: &str, method: Method, body: Bytes) -> Result<Request<Bytes>, ClientError> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = url.parse().map_err(|_| ClientError::Malformed(format!("no URL: {url}")))?;
        let refused = self.directory.config().policy.check_uri(request.uri());
        refused.map_err(|refusal| ClientError::Fetch(ResolveError::Refused(refusal)))?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        Ok(request)
    }

    async fn get<T: DeserializeOwned>(&self, did: &Did, path: &str) -> Result<T, ClientError> {
        let request = self.request(&self.url(did, path)?, Method::GET, Bytes::new())?;
        let body = self.send(request, self.directory.config().policy.max_body).await?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Malformed(error.to_string()))
    }

    async fn send(&self, request: Request<Bytes>, max_body: usize) -> Result<Bytes, ClientError> {
        let is_submission = request.method() == Method::POST;
        let fetching = Fetching { request, max_body, is_redirect: false };
        let response = self.directory.send(fetching).await.map_err(ResolveError::from)?;
        let status = response.status().as_u16();
        let retry_after = crate::resolve::retry_after(response.headers());
        let body = response.into_body();
        match status {
            200..=299 => Ok(body),
            408 | 425 | 429 | 500..=599 => Err(ResolveError::busy(status, retry_after).into()),
            404 if !is_submission => Err(ResolveError::NotFound.into()),
            410 if !is_submission => Err(ResolveError::Tombstoned.into()),
            _ => Err(ClientError::Rejected { status, message: message(&body) }),
        }
    }
}

/// The `message` of an error's JSON; else the text itself.
fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        message: String,
    }
    let said = serde_json::from_slice(body).map(|said: Said| said.message);
    let text = said.unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned());
    text.chars().take(MAX_MESSAGE).collect()
}
