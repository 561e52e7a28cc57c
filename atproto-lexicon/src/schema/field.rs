use super::Reference;
use crate::syntax::Format;
use std::collections::BTreeMap;

/// What stands at a place in data, and what the document says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// For people.
    pub description: Option<String>,
    /// Which values are allowed.
    pub ty: Type,
}

/// Which values are allowed at a place (<https://atproto.com/specs/lexicon#field-type-definitions>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false`.
    Boolean(BooleanType),
    /// An integer of 64 bits.
    Integer(IntegerType),
    /// Text.
    String(StringType),
    /// A byte string.
    Bytes(BytesType),
    /// A link to a block.
    CidLink,
    /// A reference to a blob.
    Blob(BlobType),
    /// Values of one schema in order.
    Array(ArrayType),
    /// Named properties.
    Object(ObjectType),
    /// What another definition says.
    Ref(Reference),
    /// An object of one of several definitions, told by its `$type`.
    Union(UnionType),
    /// Any object that is not a blob, bytes or a link.
    Unknown,
}

impl Type {
    /// The type's name in the language.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::CidLink => "cid-link",
            Self::Blob(_) => "blob",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Ref(_) => "ref",
            Self::Union(_) => "union",
            Self::Unknown => "unknown",
        }
    }
}

/// `boolean`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BooleanType {
    /// What absence means.
    pub default: Option<bool>,
    /// The one value allowed.
    pub constant: Option<bool>,
}

/// `integer`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegerType {
    /// The least value.
    pub minimum: Option<i64>,
    /// The greatest value.
    pub maximum: Option<i64>,
    /// The only values.
    pub values: Option<Vec<i64>>,
    /// What absence means.
    pub default: Option<i64>,
    /// The one value allowed.
    pub constant: Option<i64>,
}

/// `string`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StringType {
    /// What the text has to be.
    pub format: Option<Format>,
    /// Least length in bytes of UTF-8.
    pub min_length: Option<u64>,
    /// Greatest length in bytes of UTF-8.
    pub max_length: Option<u64>,
    /// Least length in extended grapheme clusters.
    pub min_graphemes: Option<u64>,
    /// Greatest length in extended grapheme clusters.
    pub max_graphemes: Option<u64>,
    /// Values that are common; others are allowed.
    pub known_values: Option<Vec<String>>,
    /// The only values: `enum`.
    pub values: Option<Vec<String>>,
    /// What absence means.
    pub default: Option<String>,
    /// The one value allowed.
    pub constant: Option<String>,
}

/// `bytes`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BytesType {
    /// Least length in bytes.
    pub min_length: Option<u64>,
    /// Greatest length in bytes.
    pub max_length: Option<u64>,
}

/// `blob`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobType {
    /// Media types, where `image/*` stands for all of its kind and `*/*` for any.
    pub accept: Option<Vec<String>>,
    /// Greatest size in bytes.
    pub max_size: Option<u64>,
}

/// `array`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayType {
    /// What each item is.
    pub items: Box<Schema>,
    /// Least number of items.
    pub min_length: Option<u64>,
    /// Greatest number of items.
    pub max_length: Option<u64>,
}

/// `object`, and `params`, whose properties are booleans, integers, strings, or arrays of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectType {
    /// What each property is; others are allowed.
    pub properties: BTreeMap<String, Schema>,
    /// Properties that must be there, each once, in the document's order.
    pub required: Vec<String>,
    /// Properties that may be `null`.
    pub nullable: Vec<String>,
}

impl ObjectType {
    /// Whether a property must be there.
    pub fn is_required(&self, name: &str) -> bool {
        self.required.iter().any(|required| required == name)
    }

    /// Whether a property may be `null`.
    pub fn is_nullable(&self, name: &str) -> bool {
        self.nullable.iter().any(|nullable| nullable == name)
    }
}

/// `union`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnionType {
    /// The definitions that an object can be of.
    pub refs: Vec<Reference>,
    /// Whether it can be of no other.
    pub closed: bool,
}
