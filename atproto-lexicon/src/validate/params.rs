use crate::data::{Object, Value};
use crate::schema::{ObjectType, Type};
use std::collections::BTreeMap;

/// Makes values of a query's texts, and leaves out names that are not known. A text that is no value of its type stays a text,
/// which checking then finds.
pub(super) fn read<N: AsRef<str>, V: AsRef<str>>(
    ty: &ObjectType,
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Object {
    let mut found: BTreeMap<&str, (&Type, Vec<Value>)> = BTreeMap::new();
    for (name, text) in pairs {
        let Some((name, schema)) = ty.properties.get_key_value(name.as_ref()) else {
            continue;
        };
        let item = match &schema.ty {
            Type::Array(array) => &array.items.ty,
            other => other,
        };
        found.entry(name).or_insert((&schema.ty, Vec::new())).1.push(value(item, text.as_ref()));
    }
    let fields = found.into_iter().map(|(name, (ty, mut values))| {
        let single = if values.len() == 1 && !matches!(ty, Type::Array(_)) { values.pop() } else { None };
        (name.to_owned(), single.unwrap_or(Value::Array(values)))
    });
    fields.collect()
}

fn value(ty: &Type, text: &str) -> Value {
    let typed = match ty {
        Type::Boolean(_) => text.parse().ok().map(Value::Boolean),
        // Rust would take a plus sign, which in a query is a space that was not decoded.
        Type::Integer(_) if !text.starts_with('+') => text.parse().ok().map(Value::Integer),
        _ => None,
    };
    typed.unwrap_or_else(|| text.into())
}
