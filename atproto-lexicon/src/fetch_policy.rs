//! What may be fetched: which addresses, how large, for how long.
//!
//! Whoever writes a DID document or owns a name decides what a resolver connects to. So addresses are checked where they are
//! dialled, after DNS has said what they are: a name may resolve to a public address first and to a private one next.

use crate::http::HttpError;
use crate::syntax::Handle;
use http::Uri;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// What a resolver may fetch: `https` from public unicast addresses, within limits of size and time.
///
/// [`DevelopmentPolicy`] is the only way to one that allows loopback.
#[derive(Debug, Clone)]
pub struct FetchPolicy {
    /// For how long a connection may take to be there: 3 s.
    pub connect_timeout: Duration,
    /// For how long a request may take, with its redirects and the body: 10 s.
    pub total_timeout: Duration,
    /// The greatest length of a body in bytes: 512 KiB.
    pub max_body: usize,
    /// How many redirects are followed: 3.
    pub max_redirects: u8,
    development: Option<DevelopmentPolicy>,
}

/// What a resolver may fetch on the machine of a developer: `http` from loopback, too, and names below `.test`, which are
/// loopback.
///
/// ```
/// use atproto_lexicon::fetch_policy::{DevelopmentPolicy, FetchPolicy};
///
/// let policy = FetchPolicy::from(DevelopmentPolicy { port: Some(2583), ..DevelopmentPolicy::default() });
/// assert!(policy.check_uri(&"http://localhost:2583/".parse()?).is_ok());
/// assert!(FetchPolicy::default().check_uri(&"http://localhost:2583/".parse()?).is_err());
/// # Ok::<(), http::uri::InvalidUri>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct DevelopmentPolicy {
    /// The port at which handles below `.test` are served, by `http`; 80 where there is none.
    pub port: Option<u16>,
    /// The loopback addresses that may be connected to; all where there are none.
    pub addresses: Vec<IpAddr>,
}

/// What a policy forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Only `https` is allowed; for loopback in development, `http` is.
    #[error("scheme {0:?} is not allowed")]
    Scheme(String),
    /// The host is no name that is public: of one label, below a top-level domain that is never public, or an address in some
    /// unusual spelling.
    #[error("host {0:?} is not a public name")]
    Host(String),
    /// The address is not public, or not unicast.
    #[error("address {0} is not public")]
    Address(IpAddr),
    /// The URL has a user's name or password.
    #[error("a URL with a user's name")]
    User,
    /// It is no URL, or the client refuses it for a reason of its own.
    #[error("no URL that may be fetched")]
    Url,
}

impl Refusal {
    /// What made a client refuse a URL.
    pub fn of(error: &HttpError) -> Self {
        let refusal = error.source().and_then(|source| source.downcast_ref::<Self>());
        refusal.cloned().unwrap_or(Self::Url)
    }
}

impl Default for FetchPolicy {
    /// The public policy.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_body: 512 * 1024,
            max_redirects: 3,
            development: None,
        }
    }
}

impl From<DevelopmentPolicy> for FetchPolicy {
    fn from(development: DevelopmentPolicy) -> Self {
        Self { development: Some(development), ..Self::default() }
    }
}

impl FetchPolicy {
    /// Checks a URL before it is fetched. The addresses of its host are checked again when they are dialled.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn check_uri(&self, uri: &Uri) -> Result<(), Refusal> {
        let host = uri.host().unwrap_or_default();
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(Refusal::User);
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if self.is_loopback_host(host) => {}
            other => return Err(Refusal::Scheme(other.unwrap_or_default().to_owned())),
        }
        match address_of(host) {
            Some(address) => self.check_address(address),
            None => self.check_name(host),
        }
    }

    /// Checks an address before it is connected to.
    ///
    /// # Errors
    /// [`Refusal::Address`].
    pub fn check_address(&self, address: IpAddr) -> Result<(), Refusal> {
        let allowed = match &self.development {
            Some(development) if address.is_loopback() => {
                development.addresses.is_empty() || development.addresses.contains(&address)
            }
            _ => is_public(address),
        };
        if allowed { Ok(()) } else { Err(Refusal::Address(address)) }
    }

    /// Checks the address that a host's name was resolved to: in development, names that mean this machine lead nowhere else.
    ///
    /// # Errors
    /// [`Refusal::Address`].
    pub fn check_resolved(&self, host: &str, address: IpAddr) -> Result<(), Refusal> {
        if self.is_loopback_host(host) && !address.is_loopback() {
            return Err(Refusal::Address(address));
        }
        self.check_address(address)
    }

    /// Whether a host means this machine under this policy: in development, `localhost`, names below it and below `.test`, and
    /// loopback addresses.
    pub fn is_loopback_host(&self, host: &str) -> bool {
        self.development.is_some()
            && (is_below(host, "localhost")
                || is_below(host, "test")
                || address_of(host).is_some_and(|a| a.is_loopback()))
    }

    /// Whether a handle can be resolved under this policy: not below a top-level domain that is never public, and below `.test`
    /// in development only.
    pub fn is_resolvable(&self, handle: &Handle) -> bool {
        handle.is_allowed_tld() && (self.development.is_some() || !is_below(handle.as_str(), "test"))
    }

    /// The scheme and authority at which a handle's host is reached.
    pub fn origin_of(&self, handle: &Handle) -> String {
        match &self.development {
            Some(development) if is_below(handle.as_str(), "test") => match development.port {
                Some(port) => format!("http://{handle}:{port}"),
                None => format!("http://{handle}"),
            },
            _ => format!("https://{handle}"),
        }
    }

    /// Whether it is one of development, which allows loopback.
    pub fn is_development(&self) -> bool {
        self.development.is_some()
    }

    fn check_name(&self, host: &str) -> Result<(), Refusal> {
        let is_public =
            || host.parse::<Handle>().is_ok_and(|name| name.is_allowed_tld() && !is_below(host, "test"));
        if self.is_loopback_host(host) || is_public() { Ok(()) } else { Err(Refusal::Host(host.to_owned())) }
    }
}

/// Whether a name is `domain` or below it.
fn is_below(name: &str, domain: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(domain))
}

/// The address that the host of a URL is written as, in the one usual spelling; one of IPv6 is in brackets.
pub fn address_of(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// Whether an address is unicast and routed publicly (<https://www.iana.org/assignments/iana-ipv4-special-registry>, and that of
/// IPv6). One of IPv6 that stands for one of IPv4 is judged as that.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = match address.octets() {
        // This network, private, loopback, link-local; multicast and what is above it.
        [0 | 10 | 127 | 224..=255, ..] | [169, 254, ..] | [192, 168, ..] => true,
        // Carrier-grade NAT, private, protocol assignments and examples, 6to4 relays, benchmarks.
        [100, 64..=127, ..] | [172, 16..=31, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] => true,
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // Mapped, and translated by NAT64.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments (Teredo among them), examples, 6to4.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_unicast_and_routed() {
        let public = [
            "1.1.1.1",
            "100.63.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00::1",
            "2001:200::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ];
        for address in public {
            assert!(FetchPolicy::default().check_address(address.parse().unwrap()).is_ok(), "{address}");
        }
        let other = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for policy in [FetchPolicy::default(), DevelopmentPolicy::default().into()] {
            for address in other {
                let address: IpAddr = address.parse().unwrap();
                let verdict = policy.check_address(address);
                if policy.is_development() && address.is_loopback() {
                    assert_eq!(verdict, Ok(()));
                } else {
                    assert_eq!(verdict, Err(Refusal::Address(address)));
                }
            }
        }
    }

    #[test]
    fn urls_have_a_public_host() {
        let check = |policy: &FetchPolicy, uri: &str| policy.check_uri(&uri.parse().unwrap());
        let public = FetchPolicy::default();
        for uri in [
            "https://example.com/x",
            "https://example.com:8443",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]:443/",
        ] {
            assert_eq!(check(&public, uri), Ok(()), "{uri}");
        }
        for uri in ["http://example.com", "ftp://example.com", "http://localhost", "http://127.0.0.1"] {
            assert!(matches!(check(&public, uri), Err(Refusal::Scheme(_))), "{uri}");
        }
        for uri in [
            "https://127.0.0.1",
            "https://10.0.0.1:80/",
            "https://[::1]",
            "https://[::ffff:169.254.169.254]/latest",
        ] {
            assert!(matches!(check(&public, uri), Err(Refusal::Address(_))), "{uri}");
        }
        let names = [
            "https://localhost",
            "https://intranet",
            "https://2130706433",
            "https://0x7f000001",
            "https://0177.0.0.1",
            "https://127.1",
            "https://0x7f.0.0.1",
            "https://a.local",
            "https://a.internal",
            "https://a.test",
            "https://a.localhost",
            "https://example.com.",
            "https://a_b.com",
            "https://a..com",
            "https://-a.com",
            "https://127.0.0.1.",
        ];
        for uri in names {
            assert!(matches!(check(&public, uri), Err(Refusal::Host(_))), "{uri}: {:?}", check(&public, uri));
        }
        assert_eq!(check(&public, "https://user@example.com"), Err(Refusal::User));
        assert_eq!(check(&public, "/path"), Err(Refusal::Scheme(String::new())));
    }

    #[test]
    fn development_is_loopback_and_no_more() {
        let policy: FetchPolicy = DevelopmentPolicy::default().into();
        let check = |uri: &str| policy.check_uri(&uri.parse().unwrap());
        for uri in [
            "http://localhost:1",
            "http://127.0.0.1",
            "http://[::1]:2",
            "http://a.test:3",
            "https://a.test",
            "https://example.com",
        ] {
            assert_eq!(check(uri), Ok(()), "{uri}");
        }
        for uri in ["http://example.com", "http://1.1.1.1", "http://10.0.0.1", "http://[::ffff:127.0.0.1]"] {
            assert!(matches!(check(uri), Err(Refusal::Scheme(_))), "{uri}");
        }
        assert!(matches!(check("https://10.0.0.1"), Err(Refusal::Address(_))));
        // A name that means this machine leads nowhere else.
        let public = IpAddr::from([1, 1, 1, 1]);
        assert_eq!(policy.check_resolved("a.test", public), Err(Refusal::Address(public)));
        assert_eq!(policy.check_resolved("example.com", public), Ok(()));
        assert_eq!(FetchPolicy::default().check_resolved("example.com", public), Ok(()));
        let one = FetchPolicy::from(DevelopmentPolicy { addresses: vec![[127, 0, 0, 2].into()], port: None });
        assert_eq!(one.check_address([127, 0, 0, 2].into()), Ok(()));
        assert!(one.check_address([127, 0, 0, 1].into()).is_err());
    }

    #[test]
    fn handles_below_test_are_for_development() {
        let handle = |text: &str| text.parse::<Handle>().unwrap();
        let policy: FetchPolicy = DevelopmentPolicy { port: Some(2583), ..Default::default() }.into();
        assert!(
            policy.is_resolvable(&handle("a.test"))
                && !FetchPolicy::default().is_resolvable(&handle("a.TEST"))
        );
        assert!(
            !policy.is_resolvable(&handle("a.local"))
                && FetchPolicy::default().is_resolvable(&handle("a.example.com"))
        );
        assert_eq!(policy.origin_of(&handle("a.test")), "http://a.test:2583");
        assert_eq!(policy.origin_of(&handle("a.example.com")), "https://a.example.com");
    }
}
