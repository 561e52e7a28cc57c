//! A change of one attribute in a document of any shape is found where it is, and nothing else is.

use super::*;
use crate::data::{Object, Value, json};
use crate::lint::breaking;
use proptest::prelude::*;

/// The attribute, two values of it, and what is said of its change.
const ATTRIBUTES: [(&str, &str, &str, &str, ChangeRule); 12] = [
    ("string", "maxLength", "5", "6", ChangeRule::LengthChanged),
    ("string", "minGraphemes", "1", "2", ChangeRule::GraphemesChanged),
    ("string", "format", "\"did\"", "\"uri\"", ChangeRule::FormatChanged),
    ("string", "enum", "[\"a\"]", "[\"b\"]", ChangeRule::EnumChanged),
    ("string", "const", "\"a\"", "\"b\"", ChangeRule::ConstChanged),
    ("integer", "maximum", "5", "6", ChangeRule::RangeChanged),
    ("integer", "default", "5", "6", ChangeRule::DefaultChanged),
    ("bytes", "minLength", "5", "6", ChangeRule::LengthChanged),
    ("blob", "maxSize", "5", "6", ChangeRule::SizeChanged),
    ("blob", "accept", "[\"a/b\"]", "[\"*/*\"]", ChangeRule::AcceptChanged),
    ("ref", "ref", "\"a.b.c\"", "\"a.b.d\"", ChangeRule::ReferenceChanged),
    ("unknown", "type", "\"unknown\"", "\"cid-link\"", ChangeRule::TypeChanged),
];

/// A type, and for each attribute in it the path there and its number in the list.
fn any_type() -> impl Strategy<Value = Value> {
    let leaf = (0..ATTRIBUTES.len()).prop_map(|index| {
        let (ty, name, value, ..) = ATTRIBUTES[index];
        let mut object = Object::new();
        object.insert("type".into(), ty.into());
        object.insert(name.into(), json::from_slice_lenient(value.as_bytes(), &Default::default()).unwrap());
        Value::Object(object)
    });
    leaf.prop_recursive(4, 24, 4, |inner| {
        let array = inner.clone().prop_map(|items| {
            Value::Object(
                [("type".to_owned(), "array".into()), ("items".to_owned(), items)].into_iter().collect(),
            )
        });
        let fields =
            proptest::collection::btree_map("[a-c~/]{1,2}", (inner, any::<bool>(), any::<bool>()), 1..4);
        let object = fields.prop_map(|fields| {
            let names = |chosen: &dyn Fn(bool, bool) -> bool| -> Value {
                let chosen =
                    fields.iter().filter(|(_, (_, required, nullable))| chosen(*required, *nullable));
                Value::Array(chosen.map(|(name, _)| name.as_str().into()).collect())
            };
            let lists =
                [("required", names(&|required, _| required)), ("nullable", names(&|_, nullable| nullable))];
            let properties: Object = fields.into_iter().map(|(name, (ty, ..))| (name, ty)).collect();
            let fixed = [("type", Value::from("object")), ("properties", Value::Object(properties))];
            Value::Object(
                lists.into_iter().chain(fixed).map(|(name, value)| (name.to_owned(), value)).collect(),
            )
        });
        prop_oneof![1 => array, 3 => object]
    })
}

/// Makes of a type all that differ in one attribute, each with the place and the rule.
fn variants(ty: &Value, pointer: &str, found: &mut Vec<(Value, String, ChangeRule)>) {
    let object = ty.as_object().unwrap();
    let with = |name: &str, value: Value| {
        let mut object = object.clone();
        object.insert(name.into(), value);
        Value::Object(object)
    };
    match object.get("type").and_then(Value::as_str).unwrap() {
        "array" => {
            let mut inner = Vec::new();
            variants(object.get("items").unwrap(), &format!("{pointer}/items"), &mut inner);
            found.extend(
                inner.into_iter().map(|(items, pointer, rule)| (with("items", items), pointer, rule)),
            );
        }
        "object" => {
            let properties = object.get("properties").unwrap().as_object().unwrap();
            for (name, value) in properties.iter() {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let pointer = format!("{pointer}/properties/{escaped}");
                let mut inner = Vec::new();
                variants(value, &pointer, &mut inner);
                found.extend(inner.into_iter().map(|(value, pointer, rule)| {
                    let mut properties = properties.clone();
                    properties.insert(name.into(), value);
                    (with("properties", Value::Object(properties)), pointer, rule)
                }));
                for (list, added, gone) in [
                    ("required", ChangeRule::BecameRequired, ChangeRule::BecameOptional),
                    ("nullable", ChangeRule::NullableChanged, ChangeRule::NullableChanged),
                ] {
                    let Some(Value::Array(names)) = object.get(list) else { panic!() };
                    let mut others: Vec<_> =
                        names.iter().filter(|other| other.as_str() != Some(name)).cloned().collect();
                    let rule = if others.len() < names.len() {
                        gone
                    } else {
                        others.push(name.into());
                        added
                    };
                    found.push((with(list, Value::Array(others)), pointer.clone(), rule));
                }
            }
        }
        ty => {
            let is_of = |attribute: &&(&str, &str, &str, &str, ChangeRule)| {
                attribute.0 == ty && object.contains_key(attribute.1)
            };
            let (_, name, _, other, rule) = ATTRIBUTES.iter().find(is_of).unwrap();
            let other = json::from_slice_lenient(other.as_bytes(), &Default::default()).unwrap();
            let place = if *rule == ChangeRule::TypeChanged {
                pointer.to_owned()
            } else {
                format!("{pointer}/{name}")
            };
            found.push((with(name, other), place, *rule));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn one_change_is_one_finding(ty in any_type(), at in any::<prop::sample::Index>()) {
        let of = |ty: &Value| catalog(&record(&json::to_string(ty).unwrap()), &[]);
        let mut all = Vec::new();
        variants(&ty, "/defs/main/record/properties/x", &mut all);
        let (changed, pointer, rule) = &all[at.index(all.len())];
        let (old, new) = (of(&ty), of(changed));
        let found: Vec<_> = breaking(&old, &new).into_iter().map(|change| (change.rule, change.pointer)).collect();
        prop_assert_eq!(&found, &[(*rule, pointer.clone())]);
        prop_assert_eq!(breaking(&new, &old).len(), 1);
        prop_assert_eq!(breaking(&new, &new), []);
    }
}
