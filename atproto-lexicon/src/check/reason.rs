use crate::data::ModelError;
use crate::syntax::SyntaxError;
use std::fmt;

/// A constraint that a value breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// JSON pointer (RFC 6901) to the value; empty for the whole.
    pub path: String,
    /// The constraint.
    pub reason: Reason,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "the value" } else { &self.path };
        write!(f, "{place}: {}", self.reason)
    }
}

impl std::error::Error for Failure {}

/// Constraints that a value breaks: one at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failures {
    first: Failure,
    others: Vec<Failure>,
}

impl Failures {
    /// `Ok` where there are none.
    pub(super) fn new(failures: Vec<Failure>) -> Result<(), Self> {
        let mut failures = failures.into_iter();
        match failures.next() {
            None => Ok(()),
            Some(first) => Err(Self { first, others: failures.collect() }),
        }
    }

    /// The first one.
    pub fn first(&self) -> &Failure {
        &self.first
    }

    /// Whether nothing is known to be wrong: there are only references of the schema to what is not known.
    pub fn is_incomplete(&self) -> bool {
        // Those come last.
        matches!(self.first.reason, Reason::UnknownDefinition(_))
    }

    /// All, in the order of checking; definitions that are not known come last.
    pub fn iter(&self) -> impl Iterator<Item = &Failure> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl fmt::Display for Failures {
    /// The first one, and how many there are besides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        if self.others.is_empty() { Ok(()) } else { write!(f, " (and {} more)", self.others.len()) }
    }
}

impl std::error::Error for Failures {}

/// What a value breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The value is of another type.
    #[error("not {expected}")]
    Type {
        /// What it has to be, with its article.
        expected: &'static str,
    },
    /// A property that has to be there is not.
    #[error("missing")]
    Missing,
    /// `null` where it is not allowed.
    #[error("null is not allowed")]
    Null,
    /// A text or byte string is too short.
    #[error("{length} bytes, at least {min} are needed")]
    TooShort {
        /// Its length in bytes.
        length: u64,
        /// The least.
        min: u64,
    },
    /// A text or byte string is too long.
    #[error("{length} bytes, at most {max} are allowed")]
    TooLong {
        /// Its length in bytes.
        length: u64,
        /// The greatest.
        max: u64,
    },
    /// A text has too few grapheme clusters.
    #[error("{count} graphemes, at least {min} are needed")]
    TooFewGraphemes {
        /// How many it has.
        count: u64,
        /// The least.
        min: u64,
    },
    /// A text has too many grapheme clusters.
    #[error("more than {max} graphemes")]
    TooManyGraphemes {
        /// The greatest number.
        max: u64,
    },
    /// An array has too few items.
    #[error("{count} items, at least {min} are needed")]
    TooFewItems {
        /// How many it has.
        count: u64,
        /// The least.
        min: u64,
    },
    /// An array has too many items.
    #[error("{count} items, at most {max} are allowed")]
    TooManyItems {
        /// How many it has.
        count: u64,
        /// The greatest.
        max: u64,
    },
    /// An integer is too small.
    #[error("{value} is less than {min}")]
    BelowMinimum {
        /// The integer.
        value: i64,
        /// The least.
        min: i64,
    },
    /// An integer is too great.
    #[error("{value} is greater than {max}")]
    AboveMaximum {
        /// The integer.
        value: i64,
        /// The greatest.
        max: i64,
    },
    /// A value is none of those of an `enum`.
    #[error("none of the values allowed")]
    NotInEnum,
    /// A value is not that of a `const`.
    #[error("not the one value allowed")]
    NotConst,
    /// A text is not of its format.
    #[error(transparent)]
    Format(SyntaxError),
    /// A blob is larger than allowed.
    #[error("a blob of {size} bytes, at most {max} are allowed")]
    BlobTooLarge {
        /// Its size in bytes.
        size: u64,
        /// The greatest.
        max: u64,
    },
    /// A blob's media type is not accepted.
    #[error("a blob of type {0:?} is not accepted here")]
    BlobMediaType(String),
    /// A blob in the form of before 2023.
    #[error("a blob in the legacy form")]
    LegacyBlob,
    /// An object without `$type` where that tells what it is, such as in a union.
    #[error("an object without $type")]
    NoType,
    /// A `$type` that can be no definition's name.
    #[error("the $type {0:?} is not the name of a definition")]
    TypeName(String),
    /// An object that the closed union has not.
    #[error("the closed union has no {0:?}")]
    NotInUnion(String),
    /// A record with another `$type`, or none.
    #[error("$type is not {0:?}")]
    RecordType(String),
    /// A record key that the type does not allow.
    #[error("the record key {0:?} is not allowed for this type")]
    RecordKey(String),
    /// A rule of the data model is broken.
    #[error(transparent)]
    Model(ModelError),
    /// Nested more deeply than any value that is read.
    #[error("nested too deeply")]
    TooDeep,
    /// The schema refers to a definition that no value can be of there, such as a token.
    #[error("the schema refers to {0}, which nothing can be here")]
    NoData(String),
    /// The schema refers to a definition that is not known, so that nothing can be said of the value.
    #[error("the schema refers to {0}, which is not known")]
    UnknownDefinition(String),
}
