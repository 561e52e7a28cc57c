//! Which definitions are generated.

use super::{CodegenError, Config, names};
use crate::schema::{Catalog, DefKind, Reference, Type};
use crate::syntax::Nsid;
use std::collections::{BTreeMap, BTreeSet};

/// The definitions that the roots lead to, less those under external paths.
pub(super) fn closure(config: &Config, catalog: &Catalog) -> Result<BTreeSet<Reference>, CodegenError> {
    let mut todo = Vec::new();
    for root in &config.roots {
        let before = todo.len();
        todo.extend(catalog.defs().map(|(reference, _)| reference).filter(|found| is_root(root, found)));
        if todo.len() == before {
            return Err(CodegenError::Root(root.clone()));
        }
    }
    let mut included = BTreeSet::new();
    while let Some(reference) = todo.pop() {
        if config.external(&reference.nsid).is_some() || included.contains(&reference) {
            continue;
        }
        // A root is there, and what is referred to was looked for.
        for used in catalog.get(&reference).iter().flat_map(|def| def.uses()) {
            let to = used.to;
            match catalog.get(to) {
                Some(def) if def.kind.can_be_referred_to(used.in_union) => {}
                Some(def) => {
                    let (from, to, kind) = (reference.clone(), to.clone(), def.kind.name());
                    return Err(CodegenError::Kind { from, to, kind });
                }
                None if config.external(&to.nsid).is_some() => continue,
                None => return Err(CodegenError::Missing { from: reference.clone(), to: to.clone() }),
            }
            todo.push(to.clone());
        }
        included.insert(reference);
    }
    are_distinct(&included)?;
    Ok(included)
}

fn is_root(root: &str, reference: &Reference) -> bool {
    let nsid = reference.nsid.as_str();
    let below = || nsid.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
    nsid == root || below() || format!("{nsid}#{}", reference.name) == root
}

/// Checks that no two of them would be one module or one type on any file system.
fn are_distinct(included: &BTreeSet<Reference>) -> Result<(), CodegenError> {
    let mut modules: BTreeMap<Vec<String>, &Nsid> = BTreeMap::new();
    let mut types: BTreeMap<(&Nsid, String), &Reference> = BTreeMap::new();
    for reference in included {
        let nsid = &reference.nsid;
        let path = nsid.as_str().split('.').map(|segment| names::module(segment).replace('_', "")).collect();
        match modules.insert(path, nsid) {
            Some(first) if first != nsid => {
                return Err(CodegenError::SameModule { first: first.clone(), second: nsid.clone() });
            }
            _ => {}
        }
        if let Some(first) = types.insert((nsid, reference.name.to_lowercase()), reference) {
            return Err(CodegenError::SameName { first: first.clone(), second: reference.clone() });
        }
    }
    Ok(())
}

/// Checks that each type has a value: that none needs itself within it. What is external is taken to have one.
pub(super) fn are_finite(catalog: &Catalog, included: &BTreeSet<Reference>) -> Result<(), CodegenError> {
    let mut finite: BTreeSet<&Reference> = BTreeSet::new();
    let object_of = |reference: &Reference| match &catalog.get(reference)?.kind {
        DefKind::Record(record) => Some(Type::Object(record.object.clone())),
        DefKind::Type(ty) => Some(ty.clone()),
        _ => None,
    };
    let types: Vec<(&Reference, Type)> =
        included.iter().filter_map(|reference| Some((reference, object_of(reference)?))).collect();
    loop {
        let before = finite.len();
        for (reference, ty) in &types {
            let known = |to: &Reference| finite.contains(to) || !included.contains(to);
            if !finite.contains(reference) && is_finite(ty, &known) {
                finite.insert(reference);
            }
        }
        if finite.len() == before {
            break;
        }
    }
    match types.iter().find(|(reference, _)| !finite.contains(reference)) {
        Some((reference, _)) => Err(CodegenError::Endless((*reference).clone())),
        None => Ok(()),
    }
}

fn is_finite(ty: &Type, known: &dyn Fn(&Reference) -> bool) -> bool {
    match ty {
        Type::Ref(to) => known(to),
        Type::Union(union) => !union.closed || union.refs.iter().any(known),
        Type::Array(array) => array.min_length.unwrap_or(0) == 0 || is_finite(&array.items.ty, known),
        Type::Object(object) => object
            .properties
            .iter()
            .filter(|(name, _)| object.is_required(name) && !object.is_nullable(name))
            .all(|(_, schema)| is_finite(&schema.ty, known)),
        _ => true,
    }
}

/// Checks that no array holds nothing but itself.
pub(super) fn are_not_endless_arrays(
    catalog: &Catalog,
    included: &BTreeSet<Reference>,
) -> Result<(), CodegenError> {
    for start in included {
        let mut seen = BTreeSet::new();
        let mut at = start.clone();
        while let Some(DefKind::Type(Type::Array(array))) = catalog.get(&at).map(|def| &def.kind) {
            if !seen.insert(at.clone()) {
                return Err(CodegenError::EndlessArray(start.clone()));
            }
            let mut items = &array.items.ty;
            while let Type::Array(inner) = items {
                items = &inner.items.ty;
            }
            match items {
                Type::Ref(next) => at = next.clone(),
                _ => break,
            }
        }
    }
    Ok(())
}
