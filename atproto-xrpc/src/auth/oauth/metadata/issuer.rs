use crate::ServiceUrl;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The name of an authorization server: its origin, in the one form that it has. `https`, a host in lower case, a port where it is
/// not 443, and nothing else; `http` for this machine alone (<https://atproto.com/specs/oauth#server-metadata>).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer {
    text: String,
    url: ServiceUrl,
}

/// A text is not the origin of an authorization server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the origin of an authorization server")]
pub struct InvalidIssuer;

impl Issuer {
    /// The text, which is compared as it is.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it answers.
    pub fn url(&self) -> &ServiceUrl {
        &self.url
    }
}

impl TryFrom<String> for Issuer {
    type Error = InvalidIssuer;

    fn try_from(text: String) -> Result<Self, InvalidIssuer> {
        let url = ServiceUrl::parse(&text).map_err(|_| InvalidIssuer)?;
        let default_port = if url.is_plain() { ":80" } else { ":443" };
        let is_plain_elsewhere = url.is_plain() && !is_loopback(url.host());
        let is_canonical = url.to_string() == text
            && !text.bytes().any(|b| b.is_ascii_uppercase())
            && !text.ends_with(default_port)
            && !text.ends_with('.');
        if is_canonical && !is_plain_elsewhere { Ok(Self { text, url }) } else { Err(InvalidIssuer) }
    }
}

/// Whether a host means this machine, where development goes on.
pub(super) fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, InvalidIssuer> {
        text.to_owned().try_into()
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.text
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_origin_in_one_form() {
        let good =
            ["https://a.example.com", "https://a.example.com:8443", "http://localhost:2583", "http://[::1]"];
        for text in good {
            assert_eq!(text.parse::<Issuer>().unwrap().as_str(), text);
        }
        let bad = [
            "",
            "a.example.com",
            "https://a.example.com/",
            "https://a.example.com/x",
            "https://a.example.com?x",
            "https://a.example.com#x",
            "https://u@a.example.com",
            "https://a.example.com:443",
            "https://A.example.com",
            "https://a.example.com.",
            "HTTPS://a.example.com",
            "http://a.example.com",
            "http://localhost:80",
            "ftp://a.example.com",
        ];
        for text in bad {
            assert_eq!(text.parse::<Issuer>(), Err(InvalidIssuer), "{text}");
        }
    }
}
