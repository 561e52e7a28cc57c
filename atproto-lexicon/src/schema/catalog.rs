use super::{Def, DefKind, Document, ObjectType, Reference, Type, UnionType};
use crate::syntax::Nsid;
use std::collections::BTreeMap;

/// A set of documents, each NSID once, in which references can be followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    documents: BTreeMap<Nsid, Document>,
}

/// Two documents have one NSID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is a document {0} already")]
pub struct Duplicate(pub Nsid);

/// A reference that leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{from} refers to {to}, which is not there")]
pub struct Missing {
    /// The definition that holds the reference.
    pub from: Reference,
    /// What it refers to.
    pub to: Reference,
}

/// A reference to a definition that cannot stand where it does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{from} refers to {to}, which is of the type {found:?} and cannot stand there")]
pub struct Misdirected {
    /// The definition that holds the reference.
    pub from: Reference,
    /// What it refers to.
    pub to: Reference,
    /// The type of that in the language.
    pub found: &'static str,
}

impl Catalog {
    /// A catalog without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document.
    ///
    /// # Errors
    /// [`Duplicate`] where one of its NSID is there; the catalog is then as it was.
    pub fn insert(&mut self, document: Document) -> Result<(), Duplicate> {
        if self.documents.contains_key(&document.id) {
            return Err(Duplicate(document.id));
        }
        self.documents.insert(document.id.clone(), document);
        Ok(())
    }

    /// The document of an NSID.
    pub fn document(&self, nsid: &Nsid) -> Option<&Document> {
        self.documents.get(nsid)
    }

    /// All documents, in the order of their NSIDs.
    pub fn documents(&self) -> impl ExactSizeIterator<Item = &Document> {
        self.documents.values()
    }

    /// All definitions with their names, in order.
    pub fn defs(&self) -> impl Iterator<Item = (Reference, &Def)> {
        self.documents().flat_map(|document| {
            document
                .defs
                .iter()
                .map(|(name, def)| (Reference { nsid: document.id.clone(), name: name.as_str().into() }, def))
        })
    }

    /// What a reference leads to.
    pub fn get(&self, reference: &Reference) -> Option<&Def> {
        self.documents.get(&reference.nsid)?.defs.get(&*reference.name)
    }

    /// What a `$type` names: `nsid` or `nsid#name`, never `nsid#main`.
    pub fn get_type(&self, name: &str) -> Option<&Def> {
        let (nsid, name) = match name.split_once('#') {
            Some((_, Reference::MAIN)) => return None,
            Some(both) => both,
            None => (name, Reference::MAIN),
        };
        self.documents.get(nsid)?.defs.get(name)
    }

    /// All references that lead nowhere, each once for each definition that holds it, in order.
    pub fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        for (from, def) in self.defs() {
            for to in def.references() {
                if self.get(to).is_none() {
                    missing.push(Missing { from: from.clone(), to: to.clone() });
                }
            }
        }
        missing.sort();
        missing.dedup();
        missing
    }

    /// All references that lead to what they must not, each once for each definition that holds it, in order: a `ref` leads to
    /// a record or a type of data, and a member of a union is a record or an object.
    pub fn misdirected(&self) -> Vec<Misdirected> {
        let mut misdirected = Vec::new();
        for (from, def) in self.defs() {
            for used in def.uses() {
                if let Some(Def { kind, .. }) =
                    self.get(used.to).filter(|def| !def.kind.can_be_referred_to(used.in_union))
                {
                    let (to, found) = (used.to.clone(), kind.name());
                    misdirected.push(Misdirected { from: from.clone(), to, found });
                }
            }
        }
        misdirected.sort();
        misdirected.dedup();
        misdirected
    }
}

impl Def {
    /// All references that it holds, at any depth.
    pub fn references(&self) -> Vec<&Reference> {
        self.uses().into_iter().map(|used| used.to).collect()
    }

    pub(crate) fn uses(&self) -> Vec<Use<'_>> {
        let mut found = Vec::new();
        match &self.kind {
            DefKind::Record(record) => in_object(&record.object, &mut found),
            DefKind::Query(endpoint) | DefKind::Procedure(endpoint) => {
                if let Some(object) = &endpoint.parameters {
                    in_object(object, &mut found);
                }
                for schema in
                    [&endpoint.input, &endpoint.output].into_iter().flatten().flat_map(|body| &body.schema)
                {
                    in_type(&schema.ty, &mut found);
                }
            }
            DefKind::Subscription(subscription) => {
                if let Some(object) = &subscription.parameters {
                    in_object(object, &mut found);
                }
                in_union(&subscription.message, &mut found);
            }
            DefKind::PermissionSet(_) | DefKind::Token => {}
            DefKind::Type(ty) => in_type(ty, &mut found),
        }
        found
    }
}

/// A reference and what it stands in.
pub(crate) struct Use<'a> {
    pub(crate) to: &'a Reference,
    pub(crate) in_union: bool,
}

impl DefKind {
    /// Whether a reference, or a union's member, can lead to this.
    pub(crate) fn can_be_referred_to(&self, in_union: bool) -> bool {
        match self {
            Self::Record(_) | Self::Type(Type::Object(_)) => true,
            Self::Type(Type::Ref(_) | Type::Union(_) | Type::Unknown) => false,
            Self::Type(_) => !in_union,
            _ => false,
        }
    }
}

fn in_object<'a>(object: &'a ObjectType, found: &mut Vec<Use<'a>>) {
    for schema in object.properties.values() {
        in_type(&schema.ty, found);
    }
}

fn in_union<'a>(union: &'a UnionType, found: &mut Vec<Use<'a>>) {
    found.extend(union.refs.iter().map(|to| Use { to, in_union: true }));
}

fn in_type<'a>(ty: &'a Type, found: &mut Vec<Use<'a>>) {
    match ty {
        Type::Ref(to) => found.push(Use { to, in_union: false }),
        Type::Union(union) => in_union(union, found),
        Type::Array(array) => in_type(&array.items.ty, found),
        Type::Object(object) => in_object(object, found),
        _ => {}
    }
}
