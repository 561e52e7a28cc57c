use super::{Names, ScopeError, ScopeSyntax};
use atproto_lexicon::syntax::Nsid;
use std::collections::BTreeSet;

/// `repo`: writing records of some types (<https://atproto.com/specs/permission#repo>).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoScope {
    collections: Names,
    /// Never empty.
    actions: BTreeSet<RepoAction>,
}

/// What may be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RepoAction {
    /// `create`
    Create,
    /// `update`
    Update,
    /// `delete`
    Delete,
}

impl RepoAction {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    /// `create`, `update` or `delete`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl RepoScope {
    /// For records of these types, and these actions; `None` where one of the two is empty.
    pub fn new(
        collections: impl IntoIterator<Item = Nsid>,
        actions: impl IntoIterator<Item = RepoAction>,
    ) -> Option<Self> {
        Self::of(Names::new(collections)?, actions)
    }

    /// For records of any type; `None` where there is no action.
    pub fn any(actions: impl IntoIterator<Item = RepoAction>) -> Option<Self> {
        Self::of(Names::Any, actions)
    }

    fn of(collections: Names, actions: impl IntoIterator<Item = RepoAction>) -> Option<Self> {
        let actions: BTreeSet<RepoAction> = actions.into_iter().collect();
        (!actions.is_empty()).then_some(Self { collections, actions })
    }

    /// The types of records; `None` for any.
    pub fn collections(&self) -> Option<impl Iterator<Item = &Nsid>> {
        self.collections.only()
    }

    /// What may be done with them.
    pub fn actions(&self) -> impl Iterator<Item = RepoAction> {
        self.actions.iter().copied()
    }

    /// Whether it allows this.
    pub fn allows(&self, collection: &Nsid, action: RepoAction) -> bool {
        self.actions.contains(&action) && self.collections.has(collection)
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        self.collections.covers(&other.collections) && other.actions.is_subset(&self.actions)
    }

    /// Actions by their names; all where none is named. `None` where one is not known.
    pub(super) fn actions_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Vec<RepoAction>> {
        let find = |name| RepoAction::ALL.into_iter().find(|action| action.name() == name);
        let named: Vec<RepoAction> = names.into_iter().map(find).collect::<Option<_>>()?;
        Some(if named.is_empty() { RepoAction::ALL.to_vec() } else { named })
    }

    pub(super) fn read(syntax: ScopeSyntax) -> Result<Self, ScopeError> {
        let mut params = syntax.named("collection")?;
        let collections = Names::read(params.take("collection"), "collection")?;
        let actions = params.take("action");
        params.end()?;
        let actions = Self::actions_of(actions.iter().map(String::as_str));
        let actions = actions.ok_or(ScopeError::Malformed("action"))?;
        Self::of(collections, actions).ok_or(ScopeError::Missing("action"))
    }

    pub(super) fn to_syntax(&self) -> ScopeSyntax {
        let syntax = ScopeSyntax::new("repo").with_positional("collection", self.collections.to_values());
        if self.actions.len() == RepoAction::ALL.len() {
            return syntax;
        }
        syntax.with("action", self.actions.iter().map(|action| action.name().to_owned()))
    }
}
