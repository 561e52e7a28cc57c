use crate::check::{Checker, Reason};
use crate::data::{Limits, Object, Value, check_object_lenient};
use crate::schema::{
    ArrayType, BlobType, Catalog, DefKind, IntegerType, ObjectType, Record, Reference, StringType, Type,
    UnionType,
};
use crate::syntax::{CidString, Nsid};
use std::ops::RangeInclusive;

/// Goes through a value and its schema side by side.
///
/// It goes no deeper than the value: what a reference leads to is no reference again, and each array or object is a step.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) lenient: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn value(self, checker: &mut Checker<'a>, ty: &'a Type, value: &'a Value) {
        if checker.depth() > Limits::MAX_DEPTH {
            return checker.fail(Reason::TooDeep);
        }
        match (ty, value) {
            (_, Value::Null) => checker.fail(Reason::Null),
            (Type::Boolean(ty), Value::Boolean(value)) => {
                if let Some(constant) = &ty.constant {
                    checker.constant(value, constant);
                }
            }
            (Type::Integer(ty), Value::Integer(number)) => integer(checker, ty, *number),
            (Type::String(ty), Value::String(text)) => self.string(checker, ty, text),
            (Type::Bytes(ty), Value::Bytes(bytes)) => {
                checker.length(&bytes.0, range(ty.min_length, ty.max_length));
            }
            (Type::CidLink, Value::Link(_)) => {}
            (Type::Blob(ty), Value::Object(object)) => self.blob(checker, ty, object),
            (Type::Array(ty), Value::Array(items)) => self.array(checker, ty, items),
            (Type::Object(ty), Value::Object(object)) => self.object(checker, ty, object),
            (Type::Ref(reference), value) => self.definition(checker, reference, value),
            (Type::Union(ty), Value::Object(object)) => match object.get("$type") {
                Some(Value::String(name)) => self.variant(checker, ty, name, value),
                Some(_) => model(checker, value),
                None => checker.fail(Reason::NoType),
            },
            (Type::Unknown, Value::Object(object)) => {
                checker.unknown(object);
                model(checker, value);
            }
            (ty, _) => checker.fail(Reason::Type { expected: expected(ty) }),
        }
    }

    fn string(self, checker: &mut Checker<'a>, ty: &'a StringType, text: &'a str) {
        checker.length(text, range(ty.min_length, ty.max_length));
        checker.graphemes(text, range(ty.min_graphemes, ty.max_graphemes));
        if let Some(values) = &ty.values {
            checker.one_of(&text, values);
        }
        if let Some(constant) = &ty.constant {
            checker.constant(text, constant.as_str());
        }
        if let (Some(format), false) = (ty.format, self.lenient)
            && let Err(error) = format.check(text)
        {
            checker.fail(Reason::Format(error));
        }
    }

    fn blob(self, checker: &mut Checker<'a>, ty: &'a BlobType, object: &'a Object) {
        let text = |name| object.get(name).and_then(Value::as_str);
        let mime_type = match object.get("$type") {
            Some(Value::String(name)) if name == "blob" => {
                if let Err(error) = check_object_lenient(object) {
                    return checker.fail(Reason::Model(error));
                }
                text("mimeType")
            }
            None => match (text("cid"), text("mimeType")) {
                (Some(cid), Some(mime_type)) if CidString::check(cid).is_ok() && !mime_type.is_empty() => {
                    if !self.lenient {
                        return checker.fail(Reason::LegacyBlob);
                    }
                    Some(mime_type)
                }
                _ => None,
            },
            Some(_) => None,
        };
        let Some(mime_type) = mime_type else {
            return checker.fail(Reason::Type { expected: "a blob" });
        };
        let size = match object.get("$type") {
            Some(_) => object.get("size").and_then(Value::as_integer).unwrap_or_default().unsigned_abs(),
            // `size` is no field of the legacy form.
            None => 0,
        };
        let accept = ty.accept.as_deref().unwrap_or_default();
        checker.blob_of(mime_type, size, accept, range(None, ty.max_size));
        extra(checker, object.iter());
    }

    fn array(self, checker: &mut Checker<'a>, ty: &'a ArrayType, items: &'a [Value]) {
        checker.items(items.len(), range(ty.min_length, ty.max_length));
        checker.each(items, |checker, item| self.value(checker, &ty.items.ty, item));
    }

    fn object(self, checker: &mut Checker<'a>, ty: &'a ObjectType, object: &'a Object) {
        if let Err(error) = check_object_lenient(object) {
            checker.fail(Reason::Model(error));
        }
        missing(checker, ty, object);
        // The fields of the value and not those of the schema: a schema of many would be gone through for each small object.
        for (name, value) in object.iter() {
            match ty.properties.get(name) {
                Some(_) if *value == Value::Null && ty.is_nullable(name) => {}
                Some(schema) => {
                    checker.field(name, value, |checker, value| self.value(checker, &schema.ty, value));
                }
                None => extra(checker, [(name, value)]),
            }
        }
    }

    pub(super) fn record(self, checker: &mut Checker<'a>, nsid: &Nsid, record: &'a Record, value: &'a Value) {
        let Value::Object(object) = value else {
            return checker.fail(Reason::Type { expected: "an object" });
        };
        if value.type_name() != Some(nsid.as_str()) {
            checker.fail(Reason::RecordType(nsid.as_str().into()));
        }
        self.object(checker, &record.object, object);
    }

    /// What a reference says of a value.
    pub(super) fn definition(self, checker: &mut Checker<'a>, reference: &Reference, value: &'a Value) {
        match self.catalog.get(reference).map(|def| &def.kind) {
            None => checker.fail(Reason::UnknownDefinition(reference.to_string())),
            Some(DefKind::Record(record)) => self.record(checker, &reference.nsid, record, value),
            // A document that was read has none of these, and a reference to a reference may have no end.
            Some(DefKind::Type(Type::Ref(_) | Type::Union(_) | Type::Unknown)) => {
                checker.fail(Reason::NoData(reference.to_string()));
            }
            Some(DefKind::Type(ty)) => self.value(checker, ty, value),
            Some(_) => checker.fail(Reason::NoData(reference.to_string())),
        }
    }

    /// What a union says of a value that is of this type.
    pub(super) fn variant(
        self,
        checker: &mut Checker<'a>,
        union: &'a UnionType,
        name: &str,
        value: &'a Value,
    ) {
        if value.as_object().is_none() {
            return checker.fail(Reason::Type { expected: "an object" });
        }
        match union.refs.iter().find(|reference| reference.is_type(name)) {
            Some(reference) => match self.catalog.get(reference).map(|def| &def.kind) {
                None | Some(DefKind::Record(_) | DefKind::Type(Type::Object(_))) => {
                    self.definition(checker, reference, value);
                }
                Some(_) => checker.fail(Reason::NoData(reference.to_string())),
            },
            None if union.closed => checker.fail(Reason::NotInUnion(name.into())),
            None => model(checker, value),
        }
    }

    pub(super) fn params(self, checker: &mut Checker<'a>, ty: &'a ObjectType, params: &'a Object) {
        missing(checker, ty, params);
        for (name, value) in params.iter() {
            let Some(schema) = ty.properties.get(name) else {
                continue;
            };
            checker.field(name, value, |checker, value| match (&schema.ty, value) {
                (Type::Array(array), value) if !matches!(value, Value::Array(_) | Value::Null) => {
                    checker.items(1, range(array.min_length, array.max_length));
                    self.value(checker, &array.items.ty, value);
                }
                (ty, value) => self.value(checker, ty, value),
            });
        }
    }
}

fn integer(checker: &mut Checker<'_>, ty: &IntegerType, number: i64) {
    checker.integer(number, ty.minimum.unwrap_or(i64::MIN)..=ty.maximum.unwrap_or(i64::MAX));
    if let Some(values) = &ty.values {
        checker.one_of(&number, values);
    }
    if let Some(constant) = &ty.constant {
        checker.constant(&number, constant);
    }
}

fn missing<'a>(checker: &mut Checker<'a>, ty: &'a ObjectType, object: &Object) {
    for name in &ty.required {
        if !object.contains_key(name) {
            checker.at(name, |checker| checker.fail(Reason::Missing));
        }
    }
}

/// Checks fields that the schema says nothing of.
fn extra<'a>(checker: &mut Checker<'a>, fields: impl IntoIterator<Item = (&'a str, &'a Value)>) {
    for (name, value) in fields {
        checker.field(name, value, model);
    }
}

/// Checks the rules of the data model, in all that a value holds.
pub(super) fn model(checker: &mut Checker<'_>, value: &Value) {
    if let Err(error) = value.check_with(check_object_lenient) {
        checker.fail(Reason::Model(error));
    }
}

fn range(min: Option<u64>, max: Option<u64>) -> RangeInclusive<u64> {
    min.unwrap_or(0)..=max.unwrap_or(u64::MAX)
}

/// What a value of the type is, with its article.
fn expected(ty: &Type) -> &'static str {
    match ty {
        Type::Boolean(_) => "a boolean",
        Type::Integer(_) => "an integer",
        Type::String(_) => "a string",
        Type::Bytes(_) => "bytes",
        Type::CidLink => "a link",
        Type::Blob(_) => "a blob",
        Type::Array(_) => "an array",
        Type::Object(_) | Type::Ref(_) | Type::Union(_) | Type::Unknown => "an object",
    }
}
