use super::{Names, ScopeError, ScopeSyntax};
use crate::auth::service::Audience;
use atproto_lexicon::syntax::{Did, Handle, Nsid};

/// `rpc`: calling methods of other services in the account's name (<https://atproto.com/specs/permission#rpc>). Any method, or any
/// service, but not both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RpcScope {
    methods: Names,
    audience: CallAudience,
}

/// Which services may be called.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CallAudience {
    /// `*`: any.
    Any,
    /// This one: a DID with a service.
    Service(Audience),
}

impl CallAudience {
    pub(super) fn read(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        read_service(text).map(Self::Service)
    }

    fn to_text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::Service(service) => service.to_string(),
        }
    }
}

/// A service of a DID: the DID alone does not do, and is of a method that the network has.
pub(super) fn read_service(text: &str) -> Option<Audience> {
    text.parse().ok().filter(is_service)
}

fn is_service(audience: &Audience) -> bool {
    audience.service().is_some() && is_blessed(audience.did())
}

/// Whether a DID is one that AT Protocol resolves (<https://atproto.com/specs/did#blessed-did-methods>). What is asked for is kept for
/// long, so that it is checked here already.
fn is_blessed(did: &Did) -> bool {
    let id = did.identifier();
    match did.method() {
        "plc" => id.len() == 24 && id.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7')),
        "web" => match id.strip_prefix("localhost") {
            Some("") => true,
            Some(port) => {
                let digits = port.strip_prefix("%3A").or_else(|| port.strip_prefix("%3a"));
                digits.is_some_and(|digits| digits.parse::<u16>().is_ok_and(|port| port != 0))
            }
            None => Handle::check(id).is_ok(),
        },
        _ => false,
    }
}

impl RpcScope {
    /// For these methods; `None` where there is none, or the audience is not a DID that AT Protocol resolves with a service.
    pub fn new(methods: impl IntoIterator<Item = Nsid>, audience: CallAudience) -> Option<Self> {
        Self::of(Names::new(methods)?, audience).ok()
    }

    /// For any method of a service; `None` where it is not a DID that AT Protocol resolves with a service.
    pub fn any_method(service: Audience) -> Option<Self> {
        Self::of(Names::Any, CallAudience::Service(service)).ok()
    }

    fn of(methods: Names, audience: CallAudience) -> Result<Self, ScopeError> {
        match (&methods, &audience) {
            (Names::Any, CallAudience::Any) => Err(ScopeError::AnyCall),
            (_, CallAudience::Service(service)) if !is_service(service) => Err(ScopeError::Malformed("aud")),
            _ => Ok(Self { methods, audience }),
        }
    }

    /// The methods; `None` for any.
    pub fn methods(&self) -> Option<impl Iterator<Item = &Nsid>> {
        self.methods.only()
    }

    /// The services.
    pub fn audience(&self) -> &CallAudience {
        &self.audience
    }

    /// Whether it allows this. A DID and a service of it are two audiences.
    pub fn allows(&self, method: &Nsid, audience: &Audience) -> bool {
        let is_called = match &self.audience {
            CallAudience::Any => true,
            CallAudience::Service(service) => service == audience,
        };
        is_called && self.methods.has(method)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        let is_wide = self.audience == CallAudience::Any || self.audience == other.audience;
        is_wide && self.methods.covers(&other.methods)
    }

    pub(super) fn read(syntax: ScopeSyntax) -> Result<Self, ScopeError> {
        let mut params = syntax.named("lxm")?;
        let methods = Names::read(params.take("lxm"), "lxm")?;
        let audience = params.take_one("aud")?.ok_or(ScopeError::Missing("aud"))?;
        params.end()?;
        Self::of(methods, CallAudience::read(&audience).ok_or(ScopeError::Malformed("aud"))?)
    }

    pub(super) fn to_syntax(&self) -> ScopeSyntax {
        let syntax = ScopeSyntax::new("rpc").with_positional("lxm", self.methods.to_values());
        syntax.with("aud", [self.audience.to_text()])
    }
}
