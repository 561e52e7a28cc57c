use super::string_type::string_type;
use super::{AtIdentifier, Nsid, Reason, RecordKey, SyntaxError};

string_type! {
    /// An AT-URI in its strict form: `at://AUTHORITY[/COLLECTION[/RECORD-KEY]]`
    /// (<https://atproto.com/specs/at-uri-scheme>).
    ///
    /// No query, no fragment, no trailing slash. [`AtUri::parse_lenient`] takes text that goes on after that.
    AtUri, AtUri
}

/// The parts of an AT-URI, borrowed from its text; each is of its own format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtUriRef<'a> {
    /// A DID or a handle.
    pub authority: &'a str,
    /// An NSID.
    pub collection: Option<&'a str>,
    /// A record key; only with a collection.
    pub record_key: Option<&'a str>,
}

const SCHEME: &str = "at://";

impl AtUri {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 8192;

    /// Checks a text without keeping it.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        if text.len() > Self::MAX_LEN {
            return Err(Self::error(Reason::TooLong { max: Self::MAX_LEN }, Self::MAX_LEN));
        }
        let rest = text.strip_prefix(SCHEME).ok_or(Self::error(Reason::Prefix, 0))?;
        let mut offset = SCHEME.len();
        for (index, part) in rest.split('/').enumerate() {
            let checked = match index {
                0 => AtIdentifier::check(part),
                1 => Nsid::check(part),
                2 => RecordKey::check(part),
                _ => return Err(Self::error(Reason::Character, offset.saturating_sub(1))),
            };
            checked.map_err(|error| Self::error(error.reason, error.offset.saturating_add(offset)))?;
            offset = offset.saturating_add(part.len()).saturating_add(1);
        }
        Ok(())
    }

    /// Takes the longest strict AT-URI at the beginning of `text` and returns it with what follows: a trailing slash,
    /// a fourth path segment, a query, a fragment.
    ///
    /// # Errors
    /// [`SyntaxError`] where the text does not begin with `at://` and an authority, or a collection or record key that
    /// is there is not one.
    pub fn parse_lenient(text: &str) -> Result<(Self, &str), SyntaxError> {
        let path_end = text.find(['?', '#']).unwrap_or(text.len());
        let path = text.get(..path_end).unwrap_or(text);
        let strict_end = path.match_indices('/').nth(4).map_or(path_end, |(at, _)| at);
        let strict = path.get(..strict_end).unwrap_or(path);
        // "at://" itself ends with slashes, which belong to the scheme.
        let strict = match strict.strip_suffix('/') {
            Some(shorter) if strict.len() > SCHEME.len() => shorter,
            _ => strict,
        };
        let uri = strict.parse()?;
        Ok((uri, text.get(strict.len()..).unwrap_or_default()))
    }

    /// An AT-URI from its parts.
    pub fn from_parts(authority: &AtIdentifier, path: Option<(&Nsid, Option<&RecordKey>)>) -> Self {
        let text = match path {
            None => format!("{SCHEME}{authority}"),
            Some((collection, None)) => format!("{SCHEME}{authority}/{collection}"),
            Some((collection, Some(key))) => format!("{SCHEME}{authority}/{collection}/{key}"),
        };
        Self(text.into())
    }

    /// The parts as text.
    pub fn parts(&self) -> AtUriRef<'_> {
        let mut parts = self.0.get(SCHEME.len()..).unwrap_or_default().split('/');
        AtUriRef {
            authority: parts.next().unwrap_or_default(),
            collection: parts.next(),
            record_key: parts.next(),
        }
    }

    /// The account.
    pub fn authority(&self) -> AtIdentifier {
        AtIdentifier::from_checked(self.parts().authority)
    }

    /// The collection, where there is one.
    pub fn collection(&self) -> Option<Nsid> {
        self.parts().collection.and_then(|text| text.parse().ok())
    }

    /// The record key, where there is one.
    pub fn record_key(&self) -> Option<RecordKey> {
        self.parts().record_key.and_then(|text| text.parse().ok())
    }
}
