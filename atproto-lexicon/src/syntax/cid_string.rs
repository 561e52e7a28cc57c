use super::string_type::{first_not, string_type};
use super::{Reason, SyntaxError};
use crate::data::Cid;

string_type! {
    /// The `cid` string format: a CID's text in any version-1 form, hash and base.
    ///
    /// It is looser than a link, as the format is: the alphabet and the length are checked, the bytes are not. A
    /// [`Cid`] is the form that repositories use; [`CidString::to_cid`] converts where it is that.
    CidString, Cid
}

impl CidString {
    /// The least length in bytes.
    pub const MIN_LEN: usize = 8;
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 256;

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        if let Some(at) = first_not(text, |byte| byte.is_ascii_alphanumeric() || b"+=".contains(&byte)) {
            return Err(Self::error(Reason::Character, at));
        }
        if text.len() < Self::MIN_LEN {
            return Err(Self::error(Reason::TooShort { min: Self::MIN_LEN }, text.len()));
        }
        if text.len() > Self::MAX_LEN {
            return Err(Self::error(Reason::TooLong { max: Self::MAX_LEN }, Self::MAX_LEN));
        }
        // No multibase prefix: the bare base58 of a version-0 CID.
        if text.starts_with("Qm") {
            return Err(Self::error(Reason::Prefix, 0));
        }
        Ok(())
    }

    /// The CID, where the text is one of the form that repositories use.
    pub fn to_cid(&self) -> Option<Cid> {
        self.0.parse().ok()
    }
}

impl From<Cid> for CidString {
    fn from(cid: Cid) -> Self {
        Self(cid.to_string().into())
    }
}
