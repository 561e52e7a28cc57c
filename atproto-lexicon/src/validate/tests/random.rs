//! What holds for all values, whatever is in them.

use super::*;
use crate::data::{Bytes, Cid, Codec, Object};
use proptest::prelude::*;

const DEFS: &str = r##"
    "main": {"type": "record", "key": "any", "record": {
        "type": "object", "required": ["a"], "nullable": ["b"], "properties": {
            "a": {"type": "integer", "minimum": -1, "maximum": 1}, "b": {"type": "ref", "ref": "#part"},
            "c": {"type": "array", "maxLength": 2, "items": {"type": "union", "refs": ["#part", "com.example.doc", "#gone"]}},
            "d": {"type": "blob", "maxSize": 1}, "e": {"type": "unknown"}
        }}},
    "part": {"type": "object", "nullable": ["a"], "properties": {
        "a": {"type": "string", "maxLength": 1, "format": "did"}, "b": {"type": "bytes", "minLength": 1},
        "c": {"type": "ref", "ref": "#gone"}, "d": {"type": "cid-link"}, "e": {"type": "ref", "ref": "#list"}
    }},
    "list": {"type": "array", "items": {"type": "ref", "ref": "#list"}}"##;

fn any_value() -> impl Strategy<Value = Value> {
    let blob = json::from_str(
        r#"{"$type": "blob", "mimeType": "a/b", "size": 2,
            "ref": {"$link": "bafkreiafq5p7djqmkp5as7zun6mljulrq4rjtvpvrvl47kvxegriog5idi"}}"#,
    )
    .unwrap();
    let legacy =
        value(r#"{"cid": "bafkreiafq5p7djqmkp5as7zun6mljulrq4rjtvpvrvl47kvxegriog5idi", "mimeType": "a/b"}"#);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        (-2..3_i64).prop_map(Value::Integer),
        prop_oneof!["", "x", "did:web:a.test", "com.example.doc"].prop_map(Value::String),
        proptest::collection::vec(any::<u8>(), 0..2).prop_map(|bytes| Value::Bytes(Bytes(bytes))),
        Just(Cid::of(Codec::Raw, b"").into()),
        Just(blob),
        Just(legacy),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let type_name = proptest::option::of(prop_oneof![
            Just("com.example.doc"),
            Just("com.example.doc#part"),
            Just("com.example.doc#gone"),
            Just("com.example.doc#main"),
            Just(""),
        ]);
        let fields = proptest::collection::btree_map("[a-f]", inner.clone(), 0..5);
        let object = (type_name, fields).prop_map(|(type_name, fields)| {
            let mut object: Object = fields.into_iter().collect();
            if let Some(name) = type_name {
                object.insert("$type".into(), name.into());
            }
            Value::Object(object)
        });
        prop_oneof![3 => object, 1 => proptest::collection::vec(inner, 0..4).prop_map(Value::Array)]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_ways_of_asking_agree(value in any_value()) {
        let catalog = catalog(DEFS);
        let strict = Validator::new(&catalog);
        for name in ["main", "part", "list"] {
            let all = strict.validate_definition(&def(name), &value);
            let first = strict.first_only().validate_definition(&def(name), &value);
            prop_assert_eq!(all.is_ok(), first.is_ok());
            let (all, all_incomplete) = failures(all);
            let (first, first_incomplete) = failures(first);
            prop_assert_eq!(&first[..], &all[..all.len().min(1)]);
            prop_assert_eq!(first_incomplete, all_incomplete);
            // Every failure is at a place that there is, or that is missing in one that there is.
            for (path, reason) in &all {
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(is_there(&value, if *reason == Reason::Missing { parent } else { path }), "{}", path);
            }
            let (lenient, _) = failures(strict.lenient().validate_definition(&def(name), &value));
            let passes = |reason: &Reason| matches!(reason, Reason::LegacyBlob | Reason::Format(_));
            let kept: Vec<_> = all.iter().filter(|(_, reason)| !passes(reason)).collect();
            // A legacy blob is then looked into.
            let same: Vec<_> = lenient.iter().filter(|failure| all.contains(failure)).collect();
            prop_assert_eq!(kept, same);
        }
    }
}

fn is_there(value: &Value, pointer: &str) -> bool {
    let step = |value: Option<Value>, step: &str| match value? {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?).cloned(),
        Value::Object(object) => object.get(step).cloned(),
        _ => None,
    };
    pointer.split('/').skip(1).fold(Some(value.clone()), step).is_some()
}
