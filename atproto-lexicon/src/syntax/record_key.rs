use super::string_type::{first_not, string_type};
use super::{Reason, SyntaxError, Tid};

string_type! {
    /// The name of a record in its collection (<https://atproto.com/specs/record-key>).
    RecordKey, RecordKey
}

impl RecordKey {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 512;

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
        if let Some(at) = first_not(text, |byte| byte.is_ascii_alphanumeric() || b".-_:~".contains(&byte)) {
            return Err(Self::error(Reason::Character, at));
        }
        if text == "." || text == ".." {
            return Err(Self::error(Reason::Reserved, 0));
        }
        Ok(())
    }
}

impl From<Tid> for RecordKey {
    fn from(tid: Tid) -> Self {
        Self(tid.to_string().into())
    }
}
