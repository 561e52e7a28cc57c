use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use std::fmt;
use std::str::FromStr;

/// Where a service answers: scheme, host and port, nothing below (<https://atproto.com/specs/xrpc#lexicon-http-endpoints>).
///
/// `http` and private hosts are well-formed; whether they may be asked is up to the HTTP client and its policy.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServiceUrl {
    scheme: Scheme,
    authority: Authority,
}

/// A text is no URL of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a service: http or https, a host, and no path")]
pub struct InvalidServiceUrl;

impl ServiceUrl {
    /// Reads a URL that has no path, query or user's name; one trailing `/` is allowed.
    ///
    /// # Errors
    /// [`InvalidServiceUrl`].
    pub fn parse(text: &str) -> Result<Self, InvalidServiceUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidServiceUrl)?;
        let parts = uri.into_parts();
        let is_bare =
            parts.path_and_query.is_none_or(|path| path.as_str() == "/") && !text.contains(['?', '#']);
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority)) if is_bare && is_web(&scheme) && is_host(&authority) => {
                Ok(Self { scheme, authority })
            }
            _ => Err(InvalidServiceUrl),
        }
    }

    /// Whether it is spoken to in the clear.
    pub fn is_plain(&self) -> bool {
        self.scheme == Scheme::HTTP
    }

    /// The host, without its port.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The URL of what stands at a path, which begins with `/` and may have a query.
    pub(crate) fn join(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        // A scheme, an authority and a path make a URL.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

fn is_web(scheme: &Scheme) -> bool {
    *scheme == Scheme::HTTPS || *scheme == Scheme::HTTP
}

/// A host and perhaps a port that is one.
fn is_host(authority: &Authority) -> bool {
    let host = authority.host();
    let rest = authority.as_str().strip_prefix(host);
    let port = rest.is_some_and(|rest| rest.is_empty() || authority.port_u16().is_some_and(|port| port != 0));
    !host.is_empty() && port
}

impl FromStr for ServiceUrl {
    type Err = InvalidServiceUrl;

    fn from_str(text: &str) -> Result<Self, InvalidServiceUrl> {
        Self::parse(text)
    }
}

/// Without a trailing `/`.
impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl fmt::Debug for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceUrl({self})")
    }
}

impl serde::Serialize for ServiceUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ServiceUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_an_origin() {
        for text in [
            "https://pds.example.com",
            "https://pds.example.com/",
            "http://localhost:2583",
            "http://[::1]:80",
        ] {
            let url = ServiceUrl::parse(text).unwrap();
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
            let joined = url.join(PathAndQuery::from_static("/xrpc/a.b.c?d=e"));
            assert_eq!(joined.to_string(), format!("{url}/xrpc/a.b.c?d=e"));
        }
        for text in [
            "",
            "pds.example.com",
            "https://",
            "https://a.example/xrpc",
            "https://a.example?x",
            "https://a.example/?x=y",
            "https://a.example/#b",
            "https://u@a.example",
            "https://u:p@a.example",
            "ws://a.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:8o",
            "/xrpc",
            "https://a.example//",
        ] {
            assert!(ServiceUrl::parse(text).is_err(), "{text}");
        }
    }
}
