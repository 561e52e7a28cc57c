//! From schemas to what is generated.

use super::checks::{self, Constrained};
use super::config::is_below;
use super::docs;
use super::endpoint;
use super::model::{DefaultValue, Docs, Field, Item, Module, Struct, StructKind, Union, Values, Variant};
use super::names::{self, Names};
use super::{Config, emit};
use crate::schema::{
    Catalog, Def, DefKind, Document, ObjectType, RecordKeyKind, Reference, StringType, Type, UnionType,
};
use crate::syntax::{Format, Nsid};
use std::collections::{BTreeMap, BTreeSet};

/// The modules of all documents of which something is included, in the order of their NSIDs.
pub(super) fn lower(config: &Config, catalog: &Catalog, included: &BTreeSet<Reference>) -> Vec<Module> {
    let whole = Whole {
        config,
        catalog,
        included,
        constrained: Constrained::of(catalog, included),
        names: catalog
            .documents()
            .map(|document| (&document.id, definition_names(document, &mut Names::of_types())))
            .collect(),
        modules: module_paths(catalog),
        inline: inline_edges(catalog, included),
    };
    let documents: BTreeSet<&Nsid> = included.iter().map(|reference| &reference.nsid).collect();
    documents
        .into_iter()
        .filter_map(|nsid| catalog.document(nsid))
        .map(|document| whole.module(document))
        .collect()
}

/// What is known of all documents.
pub(super) struct Whole<'a> {
    pub(super) config: &'a Config,
    pub(super) catalog: &'a Catalog,
    pub(super) included: &'a BTreeSet<Reference>,
    pub(super) constrained: Constrained,
    /// The names of all definitions.
    names: BTreeMap<&'a Nsid, BTreeMap<Reference, String>>,
    /// The paths of all modules, those above documents too.
    modules: BTreeSet<Vec<String>>,
    /// Which definitions a definition holds by value.
    inline: BTreeMap<Reference, Vec<Reference>>,
}

/// A document while its module is made.
pub(super) struct Lower<'a> {
    pub(super) whole: &'a Whole<'a>,
    pub(super) document: &'a Document,
    /// The definition that is being lowered.
    pub(super) at: Reference,
    pub(super) types: Names,
    constants: Names,
    pub(super) items: Vec<Item>,
    /// Modules that the document's own uses, by name, with their paths.
    imports: BTreeMap<String, String>,
}

/// The names of a document's definitions, all of them, so that a name does not depend on what is included.
fn definition_names(document: &Document, types: &mut Names) -> BTreeMap<Reference, String> {
    let reference = |name: &String| Reference { nsid: document.id.clone(), name: name.as_str().into() };
    let (main, others): (Vec<_>, Vec<_>) = document.defs.keys().map(reference).partition(Reference::is_main);
    let named = |reference: Reference| {
        let name = types.give(&names::definition(&reference));
        (reference, name)
    };
    main.into_iter().chain(others).map(named).collect()
}

fn module_paths(catalog: &Catalog) -> BTreeSet<Vec<String>> {
    let mut paths = BTreeSet::new();
    for document in catalog.documents() {
        let mut path = Vec::new();
        for segment in document.id.as_str().split('.') {
            path.push(names::module(segment));
            paths.insert(path.clone());
        }
    }
    paths
}

fn inline_edges(catalog: &Catalog, included: &BTreeSet<Reference>) -> BTreeMap<Reference, Vec<Reference>> {
    fn edges(object: &ObjectType, found: &mut Vec<Reference>) {
        for schema in object.properties.values() {
            match &schema.ty {
                Type::Ref(to) => found.push(to.clone()),
                Type::Object(inner) => edges(inner, found),
                _ => {}
            }
        }
    }
    let edges_of = |reference: &Reference| {
        let mut found = Vec::new();
        match &catalog.get(reference)?.kind {
            DefKind::Record(record) => edges(&record.object, &mut found),
            DefKind::Type(Type::Object(object)) => edges(object, &mut found),
            _ => {}
        }
        Some((reference.clone(), found))
    };
    included.iter().filter_map(edges_of).collect()
}

impl Whole<'_> {
    fn module(&self, document: &Document) -> Module {
        let mut types = Names::of_types();
        let names = definition_names(document, &mut types);
        let mut lower = Lower {
            whole: self,
            document,
            at: Reference::main(document.id.clone()),
            types,
            constants: Names::default(),
            items: Vec::new(),
            imports: BTreeMap::new(),
        };
        let mut main_type = None;
        let (main, others): (Vec<_>, Vec<_>) = names.iter().partition(|(reference, _)| reference.is_main());
        for (reference, name) in main.into_iter().chain(others) {
            let Some(def) = self.catalog.get(reference).filter(|_| self.included.contains(reference)) else {
                continue;
            };
            lower.at = reference.clone();
            if let DefKind::Query(_) | DefKind::Procedure(_) | DefKind::Subscription(_) = def.kind {
                // A request without fields is a value, as constants are.
                lower.constants.keep(name);
            }
            lower.definition(def, name);
            if reference.is_main() && !matches!(def.kind, DefKind::PermissionSet(_) | DefKind::Token) {
                main_type = Some(name.clone());
            }
        }
        Module { nsid: document.id.clone(), items: lower.items, imports: lower.imports, main_type }
    }

    /// Whether `from`, which holds `to` by value, is held by it.
    fn is_cycle(&self, from: &Reference, to: &Reference) -> bool {
        let mut seen = BTreeSet::new();
        let mut todo = vec![to];
        while let Some(at) = todo.pop() {
            if at == from {
                return true;
            }
            if seen.insert(at) {
                todo.extend(self.inline.get(at).into_iter().flatten());
            }
        }
        false
    }

    /// The path of a definition's type in the module of `from`; a module far away is imported.
    fn path(&self, to: &Reference, from: &Nsid, imports: &mut BTreeMap<String, String>) -> String {
        let name = match self.names.get(&to.nsid).and_then(|names| names.get(to)) {
            Some(name) => name.clone(),
            None => Names::of_types().give(&names::definition(to)),
        };
        let modules = |nsid: &str| -> Vec<String> { nsid.split('.').map(names::module).collect() };
        if let Some((prefix, path)) = self.config.external(&to.nsid) {
            let below = to.nsid.as_str().strip_prefix(prefix).unwrap_or_default().trim_start_matches('.');
            let below = if below.is_empty() { Vec::new() } else { modules(below) };
            return [vec![path.to_owned()], below, vec![name]].concat().join("::");
        }
        let (from, to) = (modules(from.as_str()), modules(to.nsid.as_str()));
        let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up: Vec<String> = from.iter().skip(common).map(|_| "super".to_owned()).collect();
        let mut down: Vec<String> = to.into_iter().skip(common).collect();
        if let (2.., Some(first)) = (up.len(), down.first().cloned()) {
            let path = [up.clone(), vec![first.clone()]].concat().join("::");
            // A name stands for one module only, and not for one of this document's own.
            let is_own =
                first == "typed" || self.modules.contains(&[from.clone(), vec![first.clone()]].concat());
            if !is_own && *imports.entry(first).or_insert_with(|| path.clone()) == path {
                down.push(name);
                return down.join("::");
            }
        }
        up.into_iter().chain(down).chain([name]).collect::<Vec<_>>().join("::")
    }
}

impl Lower<'_> {
    fn definition(&mut self, def: &Def, name: &str) {
        let docs = self.definition_docs(def);
        match &def.kind {
            DefKind::Record(record) => {
                let key = match &record.key {
                    RecordKeyKind::Tid => "tid".to_owned(),
                    RecordKeyKind::Nsid => "nsid".to_owned(),
                    RecordKeyKind::Any => "any".to_owned(),
                    RecordKeyKind::Literal(literal) => format!("literal:{literal}"),
                };
                let kind = StructKind::Record { nsid: self.document.id.clone(), key };
                self.structure(&record.object, name, kind, &self.at.to_string(), docs);
            }
            DefKind::Query(endpoint) => endpoint::query(self, endpoint, name, docs),
            DefKind::Procedure(endpoint) => endpoint::procedure(self, endpoint, name, docs),
            DefKind::Subscription(subscription) => endpoint::subscription(self, subscription, name, docs),
            DefKind::PermissionSet(set) => {
                let name = self.constants.give(&[names::constant(self.document.id.name())]);
                self.items.push(endpoint::permission_set(set, &self.document.id, name, docs));
            }
            DefKind::Token => {
                let name = if self.at.is_main() { self.document.id.name() } else { &self.at.name };
                let name = self.constants.give(&[names::constant(name)]);
                self.items.push(Item::Token { docs, name, value: self.at.to_string() });
            }
            DefKind::Type(Type::Object(object)) => {
                self.structure(object, name, StructKind::Object, &self.at.to_string(), docs);
            }
            DefKind::Type(Type::String(string)) => self.string_definition(string, name, docs),
            DefKind::Type(ty) => {
                let place = self.at.to_string();
                let ty = self.ty(ty, &format!("{name}Item"), &place, Vec::new());
                self.items.push(Item::Alias { docs, name: name.into(), ty });
            }
        }
    }

    fn definition_docs(&self, def: &Def) -> Docs {
        let mut docs = docs::paragraph(&docs::definition(&self.at, def));
        docs::add_description(&mut docs, self.whole.config, def.description.as_deref());
        if let Some(template) = self.whole.config.link.as_ref().filter(|_| self.at.is_main()) {
            let nsid = self.document.id.as_str();
            let link = template.replace("{path}", &nsid.replace('.', "/")).replace("{nsid}", nsid);
            docs.extend([String::new(), format!("<{link}>")]);
        }
        docs
    }

    fn string_definition(&mut self, string: &StringType, name: &str, docs: Docs) {
        match values_of(string) {
            Some((values, closed)) => self.values(values, closed, name.into(), docs),
            None => {
                let ty = string_type(string).to_owned();
                self.items.push(Item::Alias { docs, name: name.into(), ty });
            }
        }
    }

    /// The enumeration of these values.
    pub(super) fn values(&mut self, values: &[String], closed: bool, name: String, docs: Docs) {
        let variants = variants_of(values).map(|(value, variant)| (variant, value.clone())).collect();
        self.items.push(Item::Values(Values { docs, name, variants, closed }));
    }

    /// A struct with the object's properties: the required ones in the document's order, then the others by name.
    pub(super) fn structure(
        &mut self,
        object: &ObjectType,
        name: &str,
        kind: StructKind,
        place: &str,
        docs: Docs,
    ) {
        let mut seen = BTreeSet::new();
        let required = object.required.iter().filter(|property| seen.insert(*property)).cloned();
        let mut properties: Vec<String> = required.collect();
        properties.extend(object.properties.keys().filter(|property| !object.is_required(property)).cloned());
        let idents = names::fields(properties.iter().map(String::as_str));

        // The struct comes before the types that it needs.
        let at = self.items.len();
        let (mut fields, mut checks) = (Vec::new(), Vec::new());
        for (key, ident) in properties.iter().zip(idents) {
            let Some(schema) = object.properties.get(key) else {
                continue;
            };
            let place = format!("{place}.{key}");
            let required = object.is_required(key);
            let nullable = object.is_nullable(key);
            let hint = format!("{name}{}", names::pascal(key));
            let lenient = self.is_lenient(&place) && !matches!(schema.ty, Type::Array(_));
            let mut ty = self.ty(&schema.ty, &hint, &place, Vec::new());
            if matches!(&schema.ty, Type::Ref(to) if self.whole.is_cycle(&self.at, to)) {
                ty = format!("Box<{ty}>");
            }
            if lenient {
                ty = format!("typed::Lenient<{ty}>");
            }
            if let Some(check) = checks::field(self, key, &ident, &schema.ty, required, nullable, lenient) {
                checks.push(check);
            }
            let default =
                if required || nullable || lenient { None } else { self.default(&schema.ty, &ident, &ty) };
            let constant = if nullable || lenient { None } else { constant(&schema.ty) };
            let mut docs = docs::paragraph(&docs::field(key, &schema.ty, nullable));
            docs::add_description(&mut docs, self.whole.config, schema.description.as_deref());
            if nullable {
                ty = format!("Option<{ty}>");
            }
            fields.push(Field { docs, name: ident, key: key.clone(), ty, required, constant, default });
        }
        self.items.insert(at, Item::Struct(Struct { docs, name: name.into(), kind, fields, checks }));
    }

    fn is_lenient(&self, place: &str) -> bool {
        self.whole.config.lenient.iter().any(|prefix| is_below(place, prefix))
    }

    /// The Rust type of a schema; types that it needs and that have no name of their own get `hint` as theirs.
    pub(super) fn ty(&mut self, ty: &Type, hint: &str, place: &str, docs: Docs) -> String {
        match ty {
            Type::Boolean(_) => "bool".into(),
            Type::Integer(_) => "i64".into(),
            Type::String(string) => match values_of(string) {
                Some((values, closed)) => {
                    let name = self.types.give(&[hint.into()]);
                    let docs = if docs.is_empty() { self.inline_docs("Values", place) } else { docs };
                    self.values(values, closed, name.clone(), docs);
                    name
                }
                None => string_type(string).into(),
            },
            Type::Bytes(_) => "typed::Bytes".into(),
            Type::CidLink => "typed::Link".into(),
            Type::Blob(_) => "typed::BlobRef".into(),
            Type::Unknown => "typed::Object".into(),
            Type::Array(array) => {
                let hint = if hint.ends_with("Item") { hint.to_owned() } else { format!("{hint}Item") };
                let items = self.ty(&array.items.ty, &hint, place, docs);
                let is_nested = matches!(array.items.ty, Type::Array(_));
                if self.is_lenient(place) && !is_nested {
                    format!("Vec<typed::Lenient<{items}>>")
                } else {
                    format!("Vec<{items}>")
                }
            }
            Type::Object(object) => {
                let name = self.types.give(&[hint.into()]);
                let docs = if docs.is_empty() { self.inline_docs("Object", place) } else { docs };
                self.structure(object, &name, StructKind::Object, place, docs);
                name
            }
            Type::Ref(to) => self.whole.path(to, &self.document.id, &mut self.imports),
            Type::Union(union) => {
                let name = self.types.give(&[hint.into()]);
                let docs = if docs.is_empty() { self.inline_docs("Union", place) } else { docs };
                self.union(union, name.clone(), docs);
                name
            }
        }
    }

    fn inline_docs(&self, what: &str, place: &str) -> Docs {
        docs::paragraph(&format!("{what} of {}.", docs::code(place)))
    }

    pub(super) fn union(&mut self, union: &UnionType, name: String, docs: Docs) {
        let mut names = Names::of_variants("Unknown");
        let distinct: BTreeSet<&Reference> = union.refs.iter().collect();
        let mut variants = Vec::new();
        // In the document's order, each once.
        let mut left = distinct.clone();
        for reference in &union.refs {
            if left.remove(reference) {
                variants.push(Variant {
                    name: names.give(&names::variant(reference, &self.at)),
                    ty: self.whole.path(reference, &self.document.id, &mut self.imports),
                    reference: reference.clone(),
                });
            }
        }
        self.items.push(Item::Union(Union { docs, name, variants, closed: union.closed }));
    }

    fn default(&self, ty: &Type, ident: &str, rust: &str) -> Option<DefaultValue> {
        let (ty, body, text) = match ty {
            Type::Boolean(boolean) => {
                let value = boolean.default?.to_string();
                ("bool".to_owned(), format!("self.{ident}.unwrap_or({value})"), value)
            }
            Type::Integer(integer) => {
                let value = integer.default?;
                (
                    "i64".to_owned(),
                    format!("self.{ident}.unwrap_or({})", emit::integer(value)),
                    value.to_string(),
                )
            }
            Type::String(string) => {
                let value = string.default.as_ref()?;
                let text = format!("{value:?}");
                let in_docs = docs::code(&text);
                match values_of(string) {
                    Some((values, closed)) => {
                        let variant = self.variant_of(values, value, closed)?;
                        // What has no other values is `Copy`.
                        let copy = if closed { "" } else { ".clone()" };
                        let body = format!("self.{ident}{copy}.unwrap_or({rust}::{variant})");
                        (rust.to_owned(), body, in_docs)
                    }
                    None if string.format.is_none() => {
                        ("&str".to_owned(), format!("self.{ident}.as_deref().unwrap_or({text})"), in_docs)
                    }
                    None => return None,
                }
            }
            _ => return None,
        };
        Some(DefaultValue { ty, body, text })
    }

    /// The variant for a value.
    fn variant_of(&self, values: &[String], value: &String, closed: bool) -> Option<String> {
        match variants_of(values).find(|(known, _)| *known == value) {
            Some((_, variant)) => Some(variant),
            None if closed => None,
            None => Some(format!("Other({value:?}.into())")),
        }
    }
}

/// The values of a string that becomes an enumeration, and whether there are no others.
pub(super) fn values_of(string: &StringType) -> Option<(&[String], bool)> {
    if string.format.is_some() {
        return None;
    }
    match (&string.values, &string.known_values) {
        (Some(values), _) if !values.is_empty() => Some((values, true)),
        (_, Some(values)) if !values.is_empty() => Some((values, false)),
        _ => None,
    }
}

/// The values, each once and in order, and their variants.
fn variants_of(values: &[String]) -> impl Iterator<Item = (&String, String)> {
    let mut names = Names::of_variants("Other");
    let distinct: BTreeSet<&String> = values.iter().collect();
    distinct.into_iter().map(move |value| (value, names.give(&names::value_variant(value))))
}

/// The type of a string that becomes no enumeration.
fn string_type(string: &StringType) -> &'static str {
    match string.format {
        None => "String",
        Some(Format::AtIdentifier) => "typed::AtIdentifier",
        Some(Format::AtUri) => "typed::AtUri",
        Some(Format::Cid) => "typed::CidString",
        Some(Format::Datetime) => "typed::Datetime",
        Some(Format::Did) => "typed::Did",
        Some(Format::Handle) => "typed::Handle",
        Some(Format::Language) => "typed::Language",
        Some(Format::Nsid) => "typed::Nsid",
        Some(Format::RecordKey) => "typed::RecordKey",
        Some(Format::Tid) => "typed::Tid",
        Some(Format::Uri) => "typed::Uri",
    }
}

/// The one value of a field, as an expression.
fn constant(ty: &Type) -> Option<String> {
    match ty {
        Type::Boolean(boolean) => boolean.constant.map(|value| value.to_string()),
        Type::Integer(integer) => integer.constant.map(emit::integer),
        Type::String(string) if string.format.is_none() && values_of(string).is_none() => {
            string.constant.as_ref().map(|value| format!("{value:?}.into()"))
        }
        _ => None,
    }
}
