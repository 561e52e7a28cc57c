//! Scopes: what an account lets a program do (<https://atproto.com/specs/permission>,
//! <https://atproto.com/specs/oauth#authorization-scopes>).
//!
//! A [`Scope`] is one permission, a [`ScopeSet`] what a token has. Both are written in one form only, however they came.
//!
//! ```
//! use atproto_xrpc::auth::scope::{RepoAction, ScopeSet};
//!
//! let scopes: ScopeSet = "atproto repo:com.example.note?action=create&action=update blob:image/*".parse()?;
//! let note = "com.example.note".parse()?;
//! assert!(scopes.allows_repo(&note, RepoAction::Create));
//! assert!(!scopes.allows_repo(&note, RepoAction::Delete));
//! assert!(scopes.allows_blob("image/png"));
//!
//! // Everybody has to understand all of a scope.
//! assert!("repo:com.example.note?until=noon".parse::<ScopeSet>().is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod blob;
mod include;
mod repo;
mod rpc;
mod set;
mod syntax;

pub use account::{AccountAction, AccountAttribute, AccountScope, IdentityScope};
pub use blob::{Accept, BlobScope};
pub use include::IncludeScope;
pub use repo::{RepoAction, RepoScope};
pub use rpc::{CallAudience, RpcScope};
pub use set::{ScopeSet, Unresolved};
pub use syntax::ScopeSyntax;

use atproto_lexicon::syntax::Nsid;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// One permission.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Scope {
    /// `atproto`: the profile of OAuth that all of this is of. Every token has it.
    Atproto,
    /// `transition:…`
    Transition(Transition),
    /// `repo`: writing records.
    Repo(RepoScope),
    /// `rpc`: calling other services.
    Rpc(RpcScope),
    /// `blob`: uploading media.
    Blob(BlobScope),
    /// `account`: how the account is hosted.
    Account(AccountScope),
    /// `identity`: the DID and the handle.
    Identity(IdentityScope),
    /// `include`: a permission set.
    Include(IncludeScope),
}

/// What was there before scopes were fine-grained (<https://atproto.com/specs/oauth#authorization-scopes>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transition {
    /// `transition:generic`: what an app password may do, without messages.
    Generic,
    /// `transition:chat.bsky`: messages too, besides `transition:generic`.
    ChatBsky,
    /// `transition:email`: reading the e-mail address.
    Email,
}

/// Why a text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// More than 8,192 bytes; of a set, more than 65,536.
    #[error("scope is too long")]
    TooLong,
    /// Empty, or with a character that no scope has.
    #[error("scope is empty or has a character that no scope has")]
    Character,
    /// A `%` without two digits, or what is encoded is not UTF-8.
    #[error("scope is not percent-encoded")]
    Encoding,
    /// The resource, or the transitional scope, is not known.
    #[error("scope is of an unknown resource")]
    UnknownResource,
    /// A parameter is not known.
    #[error("scope has an unknown parameter")]
    UnknownParameter,
    /// A parameter has to be there and is not.
    #[error("scope has no {0}")]
    Missing(&'static str),
    /// A parameter is not what it has to be.
    #[error("scope has a malformed {0}")]
    Malformed(&'static str),
    /// A parameter stands both in the positional part and by name, or twice where it may occur once.
    #[error("scope has {0} more than once")]
    Repeated(&'static str),
    /// Any method of any service.
    #[error("scope is for any method of any service")]
    AnyCall,
}

impl Scope {
    /// Whether this gives all that `other` does. Of permission sets and transitional scopes, only the same one.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Repo(a), Self::Repo(b)) => a.covers(b),
            (Self::Rpc(a), Self::Rpc(b)) => a.covers(b),
            (Self::Blob(a), Self::Blob(b)) => a.covers(b),
            (Self::Account(a), Self::Account(b)) => a.covers(b),
            (Self::Identity(a), Self::Identity(b)) => a == b || *a == IdentityScope::All,
            _ => self == other,
        }
    }

    fn to_syntax(&self) -> ScopeSyntax {
        match self {
            Self::Atproto => ScopeSyntax::new("atproto"),
            Self::Transition(transition) => {
                ScopeSyntax::new("transition").with_positional("", [transition.name().to_owned()])
            }
            Self::Repo(scope) => scope.to_syntax(),
            Self::Rpc(scope) => scope.to_syntax(),
            Self::Blob(scope) => scope.to_syntax(),
            Self::Account(scope) => scope.to_syntax(),
            Self::Identity(scope) => scope.to_syntax(),
            Self::Include(scope) => scope.to_syntax(),
        }
    }
}

impl Transition {
    const ALL: [Self; 3] = [Self::Generic, Self::ChatBsky, Self::Email];

    const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::ChatBsky => "chat.bsky",
            Self::Email => "email",
        }
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        // These have no parameters, and one spelling.
        if text == "atproto" {
            return Ok(Self::Atproto);
        }
        if let Some(name) = text.strip_prefix("transition:") {
            let known = Transition::ALL.into_iter().find(|transition| transition.name() == name);
            return known.map(Self::Transition).ok_or(ScopeError::UnknownResource);
        }
        let syntax: ScopeSyntax = text.parse()?;
        match syntax.resource.as_str() {
            "repo" => RepoScope::read(syntax).map(Self::Repo),
            "rpc" => RpcScope::read(syntax).map(Self::Rpc),
            "blob" => BlobScope::read(syntax).map(Self::Blob),
            "account" => AccountScope::read(syntax).map(Self::Account),
            "identity" => IdentityScope::read(syntax).map(Self::Identity),
            "include" => IncludeScope::read(syntax).map(Self::Include),
            _ => Err(ScopeError::UnknownResource),
        }
    }
}

/// The one form in which a scope is written.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_syntax().fmt(f)
    }
}

/// Names of records or methods: some, or all there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Names {
    Any,
    /// Never empty; each with its authority in lower case.
    Only(BTreeSet<Nsid>),
}

impl Names {
    /// `None` where there is none.
    fn new(names: impl IntoIterator<Item = Nsid>) -> Option<Self> {
        let names: BTreeSet<Nsid> = names.into_iter().map(|name| name.to_normalized()).collect();
        (!names.is_empty()).then_some(Self::Only(names))
    }

    /// From the values of a parameter, `*` among them or not.
    fn read(values: Vec<String>, parameter: &'static str) -> Result<Self, ScopeError> {
        let is_any = values.iter().any(|value| value == "*");
        let named = values.into_iter().filter(|value| value != "*").map(Nsid::try_from);
        let named: Vec<Nsid> =
            named.collect::<Result<_, _>>().map_err(|_| ScopeError::Malformed(parameter))?;
        if is_any {
            return Ok(Self::Any);
        }
        Self::new(named).ok_or(ScopeError::Missing(parameter))
    }

    fn to_values(&self) -> Vec<String> {
        match self {
            Self::Any => vec!["*".to_owned()],
            Self::Only(names) => names.iter().map(|name| name.as_str().to_owned()).collect(),
        }
    }

    fn has(&self, name: &Nsid) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(&name.to_normalized()),
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Only(_), Self::Any) => false,
            (Self::Only(names), Self::Only(others)) => others.is_subset(names),
        }
    }

    fn only(&self) -> Option<impl Iterator<Item = &Nsid>> {
        match self {
            Self::Any => None,
            Self::Only(names) => Some(names.iter()),
        }
    }
}
