use crate::syntax::Nsid;
use std::fmt;

/// The name of a definition in all of Lexicon: its document's NSID, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The document.
    pub nsid: Nsid,
    /// The definition in it; `main` where the reference has no fragment.
    pub name: Box<str>,
}

/// A text is not a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reference: \"nsid\", \"nsid#name\" or \"#name\"")]
pub struct BadReference;

impl Reference {
    /// The name of the definition that a document is about.
    pub const MAIN: &'static str = "main";

    /// To the main definition of a document.
    pub fn main(nsid: Nsid) -> Self {
        Self { nsid, name: Self::MAIN.into() }
    }

    /// Reads `nsid`, `nsid#name`, or `#name` in the document `within`.
    ///
    /// # Errors
    /// [`BadReference`] where it is none of them.
    pub fn parse(text: &str, within: &Nsid) -> Result<Self, BadReference> {
        match text.strip_prefix('#') {
            Some(name) if is_definition_name(name) => Ok(Self { nsid: within.clone(), name: name.into() }),
            Some(_) => Err(BadReference),
            None => Self::parse_full(text),
        }
    }

    /// Reads a `$type`: `nsid` or `nsid#name`.
    ///
    /// # Errors
    /// [`BadReference`] where it is neither, or is `nsid#main`.
    pub fn from_type(type_name: &str) -> Result<Self, BadReference> {
        match type_name.split_once('#') {
            Some((_, Self::MAIN)) => Err(BadReference),
            _ => Self::parse_full(type_name),
        }
    }

    fn parse_full(text: &str) -> Result<Self, BadReference> {
        let (nsid, name) = text.split_once('#').unwrap_or((text, Self::MAIN));
        if !is_definition_name(name) {
            return Err(BadReference);
        }
        Ok(Self { nsid: nsid.parse().map_err(|_| BadReference)?, name: name.into() })
    }

    /// Whether a `$type` names it: as `nsid` or `nsid#name`, where `nsid#main` names nothing.
    pub fn is_type(&self, type_name: &str) -> bool {
        match type_name.split_once('#') {
            None => self.is_main() && self.nsid == *type_name,
            Some((nsid, name)) => !self.is_main() && self.nsid == *nsid && &*self.name == name,
        }
    }

    /// Whether it is to a main definition.
    pub fn is_main(&self) -> bool {
        &*self.name == Self::MAIN
    }
}

/// Whether a definition can have this name.
pub(super) fn is_definition_name(name: &str) -> bool {
    let allowed = |character: char| character != '#' && !character.is_whitespace() && !character.is_control();
    !name.is_empty() && name.chars().all(allowed)
}

impl fmt::Display for Reference {
    /// As `$type` has it: without `#main`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_main() { self.nsid.fmt(f) } else { write!(f, "{}#{}", self.nsid, self.name) }
    }
}
