use crate::data::json::JsonError;
use crate::syntax::SyntaxError;

/// Why a text is no Lexicon document, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule} at {}", if pointer.is_empty() { "the document itself" } else { pointer })]
pub struct DocumentError {
    /// JSON pointer (RFC 6901) to the value that breaks the rule; empty for the document itself.
    pub pointer: String,
    /// The rule that is broken.
    pub rule: Rule,
}

/// A rule of the Lexicon language that a document broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rule {
    /// The text is not JSON of the data model.
    #[error(transparent)]
    Json(JsonError),
    /// A value is of another type.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A field that has to be there is not.
    #[error("the field {0:?} is missing")]
    MissingField(&'static str),
    /// `lexicon` is not 1.
    #[error("the language version is not 1")]
    Version,
    /// A text is not of the format that its place asks for.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// There are no definitions.
    #[error("a document has at least one definition")]
    NoDefinitions,
    /// A definition's name cannot stand in a reference.
    #[error("a definition's name is not empty and holds no \"#\", white space or control character")]
    DefinitionName,
    /// The language has no such type.
    #[error("there is no type {0:?}")]
    UnknownType(String),
    /// The type cannot be a definition of its own.
    #[error("{0:?} cannot be a named definition")]
    NotNamed(&'static str),
    /// The type is for `main` alone.
    #[error("{0:?} is for the definition \"main\" only")]
    OnlyMain(&'static str),
    /// The type cannot stand where it does.
    #[error("{0:?} cannot stand here")]
    Misplaced(&'static str),
    /// A record's key is none of `tid`, `nsid`, `any` and `literal:…`.
    #[error("a record's key is \"tid\", \"nsid\", \"any\" or \"literal:\" with a record key")]
    RecordKey,
    /// There is no such string format.
    #[error("there is no string format {0:?}")]
    UnknownFormat(String),
    /// A field has both.
    #[error("\"const\" and \"default\" exclude each other")]
    ConstAndDefault,
    /// `required` names a property that is not there.
    #[error("the required property {0:?} is not defined")]
    RequiredProperty(String),
    /// A union that nothing can be.
    #[error("a closed union has at least one member")]
    EmptyClosedUnion,
    /// Not a reference.
    #[error("not a reference: \"nsid\", \"nsid#name\" or \"#name\"")]
    Reference,
    /// An error's name is empty or has white space in it.
    #[error("an error's name is not empty and has no white space")]
    ErrorName,
}
