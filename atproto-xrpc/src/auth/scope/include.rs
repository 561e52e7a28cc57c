use super::rpc::{CallAudience, read_service};
use super::{RepoScope, RpcScope, Scope, ScopeError, ScopeSyntax};
use crate::auth::service::Audience;
use atproto_lexicon::syntax::Nsid;
use atproto_lexicon::typed::{Permission, PermissionSet};

/// `include`: a permission set, by its name (<https://atproto.com/specs/permission#permission-sets>).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncludeScope {
    set: Nsid,
    audience: Option<Audience>,
}

impl IncludeScope {
    /// The set of this name, without a service.
    pub fn new(set: &Nsid) -> Self {
        Self { set: set.to_normalized(), audience: None }
    }

    /// For calls of this service; `None` where it is not a DID that AT Protocol resolves with a service.
    pub fn with_audience(self, service: &Audience) -> Option<Self> {
        Some(Self { audience: Some(read_service(&service.to_string())?), ..self })
    }

    /// The name of the set.
    pub fn set(&self) -> &Nsid {
        &self.set
    }

    /// The service that the set's calls are of, where it says that they are of the one that is asked for.
    pub fn audience(&self) -> Option<&Audience> {
        self.audience.as_ref()
    }

    /// What the set gives; `None` where it has another name. A permission is left out as a whole where it is malformed, names what is
    /// not in the set's own namespace or below, or is of a service that is not asked for.
    pub fn expand(&self, set: &PermissionSet) -> Option<Vec<Scope>> {
        let name: Nsid = set.nsid.parse().ok()?;
        if name.to_normalized() != self.set {
            return None;
        }
        Some(set.permissions.iter().filter_map(|permission| self.permission(permission)).collect())
    }

    fn permission(&self, permission: &Permission) -> Option<Scope> {
        match permission {
            Permission::Repo { collection, action } => {
                let actions = RepoScope::actions_of(action.iter().copied())?;
                RepoScope::new(self.own(collection)?, actions).map(Scope::Repo)
            }
            Permission::Rpc { lxm, aud } => {
                let audience = match aud {
                    None => CallAudience::Service(self.audience.clone()?),
                    Some("*") => CallAudience::Any,
                    // A set is for whoever asks for it: it names no service of its own.
                    Some(_) => return None,
                };
                RpcScope::new(self.own(lxm)?, audience).map(Scope::Rpc)
            }
        }
    }

    /// Names that the set may have, all of them.
    fn own(&self, names: &[&str]) -> Option<Vec<Nsid>> {
        let parsed = names.iter().map(|name| name.parse::<Nsid>().ok().filter(|name| self.is_own(name)));
        parsed.collect()
    }

    /// Whether a name is in the set's group of names or below it: never beside or above it
    /// (<https://atproto.com/specs/permission#namespace-authority>).
    fn is_own(&self, name: &Nsid) -> bool {
        let name = name.to_normalized();
        let group = self.set.as_str().rsplit_once('.').map_or("", |(group, _)| group);
        let below = name.as_str().strip_prefix(group);
        !group.is_empty() && below.is_some_and(|below| below.starts_with('.'))
    }

    pub(super) fn read(syntax: ScopeSyntax) -> Result<Self, ScopeError> {
        let mut params = syntax.named("nsid")?;
        let set = params.take_one("nsid")?.ok_or(ScopeError::Missing("nsid"))?;
        let audience = params.take_one("aud")?;
        params.end()?;
        let set: Nsid = set.parse().map_err(|_| ScopeError::Malformed("nsid"))?;
        let audience = audience.map(|text| read_service(&text).ok_or(ScopeError::Malformed("aud")));
        Ok(Self { audience: audience.transpose()?, ..Self::new(&set) })
    }

    pub(super) fn to_syntax(&self) -> ScopeSyntax {
        let syntax = ScopeSyntax::new("include").with_positional("nsid", [self.set.as_str().to_owned()]);
        syntax.with("aud", self.audience.iter().map(Audience::to_string))
    }
}
