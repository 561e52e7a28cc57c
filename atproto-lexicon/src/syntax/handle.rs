use super::string_type::{check_labels, string_type};
use super::{Reason, SyntaxError};

string_type! {
    /// A handle: a DNS host name of two labels or more (<https://atproto.com/specs/handle>).
    Handle, Handle
}

/// Top-level domains which never resolve to an account.
const DISALLOWED_TLDS: [&str; 8] =
    ["alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion"];

impl Handle {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 253;

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let (offset, tld) =
            check_labels(text, Self::MAX_LEN, 2).map_err(|(reason, at)| Self::error(reason, at))?;
        if tld.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Self::error(Reason::SegmentEdge, offset));
        }
        Ok(())
    }

    /// The handle in lower case, the form in which handles are compared.
    pub fn to_normalized(&self) -> Self {
        Self(self.0.to_ascii_lowercase().into())
    }

    /// The last label, as written.
    pub fn tld(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or_default()
    }

    /// Whether the top-level domain is one that an account can have. `.test` can, in development only: callers which
    /// resolve for production refuse it on their own.
    pub fn is_allowed_tld(&self) -> bool {
        !DISALLOWED_TLDS.iter().any(|tld| self.tld().eq_ignore_ascii_case(tld))
    }

    /// Whether this is `handle.invalid`, the marker of a handle that failed verification.
    pub fn is_invalid_marker(&self) -> bool {
        self.0.eq_ignore_ascii_case("handle.invalid")
    }
}
