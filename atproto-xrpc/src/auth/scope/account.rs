use super::{ScopeError, ScopeSyntax};

/// `account`: how the account is hosted (<https://atproto.com/specs/permission#account>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountScope {
    /// What of it.
    pub attribute: AccountAttribute,
    /// To which degree.
    pub action: AccountAction,
}

/// A part of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AccountAttribute {
    /// `email`: the address.
    Email,
    /// `repo`: the repository as a whole, as when an account moves.
    Repo,
}

/// To which degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccountAction {
    /// `read`
    Read,
    /// `manage`, in which `read` is contained.
    Manage,
}

impl AccountAttribute {
    const ALL: [Self; 2] = [Self::Email, Self::Repo];

    const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Repo => "repo",
        }
    }
}

impl AccountScope {
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.attribute == other.attribute && self.action >= other.action
    }

    pub(super) fn read(syntax: ScopeSyntax) -> Result<Self, ScopeError> {
        let mut params = syntax.named("attr")?;
        let attribute = params.take_one("attr")?.ok_or(ScopeError::Missing("attr"))?;
        let action = params.take_one("action")?;
        params.end()?;
        let attribute = AccountAttribute::ALL.into_iter().find(|known| known.name() == attribute);
        let action = match action.as_deref() {
            None | Some("read") => AccountAction::Read,
            Some("manage") => AccountAction::Manage,
            Some(_) => return Err(ScopeError::Malformed("action")),
        };
        Ok(Self { attribute: attribute.ok_or(ScopeError::Malformed("attr"))?, action })
    }

    pub(super) fn to_syntax(self) -> ScopeSyntax {
        let syntax = ScopeSyntax::new("account").with_positional("attr", [self.attribute.name().to_owned()]);
        match self.action {
            AccountAction::Read => syntax,
            AccountAction::Manage => syntax.with("action", ["manage".to_owned()]),
        }
    }
}

/// `identity`: the DID and the handle (<https://atproto.com/specs/permission#identity>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityScope {
    /// `handle`: changing it.
    Handle,
    /// `*`: all, the keys of the DID included.
    All,
}

impl IdentityScope {
    pub(super) fn read(syntax: ScopeSyntax) -> Result<Self, ScopeError> {
        let mut params = syntax.named("attr")?;
        let attribute = params.take_one("attr")?.ok_or(ScopeError::Missing("attr"))?;
        params.end()?;
        match attribute.as_str() {
            "handle" => Ok(Self::Handle),
            "*" => Ok(Self::All),
            _ => Err(ScopeError::Malformed("attr")),
        }
    }

    pub(super) fn to_syntax(self) -> ScopeSyntax {
        let name = match self {
            Self::Handle => "handle",
            Self::All => "*",
        };
        ScopeSyntax::new("identity").with_positional("attr", [name.to_owned()])
    }
}
