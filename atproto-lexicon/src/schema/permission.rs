use crate::data::Object;
use std::collections::BTreeMap;

/// `permission-set`: a bundle of permissions (<https://atproto.com/specs/permission#permission-sets>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermissionSet {
    /// Short name, for people.
    pub title: Option<String>,
    /// [`title`](Self::title) by language.
    pub title_lang: BTreeMap<String, String>,
    /// What it allows, for people.
    pub detail: Option<String>,
    /// [`detail`](Self::detail) by language.
    pub detail_lang: BTreeMap<String, String>,
    /// What it allows.
    pub permissions: Vec<Permission>,
}

/// One permission of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Permission {
    /// Writing records.
    Repo {
        /// Their types, as the document has them.
        collection: Vec<String>,
        /// What may be done with them; all of it where this is empty.
        action: Vec<Action>,
    },
    /// Calling endpoints of another service.
    Rpc {
        /// The endpoints, as the document has them.
        lxm: Vec<String>,
        /// Of which service.
        aud: Audience,
    },
    /// A resource, a field or a value that this version does not know, or an empty list of actions. It has to be ignored as a whole: what is not known might
    /// take something away from what is.
    Unknown {
        /// The resource.
        resource: String,
        /// All fields.
        fields: Object,
    },
}

/// What may be done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// `create`
    Create,
    /// `update`
    Update,
    /// `delete`
    Delete,
}

impl Action {
    /// `create`, `update` or `delete`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// The service that a permission to call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// The one that the set is included for: `inheritAud`.
    Inherited,
    /// As the document has it; `*` for any.
    Named(String),
    /// The document does not say.
    Absent,
}
