//! What is generated, named in full, before it becomes text.

use crate::schema::Reference;
use crate::syntax::Nsid;

/// A document's module.
pub(super) struct Module {
    pub(super) nsid: Nsid,
    pub(super) items: Vec<Item>,
    /// Modules that it uses, by name, with their paths.
    pub(super) imports: std::collections::BTreeMap<String, String>,
    /// The type to reach from the module above, too.
    pub(super) main_type: Option<String>,
}

/// Lines of documentation, without `///`.
pub(super) type Docs = Vec<String>;

pub(super) enum Item {
    Struct(Struct),
    Union(Union),
    Values(Values),
    /// `pub type`.
    Alias {
        docs: Docs,
        name: String,
        ty: String,
    },
    /// `pub const … : &str`.
    Token {
        docs: Docs,
        name: String,
        value: String,
    },
    /// A constant of any type.
    Constant {
        docs: Docs,
        name: String,
        ty: &'static str,
        value: Vec<String>,
    },
    /// The marker or wrapper of a request that is no single struct of data.
    Request {
        docs: Docs,
        name: String,
        params: Option<String>,
        input: Option<String>,
    },
    Endpoint(Endpoint),
}

/// A struct of data.
pub(super) struct Struct {
    pub(super) docs: Docs,
    pub(super) name: String,
    /// Where it stands in the schema.
    pub(super) kind: StructKind,
    pub(super) fields: Vec<Field>,
    /// Lines that check its constraints.
    pub(super) checks: Vec<String>,
}

pub(super) enum StructKind {
    /// Has `extra`.
    Object,
    /// Has `extra`, and a `$type` always.
    Record { nsid: Nsid, key: String },
    /// Query parameters.
    Params,
}

pub(super) struct Field {
    pub(super) docs: Docs,
    /// The identifier.
    pub(super) name: String,
    /// The name in data.
    pub(super) key: String,
    /// The type, without the `Option` of a field that need not be there.
    pub(super) ty: String,
    pub(super) required: bool,
    /// The one value that it can have, as an expression.
    pub(super) constant: Option<String>,
    pub(super) default: Option<DefaultValue>,
}

/// What absence of a field means.
pub(super) struct DefaultValue {
    /// The type that the method returns.
    pub(super) ty: String,
    /// The method's body.
    pub(super) body: String,
    /// For the docs.
    pub(super) text: String,
}

pub(super) struct Union {
    pub(super) docs: Docs,
    pub(super) name: String,
    pub(super) variants: Vec<Variant>,
    pub(super) closed: bool,
}

pub(super) struct Variant {
    pub(super) name: String,
    pub(super) ty: String,
    pub(super) reference: Reference,
}

/// The values of a text.
pub(super) struct Values {
    pub(super) docs: Docs,
    pub(super) name: String,
    /// Identifier and text.
    pub(super) variants: Vec<(String, String)>,
    pub(super) closed: bool,
}

/// The `impl Endpoint` of a request.
pub(super) struct Endpoint {
    pub(super) request: String,
    pub(super) nsid: Nsid,
    pub(super) method: &'static str,
    /// Its parameters and its output have a `cursor`.
    pub(super) is_paged: bool,
    pub(super) input_encoding: Option<String>,
    pub(super) output_encoding: Option<String>,
    pub(super) params: Part,
    pub(super) input: Part,
    pub(super) output: String,
    pub(super) error: String,
}

/// Where a part of a request lies.
pub(super) enum Part {
    /// The request is it.
    Whole,
    /// A field of the request, of this type.
    Field { name: &'static str, ty: String },
    /// There is none; this stands for it.
    Nothing(&'static str),
}

impl Item {
    /// The name that it declares.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Struct(Struct { name, .. })
            | Self::Union(Union { name, .. })
            | Self::Values(Values { name, .. })
            | Self::Alias { name, .. }
            | Self::Token { name, .. }
            | Self::Constant { name, .. }
            | Self::Request { name, .. } => Some(name),
            Self::Endpoint(_) => None,
        }
    }
}
