use super::string_type::string_type;
use super::{Did, Handle, SyntaxError};

string_type! {
    /// A [`Did`] or a [`Handle`]: what names an account.
    AtIdentifier, AtIdentifier
}

impl AtIdentifier {
    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault, as a DID where the text begins with `did:`, else as a handle.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let checked = if text.starts_with("did:") { Did::check(text) } else { Handle::check(text) };
        checked.map_err(|error| Self::error(error.reason, error.offset))
    }

    /// From text which has passed [`check`](Self::check).
    pub(super) fn from_checked(text: &str) -> Self {
        Self(text.into())
    }

    /// The DID, where it is one.
    pub fn as_did(&self) -> Option<Did> {
        self.0.parse().ok()
    }

    /// The handle, where it is one.
    pub fn as_handle(&self) -> Option<Handle> {
        self.0.parse().ok()
    }

    /// Whether this is a DID; if not, it is a handle.
    pub fn is_did(&self) -> bool {
        self.0.starts_with("did:")
    }
}

impl From<Did> for AtIdentifier {
    fn from(did: Did) -> Self {
        Self(String::from(did).into())
    }
}

impl From<&Did> for AtIdentifier {
    fn from(did: &Did) -> Self {
        Self(did.as_str().into())
    }
}

impl From<Handle> for AtIdentifier {
    fn from(handle: Handle) -> Self {
        Self(String::from(handle).into())
    }
}

impl From<&Handle> for AtIdentifier {
    fn from(handle: &Handle) -> Self {
        Self(handle.as_str().into())
    }
}
