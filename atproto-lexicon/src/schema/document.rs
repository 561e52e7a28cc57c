use super::{EndpointType, ObjectType, PermissionSet, Reference, SubscriptionType, Type};
use crate::syntax::{Nsid, RecordKey};
use std::collections::BTreeMap;

/// A Lexicon document: the definitions under one NSID (<https://atproto.com/specs/lexicon#lexicon-files>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The NSID.
    pub id: Nsid,
    /// For people.
    pub description: Option<String>,
    /// The definitions by name, at least one.
    pub defs: BTreeMap<String, Def>,
    /// JSON pointers to fields that the language does not know, such as misspelt ones: they mean nothing. Of very many, the first
    /// ones, of 1 MiB in all.
    pub unrecognised: Vec<String>,
    /// JSON pointers to names that `required` has already, of very many the first ones.
    pub repeated: Vec<String>,
}

impl Document {
    /// The definition that the document is about.
    pub fn main(&self) -> Option<&Def> {
        self.defs.get(Reference::MAIN)
    }
}

/// A named definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Def {
    /// For people.
    pub description: Option<String>,
    /// What it defines.
    pub kind: DefKind,
}

/// What a definition defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefKind {
    /// A type of record.
    Record(Record),
    /// An endpoint of HTTP GET.
    Query(EndpointType),
    /// An endpoint of HTTP POST.
    Procedure(EndpointType),
    /// An event stream.
    Subscription(SubscriptionType),
    /// A bundle of permissions.
    PermissionSet(PermissionSet),
    /// A name that stands for itself.
    Token,
    /// A type to be referred to; never a reference, union or unknown.
    Type(Type),
}

impl DefKind {
    /// The type's name in the language.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Query(_) => "query",
            Self::Procedure(_) => "procedure",
            Self::Subscription(_) => "subscription",
            Self::PermissionSet(_) => "permission-set",
            Self::Token => "token",
            Self::Type(ty) => ty.name(),
        }
    }
}

/// `record`: what a repository holds under the document's NSID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What its record keys are.
    pub key: RecordKeyKind,
    /// For people.
    pub description: Option<String>,
    /// The fields besides `$type`.
    pub object: ObjectType,
}

/// What the record keys of a type are (<https://atproto.com/specs/record-key#record-key-types>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordKeyKind {
    /// Timestamp identifiers.
    Tid,
    /// NSIDs.
    Nsid,
    /// Any record key.
    Any,
    /// Only this one.
    Literal(RecordKey),
}
