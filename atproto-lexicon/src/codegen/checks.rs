//! The lines that check constraints, and which types have any.

use super::emit;
use super::lower::{Lower, values_of};
use crate::schema::{Catalog, DefKind, Reference, StringType, Type};
use std::collections::BTreeSet;
use std::fmt::Display;

/// The definitions that have constraints somewhere.
pub(super) struct Constrained(BTreeSet<Reference>);

impl Constrained {
    pub(super) fn of(catalog: &Catalog, included: &BTreeSet<Reference>) -> Self {
        let mut found = Self(BTreeSet::new());
        loop {
            let before = found.0.len();
            for reference in included {
                let has_constraints = match catalog.get(reference).map(|def| &def.kind) {
                    Some(DefKind::Record(record)) => {
                        record.object.properties.values().any(|schema| found.has(&schema.ty, included))
                    }
                    Some(DefKind::Type(ty)) => found.has(ty, included),
                    _ => false,
                };
                if has_constraints {
                    found.0.insert(reference.clone());
                }
            }
            if found.0.len() == before {
                return found;
            }
        }
    }

    /// Whether something in a type has constraints; what is external is taken to have some.
    fn has(&self, ty: &Type, included: &BTreeSet<Reference>) -> bool {
        let referred = |to: &Reference| self.0.contains(to) || !included.contains(to);
        match ty {
            Type::Ref(to) => referred(to),
            Type::Union(union) => union.refs.iter().any(referred),
            Type::Object(object) => object.properties.values().any(|schema| self.has(&schema.ty, included)),
            Type::Array(array) => {
                array.min_length.is_some()
                    || array.max_length.is_some()
                    || self.has(&array.items.ty, included)
            }
            _ => !own(ty, "v").is_empty(),
        }
    }
}

/// A line, or lines about each item of an array.
enum Statement {
    Line(String),
    Each(Vec<Statement>),
}

/// The line that checks a field, where there is something to check.
pub(super) fn field(
    lower: &Lower<'_>,
    key: &str,
    ident: &str,
    ty: &Type,
    required: bool,
    nullable: bool,
    lenient: bool,
) -> Option<String> {
    let mut statements = statements(lower, ty, lenient);
    if statements.is_empty() {
        return None;
    }
    let mut method = if required { "field" } else { "optional" };
    let mut lines = Vec::new();
    if nullable && required {
        method = "optional";
    } else if nullable {
        // `Option<Option<_>>`: outside it is there or not, inside it is null or not.
        lines.push("if let Some(v) = v {".to_owned());
        render(&mut statements, 1, &mut lines);
        lines.push("}".into());
        return Some(emit::closure(&format!("c.{method}({key:?}, &self.{ident}, |c, v|"), &lines));
    }
    render(&mut statements, 0, &mut lines);
    Some(emit::closure(&format!("c.{method}({key:?}, &self.{ident}, |c, v|"), &lines))
}

fn render(statements: &mut Vec<Statement>, depth: usize, lines: &mut Vec<String>) {
    let indent = "    ".repeat(depth);
    for statement in statements {
        match statement {
            Statement::Line(line) => lines.push(format!("{indent}{line};")),
            Statement::Each(inner) => {
                let mut body = Vec::new();
                render(inner, 0, &mut body);
                lines.extend(
                    emit::closure("c.each(v, |c, v|", &body).lines().map(|line| format!("{indent}{line}")),
                );
            }
        }
    }
}

/// Checks of the value `v` with the checker `c`.
fn statements(lower: &Lower<'_>, ty: &Type, lenient: bool) -> Vec<Statement> {
    let delegate = || vec![Statement::Line("typed::Validate::check(v, c)".into())];
    let whole = lower.whole;
    let is_constrained = |ty: &Type| whole.constrained.has(ty, whole.included);
    match ty {
        _ if lenient && !matches!(ty, Type::Array(_)) => {
            if is_constrained(ty) {
                delegate()
            } else {
                Vec::new()
            }
        }
        Type::Array(array) => {
            let mut found = Vec::new();
            if let Some(range) = range(array.min_length, array.max_length) {
                found.push(Statement::Line(format!("c.items(v.len(), {range})")));
            }
            let inner = statements(lower, &array.items.ty, lenient);
            if !inner.is_empty() {
                found.push(Statement::Each(inner));
            }
            found
        }
        Type::Ref(to) => match whole.catalog.get(to).map(|def| &def.kind) {
            // An alias has no methods of its own.
            Some(DefKind::Type(target)) if !matches!(target, Type::Object(_)) => {
                statements(lower, target, lenient)
            }
            _ if is_constrained(ty) => delegate(),
            _ => Vec::new(),
        },
        Type::Object(_) | Type::Union(_) if is_constrained(ty) => delegate(),
        Type::Object(_) | Type::Union(_) => Vec::new(),
        _ => own(ty, "v").into_iter().map(Statement::Line).collect(),
    }
}

/// The constraints of a type that holds no other.
fn own(ty: &Type, v: &str) -> Vec<String> {
    let mut lines = Vec::new();
    match ty {
        Type::Boolean(boolean) => {
            lines.extend(boolean.constant.map(|constant| format!("c.constant({v}, &{constant})")));
        }
        Type::Integer(integer) => {
            lines.extend(
                range(integer.minimum, integer.maximum).map(|range| format!("c.integer(*{v}, {range})")),
            );
            if let Some(values) = &integer.values {
                let values: Vec<_> = values.iter().map(|value| emit::integer(*value)).collect();
                lines.push(format!("c.one_of({v}, {})", list(&values, "i64")));
            }
            lines.extend(
                integer.constant.map(|constant| format!("c.constant({v}, &{})", emit::integer(constant))),
            );
        }
        Type::String(string) => own_string(string, v, &mut lines),
        Type::Unknown => lines.push(format!("c.unknown({v})")),
        Type::Bytes(bytes) => {
            lines.extend(
                range(bytes.min_length, bytes.max_length).map(|range| format!("c.length({v}, {range})")),
            );
        }
        Type::Blob(blob) => {
            let accept: Vec<_> = blob.accept.iter().flatten().map(|pattern| format!("{pattern:?}")).collect();
            let accept = list(&accept, "&str");
            if blob.max_size.is_some() || blob.accept.as_ref().is_some_and(|accept| !accept.is_empty()) {
                let range = range(None, blob.max_size).unwrap_or_else(|| "..".into());
                lines.push(format!("c.blob({v}, {accept}, {range})"));
            }
        }
        _ => {}
    }
    lines
}

fn own_string(string: &StringType, v: &str, lines: &mut Vec<String>) {
    // What is not `String` has another way to its text.
    let text = match (values_of(string), string.format) {
        (None, None) => v.to_owned(),
        (_, Some(crate::syntax::Format::Tid)) => format!("{v}.to_string()"),
        _ => format!("{v}.as_str()"),
    };
    lines.extend(
        range(string.min_length, string.max_length).map(|range| format!("c.length({text}, {range})")),
    );
    lines.extend(
        range(string.min_graphemes, string.max_graphemes)
            .map(|range| format!("c.graphemes({text}, {range})")),
    );
    let text = if text == v { format!("{v}.as_str()") } else { text };
    // An enumeration cannot hold other values, and is not made of none.
    if let Some(values) = string.values.as_ref().filter(|values| string.format.is_some() || values.is_empty())
    {
        let values: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
        lines.push(format!("c.one_of(&{text}, {})", list(&values, "&str")));
    }
    if let Some(constant) = &string.constant {
        let text = if text.ends_with("as_str()") { text } else { format!("{text}.as_str()") };
        lines.push(format!("c.constant({text}, {constant:?})"));
    }
}

/// A slice; of nothing it would be of no type.
fn list(values: &[String], ty: &str) -> String {
    if values.is_empty() { format!("&[] as &[{ty}]") } else { format!("&[{}]", values.join(", ")) }
}

/// A range with its ends, where it has one.
fn range<T: Display + PartialEq>(min: Option<T>, max: Option<T>) -> Option<String> {
    let literal = |number: T| emit::grouped(&number.to_string());
    match (min, max) {
        (None, None) => None,
        (Some(min), None) => Some(format!("{}..", literal(min))),
        (None, Some(max)) => Some(format!("..={}", literal(max))),
        (Some(min), Some(max)) => Some(format!("{}..={}", literal(min), literal(max))),
    }
}
