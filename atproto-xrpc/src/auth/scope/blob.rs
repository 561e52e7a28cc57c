use super::{ScopeError, ScopeSyntax};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// `blob`: uploading media of some types (<https://atproto.com/specs/permission#blob>).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobScope(BTreeSet<Accept>);

/// A media type, all of one kind (`image/*`), or all (`*/*`). In lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Accept {
    /// `None` for all.
    kind: Option<Box<str>>,
    /// `None` for all of the kind.
    subtype: Option<Box<str>>,
}

impl BlobScope {
    /// For these; `None` where there is none. What another one of them covers is left out.
    pub fn new(accept: impl IntoIterator<Item = Accept>) -> Option<Self> {
        let all: BTreeSet<Accept> = accept.into_iter().collect();
        let is_needed = |one: &Accept| !all.iter().any(|other| other != one && other.covers(one));
        let needed: BTreeSet<Accept> = all.iter().filter(|one| is_needed(one)).cloned().collect();
        (!needed.is_empty()).then_some(Self(needed))
    }

    /// The types.
    pub fn accept(&self) -> impl Iterator<Item = &Accept> {
        self.0.iter()
    }

    /// Whether it allows a media type, such as `image/png`. What follows a `;` does not count.
    pub fn allows(&self, media_type: &str) -> bool {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let Ok(wanted) = essence.parse::<Accept>() else { return false };
        // One that is to be uploaded is of one type.
        wanted.subtype.is_some() && self.0.iter().any(|accept| accept.covers(&wanted))
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|wanted| self.0.iter().any(|accept| accept.covers(wanted)))
    }

    pub(super) fn read(syntax: ScopeSyntax) -> Result<Self, ScopeError> {
        let mut params = syntax.named("accept")?;
        let accept: Result<Vec<Accept>, _> = params.take("accept").iter().map(|text| text.parse()).collect();
        params.end()?;
        Self::new(accept?).ok_or(ScopeError::Missing("accept"))
    }

    pub(super) fn to_syntax(&self) -> ScopeSyntax {
        ScopeSyntax::new("blob").with_positional("accept", self.0.iter().map(Accept::to_string))
    }
}

impl Accept {
    fn covers(&self, other: &Self) -> bool {
        (self.kind.is_none() || self.kind == other.kind)
            && (self.subtype.is_none() || self.subtype == other.subtype)
    }
}

impl FromStr for Accept {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let malformed = ScopeError::Malformed("accept");
        let (kind, subtype) = text.split_once('/').ok_or(malformed)?;
        let part = |part: &str| match part {
            "*" => Some(None),
            // RFC 6838, section 4.2.
            _ => {
                let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b);
                let is_name = !part.is_empty() && part.len() <= 127 && part.bytes().all(allowed);
                is_name.then(|| Some(part.to_ascii_lowercase().into_boxed_str()))
            }
        };
        match (part(kind).ok_or(malformed)?, part(subtype).ok_or(malformed)?) {
            (None, Some(_)) => Err(malformed),
            (kind, subtype) => Ok(Self { kind, subtype }),
        }
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_deref().unwrap_or("*"), self.subtype.as_deref().unwrap_or("*"))
    }
}
