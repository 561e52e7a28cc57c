//! What can only be said of all definitions together. Chains of references can be as long as there are definitions, so that
//! nothing here follows them by recursion.

use crate::schema::{Catalog, Def, DefKind, ObjectType, Reference, Type};
use crate::syntax::Nsid;
use std::collections::{BTreeMap, BTreeSet};

/// A definition's NSID and name.
type Key<'a> = (&'a str, &'a str);

fn key(reference: &Reference) -> Key<'_> {
    (reference.nsid.as_str(), &reference.name)
}

/// What there is to know of a catalog as a whole.
pub(super) struct Graph<'a> {
    in_records: BTreeSet<Key<'a>>,
    endless_values: BTreeSet<Key<'a>>,
    endless_arrays: BTreeSet<Key<'a>>,
    /// NSIDs by their form in lower case.
    folded: BTreeMap<String, Vec<&'a Nsid>>,
    /// What NSIDs begin with, and one that does.
    groups: BTreeMap<&'a str, &'a Nsid>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(catalog: &'a Catalog) -> Self {
        let mut folded: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut groups = BTreeMap::new();
        let mut defs = Defs::default();
        for document in catalog.documents() {
            folded.entry(document.id.as_str().to_ascii_lowercase()).or_default().push(&document.id);
            let mut group = document.id.as_str();
            while let Some((above, _)) = group.rsplit_once('.') {
                groups.entry(above).or_insert(&document.id);
                group = above;
            }
            for (name, def) in &document.defs {
                defs.index.insert((document.id.as_str(), name), defs.all.len());
                defs.all.push(((document.id.as_str(), name), def));
            }
        }
        Self {
            in_records: defs.in_records(),
            endless_values: defs.endless_values(),
            endless_arrays: defs.endless_arrays(),
            folded,
            groups,
        }
    }

    /// Whether records hold what the definition defines.
    pub(super) fn is_in_records(&self, nsid: &Nsid, name: &str) -> bool {
        self.in_records.contains(&(nsid.as_str(), name))
    }

    /// Whether no value can be of the definition.
    pub(super) fn is_endless(&self, nsid: &Nsid, name: &str) -> bool {
        self.endless_values.contains(&(nsid.as_str(), name))
    }

    /// Whether the definition is of arrays of itself, by way of nothing but arrays.
    pub(super) fn is_endless_array(&self, nsid: &Nsid, name: &str) -> bool {
        self.endless_arrays.contains(&(nsid.as_str(), name))
    }

    /// Another NSID that differs only in case.
    pub(super) fn folded_twin(&self, nsid: &Nsid) -> Option<&'a Nsid> {
        let twins = self.folded.get(&nsid.as_str().to_ascii_lowercase())?;
        twins.iter().copied().find(|twin| *twin != nsid)
    }

    /// An NSID that begins with this one.
    pub(super) fn below(&self, nsid: &Nsid) -> Option<&'a Nsid> {
        self.groups.get(nsid.as_str()).copied()
    }
}

#[derive(Default)]
struct Defs<'a> {
    all: Vec<(Key<'a>, &'a Def)>,
    index: BTreeMap<Key<'a>, usize>,
}

impl<'a> Defs<'a> {
    fn find(&self, reference: &Reference) -> Option<usize> {
        self.index.get(&key(reference)).copied()
    }

    fn in_records(&self) -> BTreeSet<Key<'a>> {
        let is_record = |(_, def): &&(Key<'_>, &Def)| matches!(def.kind, DefKind::Record(_));
        let mut todo: Vec<_> = self.all.iter().filter(is_record).collect();
        let mut found: BTreeSet<_> = todo.iter().map(|(key, _)| *key).collect();
        while let Some((_, def)) = todo.pop() {
            for reference in def.references() {
                if let Some(next) = self.find(reference).and_then(|index| self.all.get(index))
                    && found.insert(next.0)
                {
                    todo.push(next);
                }
            }
        }
        found
    }

    /// Follows from each array what its items are, as long as these are arrays.
    fn endless_arrays(&self) -> BTreeSet<Key<'a>> {
        let next = |at: usize| {
            let DefKind::Type(ty @ Type::Array(_)) = &self.all.get(at)?.1.kind else { return None };
            let mut items = ty;
            while let Type::Array(array) = items {
                items = &array.items.ty;
            }
            match items {
                Type::Ref(to) => self.find(to),
                _ => None,
            }
        };
        let mut found = BTreeSet::new();
        // By which walk a definition was reached, so that each is gone through once.
        let mut seen: BTreeMap<usize, usize> = BTreeMap::new();
        for start in 0..self.all.len() {
            let mut at = start;
            while let std::collections::btree_map::Entry::Vacant(unseen) = seen.entry(at) {
                unseen.insert(start);
                match next(at) {
                    Some(to) => at = to,
                    None => break,
                }
            }
            // It came back to where this walk had been; or it ended, and then leads nowhere from there.
            if seen.get(&at) == Some(&start) && next(at).is_some() {
                let circle = at;
                while let Some((key, _)) = self.all.get(at) {
                    found.insert(*key);
                    match next(at) {
                        Some(to) if to != circle => at = to,
                        _ => break,
                    }
                }
            }
        }
        found
    }

    /// Finds all definitions of which there can be values, from those up that need no other; the rest is endless.
    fn endless_values(&self) -> BTreeSet<Key<'a>> {
        let mut needs = Needs { defs: self, nodes: vec![Node::default(); self.all.len()] };
        for (index, (_, def)) in self.all.iter().enumerate() {
            match &def.kind {
                DefKind::Record(record) => needs.object(&record.object, index),
                DefKind::Type(ty) => needs.ty(ty, index),
                _ => {}
            }
        }
        let mut nodes = needs.nodes;
        let is_done = |(_, node): &(usize, &Node)| node.missing == 0;
        let mut done: Vec<usize> = nodes.iter().enumerate().filter(is_done).map(|(index, _)| index).collect();
        while let Some(index) = done.pop() {
            let needed_by = nodes.get_mut(index).map(|node| std::mem::take(&mut node.needed_by));
            for above in needed_by.unwrap_or_default() {
                if let Some(node) = nodes.get_mut(above).filter(|node| node.missing > 0) {
                    node.missing = node.missing.saturating_sub(1);
                    if node.missing == 0 {
                        done.push(above);
                    }
                }
            }
        }
        self.all.iter().zip(nodes).filter(|(_, node)| node.missing > 0).map(|((key, _), _)| *key).collect()
    }
}

/// A definition, which needs all that it is made of, or a closed union, which needs one of its members.
#[derive(Clone, Default)]
struct Node {
    missing: usize,
    needed_by: Vec<usize>,
}

struct Needs<'d, 'a> {
    defs: &'d Defs<'a>,
    nodes: Vec<Node>,
}

impl Needs<'_, '_> {
    fn need(&mut self, below: usize, above: usize) {
        if let Some(node) = self.nodes.get_mut(below) {
            node.needed_by.push(above);
        }
        if let Some(node) = self.nodes.get_mut(above) {
            node.missing = node.missing.saturating_add(1);
        }
    }

    fn object(&mut self, object: &ObjectType, above: usize) {
        let nullable: BTreeSet<&str> = object.nullable.iter().map(String::as_str).collect();
        for name in object.required.iter().filter(|name| !nullable.contains(name.as_str())) {
            if let Some(schema) = object.properties.get(name) {
                self.ty(&schema.ty, above);
            }
        }
    }

    /// Notes what there must be for a value of the type. Of what is not there nothing is known, so that it is no need.
    fn ty(&mut self, ty: &Type, above: usize) {
        match ty {
            Type::Ref(to) => {
                if let Some(below) = self.defs.find(to) {
                    self.need(below, above);
                }
            }
            Type::Union(union) if union.closed => {
                let members: Option<Vec<_>> = union.refs.iter().map(|to| self.defs.find(to)).collect();
                if let Some(members) = members {
                    let node = self.nodes.len();
                    self.nodes.push(Node { missing: 1, needed_by: Vec::new() });
                    self.need(node, above);
                    for member in members {
                        if let Some(member) = self.nodes.get_mut(member) {
                            member.needed_by.push(node);
                        }
                    }
                }
            }
            Type::Array(array) if array.min_length.unwrap_or(0) > 0 => self.ty(&array.items.ty, above),
            Type::Object(object) => self.object(object, above),
            _ => {}
        }
    }
}
