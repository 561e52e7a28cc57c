//! Values that are as a schema says, and values with one defect.

use super::choices::Choices;
use crate::data::{Cid, Codec, Object, Value, json};
use crate::schema::{Catalog, DefKind, ObjectType, Reference, StringType, Type};
use crate::syntax::Format;

/// What requires itself has no value: deeper than this nothing is tried.
const DEEPEST: usize = 24;

/// What requires several of a kind that does the same would double at each step.
const MOST: usize = 500;

/// A value of a definition, as far as that is possible at this depth; null where none can be.
pub fn of_definition(rng: &mut Choices, catalog: &Catalog, reference: &Reference, depth: usize) -> Value {
    if rng.within == 0 {
        rng.made = 0;
    }
    if rng.within == DEEPEST || rng.made == MOST {
        return Value::Null;
    }
    rng.within += 1;
    rng.made += 1;
    let value = match catalog.get(reference).map(|def| &def.kind) {
        Some(DefKind::Record(record)) => {
            let mut object = of_object(rng, catalog, &record.object, depth);
            object.insert("$type".into(), reference.to_string().into());
            Value::Object(object)
        }
        Some(DefKind::Type(ty)) => of_type(rng, catalog, ty, depth),
        _ => Value::Null,
    };
    rng.within -= 1;
    value
}

fn of_object(rng: &mut Choices, catalog: &Catalog, ty: &ObjectType, depth: usize) -> Object {
    let mut object = Object::new();
    for (name, schema) in &ty.properties {
        let percent = if depth == 0 { 0 } else { 50 };
        if !ty.is_required(name) && !rng.chance(percent) {
            continue;
        }
        let null = ty.is_nullable(name) && (depth == 0 || rng.chance(40));
        let value =
            if null { Value::Null } else { of_type(rng, catalog, &schema.ty, depth.saturating_sub(1)) };
        object.insert(name.clone(), value);
    }
    if rng.chance(15) {
        object.insert(rng.pick(&["zz", "", "a/b", "~"]).into(), anything(rng, 2));
    }
    object
}

fn blob(rng: &mut Choices) -> Value {
    let mut object = Object::new();
    if rng.chance(90) {
        object.insert("$type".into(), "blob".into());
        object.insert("ref".into(), Cid::of(Codec::Raw, b"").into());
        object.insert("size".into(), (rng.below(2_000_000) as i64).into());
    } else {
        object.insert("cid".into(), Cid::of(Codec::Raw, b"").to_string().into());
    }
    object.insert("mimeType".into(), rng.pick(&["image/png", "image/png", "a/b", "\"q\""]).into());
    if rng.chance(10) {
        object.insert("more".into(), anything(rng, 1));
    }
    Value::Object(object)
}

fn link() -> Value {
    Cid::of_dag_cbor(b"").into()
}

/// A value of a type, as far as that is possible at this depth.
pub fn of_type(rng: &mut Choices, catalog: &Catalog, ty: &Type, depth: usize) -> Value {
    let length = |min: Option<u64>, max: Option<u64>| {
        (min.unwrap_or(0) as usize).max(if max.is_some_and(|max| max < 2) { 0 } else { 2 })
    };
    match ty {
        Type::Boolean(ty) => ty.constant.unwrap_or_else(|| rng.chance(50)).into(),
        Type::Integer(ty) => {
            let values = ty.values.as_deref().unwrap_or_default();
            let any =
                ty.minimum.or(ty.maximum).unwrap_or_else(|| *rng.pick(&[&0, &1, &-1, &i64::MAX, &i64::MIN]));
            let one = if values.is_empty() { any } else { values[rng.below(values.len())] };
            ty.constant.unwrap_or(one).into()
        }
        Type::String(ty) => string(rng, ty).into(),
        Type::Bytes(ty) => Value::Bytes(vec![7; length(ty.min_length, ty.max_length)].into()),
        Type::CidLink => link(),
        Type::Blob(_) => blob(rng),
        Type::Unknown => Value::Object(Object::from_iter([("u".to_owned(), anything(rng, 2))])),
        Type::Array(ty) => {
            let count = if depth == 0 {
                ty.min_length.unwrap_or(0) as usize
            } else {
                length(ty.min_length, ty.max_length)
            };
            // Required arrays of one another would go on.
            let count = if depth == 0 && count > 3 { 0 } else { count };
            (0..count)
                .map(|_| of_type(rng, catalog, &ty.items.ty, depth.saturating_sub(1)))
                .collect::<Vec<_>>()
                .into()
        }
        Type::Object(ty) => Value::Object(of_object(rng, catalog, ty, depth)),
        Type::Ref(to) => of_definition(rng, catalog, to, depth),
        Type::Union(ty) => {
            let mut object = if ty.refs.is_empty() || (!ty.closed && (depth == 0 || rng.chance(20))) {
                Object::from_iter([("w".to_owned(), anything(rng, 1))])
            } else {
                let to = &ty.refs[rng.below(ty.refs.len())];
                match of_definition(rng, catalog, to, depth.saturating_sub(1)) {
                    Value::Object(mut object) => {
                        object.insert("$type".into(), to.to_string().into());
                        object
                    }
                    _ => Object::new(),
                }
            };
            if !object.contains_key("$type") {
                object.insert("$type".into(), "com.other.thing".into());
            }
            Value::Object(object)
        }
    }
}

fn string(rng: &mut Choices, ty: &StringType) -> String {
    if let Some(constant) = &ty.constant {
        return constant.clone();
    }
    let values = ty.values.as_ref().or(ty.known_values.as_ref()).map(Vec::as_slice).unwrap_or_default();
    if !values.is_empty() && rng.chance(80) {
        return values[rng.below(values.len())].clone();
    }
    let text = match ty.format {
        None => {
            let least = ty.min_length.unwrap_or(0).max(ty.min_graphemes.unwrap_or(0)) as usize;
            return rng.pick(&["e", "\u{1f468}\u{200d}\u{1f469}", "x"]).repeat(least + rng.below(3));
        }
        Some(Format::AtIdentifier | Format::Handle) => "b.example",
        Some(Format::AtUri) => "at://did:web:a.example/com.example.note/self",
        Some(Format::Cid) => "bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq",
        Some(Format::Datetime) => "2026-01-02T03:04:05.60Z",
        Some(Format::Did) => "did:web:a.example",
        Some(Format::Language) => "de-CH",
        Some(Format::Nsid) => "com.example.fooBar",
        Some(Format::RecordKey) => "self",
        Some(Format::Tid) => "3jzfcijpj2z2a",
        Some(Format::Uri) => "https://a.example/ä",
    };
    text.into()
}

/// Anything.
pub fn anything(rng: &mut Choices, depth: usize) -> Value {
    match rng.below(if depth == 0 { 11 } else { 14 }) {
        0 => Value::Null,
        1 => rng.chance(50).into(),
        2 => (rng.below(7) as i64 - 3).into(),
        3 => rng
            .pick(&["", "x", "did:web:a.example", "2026-01-02", "red", "com.a.b", "a.b", "e\u{301}\u{301}"])
            .into(),
        4 => Value::Bytes(vec![1; rng.below(4)].into()),
        5 => link(),
        6 => blob(rng),
        7 => Value::Array(Vec::new()),
        8 => Value::Object(Object::new()),
        9 => Cid::of(Codec::Raw, b"x").into(),
        10 => json::from_str(r#"{"$type":"com.other.x","y":1}"#).unwrap(),
        11 => Value::Array((0..rng.below(3)).map(|_| anything(rng, depth - 1)).collect()),
        _ => {
            let names = ["a", "b", "cid", "mimeType", "v"];
            Value::Object(
                (0..rng.below(4)).map(|_| (rng.pick(&names).to_owned(), anything(rng, depth - 1))).collect(),
            )
        }
    }
}

/// Changes one place in a value.
pub fn spoil(rng: &mut Choices, value: &mut Value) {
    let down = rng.chance(80);
    match value {
        Value::Object(object) if down && !object.is_empty() => {
            let keys: Vec<String> = object.keys().map(Into::into).collect();
            let key = &keys[rng.below(keys.len())];
            match rng.below(10) {
                0 => drop(object.remove(key)),
                1 => drop(object.insert("$type".into(), anything(rng, 0))),
                2 => {
                    let names = ["$type", "x", "com.other.x", "org.a.vec#main", "blob"];
                    object.insert("$type".into(), rng.pick(&names).into());
                }
                3 => {
                    let value = object.get(key).cloned().unwrap_or(Value::Null);
                    object.insert(format!("{key}x"), value);
                }
                _ => spoil(rng, object.get_mut(key).unwrap()),
            }
        }
        Value::Array(items) if down && !items.is_empty() => {
            let at = rng.below(items.len());
            match rng.below(6) {
                0 => drop(items.remove(at)),
                1 => items.extend(items.clone()),
                _ => spoil(rng, &mut items[at]),
            }
        }
        Value::String(text) if down => match rng.below(3) {
            0 => text.push_str("x\u{301}"),
            1 => drop(text.pop()),
            _ => *text = text.repeat(9),
        },
        Value::Integer(number) if down => *number = number.wrapping_add(rng.below(3) as i64 - 1),
        Value::Bytes(bytes) if down => bytes.0.extend([0; 40]),
        other => *other = anything(rng, 2),
    }
}
