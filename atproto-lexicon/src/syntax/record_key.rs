use super::string_type::string_type;
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
        Self::check_bytes(text.as_bytes())
    }

    /// [`check`](Self::check) of bytes which may not be UTF-8; then they are no record key.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    #[inline]
    pub fn check_bytes(text: &[u8]) -> Result<(), SyntaxError> {
        if text.is_empty() {
            return Err(Self::error(Reason::Empty, 0));
        }
        if text.len() > Self::MAX_LEN {
            return Err(Self::error(Reason::TooLong { max: Self::MAX_LEN }, Self::MAX_LEN));
        }
        // Where is looked for only if it is wanted: to look at all bytes alike is quicker.
        if !text.iter().fold(true, |all, byte| all & is_allowed(*byte)) {
            let at = text.iter().position(|byte| !is_allowed(*byte));
            return Err(Self::error(Reason::Character, at.unwrap_or_default()));
        }
        if text == b"." || text == b".." {
            return Err(Self::error(Reason::Reserved, 0));
        }
        Ok(())
    }
}

/// Whether a record key may hold the byte; a table, since every path of a repository is checked.
#[inline]
fn is_allowed(byte: u8) -> bool {
    #[expect(clippy::indexing_slicing, reason = "the compiler evaluates it, and a byte is below 256")]
    const ALLOWED: [bool; 256] = {
        let mut allowed = [false; 256];
        let mut text: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.-_:~";
        while let [byte, rest @ ..] = text {
            allowed[*byte as usize] = true;
            text = rest;
        }
        allowed
    };
    ALLOWED.get(usize::from(byte)).copied().unwrap_or(false)
}

impl From<Tid> for RecordKey {
    fn from(tid: Tid) -> Self {
        Self(tid.to_string().into())
    }
}
