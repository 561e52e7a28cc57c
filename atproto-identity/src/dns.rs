//! DNS, as a program brings it, and DNS over HTTPS.

mod message;

use crate::error::ResolveError;
use crate::fetch_policy::FetchPolicy;
use atproto_lexicon::http::{Bytes, HttpClient, HttpErrorKind, MaybeSend, Request, read_body};
use http::header::ACCEPT;

/// Looks up TXT records.
pub trait Dns {
    /// The texts of a name's TXT records, the strings of one record joined; none where the name or the record does not exist.
    ///
    /// # Errors
    /// [`DnsError`] where that is not known.
    fn txt(&self, name: &str) -> impl Future<Output = Result<Vec<Vec<u8>>, DnsError>> + MaybeSend;
}

impl<T: Dns + ?Sized> Dns for std::sync::Arc<T>
where
    Self: MaybeSend,
{
    fn txt(&self, name: &str) -> impl Future<Output = Result<Vec<Vec<u8>>, DnsError>> + MaybeSend {
        (**self).txt(name)
    }
}

/// Why DNS gave no answer. That there is no record is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// No server answered in time.
    #[error("DNS did not answer in time")]
    TimedOut,
    /// The server cannot say.
    #[error("DNS failed")]
    Failed,
    /// The answer is malformed.
    #[error("DNS answered with what is no answer")]
    Malformed,
}

/// No DNS: handles are resolved by HTTPS alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDns;

impl Dns for NoDns {
    async fn txt(&self, _: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        Ok(Vec::new())
    }
}

/// DNS over HTTPS (RFC 8484).
#[derive(Debug, Clone)]
pub struct DnsOverHttps<H> {
    http: H,
    url: String,
}

/// The greatest length of an answer, which is that of a message over TCP.
const MAX_ANSWER: usize = 65_535;

impl<H: HttpClient> DnsOverHttps<H> {
    /// Asks the server at `url`, such as `https://dns.example.com/dns-query`.
    ///
    /// # Errors
    /// [`ResolveError::Refused`] where the policy forbids the URL; [`ResolveError::NotFound`] where it is none.
    pub fn new(http: H, url: &str, policy: &FetchPolicy) -> Result<Self, ResolveError> {
        let uri = url.parse().map_err(|_| ResolveError::NotFound)?;
        policy.check_uri(&uri).map_err(ResolveError::Refused)?;
        Ok(Self { http, url: url.to_owned() })
    }
}

impl<H: HttpClient + MaybeSend + Sync> Dns for DnsOverHttps<H> {
    async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, DnsError> {
        let query = message::query(name).ok_or(DnsError::Malformed)?;
        let joint = if self.url.contains('?') { '&' } else { '?' };
        let uri = format!("{}{joint}dns={}", self.url, data_encoding::BASE64URL_NOPAD.encode(&query));
        let request = Request::get(uri).header(ACCEPT, "application/dns-message").body(Bytes::new());
        let request = request.map_err(|_| DnsError::Malformed)?;
        let failed = |error: atproto_lexicon::http::HttpError| match error.kind() {
            HttpErrorKind::TimedOut => DnsError::TimedOut,
            HttpErrorKind::TooLarge { .. } => DnsError::Malformed,
            _ => DnsError::Failed,
        };
        let response = self.http.send(request).await.map_err(failed)?;
        if !response.status().is_success() {
            return Err(DnsError::Failed);
        }
        let body = read_body(response.into_body(), MAX_ANSWER).await.map_err(failed)?;
        message::texts(&body, &query)
    }
}
