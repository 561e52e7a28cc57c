use super::{AtIdentifier, AtUri, CidString, Datetime, Did, Handle, Language, Nsid, RecordKey, Tid, Uri};
use std::{fmt, str::FromStr};

/// A string format of Lexicon; [`FromStr`] and [`Display`](fmt::Display) use the names that lexicons use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// `at-identifier`.
    AtIdentifier,
    /// `at-uri`.
    AtUri,
    /// `cid`.
    Cid,
    /// `datetime`.
    Datetime,
    /// `did`.
    Did,
    /// `handle`.
    Handle,
    /// `language`.
    Language,
    /// `nsid`.
    Nsid,
    /// `record-key`.
    RecordKey,
    /// `tid`.
    Tid,
    /// `uri`.
    Uri,
}

impl Format {
    /// Every format, in alphabetical order.
    pub const ALL: [Self; 11] = [
        Self::AtIdentifier,
        Self::AtUri,
        Self::Cid,
        Self::Datetime,
        Self::Did,
        Self::Handle,
        Self::Language,
        Self::Nsid,
        Self::RecordKey,
        Self::Tid,
        Self::Uri,
    ];

    /// The name in a lexicon's `format` field, such as `at-uri`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AtIdentifier => "at-identifier",
            Self::AtUri => "at-uri",
            Self::Cid => "cid",
            Self::Datetime => "datetime",
            Self::Did => "did",
            Self::Handle => "handle",
            Self::Language => "language",
            Self::Nsid => "nsid",
            Self::RecordKey => "record-key",
            Self::Tid => "tid",
            Self::Uri => "uri",
        }
    }

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first place where `text` leaves the format.
    pub fn check(self, text: &str) -> Result<(), SyntaxError> {
        match self {
            Self::AtIdentifier => AtIdentifier::check(text),
            Self::AtUri => AtUri::check(text),
            Self::Cid => CidString::check(text),
            Self::Datetime => Datetime::check(text),
            Self::Did => Did::check(text),
            Self::Handle => Handle::check(text),
            Self::Language => Language::check(text),
            Self::Nsid => Nsid::check(text),
            Self::RecordKey => RecordKey::check(text),
            Self::Tid => text.parse::<Tid>().map(drop),
            Self::Uri => Uri::check(text),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(UnknownFormat)
    }
}

/// The name is not that of a string format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a string format")]
pub struct UnknownFormat;

/// Why a text is not of a format, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("not a valid {format}: {reason} at byte {offset}")]
pub struct SyntaxError {
    /// The format asked for.
    pub format: Format,
    /// What is wrong.
    pub reason: Reason,
    /// Byte offset of the fault in the text; the text's length where something is missing at its end.
    pub offset: usize,
}

impl SyntaxError {
    pub(super) const fn new(format: Format, reason: Reason, offset: usize) -> Self {
        Self { format, reason, offset }
    }
}

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing there at all.
    #[error("empty")]
    Empty,
    /// Longer than the format allows, in bytes.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The greatest length, in bytes.
        max: usize,
    },
    /// Shorter than the format allows, in bytes.
    #[error("shorter than {min} bytes")]
    TooShort {
        /// The least length, in bytes.
        min: usize,
    },
    /// A character which the format does not have, or not there.
    #[error("unexpected character")]
    Character,
    /// The text does not begin as the format does (`did:`, `at://`, a URI scheme).
    #[error("wrong or missing prefix")]
    Prefix,
    /// Something must follow.
    #[error("unexpected end")]
    End,
    /// A segment between separators is empty.
    #[error("empty segment")]
    EmptySegment,
    /// A segment is longer than the format allows, in bytes.
    #[error("segment longer than {max} bytes")]
    SegmentTooLong {
        /// The greatest length, in bytes.
        max: usize,
    },
    /// A segment begins or ends with a character which may only stand inside.
    #[error("character not allowed at this end of a segment")]
    SegmentEdge,
    /// Fewer segments than the format needs.
    #[error("fewer than {min} segments")]
    TooFewSegments {
        /// The least number.
        min: usize,
    },
    /// A number is outside its range, such as a 13th month.
    #[error("number out of range")]
    Range,
    /// A value which the format reserves, such as the record key `..`.
    #[error("reserved value")]
    Reserved,
    /// A part occurs twice which may occur once.
    #[error("duplicate part")]
    Duplicate,
}
