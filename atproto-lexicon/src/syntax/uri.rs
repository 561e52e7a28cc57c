use super::string_type::string_type;
use super::{Reason, SyntaxError};

string_type! {
    /// Any URI: a scheme, a colon and something after it (RFC 3986, generic).
    ///
    /// What follows the colon may be any text without white space and control characters: records on the network hold
    /// international (non-ASCII) addresses.
    Uri, Uri
}

impl Uri {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 8192;
    /// The greatest length of a scheme in bytes.
    const MAX_SCHEME: usize = 80;

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
        let (scheme, rest) = text.split_once(':').ok_or(Self::error(Reason::Prefix, 0))?;
        let in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte);
        if !scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            || scheme.len() > Self::MAX_SCHEME
            || !scheme.bytes().all(in_scheme)
        {
            return Err(Self::error(Reason::Prefix, 0));
        }
        if rest.is_empty() {
            return Err(Self::error(Reason::End, text.len()));
        }
        match rest.find(|c: char| c.is_whitespace() || c.is_control()) {
            Some(at) => {
                Err(Self::error(Reason::Character, scheme.len().saturating_add(1).saturating_add(at)))
            }
            None => Ok(()),
        }
    }

    /// The scheme, as written.
    pub fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}
