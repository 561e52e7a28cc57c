//! Bodies of requests, as they come.

use super::config::{DAY, ServerConfig};
use super::error::Refusal;
use super::read::read_media_type;
use atproto_lexicon::http::{self as lexicon, Bytes, HttpError, HttpErrorKind};
use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt as _;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The bytes that are sent to an endpoint such as `com.atproto.repo.uploadBlob`, piece by piece.
///
/// Whatever was read counts for nothing before [`chunk`](Self::chunk) has given `None`: a sender can stop at any time.
pub struct Upload {
    media_type: String,
    length: Option<u64>,
    body: Limited,
}

impl Upload {
    /// Looks at what is said of the body; nothing of it is read.
    pub(super) fn new(
        headers: &HeaderMap,
        expected: &str,
        limit: u64,
        body: Body,
        config: &ServerConfig,
    ) -> Result<Self, Refusal> {
        let media_type = read_media_type(headers, expected)?;
        let (length, body) = Limited::new(headers, body, limit, config.body_timeout, config.upload_timeout)?;
        Ok(Self { media_type, length, body })
    }

    /// What it is said to be, in lower case and without parameters. It is one that the endpoint takes; whether it is true is not known.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// How many bytes it is said to have; never more than the limit.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// The next piece; `None` at the end. Dropping the future loses no piece.
    ///
    /// # Errors
    /// [`Refusal`]: 413 where there are more bytes than the limit, `InvalidRequest` where the sender stopped, 408 where the next piece
    /// does not come in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Refusal> {
        self.body.chunk().await
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// As of [`chunk`](Self::chunk).
    pub async fn read_all(mut self) -> Result<Bytes, Refusal> {
        self.body.read_all().await
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Upload");
        shown.field("media_type", &self.media_type).field("length", &self.length).finish_non_exhaustive()
    }
}

/// For a service that sends it on to another one.
impl lexicon::Body for Upload {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        Self::chunk(self).await.map_err(|refusal| match refusal.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                HttpErrorKind::TooLarge { limit: usize::try_from(self.body.limit).unwrap_or(usize::MAX) }
                    .into()
            }
            StatusCode::REQUEST_TIMEOUT => HttpErrorKind::TimedOut.into(),
            _ => HttpErrorKind::Broken.into(),
        })
    }
}

/// All of a JSON body.
pub(super) async fn read_all(
    headers: &HeaderMap,
    body: Body,
    config: &ServerConfig,
) -> Result<Bytes, Refusal> {
    let wait = config.body_timeout;
    Limited::new(headers, body, config.max_body, wait, wait)?.1.read_all().await
}

/// A body of at most so many bytes, whose pieces each come in this time, and all of them until then.
struct Limited {
    body: BodyDataStream,
    limit: u64,
    left: u64,
    wait: Duration,
    end: Instant,
    refused: Option<Refusal>,
}

impl Limited {
    /// With the length that is said of it.
    fn new(
        headers: &HeaderMap,
        body: Body,
        limit: u64,
        wait: Duration,
        total: Duration,
    ) -> Result<(Option<u64>, Self), Refusal> {
        // That there is one length, and that it is true, the HTTP server sees to.
        let length = headers.get(CONTENT_LENGTH).map(HeaderValue::to_str);
        let length: Option<u64> = length.and_then(|length| length.ok()?.parse().ok());
        if length.is_some_and(|length| length > limit) {
            return Err(Refusal::payload_too_large(limit));
        }
        let now = Instant::now();
        let end = now.checked_add(total.min(DAY)).unwrap_or(now);
        Ok((length, Self { body: body.into_data_stream(), limit, left: limit, wait, end, refused: None }))
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Refusal> {
        if let Some(refusal) = &self.refused {
            return Err(refusal.clone());
        }
        let piece = self.next().await;
        // What comes after a piece that is lost is not the body.
        self.refused = piece.as_ref().err().cloned();
        piece
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        let wait = self.wait.min(self.end.saturating_duration_since(Instant::now()));
        let too_slow =
            |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", "the body does not come in time");
        let piece = timeout(wait, self.body.next()).await.map_err(too_slow)?;
        let piece = piece.transpose().map_err(|_| Refusal::invalid_request("the body ended too early"))?;
        let length = piece.as_ref().map_or(0, Bytes::len);
        let left = self.left.checked_sub(u64::try_from(length).unwrap_or(u64::MAX));
        self.left = left.ok_or_else(|| Refusal::payload_too_large(self.limit))?;
        Ok(piece)
    }

    async fn read_all(&mut self) -> Result<Bytes, Refusal> {
        let mut all = Vec::new();
        while let Some(piece) = self.chunk().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.into())
    }
}
