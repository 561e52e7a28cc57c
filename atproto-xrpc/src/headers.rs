//! What the headers of requests and responses say (<https://atproto.com/specs/xrpc#summary-of-http-headers>).

use atproto_lexicon::syntax::{Did, Tid};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

/// Which service a request is passed on to.
pub const PROXY: &str = "atproto-proxy";
/// The labelers whose labels are wanted.
pub const ACCEPT_LABELERS: &str = "atproto-accept-labelers";
/// The labelers whose labels are there.
pub const CONTENT_LABELERS: &str = "atproto-content-labelers";
/// The revision of the asker's repository that the answer knows of.
pub const REPO_REV: &str = "atproto-repo-rev";

/// A service of a DID, such as `did:web:api.example.com#bsky_appview`: the value of `atproto-proxy`
/// (<https://atproto.com/specs/xrpc#service-proxying>).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServiceRef {
    did: Did,
    service: Box<str>,
}

/// A text is no reference to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a DID with one fragment")]
pub struct InvalidServiceRef;

impl ServiceRef {
    /// A service by its DID and its id there, without `#`.
    ///
    /// # Errors
    /// [`InvalidServiceRef`] where the id is no fragment (RFC 3986, section 3.5), or has no bytes or more than 256.
    pub fn new(did: Did, service: &str) -> Result<Self, InvalidServiceRef> {
        if !is_service_name(service) {
            return Err(InvalidServiceRef);
        }
        Ok(Self { did, service: service.into() })
    }

    /// Whose service it is.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// Its id in the DID document, without `#`.
    pub fn service(&self) -> &str {
        &self.service
    }
}

/// Whether a text can stand after the `#` of a DID: 1 to 256 bytes of a fragment, without escapes.
pub(crate) fn is_service_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte);
    (1..=256).contains(&text.len()) && text.bytes().all(is_plain)
}

impl FromStr for ServiceRef {
    type Err = InvalidServiceRef;

    fn from_str(text: &str) -> Result<Self, InvalidServiceRef> {
        let (did, service) = text.split_once('#').ok_or(InvalidServiceRef)?;
        Self::new(did.parse().map_err(|_| InvalidServiceRef)?, service)
    }
}

impl Display for ServiceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.did, self.service)
    }
}

/// A labeler, and whether what it says to take down is to be left out (<https://atproto.com/specs/label#labelers>).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Labeler {
    /// The labeler.
    pub did: Did,
    /// Content is left out instead of labelled.
    pub redact: bool,
}

impl Labeler {
    /// The value of `atproto-accept-labelers`.
    pub fn to_header<'a>(labelers: impl IntoIterator<Item = &'a Self>) -> String {
        let texts: Vec<String> = labelers.into_iter().map(ToString::to_string).collect();
        texts.join(", ")
    }

    /// Reads a value of `atproto-accept-labelers` or `atproto-content-labelers`; what is no labeler is left out.
    pub fn from_header(value: &str) -> Vec<Self> {
        value.split(',').filter_map(|item| item.trim().parse().ok()).collect()
    }
}

impl FromStr for Labeler {
    type Err = <Did as FromStr>::Err;

    /// Parameters that are not known mean nothing.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(';').map(str::trim);
        let did = parts.next().unwrap_or_default().parse()?;
        let redact = parts.any(|part| part.split('=').next().is_some_and(|name| name.trim() == "redact"));
        Ok(Self { did, redact })
    }
}

impl Display for Labeler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.did, if self.redact { ";redact" } else { "" })
    }
}

/// How much a server still answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// The most requests in a window.
    pub limit: Option<u64>,
    /// How many are left.
    pub remaining: Option<u64>,
    /// When the window ends, as time since 1970.
    pub reset: Option<Duration>,
    /// The window, as the server writes it: `100;w=300`.
    pub policy: Option<String>,
}

#[cfg(feature = "server")]
impl RateLimit {
    /// Writes the headers that say it; an end within a second is told as the end of that second.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        let end = self.reset.map(|reset| reset.as_secs().saturating_add(u64::from(reset.subsec_nanos() > 0)));
        let numbers = [
            ("ratelimit-limit", self.limit),
            ("ratelimit-remaining", self.remaining),
            ("ratelimit-reset", end),
        ];
        for (name, number) in numbers {
            if let Some(number) = number {
                headers.insert(name, HeaderValue::from(number));
            }
        }
        if let Some(Ok(policy)) = self.policy.as_deref().map(HeaderValue::from_str) {
            headers.insert("ratelimit-policy", policy);
        }
    }
}

/// The status and headers of a response.
#[derive(Debug, Clone)]
pub struct ReplyHead {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
}

impl ReplyHead {
    /// The rate limit, where the server says one (`ratelimit-*`).
    pub fn rate_limit(&self) -> Option<RateLimit> {
        let number = |name| self.text(name)?.trim().parse().ok();
        let limit = RateLimit {
            limit: number("ratelimit-limit"),
            remaining: number("ratelimit-remaining"),
            reset: number("ratelimit-reset").map(Duration::from_secs),
            policy: self.text("ratelimit-policy").map(str::to_owned),
        };
        let is_there = limit.limit.is_some() || limit.remaining.is_some() || limit.reset.is_some();
        is_there.then_some(limit)
    }

    /// How long to wait, where the server says it: `retry-after` in seconds, or else the end of the rate limit's window, counted
    /// from `unix_time`.
    pub fn retry_after(&self, unix_time: Duration) -> Option<Duration> {
        let asked =
            self.text("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let reset = || self.rate_limit()?.reset.map(|reset| reset.saturating_sub(unix_time));
        asked.or_else(reset)
    }

    /// The revision of the asker's repository that the answer knows of (`atproto-repo-rev`).
    pub fn repo_rev(&self) -> Option<Tid> {
        self.text(REPO_REV)?.parse().ok()
    }

    /// The labelers whose labels are in the answer (`atproto-content-labelers`).
    pub fn content_labelers(&self) -> Vec<Labeler> {
        self.text(CONTENT_LABELERS).map(Labeler::from_header).unwrap_or_default()
    }

    /// The media type of the body, without parameters, in lower case.
    pub fn content_type(&self) -> Option<String> {
        let text = self.text("content-type")?;
        Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(HeaderValue::to_str)?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_exactly_one_fragment() {
        let service: ServiceRef = "did:web:api.example.com#bsky_appview".parse().unwrap();
        assert_eq!((service.did().as_str(), service.service()), ("did:web:api.example.com", "bsky_appview"));
        assert_eq!(service.to_string(), "did:web:api.example.com#bsky_appview");
        for text in [
            "did:web:api.example.com",
            "did:web:a.example#",
            "did:web:a.example#b#c",
            "#b",
            "a#b",
            "did:web:a.example#b c",
        ] {
            assert!(text.parse::<ServiceRef>().is_err(), "{text}");
        }
    }

    #[test]
    fn labelers_are_listed() {
        let value = "did:web:a.example;redact, did:web:b.example ; x=1,nobody, did:web:c.example;redact=1";
        let labelers = Labeler::from_header(value);
        let flags: Vec<_> = labelers.iter().map(|labeler| (labeler.did.as_str(), labeler.redact)).collect();
        assert_eq!(
            flags,
            [("did:web:a.example", true), ("did:web:b.example", false), ("did:web:c.example", true)]
        );
        assert_eq!(
            Labeler::to_header(&labelers),
            "did:web:a.example;redact, did:web:b.example, did:web:c.example;redact"
        );
    }

    #[test]
    fn a_rate_limit_ends_at_a_time() {
        let head = |pairs: &[(&'static str, &str)]| ReplyHead {
            status: StatusCode::OK,
            headers: pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
        };
        let now = Duration::from_secs(1000);
        let limited =
            head(&[("RateLimit-Limit", "100"), ("RateLimit-Remaining", "0"), ("RateLimit-Reset", "1060")]);
        assert_eq!(limited.rate_limit().unwrap().remaining, Some(0));
        assert_eq!(limited.retry_after(now), Some(Duration::from_secs(60)));
        assert_eq!(head(&[("ratelimit-reset", "10")]).retry_after(now), Some(Duration::ZERO));
        assert_eq!(
            head(&[("retry-after", "7"), ("ratelimit-reset", "1060")]).retry_after(now),
            Some(Duration::from_secs(7))
        );
        assert_eq!(head(&[("ratelimit-limit", "-1")]).rate_limit(), None);
        assert_eq!(head(&[]).retry_after(now), None);
    }
}
