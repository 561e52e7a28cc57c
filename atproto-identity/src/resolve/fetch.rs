//! One fetch: a URL, its redirects, its response.

use super::Fetching;
use crate::error::{Malformed, ResolveError};
use crate::fetch_policy::FetchPolicy;
use atproto_lexicon::http::{Bytes, HttpError, Request, Response};
use http::header::{ACCEPT, LOCATION, RETRY_AFTER};
use http::response::Parts;
use http::{HeaderMap, Uri};
use std::time::Duration;

/// The longest that a host is believed to be busy for.
const MAX_RETRY_AFTER: u64 = 86_400;

#[derive(Debug, Clone)]
pub(super) struct Fetch {
    uri: Uri,
    accept: &'static str,
    max_body: usize,
    redirects: u8,
}

/// What came of a response.
pub(super) enum Fetched {
    /// It leads elsewhere: there is another request.
    Again,
    Body(Bytes),
    /// A status by which the host says no.
    Refused(u16),
}

impl Fetch {
    /// A fetch of a URL, if the policy allows it.
    pub(super) fn new(
        url: &str,
        accept: &'static str,
        max_body: usize,
        policy: &FetchPolicy,
    ) -> Result<Self, ResolveError> {
        let uri: Uri = url.parse().map_err(|_| ResolveError::InvalidDid)?;
        policy.check_uri(&uri).map_err(ResolveError::Refused)?;
        Ok(Self { uri, accept, max_body: max_body.min(policy.max_body), redirects: 0 })
    }

    pub(super) fn step(&self) -> Box<Fetching> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.uri.clone();
        request.headers_mut().insert(ACCEPT, http::HeaderValue::from_static(self.accept));
        Box::new(Fetching { request, max_body: self.max_body, is_redirect: self.redirects > 0 })
    }

    pub(super) fn answer(
        &mut self,
        response: Result<Response<Bytes>, HttpError>,
        policy: &FetchPolicy,
    ) -> Result<Fetched, ResolveError> {
        let (parts, body) = response?.into_parts();
        let status = parts.status.as_u16();
        match status {
            // A client may have read more than it was asked to.
            200..=299 if body.len() > self.max_body => Err(ResolveError::TooLarge { limit: self.max_body }),
            200..=299 => Ok(Fetched::Body(body)),
            301 | 302 | 303 | 307 | 308 => self.redirect(&parts, policy).map(|()| Fetched::Again),
            408 | 425 | 429 | 500..=599 => Err(ResolveError::busy(status, retry_after(&parts.headers))),
            400..=499 => Ok(Fetched::Refused(status)),
            _ => Err(ResolveError::Malformed(Malformed::Status(status))),
        }
    }

    fn redirect(&mut self, parts: &Parts, policy: &FetchPolicy) -> Result<(), ResolveError> {
        if self.redirects >= policy.max_redirects {
            return Err(ResolveError::TooManyRedirects);
        }
        self.redirects = self.redirects.saturating_add(1);
        let location = parts.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let target = location.and_then(|location| join(&self.uri, location));
        self.uri = target.ok_or(ResolveError::Malformed(Malformed::Redirect))?;
        policy.check_uri(&self.uri).map_err(ResolveError::Refused)
    }
}

/// The URL that a `Location` means.
fn join(base: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority) = (base.scheme_str()?, base.authority()?);
    let is_absolute = location.split_once("://").is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    let url = if is_absolute {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.starts_with('?') || location.is_empty() {
        format!("{scheme}://{authority}{}{location}", base.path())
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    url.parse().ok()
}

/// For how long a host says that it is busy.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(MAX_RETRY_AFTER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_what_was_asked_for() {
        let base: Uri = "https://a.example.com/x/y?q".parse().unwrap();
        for (location, expected) in [
            ("https://b.example.com/z#f", "https://b.example.com/z"),
            ("//b.example.com/z", "https://b.example.com/z"),
            ("/z?u=https://c.example.com", "https://a.example.com/z?u=https://c.example.com"),
            ("z", "https://a.example.com/x/z"),
            ("?r", "https://a.example.com/x/y?r"),
            ("", "https://a.example.com/x/y"),
        ] {
            assert_eq!(
                join(&base, location).map(|uri| uri.to_string()).as_deref(),
                Some(expected),
                "{location}"
            );
        }
        assert_eq!(join(&base, "https://"), None);
    }
}
