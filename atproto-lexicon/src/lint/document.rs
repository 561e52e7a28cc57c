use super::graph::Graph;
use super::names::{is_lower_camel, repetitions};
use super::report::{Finding, Report};
use super::rule::Rule;
use crate::schema::{Catalog, Def, DefKind, Document, ObjectType, Place, RecordKeyKind, Reference};
use std::fmt;

/// Lints all documents. References are followed within the catalog, so that what the documents refer to has to be in it.
///
/// Findings come by document and place. Of very many in one document the first ones are given, and [`Rule::TooMany`].
pub fn lint(catalog: &Catalog) -> Vec<Finding> {
    let graph = Graph::of(catalog);
    catalog.documents().flat_map(|document| Linter::new(catalog, &graph, document).run()).collect()
}

/// Lints one document of a catalog, or one that is to be in it: what all of [`lint`] says of this one.
pub fn lint_document(catalog: &Catalog, document: &Document) -> Vec<Finding> {
    Linter::new(catalog, &Graph::of(catalog), document).run()
}

/// Where a type stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// In a record, or in what records hold.
    Record,
    /// In other data.
    Data,
    /// In the parameters of an endpoint.
    Params,
}

/// Goes through a document.
pub(super) struct Linter<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) document: &'a Document,
    graph: &'a Graph<'a>,
    report: Report<Rule>,
}

impl<'a> Linter<'a> {
    fn new(catalog: &'a Catalog, graph: &'a Graph<'a>, document: &'a Document) -> Self {
        Self { catalog, document, graph, report: Report::new(&document.id) }
    }

    pub(super) fn find(&mut self, rule: Rule, place: &Place<'_>, message: fmt::Arguments<'_>) {
        self.report.find(rule, place, message);
    }

    fn run(mut self) -> Vec<Finding> {
        let (document, root) = (self.document, Place::root());
        self.nsid(&root.name("id"));
        for pointer in &document.unrecognised {
            let message = "the language knows no such field here, it has no effect".into();
            self.report.find_at(Rule::UnrecognisedField, pointer.clone(), message);
        }
        for pointer in &document.repeated {
            let message = "a name stands here for the second time".into();
            self.report.find_at(Rule::RepeatedValue, pointer.clone(), message);
        }
        let defs = root.name("defs");
        self.differ_in_case(document.defs.keys(), &defs);
        for (name, def) in &document.defs {
            let place = defs.name(name);
            if !is_lower_camel(name) {
                self.find(Rule::NameCase, &place, format_args!("{name:?} is not in lower camel case"));
            }
            if name == Reference::MAIN && document.id.name() == "defs" {
                self.find(Rule::DefsMain, &place, format_args!("this document is for shared definitions"));
            }
            self.def(name, def, &place);
        }
        self.report.finish()
    }

    fn nsid(&mut self, place: &Place<'_>) {
        let id = &self.document.id;
        if !is_lower_camel(id.name()) {
            self.find(Rule::NameCase, place, format_args!("{:?} is not in lower camel case", id.name()));
        }
        if let Some(twin) = self.graph.folded_twin(id) {
            self.find(Rule::NsidsDifferInCase, place, format_args!("{twin} differs only in case"));
        }
        if let Some(below) = self.graph.below(id) {
            self.find(Rule::NsidIsGroup, place, format_args!("{below} is below it"));
        }
    }

    fn def(&mut self, name: &str, def: &'a Def, place: &Place<'_>) {
        let id = &self.document.id;
        if self.graph.is_endless(id, name) {
            let message = "each value has to hold another one, without end";
            self.find(Rule::EndlessValue, place, format_args!("{message}"));
        }
        if self.graph.is_endless_array(id, name) {
            self.find(Rule::EndlessArray, place, format_args!("its items are arrays of the same again"));
        }
        let mut is_described = def.description.is_some();
        let mut is_to_be_described = true;
        match &def.kind {
            DefKind::Record(record) => {
                is_described |= record.description.is_some();
                if record.key == RecordKeyKind::Any {
                    let message = "\"any\" says nothing of a record's key";
                    self.find(Rule::AnyKey, &place.name("key"), format_args!("{message}"));
                }
                self.object(&record.object, Within::Record, &place.name("record"));
            }
            DefKind::Query(endpoint) => self.endpoint(endpoint, false, place),
            DefKind::Procedure(endpoint) => self.endpoint(endpoint, true, place),
            DefKind::Subscription(subscription) => self.subscription(subscription, place),
            DefKind::PermissionSet(set) => {
                is_described = set.title.is_some() && set.detail.is_some();
                self.permission_set(set, place);
            }
            DefKind::Token => {}
            DefKind::Type(ty) => {
                is_to_be_described = false;
                let within = if self.graph.is_in_records(id, name) { Within::Record } else { Within::Data };
                self.ty(ty, within, place);
            }
        }
        if is_to_be_described && !is_described {
            let what = match def.kind {
                DefKind::PermissionSet(_) => "title and detail",
                _ => "a description",
            };
            self.find(Rule::Undescribed, place, format_args!("a {} should have {what}", def.kind.name()));
        }
    }

    /// An object or parameters.
    pub(super) fn object(&mut self, object: &'a ObjectType, within: Within, place: &Place<'_>) {
        let nullable = place.name("nullable");
        for index in repetitions(&object.nullable) {
            self.find(Rule::RepeatedValue, &nullable.index(index), format_args!("the name is there already"));
        }
        for (index, name) in object.nullable.iter().enumerate() {
            if !object.properties.contains_key(name) {
                let place = nullable.index(index);
                self.find(Rule::UndefinedNullable, &place, format_args!("there is no property {name:?}"));
            }
        }
        let properties = place.name("properties");
        self.differ_in_case(object.properties.keys(), &properties);
        for (name, schema) in &object.properties {
            let place = properties.name(name);
            if name.starts_with('$') {
                self.find(Rule::ReservedName, &place, format_args!("{name:?} begins with \"$\""));
            } else if !is_lower_camel(name) {
                self.find(Rule::NameCase, &place, format_args!("{name:?} is not in lower camel case"));
            }
            self.ty(&schema.ty, within, &place);
        }
    }

    fn differ_in_case(&mut self, names: impl Iterator<Item = &'a String> + Clone, place: &Place<'_>) {
        let folded = names.clone().map(|name| name.to_lowercase());
        let mut twins = repetitions(folded).peekable();
        for (index, name) in names.enumerate() {
            if twins.next_if_eq(&index).is_some() {
                let message = format_args!("another name differs from {name:?} only in case");
                self.report.find(Rule::NamesDifferInCase, &place.name(name), message);
            }
        }
    }
}
