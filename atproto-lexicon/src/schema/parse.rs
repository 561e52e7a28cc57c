//! JSON to [`Document`], by recursive descent; the JSON reader bounds the depth.

use super::node::Node;
use super::reference::is_definition_name;
use super::{
    Action, ArrayType, Audience, BlobType, Body, BooleanType, BytesType, Def, DefKind, Document,
    DocumentError, EndpointError, EndpointType, IntegerType, ObjectType, Permission, PermissionSet, Record,
    RecordKeyKind, Reference, Rule, Schema, StringType, SubscriptionType, Type, UnionType,
};
use crate::data::{Limits, Value, json};
use crate::syntax::{Language, Nsid};
use std::collections::{BTreeMap, BTreeSet};

type Result<T> = std::result::Result<T, DocumentError>;

impl Document {
    /// Reads a document's JSON, of at most 5 MiB.
    ///
    /// # Errors
    /// [`DocumentError`] for the first rule that is broken.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let json = json::from_slice(bytes, &Limits::default())
            .map_err(|error| DocumentError { pointer: String::new(), rule: Rule::Json(error) })?;
        Self::from_value(&json)
    }

    /// Reads a document from its value, such as that of a record `com.atproto.lexicon.schema`, whose `$type` is then there
    /// too.
    ///
    /// # Errors
    /// [`DocumentError`] for the first rule that is broken.
    pub fn from_value(value: &Value) -> Result<Self> {
        let root = Node::root(value);
        let version = root.need("lexicon")?;
        if integer(&version)? != 1 {
            return Err(version.error(Rule::Version));
        }
        let id = root.need("id")?;
        let id: Nsid = id.str()?.parse().map_err(|error| id.error(Rule::Syntax(error)))?;
        if let Some(type_name) = root.get("$type")
            && type_name.str()? != SCHEMA_RECORD
        {
            return Err(type_name.error(Rule::Expected("the type \"com.atproto.lexicon.schema\"")));
        }
        let mut parser = Parser { id, unrecognised: Vec::new(), repeated: Vec::new(), room: MAX_POINTERS };
        parser.known(&root, &["$type", "lexicon", "id", "description", "defs"]);
        let description = parser.description(&root)?;
        let defs = root.need("defs")?;
        if defs.object()?.is_empty() {
            return Err(defs.error(Rule::NoDefinitions));
        }
        let defs = defs.fields(|name, node| parser.def(name, node))?;
        let Parser { id, unrecognised, repeated, .. } = parser;
        Ok(Self { id, description, defs, unrecognised, repeated })
    }
}

/// The NSID of records that are documents.
const SCHEMA_RECORD: &str = "com.atproto.lexicon.schema";

/// Bytes of the pointers to what means nothing: each can be as long as the document.
const MAX_POINTERS: usize = 1 << 20;

struct Parser {
    id: Nsid,
    unrecognised: Vec<String>,
    repeated: Vec<String>,
    room: usize,
}

impl Parser {
    /// Notes the fields that have no meaning here.
    fn known(&mut self, node: &Node<'_>, names: &[&str]) {
        for name in node.value.as_object().into_iter().flat_map(|object| object.keys()) {
            if self.room > 0 && !names.contains(&name) {
                let pointer = node.get(name).map(|field| field.pointer()).unwrap_or_default();
                self.room = self.room.saturating_sub(pointer.len());
                self.unrecognised.push(pointer);
            }
        }
    }

    /// [`known`](Self::known), where the fields that all types have are not named.
    fn known_of_type(&mut self, node: &Node<'_>, names: &[&str]) {
        self.known(node, &[names, &["type", "description"]].concat());
    }

    fn description(&self, node: &Node<'_>) -> Result<Option<String>> {
        node.optional("description", string)
    }

    fn def(&mut self, name: &str, node: &Node<'_>) -> Result<Def> {
        if !is_definition_name(name) {
            return Err(node.error(Rule::DefinitionName));
        }
        let description = self.description(node)?;
        let primary = |name| if name == Reference::MAIN { Ok(()) } else { Err(()) };
        let only_main = |ty| primary(name).map_err(|()| node.error(Rule::OnlyMain(ty)));
        let kind = match node.need("type")?.str()? {
            "record" => only_main("record").and_then(|()| self.record(node)).map(DefKind::Record)?,
            "query" => only_main("query").and_then(|()| self.endpoint(node, false)).map(DefKind::Query)?,
            "procedure" => {
                only_main("procedure").and_then(|()| self.endpoint(node, true)).map(DefKind::Procedure)?
            }
            "subscription" => {
                only_main("subscription").and_then(|()| self.subscription(node)).map(DefKind::Subscription)?
            }
            "permission-set" => only_main("permission-set")
                .and_then(|()| self.permission_set(node))
                .map(DefKind::PermissionSet)?,
            "token" => {
                self.known_of_type(node, &[]);
                DefKind::Token
            }
            "params" => return Err(node.error(Rule::NotNamed("params"))),
            "permission" => return Err(node.error(Rule::NotNamed("permission"))),
            _ => match self.ty(node)? {
                ty @ (Type::Ref(_) | Type::Union(_) | Type::Unknown) => {
                    return Err(node.error(Rule::NotNamed(ty.name())));
                }
                ty => DefKind::Type(ty),
            },
        };
        Ok(Def { description, kind })
    }

    fn record(&mut self, node: &Node<'_>) -> Result<Record> {
        self.known_of_type(node, &["key", "record"]);
        let key = node.need("key")?;
        let kind = match key.str()? {
            "tid" => RecordKeyKind::Tid,
            "nsid" => RecordKeyKind::Nsid,
            "any" => RecordKeyKind::Any,
            other => {
                let literal = other.strip_prefix("literal:").and_then(|literal| literal.parse().ok());
                RecordKeyKind::Literal(literal.ok_or_else(|| key.error(Rule::RecordKey))?)
            }
        };
        let record = node.need("record")?;
        let description = self.description(&record)?;
        Ok(Record { key: kind, description, object: self.typed_object(&record)? })
    }

    /// An object that says so.
    fn typed_object(&mut self, node: &Node<'_>) -> Result<ObjectType> {
        if node.need("type")?.str()? != "object" {
            return Err(node.error(Rule::Expected("the type \"object\"")));
        }
        self.object(node)
    }

    fn object(&mut self, node: &Node<'_>) -> Result<ObjectType> {
        self.known_of_type(node, &["properties", "required", "nullable"]);
        let properties = node.need("properties")?.fields(|_, property| self.schema(property))?;
        Ok(ObjectType {
            required: self.required(node, &properties)?,
            properties,
            nullable: node.optional("nullable", strings)?.unwrap_or_default(),
        })
    }

    /// Names of properties, of which each is there; a repetition is left out.
    fn required(&mut self, node: &Node<'_>, properties: &BTreeMap<String, Schema>) -> Result<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        let name = |node: &Node<'_>| {
            let name = string(node)?;
            if !properties.contains_key(&name) {
                return Err(node.error(Rule::RequiredProperty(name)));
            }
            if seen.insert(name.clone()) {
                names.push(name);
            } else if self.room > 0 {
                let pointer = node.pointer();
                self.room = self.room.saturating_sub(pointer.len());
                self.repeated.push(pointer);
            }
            Ok(())
        };
        node.optional("required", |list| list.array(name).map(drop))?;
        Ok(names)
    }

    fn params(&mut self, node: &Node<'_>) -> Result<ObjectType> {
        self.known_of_type(node, &["properties", "required"]);
        if node.need("type")?.str()? != "params" {
            return Err(node.error(Rule::Expected("the type \"params\"")));
        }
        let is_plain = |ty: &Type| matches!(ty, Type::Boolean(_) | Type::Integer(_) | Type::String(_));
        let property = |_: &str, property: &Node<'_>| {
            let schema = self.schema(property)?;
            match &schema.ty {
                ty if is_plain(ty) => Ok(schema),
                Type::Array(array) if is_plain(&array.items.ty) => Ok(schema),
                ty => Err(property.error(Rule::Misplaced(ty.name()))),
            }
        };
        let properties =
            node.optional("properties", |properties| properties.fields(property))?.unwrap_or_default();
        Ok(ObjectType { required: self.required(node, &properties)?, properties, nullable: Vec::new() })
    }

    fn endpoint(&mut self, node: &Node<'_>, has_input: bool) -> Result<EndpointType> {
        let names = ["parameters", "output", "errors", "input"];
        self.known_of_type(node, &names);
        if let Some(input) = node.get("input").filter(|_| !has_input) {
            return Err(input.error(Rule::Misplaced("input")));
        }
        Ok(EndpointType {
            parameters: node.optional("parameters", |node| self.params(node))?,
            input: node.optional("input", |node| self.body(node))?,
            output: node.optional("output", |node| self.body(node))?,
            errors: self.errors(node)?,
        })
    }

    fn body(&mut self, node: &Node<'_>) -> Result<Body> {
        self.known(node, &["description", "encoding", "schema"]);
        let schema = |schema: &Node<'_>| {
            let read = self.schema(schema)?;
            match &read.ty {
                Type::Object(_) | Type::Ref(_) | Type::Union(_) => Ok(read),
                ty => Err(schema.error(Rule::Misplaced(ty.name()))),
            }
        };
        Ok(Body {
            schema: node.optional("schema", schema)?,
            description: self.description(node)?,
            encoding: string(&node.need("encoding")?)?,
        })
    }

    fn errors(&mut self, node: &Node<'_>) -> Result<Vec<EndpointError>> {
        let error = |node: &Node<'_>| {
            self.known(node, &["name", "description"]);
            let name = node.need("name")?;
            if name.str()?.is_empty() || name.str()?.contains(char::is_whitespace) {
                return Err(name.error(Rule::ErrorName));
            }
            Ok(EndpointError { name: string(&name)?, description: self.description(node)? })
        };
        Ok(node.optional("errors", |errors| errors.array(error))?.unwrap_or_default())
    }

    fn subscription(&mut self, node: &Node<'_>) -> Result<SubscriptionType> {
        self.known_of_type(node, &["parameters", "message", "errors"]);
        let parameters = node.optional("parameters", |node| self.params(node))?;
        let message = node.need("message")?;
        self.known(&message, &["description", "schema"]);
        let schema = message.need("schema")?;
        let Type::Union(union) = self.ty(&schema)? else {
            return Err(schema.error(Rule::Expected("a union")));
        };
        Ok(SubscriptionType { parameters, message: union, errors: self.errors(node)? })
    }

    fn permission_set(&mut self, node: &Node<'_>) -> Result<PermissionSet> {
        self.known_of_type(node, &["title", "title:lang", "detail", "detail:lang", "permissions"]);
        let by_language = |node: &Node<'_>| {
            node.fields::<_, BTreeMap<_, _>>(|language, text| {
                Language::check(language).map_err(|error| text.error(Rule::Syntax(error)))?;
                string(text)
            })
        };
        Ok(PermissionSet {
            title: node.optional("title", string)?,
            title_lang: node.optional("title:lang", by_language)?.unwrap_or_default(),
            detail: node.optional("detail", string)?,
            detail_lang: node.optional("detail:lang", by_language)?.unwrap_or_default(),
            permissions: node.need("permissions")?.array(permission)?,
        })
    }

    fn schema(&mut self, node: &Node<'_>) -> Result<Schema> {
        Ok(Schema { description: self.description(node)?, ty: self.ty(node)? })
    }

    fn ty(&mut self, node: &Node<'_>) -> Result<Type> {
        Ok(match node.need("type")?.str()? {
            "boolean" => Type::Boolean(self.boolean(node)?),
            "integer" => Type::Integer(self.integer(node)?),
            "string" => Type::String(self.string(node)?),
            "bytes" => {
                self.known_of_type(node, &["minLength", "maxLength"]);
                Type::Bytes(BytesType {
                    min_length: node.optional("minLength", length)?,
                    max_length: node.optional("maxLength", length)?,
                })
            }
            "cid-link" => {
                self.known_of_type(node, &[]);
                Type::CidLink
            }
            "blob" => {
                self.known_of_type(node, &["accept", "maxSize"]);
                Type::Blob(BlobType {
                    accept: node.optional("accept", strings)?,
                    max_size: node.optional("maxSize", length)?,
                })
            }
            "array" => {
                self.known_of_type(node, &["items", "minLength", "maxLength"]);
                Type::Array(ArrayType {
                    items: Box::new(self.schema(&node.need("items")?)?),
                    min_length: node.optional("minLength", length)?,
                    max_length: node.optional("maxLength", length)?,
                })
            }
            "object" => Type::Object(self.object(node)?),
            "ref" => {
                self.known_of_type(node, &["ref"]);
                Type::Ref(self.reference(&node.need("ref")?)?)
            }
            "union" => Type::Union(self.union(node)?),
            "unknown" => {
                self.known_of_type(node, &[]);
                Type::Unknown
            }
            other => {
                let elsewhere = [
                    "record",
                    "query",
                    "procedure",
                    "subscription",
                    "permission-set",
                    "token",
                    "params",
                    "permission",
                ];
                let rule = match elsewhere.into_iter().find(|ty| *ty == other) {
                    Some(ty) => Rule::Misplaced(ty),
                    None => Rule::UnknownType(other.into()),
                };
                return Err(node.error(rule));
            }
        })
    }

    fn boolean(&mut self, node: &Node<'_>) -> Result<BooleanType> {
        self.known_of_type(node, &["default", "const"]);
        not_const_and_default(node)?;
        Ok(BooleanType {
            default: node.optional("default", boolean)?,
            constant: node.optional("const", boolean)?,
        })
    }

    fn integer(&mut self, node: &Node<'_>) -> Result<IntegerType> {
        self.known_of_type(node, &["minimum", "maximum", "enum", "default", "const"]);
        not_const_and_default(node)?;
        Ok(IntegerType {
            minimum: node.optional("minimum", integer)?,
            maximum: node.optional("maximum", integer)?,
            values: node.optional("enum", |node| node.array(integer))?,
            default: node.optional("default", integer)?,
            constant: node.optional("const", integer)?,
        })
    }

    fn string(&mut self, node: &Node<'_>) -> Result<StringType> {
        let lengths = ["minLength", "maxLength", "minGraphemes", "maxGraphemes"];
        self.known_of_type(
            node,
            &[&lengths[..], &["format", "knownValues", "enum", "default", "const"]].concat(),
        );
        not_const_and_default(node)?;
        let format = |node: &Node<'_>| {
            let name = node.str()?;
            name.parse().map_err(|_| node.error(Rule::UnknownFormat(name.into())))
        };
        Ok(StringType {
            format: node.optional("format", format)?,
            min_length: node.optional("minLength", length)?,
            max_length: node.optional("maxLength", length)?,
            min_graphemes: node.optional("minGraphemes", length)?,
            max_graphemes: node.optional("maxGraphemes", length)?,
            known_values: node.optional("knownValues", strings)?,
            values: node.optional("enum", strings)?,
            default: node.optional("default", string)?,
            constant: node.optional("const", string)?,
        })
    }

    fn union(&mut self, node: &Node<'_>) -> Result<UnionType> {
        self.known_of_type(node, &["refs", "closed"]);
        let refs = node.need("refs")?.array(|node| self.reference(node))?;
        let closed = node.optional("closed", boolean)?.unwrap_or_default();
        if closed && refs.is_empty() {
            return Err(node.error(Rule::EmptyClosedUnion));
        }
        Ok(UnionType { refs, closed })
    }

    fn reference(&self, node: &Node<'_>) -> Result<Reference> {
        Reference::parse(node.str()?, &self.id).map_err(|_| node.error(Rule::Reference))
    }
}

// Functions and no methods, so that they are for nodes of any lifetime where they are passed on.

fn string(node: &Node<'_>) -> Result<String> {
    node.str().map(Into::into)
}

fn integer(node: &Node<'_>) -> Result<i64> {
    node.expected("an integer", node.value.as_integer())
}

fn length(node: &Node<'_>) -> Result<u64> {
    let length = node.value.as_integer().and_then(|number| number.try_into().ok());
    node.expected("an integer that is not negative", length)
}

fn boolean(node: &Node<'_>) -> Result<bool> {
    let boolean = match node.value {
        Value::Boolean(value) => Some(*value),
        _ => None,
    };
    node.expected("a boolean", boolean)
}

fn strings(node: &Node<'_>) -> Result<Vec<String>> {
    node.array(string)
}

/// At least one.
fn some_strings(node: &Node<'_>) -> Result<Vec<String>> {
    let found = strings(node)?;
    node.expected("an array of one item or more", (!found.is_empty()).then_some(found))
}

fn not_const_and_default(node: &Node<'_>) -> Result<()> {
    match (node.get("const"), node.get("default")) {
        (Some(_), Some(_)) => Err(node.error(Rule::ConstAndDefault)),
        _ => Ok(()),
    }
}

fn permission(node: &Node<'_>) -> Result<Permission> {
    if node.need("type")?.str()? != "permission" {
        return Err(node.error(Rule::Expected("the type \"permission\"")));
    }
    let resource = string(&node.need("resource")?)?;
    let fields = node.object()?;
    let only = |names: &[&str]| {
        fields.keys().all(|name| names.contains(&name) || ["type", "description", "resource"].contains(&name))
    };
    let known = match &*resource {
        "repo" if only(&["collection", "action"]) => repo_permission(node)?,
        "rpc" if only(&["lxm", "aud", "inheritAud"]) => rpc_permission(node)?,
        _ => None,
    };
    Ok(known.unwrap_or_else(|| Permission::Unknown { resource, fields: fields.clone() }))
}

/// `None` where an action is not known, or where there are to be none: nothing may be granted then.
fn repo_permission(node: &Node<'_>) -> Result<Option<Permission>> {
    let action = |text: String| match &*text {
        "create" => Some(Action::Create),
        "update" => Some(Action::Update),
        "delete" => Some(Action::Delete),
        _ => None,
    };
    let collection = some_strings(&node.need("collection")?)?;
    let actions = node.optional("action", strings)?;
    if actions.as_ref().is_some_and(Vec::is_empty) {
        return Ok(None);
    }
    Ok(actions
        .unwrap_or_default()
        .into_iter()
        .map(action)
        .collect::<Option<Vec<_>>>()
        .map(|action| Permission::Repo { collection, action }))
}

fn rpc_permission(node: &Node<'_>) -> Result<Option<Permission>> {
    let lxm = some_strings(&node.need("lxm")?)?;
    let aud = node.optional("aud", string)?;
    let aud = match (node.optional("inheritAud", boolean)?.unwrap_or_default(), aud) {
        (true, None) => Audience::Inherited,
        (false, Some(aud)) => Audience::Named(aud),
        (false, None) => Audience::Absent,
        // Which of the two is meant nobody can say.
        (true, Some(_)) => return Ok(None),
    };
    Ok(Some(Permission::Rpc { lxm, aud }))
}
