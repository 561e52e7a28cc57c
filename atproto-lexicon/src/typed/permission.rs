/// A bundle of permissions that can be asked for by its name (<https://atproto.com/specs/permission#permission-sets>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermissionSet {
    /// Its name.
    pub nsid: &'static str,
    /// What it allows.
    pub permissions: &'static [Permission],
}

/// A permission of a set. What the document has besides, of kinds that are not known, is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Writing records.
    Repo {
        /// The types of records.
        collection: &'static [&'static str],
        /// `create`, `update`, `delete`; all of them where this is empty.
        action: &'static [&'static str],
    },
    /// Calling endpoints of another service.
    Rpc {
        /// The endpoints.
        lxm: &'static [&'static str],
        /// The service, `*` for any; `None` for the one that the set is asked for.
        aud: Option<&'static str>,
    },
}
