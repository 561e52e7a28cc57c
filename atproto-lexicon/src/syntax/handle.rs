use super::string_type::{first_not, segments, string_type};
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
    /// The greatest length of a label in bytes.
    const MAX_LABEL: usize = 63;

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        if text.is_empty() {
            return Err(Self::error(Reason::Empty, 0));
        }
        if text.len() > Self::MAX_LEN {
            return Err(Self::error(Reason::TooLong { max: Self::MAX_LEN }, Self::MAX_LEN));
        }
        let mut last = (0, "");
        let mut labels = 0_usize;
        for (offset, label) in segments(text, '.') {
            if label.is_empty() {
                return Err(Self::error(Reason::EmptySegment, offset));
            }
            if let Some(at) = first_not(label, |byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(Self::error(Reason::Character, offset.saturating_add(at)));
            }
            if label.len() > Self::MAX_LABEL {
                return Err(Self::error(Reason::SegmentTooLong { max: Self::MAX_LABEL }, offset));
            }
            if label.starts_with('-') || label.ends_with('-') {
                return Err(Self::error(Reason::SegmentEdge, offset));
            }
            last = (offset, label);
            labels = labels.saturating_add(1);
        }
        if labels < 2 {
            return Err(Self::error(Reason::TooFewSegments { min: 2 }, text.len()));
        }
        if last.1.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Self::error(Reason::SegmentEdge, last.0));
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
