//! did:web as AT Protocol has it (<https://atproto.com/specs/did#blessed-did-methods>): the name of a host, without a path, and with
//! a port only for `localhost` in development.

use crate::error::ResolveError;
use crate::fetch_policy::FetchPolicy;
use atproto_lexicon::syntax::{Did, Handle};

/// Where a host serves the document of its did:web; what is served is [`DidDocument::to_json`](crate::DidDocument::to_json).
pub const PATH: &str = "/.well-known/did.json";

/// The did:web of a host.
///
/// # Errors
/// [`ResolveError::InvalidDid`] where the host's name is below a top-level domain that is never public.
pub fn did_of(host: &Handle) -> Result<Did, ResolveError> {
    if !host.is_allowed_tld() {
        return Err(ResolveError::InvalidDid);
    }
    format!("did:web:{}", host.as_str().to_ascii_lowercase()).parse().map_err(|_| ResolveError::InvalidDid)
}

/// The URL of a did:web's document.
///
/// # Errors
/// [`ResolveError::InvalidDid`] where the DID has a path, a port or another name than a public host's;
/// [`ResolveError::UnsupportedMethod`] where it is no did:web.
pub fn url_of(did: &Did, policy: &FetchPolicy) -> Result<String, ResolveError> {
    if did.method() != "web" {
        return Err(ResolveError::UnsupportedMethod(did.method().to_owned()));
    }
    let host = did.identifier();
    if policy.is_development()
        && let Some(port) = host.strip_prefix("localhost")
    {
        let port = match port.strip_prefix("%3A").or_else(|| port.strip_prefix("%3a")) {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse::<u16>().ok().map(Some)
            }
            None if port.is_empty() => Some(None),
            _ => None,
        };
        let port = port.ok_or(ResolveError::InvalidDid)?;
        let authority = port.map_or_else(|| "localhost".to_owned(), |port| format!("localhost:{port}"));
        return Ok(format!("http://{authority}{PATH}"));
    }
    let name: Handle = host.parse().map_err(|_| ResolveError::InvalidDid)?;
    // A DID is compared as it is written, so that there is one spelling.
    if !policy.is_resolvable(&name) || host.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ResolveError::InvalidDid);
    }
    Ok(policy.origin_of(&name) + PATH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch_policy::DevelopmentPolicy;

    #[test]
    fn a_did_web_is_the_name_of_a_host() {
        let url = |did: &str, policy: &FetchPolicy| url_of(&did.parse().unwrap(), policy).ok();
        let (public, development) = (FetchPolicy::default(), FetchPolicy::from(DevelopmentPolicy::default()));
        for policy in [&public, &development] {
            let found = url("did:web:pds.example.com", policy);
            assert_eq!(found.as_deref(), Some("https://pds.example.com/.well-known/did.json"));
            let bad = [
                "did:web:example.com:user",
                "did:web:example.com%3A443",
                "did:web:example",
                "did:web:1.2.3.4",
                "did:web:a.local",
                "did:web:Example.com",
                "did:web:localhost:path",
                "did:web:localhost%3Ax",
                "did:web:localhost%3A99999",
                "did:web:localhost%3A1%3A2",
                "did:web:localhosts",
                "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
            ];
            for bad in bad {
                assert_eq!(url(bad, policy), None, "{bad}");
            }
        }
        for (did, expected) in [
            ("did:web:localhost", "http://localhost/.well-known/did.json"),
            ("did:web:localhost%3A2583", "http://localhost:2583/.well-known/did.json"),
            ("did:web:localhost%3a2583", "http://localhost:2583/.well-known/did.json"),
            ("did:web:a.test", "http://a.test/.well-known/did.json"),
        ] {
            assert_eq!((url(did, &development).as_deref(), url(did, &public)), (Some(expected), None));
        }
    }

    #[test]
    fn a_host_has_a_did() {
        let did = |host: &str| did_of(&host.parse().unwrap()).ok();
        assert_eq!(did("Feed.Example.com"), "did:web:feed.example.com".parse().ok());
        assert_eq!(did("feed.internal"), None);
    }
}
