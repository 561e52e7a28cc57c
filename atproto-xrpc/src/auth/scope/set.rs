use super::{
    AccountAction, AccountAttribute, AccountScope, IdentityScope, RepoAction, Scope, ScopeError, Transition,
};
use crate::auth::service::Audience;
use atproto_lexicon::syntax::Nsid;
use atproto_lexicon::typed::PermissionSet;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most bytes of a set's text.
const MAX_LEN: usize = 65_536;

/// The scopes of a token or a request.
///
/// Without `atproto` a set gives nothing, whatever else is in it. Permission sets give what they contain only after
/// [`expand`](Self::expand).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet {
    scopes: BTreeSet<Scope>,
    unknown: BTreeSet<String>,
}

/// A permission set that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("permission set {0} is not known")]
pub struct Unresolved(pub Nsid);

impl ScopeSet {
    /// Reads what a server has granted: what is not known is kept, and gives nothing. To ask for scopes, parse them.
    ///
    /// # Errors
    /// [`ScopeError::TooLong`], for more than 65,536 bytes.
    pub fn from_granted(text: &str) -> Result<Self, ScopeError> {
        let mut set = Self::default();
        for (scope, parsed) in parts(text)? {
            match parsed {
                Ok(scope) => set.scopes.insert(scope),
                Err(_) => set.unknown.insert(scope.to_owned()),
            };
        }
        Ok(set)
    }

    /// The scopes, each once and in order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter()
    }

    /// What was granted and is not known here.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.unknown.iter().map(String::as_str)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.scopes.is_empty() && self.unknown.is_empty()
    }

    /// Whether it has this scope, in so many words; what a wider one covers is not looked for.
    pub fn contains(&self, scope: &Scope) -> bool {
        self.scopes.contains(scope)
    }

    /// Whether all of another set are in it, in so many words: as a request's have to be among those that a client has declared.
    pub fn contains_all(&self, other: &Self) -> bool {
        other.scopes.is_subset(&self.scopes) && other.unknown.is_subset(&self.unknown)
    }

    /// Adds a scope.
    pub fn insert(&mut self, scope: Scope) {
        self.scopes.insert(scope);
    }

    /// Without what another scope of it covers.
    #[must_use]
    pub fn minimized(&self) -> Self {
        let is_needed = |one: &Scope| !self.scopes.iter().any(|other| other != one && other.covers(one));
        let scopes = self.scopes.iter().filter(|one| is_needed(one)).cloned().collect();
        Self { scopes, unknown: self.unknown.clone() }
    }

    /// With what each permission set gives in its place.
    ///
    /// # Errors
    /// [`Unresolved`] where `find` does not know a set: a request has to fail then.
    pub fn expand<'a>(
        &self,
        mut find: impl FnMut(&Nsid) -> Option<&'a PermissionSet>,
    ) -> Result<Self, Unresolved> {
        let mut expanded = Self { scopes: BTreeSet::new(), unknown: self.unknown.clone() };
        for scope in &self.scopes {
            match scope {
                Scope::Include(include) => {
                    let found = find(include.set()).and_then(|set| include.expand(set));
                    expanded.scopes.extend(found.ok_or_else(|| Unresolved(include.set().clone()))?);
                }
                scope => {
                    expanded.scopes.insert(scope.clone());
                }
            }
        }
        Ok(expanded)
    }

    /// Whether it is of AT Protocol's profile of OAuth.
    pub fn has_atproto(&self) -> bool {
        self.contains(&Scope::Atproto)
    }

    /// Whether records of a type may be created, updated or deleted.
    pub fn allows_repo(&self, collection: &Nsid, action: RepoAction) -> bool {
        self.allows(|scope| match scope {
            Scope::Transition(Transition::Generic) => true,
            Scope::Repo(repo) => repo.allows(collection, action),
            _ => false,
        })
    }

    /// Whether a method of a service may be called in the account's name.
    pub fn allows_rpc(&self, method: &Nsid, audience: &Audience) -> bool {
        let is_chat = method.to_normalized().as_str().starts_with("chat.bsky.");
        let allows_chat = self.contains(&Scope::Transition(Transition::ChatBsky));
        self.allows(|scope| match scope {
            Scope::Transition(Transition::Generic) => !is_chat || allows_chat,
            Scope::Rpc(rpc) => rpc.allows(method, audience),
            _ => false,
        })
    }

    /// Whether media of a type, such as `image/png`, may be uploaded.
    pub fn allows_blob(&self, media_type: &str) -> bool {
        self.allows(|scope| match scope {
            Scope::Transition(Transition::Generic) => true,
            Scope::Blob(blob) => blob.allows(media_type),
            _ => false,
        })
    }

    /// Whether a part of the account may be read or managed.
    pub fn allows_account(&self, attribute: AccountAttribute, action: AccountAction) -> bool {
        let wanted = AccountScope { attribute, action };
        let email = AccountScope { attribute: AccountAttribute::Email, action: AccountAction::Read };
        self.allows(|scope| match scope {
            Scope::Transition(Transition::Email) => wanted == email,
            Scope::Account(account) => account.covers(&wanted),
            _ => false,
        })
    }

    /// Whether the handle, or all of the identity, may be changed.
    pub fn allows_identity(&self, part: IdentityScope) -> bool {
        self.allows(|scope| scope.covers(&Scope::Identity(part)))
    }

    fn allows(&self, allows: impl Fn(&Scope) -> bool) -> bool {
        self.has_atproto() && self.scopes.iter().any(allows)
    }
}

/// The scopes of a text, between spaces.
fn parts(text: &str) -> Result<impl Iterator<Item = (&str, Result<Scope, ScopeError>)>, ScopeError> {
    if text.len() > MAX_LEN {
        return Err(ScopeError::TooLong);
    }
    Ok(text.split(' ').filter(|scope| !scope.is_empty()).map(|scope| (scope, scope.parse())))
}

/// All have to be known.
impl FromStr for ScopeSet {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        parts(text)?.map(|(_, scope)| scope).collect()
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self { scopes: scopes.into_iter().collect(), unknown: BTreeSet::new() }
    }
}

/// The one form in which a set is written.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes = self.scopes.iter().map(Scope::to_string).chain(self.unknown.iter().cloned());
        f.pad(&scopes.collect::<Vec<_>>().join(" "))
    }
}
