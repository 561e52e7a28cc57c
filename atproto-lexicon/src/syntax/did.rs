use super::string_type::{first_not, string_type};
use super::{Reason, SyntaxError};

string_type! {
    /// A DID of any method: `did:plc:…`, `did:web:…` (<https://atproto.com/specs/did>).
    ///
    /// Only the generic syntax is checked, as the `did` format does; what a method asks for is checked when resolving.
    Did, Did
}

impl Did {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 2048;

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        if text.len() > Self::MAX_LEN {
            return Err(Self::error(Reason::TooLong { max: Self::MAX_LEN }, Self::MAX_LEN));
        }
        let rest = text.strip_prefix("did:").ok_or(Self::error(Reason::Prefix, 0))?;
        let (method, id) = rest.split_once(':').ok_or(Self::error(Reason::End, text.len()))?;
        if method.is_empty() {
            return Err(Self::error(Reason::EmptySegment, 4));
        }
        if let Some(at) = first_not(method, |byte| byte.is_ascii_lowercase()) {
            return Err(Self::error(Reason::Character, at.saturating_add(4)));
        }
        let start = method.len().saturating_add(5);
        if let Some(at) = first_not(id, |byte| byte.is_ascii_alphanumeric() || b"._:%-".contains(&byte)) {
            return Err(Self::error(Reason::Character, at.saturating_add(start)));
        }
        match id.as_bytes().last() {
            None | Some(b':' | b'%') => Err(Self::error(Reason::End, text.len())),
            Some(_) => Ok(()),
        }
    }

    /// The method's name, such as `plc`.
    pub fn method(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }

    /// What follows the method: `did:METHOD:identifier`.
    pub fn identifier(&self) -> &str {
        self.0.splitn(3, ':').nth(2).unwrap_or_default()
    }
}
