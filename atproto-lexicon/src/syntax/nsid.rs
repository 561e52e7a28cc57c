use super::string_type::{check_labels, string_type};
use super::{Reason, SyntaxError};

string_type! {
    /// A namespaced identifier such as `app.bsky.feed.post` (<https://atproto.com/specs/nsid>).
    ///
    /// Only the whole is limited in length: the interoperability vectors have authorities of more than the 253 bytes that the
    /// specification's text gives them.
    Nsid, Nsid
}

impl Nsid {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 317;

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        let (offset, name) =
            check_labels(text, Self::MAX_LEN, 3).map_err(|(reason, at)| Self::error(reason, at))?;
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Self::error(Reason::SegmentEdge, 0));
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Self::error(Reason::SegmentEdge, offset));
        }
        match name.find('-') {
            Some(at) => Err(Self::error(Reason::Character, offset.saturating_add(at))),
            None => Ok(()),
        }
    }

    /// The last segment, such as `post`.
    pub fn name(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or_default()
    }

    /// The authority as a host name, such as `feed.bsky.app`: the segments before the name, reversed, in lower case.
    pub fn authority(&self) -> String {
        let segments = self.0.rsplit('.').skip(1).map(str::to_ascii_lowercase);
        segments.collect::<Vec<_>>().join(".")
    }

    /// The same name with its authority in lower case; the last segment is case-sensitive and stays.
    pub fn to_normalized(&self) -> Self {
        match self.0.rsplit_once('.') {
            Some((authority, name)) => Self(format!("{}.{name}", authority.to_ascii_lowercase()).into()),
            None => self.clone(),
        }
    }
}
