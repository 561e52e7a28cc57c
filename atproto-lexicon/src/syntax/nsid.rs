use super::string_type::{first_not, segments, string_type};
use super::{Reason, SyntaxError};

string_type! {
    /// A namespaced identifier such as `app.bsky.feed.post` (<https://atproto.com/specs/nsid>).
    Nsid, Nsid
}

impl Nsid {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 317;
    /// The greatest length of a segment in bytes.
    const MAX_SEGMENT: usize = 63;

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
        let mut count = 0_usize;
        for (offset, segment) in segments(text, '.') {
            if segment.is_empty() {
                return Err(Self::error(Reason::EmptySegment, offset));
            }
            if let Some(at) = first_not(segment, |byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                return Err(Self::error(Reason::Character, offset.saturating_add(at)));
            }
            if segment.len() > Self::MAX_SEGMENT {
                return Err(Self::error(Reason::SegmentTooLong { max: Self::MAX_SEGMENT }, offset));
            }
            let bad_start = count == 0 && segment.starts_with(|c: char| c.is_ascii_digit());
            if bad_start || segment.starts_with('-') || segment.ends_with('-') {
                return Err(Self::error(Reason::SegmentEdge, offset));
            }
            last = (offset, segment);
            count = count.saturating_add(1);
        }
        if count < 3 {
            return Err(Self::error(Reason::TooFewSegments { min: 3 }, text.len()));
        }
        let (offset, name) = last;
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
