//! What generated types do.

use crate::generated::org::example::{
    self, defs, everything, get, lenient, put_both, settings, subscribe, tree,
};
use atproto_lexicon::data::{Limits, Value, cbor, json};
use atproto_lexicon::typed::{self, Endpoint, Lenient, Method, Record, Validate};
use everything::{Everything, EverythingKind, EverythingOne, EverythingSealed, EverythingSize};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// All fields that the type knows, and some that it does not.
fn full() -> serde_json::Value {
    let cid = "bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq";
    let blob = json!({"$type": "blob", "mimeType": "image/png", "size": 5,
        "ref": {"$link": "bafkreidlp6sdj6jkroakvmbntpy2clsj77foijheae5byt3iwz7d2k542a"}});
    let view = json!({"uri": "at://did:web:a.example", "note": "n", "new": {"$bytes": "AAEC"}});
    json!({
        "$type": "org.example.everything", "text": "t", "createdAt": "2026-01-02T03:04:05.6Z", "kind": "other",
        "maybe": null, "mustMaybe": null, "flag": false, "always": true, "count": 7, "choice": 2, "answer": 42,
        "word": "word", "fallback": "f", "size": "large", "style": "z", "raw": {"$bytes": "AAEC"},
        "link": {"$link": cid}, "image": blob, "anyFile": {"cid": "old", "mimeType": "a/b"}, "tags": ["a", "b"],
        "grid": [[], [-1, 5]], "inner": {"a": 1, "b": {"c": "x", "d": 3}}, "items": [{"n": 1}, {"n": 2, "m": 3}],
        "choices": ["x", "q"], "other": view, "others": [view], "named": "red", "list": [view], "label": "abcd",
        "pinned": {"$type": "org.example.settings", "dark": true},
        "one": {"w": 1, "$type": "org.example.media#view", "h": 2, "z": {"$link": cid}},
        "sealed": {"$type": "org.example.defs#leaf", "more": 1},
        "open": {"a": 1, "$type": "com.other.thing#x", "b": [{"$bytes": "AA"}]},
        "anything": {"any": [1, "two", null, {"$link": cid}]},
        "did": "did:web:a.example", "handle": "a.example", "actor": "b.example", "nsid": "a.b.c", "uri": "https://a",
        "at": "at://a.example", "cid": cid, "language": "de", "tid": "3jzfcijpj2z2a", "key": "self",
        "unknown field": {"$link": cid}, "": 0,
    })
}

fn from<T: DeserializeOwned>(json: &serde_json::Value) -> Result<T, String> {
    let text = json.to_string();
    let typed = serde_json::from_str::<T>(&text).map_err(|error| error.to_string());
    // All ways to the type agree.
    let value = json::from_slice(text.as_bytes(), &Limits::default());
    let by_value = value.map_err(drop).and_then(|value| typed::from_value::<T>(&value).map_err(drop));
    assert_eq!(typed.is_ok(), by_value.is_ok(), "{typed:?}", typed = typed.as_ref().err());
    typed
}

fn good<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(json: &serde_json::Value) -> T {
    let typed: T = from(json).unwrap();
    assert_eq!(&serde_json::to_value(&typed).unwrap(), json);
    let block = cbor::to_vec(&typed).unwrap();
    assert_eq!(block, cbor::to_vec(&json::from_str(&json.to_string()).unwrap()).unwrap());
    assert_eq!(cbor::from_slice::<T>(&block).unwrap(), typed);
    typed
}

fn with(name: &str, value: serde_json::Value) -> serde_json::Value {
    let mut json = full();
    json[name] = value;
    json
}

fn refused(json: &serde_json::Value) -> String {
    from::<Everything>(json).unwrap_err()
}

#[test]
fn nothing_is_lost() {
    let all: Everything = good(&full());
    assert_eq!((all.maybe.clone(), all.must_maybe.clone()), (Some(None), None));
    assert!(matches!(&all.kind, EverythingKind::Other(text) if &**text == "other"));
    assert!(
        matches!(&all.one, Some(EverythingOne::MediaView(view)) if view.h == Some(2) && view.extra.len() == 1)
    );
    assert!(
        matches!(&all.open, Some(everything::EverythingOpen::Unknown(it)) if it.type_name() == "com.other.thing#x")
    );
    assert_eq!(all.size, Some(EverythingSize::Large));
    assert_eq!(all.extra.len(), 2);
    all.validate().unwrap();
    let object = typed::to_object(&all).unwrap();
    assert_eq!(typed::from_value::<Everything>(&Value::Object(object)).unwrap(), all);
}

#[test]
fn what_is_not_the_type_is_refused() {
    for (name, value, expected) in [
        ("text", json!(1), "invalid type: integer `1`, expected a string"),
        ("tags", json!(null), "invalid type: null"),
        ("did", json!("did:"), ""),
        ("createdAt", json!("yesterday"), ""),
        ("size", json!("medium"), "none of the values allowed"),
        ("count", json!(1.5), "invalid type: floating point"),
        ("$type", json!("org.example.other"), "$type is \"org.example.other\" instead of"),
        ("sealed", json!({"$type": "org.example.other"}), "unknown variant `org.example.other`"),
        ("sealed", json!({"$type": "org.example.defs#view"}), "missing field `uri`"),
        ("sealed", json!({"x": 1}), "an object without $type in a union"),
        ("open", json!({"$type": 1}), "expected a string"),
        ("open", json!([]), "invalid type: sequence"),
        ("anything", json!({"$type": ""}), "$type"),
        ("anything", json!("text"), ""),
        ("other", json!({"uri": "at://a.example", "$link": "x"}), ""),
        ("image", json!({"$type": "blob"}), ""),
        ("pinned", json!({"dark": true}), "missing field `$type`"),
    ] {
        let error = refused(&with(name, value.clone()));
        assert!(error.contains(expected), "{name} {value}: {error}");
    }
    let mut json = full();
    json.as_object_mut().unwrap().remove("kind");
    assert!(refused(&json).starts_with("missing field `kind`"));
    json = full();
    json.as_object_mut().unwrap().remove("$type");
    assert!(refused(&json).starts_with("missing field `$type`"));
    let twice = full().to_string().replacen(r#""text":"#, r#""text":"a","text":"#, 1);
    assert!(
        serde_json::from_str::<Everything>(&twice)
            .unwrap_err()
            .to_string()
            .contains("duplicate field `text`")
    );
    let twice = full().to_string().replacen(r#""$type":"#, r#""$type":"org.example.everything","$type":"#, 1);
    assert!(serde_json::from_str::<Everything>(&twice).is_err());
    let twice = r#"{"$type":"org.example.defs#leaf","a":1,"a":2}"#;
    assert!(
        serde_json::from_str::<EverythingSealed>(twice).unwrap_err().to_string().contains("duplicate key")
    );
    let twice = r#"{"$type":"org.example.defs#leaf","$type":"org.example.defs#leaf"}"#;
    assert!(serde_json::from_str::<EverythingSealed>(twice).is_err());
}

#[test]
fn the_type_may_stand_anywhere() {
    let texts = [
        r#"{"$type":"org.example.defs#view","uri":"at://a.example","x":{"$link":"bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"}}"#,
        r#"{"uri":"at://a.example","$type":"org.example.defs#view","x":{"$link":"bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"}}"#,
        r#"{"x":{"$link":"bafyreiclp443lavogvhj3d2ob2cxbfuscni2k5jk7bebjzg7khl3esabwq"},"uri":"at://a.example","$type":"org.example.defs#view"}"#,
    ];
    let read = texts.map(|text| serde_json::from_str::<EverythingSealed>(text).unwrap());
    assert!(read[0] == read[1] && read[1] == read[2]);
    assert!(
        matches!(&read[0], EverythingSealed::View(view) if matches!(view.extra.get("x"), Some(Value::Link(_))))
    );
}

#[test]
fn an_extra_field_is_no_field_twice() {
    let mut view = defs::View::new("at://a.example".parse().unwrap());
    view.extra.insert("note".into(), "x".into());
    assert!(serde_json::to_string(&view).unwrap_err().to_string().contains("extra holds \"note\""));
    assert!(cbor::to_vec(&view).is_err());
    view.extra.remove("note");
    // An object on its own may say its type; in a union the union says it.
    view.extra.insert("$type".into(), "org.example.defs#view".into());
    assert_eq!(good::<defs::View>(&serde_json::to_value(&view).unwrap()), view);
    let union = EverythingSealed::from(view);
    assert_eq!(
        serde_json::to_string(&union).unwrap(),
        r#"{"$type":"org.example.defs#view","uri":"at://a.example"}"#
    );
}

#[test]
fn constraints_are_checked_without_a_schema() {
    for (name, value, expected) in [
        ("text", json!(""), "/text: 0 bytes, at least 1 are needed (and 1 more)"),
        ("text", json!("ä".repeat(301)), "/text: more than 300 graphemes"),
        ("mustMaybe", json!("abcdef"), "/mustMaybe: 6 bytes, at most 5 are allowed"),
        ("always", json!(false), "/always: not the one value allowed"),
        ("count", json!(-1), "/count: -1 is less than 0"),
        ("count", json!(100_001), "/count: 100001 is greater than 100000"),
        ("choice", json!(4), "/choice: none of the values allowed"),
        ("answer", json!(41), "/answer: not the one value allowed"),
        ("word", json!("sword"), "/word: not the one value allowed"),
        ("raw", json!({"$bytes": ""}), "/raw: 0 bytes, at least 1 are needed"),
        ("tags", json!([]), "/tags: 0 items, at least 1 are needed"),
        ("tags", json!(["ok", "x".repeat(65)]), "/tags/1: 65 bytes, at most 64 are allowed"),
        ("grid", json!([[0], [0, -2]]), "/grid/1/1: -2 is less than -1"),
        ("inner", json!({"a": 1, "b": {"c": "four"}}), "/inner/b/c: 4 bytes, at most 3 are allowed"),
        (
            "anything",
            json!({"$type": "blob", "mimeType": "a/b", "size": 1, "ref": {"$link": "bafkreidlp6sdj6jkroakvmbntpy2clsj77foijheae5byt3iwz7d2k542a"}}),
            "/anything: not an object that is no blob, bytes or link",
        ),
        ("label", json!("abcde"), "/label: 5 bytes, at most 4 are allowed"),
        ("language", json!("de-DE-1996"), "/language: 10 bytes, at most 8 are allowed"),
        ("key", json!("third"), "/key: none of the values allowed"),
        (
            "list",
            json!([{"uri": "at://a.example", "note": "elevenbytes"}]),
            "/list/0/note: 11 bytes, at most 10 are allowed",
        ),
        (
            "sealed",
            json!({"$type": "org.example.defs#view", "uri": "at://a.example", "note": "elevenbytes"}),
            "/sealed/note: 11 bytes, at most 10 are allowed",
        ),
    ] {
        let typed: Everything = from(&with(name, value)).unwrap();
        assert_eq!(typed.validate().unwrap_err().to_string(), expected);
    }
    let mut large = full();
    large["image"]["mimeType"] = json!("text/plain");
    large["image"]["size"] = json!(2_000_000);
    assert_eq!(from::<Everything>(&large).unwrap().validate().unwrap_err().iter().count(), 2);
}

#[test]
fn defaults_stay_absent() {
    let settings: settings::Settings = good(&json!({"$type": "org.example.settings"}));
    assert_eq!((settings.dark, settings.dark_or_default()), (None, false));
    let text = "t".to_owned();
    let all = Everything::new(text, "2026-01-02T03:04:05Z".parse().unwrap(), EverythingKind::Plain, None);
    assert_eq!(
        (all.flag_or_default(), all.count_or_default(), all.fallback_or_default()),
        (true, 12_345, "none given")
    );
    assert_eq!(all.size_or_default(), EverythingSize::Small);
    assert_eq!(all.style_or_default().as_str(), "c");
    assert_eq!((Everything::NSID, Everything::KEY), ("org.example.everything", "tid"));
    assert_eq!((settings::Settings::KEY, defs::FANCY), ("literal:self", "org.example.defs#fancy"));
}

#[test]
fn one_bad_value_does_not_lose_the_page() {
    let json = json!({
        "page": [{"uri": "at://a.example"}, {"uri": "not an AT-URI", "x": {"$bytes": "AA"}}, 5, {"uri": 1.5}, {"uri": "at://b.example"}],
        "one": {"no": "uri"}, "when": "yesterday", "strict": ["did:web:a.example"],
    });
    let page: lenient::Lenient = serde_json::from_value(json.clone()).unwrap();
    let good: Vec<bool> = page.page.iter().map(|item| item.good().is_some()).collect();
    assert_eq!(good, [true, false, false, false, true]);
    let Lenient::Bad(bad) = &page.page[1] else { panic!() };
    assert_eq!(bad.value.as_ref().unwrap().get("uri").unwrap().as_str(), Some("not an AT-URI"));
    assert!(bad.error.to_string().contains("at-uri"), "{}", bad.error);
    assert!(matches!(&page.page[3], Lenient::Bad(bad) if bad.value.is_none()));
    assert!(matches!((&page.one, &page.when), (Some(Lenient::Bad(_)), Some(Lenient::Bad(_)))));
    assert!(page.validate().is_err());
    // What is no value of the data model could not be kept; all else is written as it was found.
    assert!(serde_json::to_value(&page).is_err());
    let mut page = page;
    page.page.remove(3);
    let mut expected = json;
    expected["page"].as_array_mut().unwrap().remove(3);
    assert_eq!(serde_json::to_value(&page).unwrap(), expected);
    let block = cbor::to_vec(&page).unwrap();
    assert_eq!(cbor::from_slice::<lenient::Lenient>(&block).unwrap(), page);
    let strict = json!({"page": [], "strict": ["did:"]});
    assert!(serde_json::from_value::<lenient::Lenient>(strict).is_err());
}

#[test]
fn endpoints_say_what_they_are() {
    fn facts<E: Endpoint>() -> (&'static str, Method, Option<&'static str>, Option<&'static str>) {
        (E::NSID, E::METHOD, E::INPUT, E::OUTPUT)
    }
    let json = Some("application/json");
    assert_eq!(facts::<example::Get>(), ("org.example.get", Method::Query, None, json));
    assert_eq!(facts::<example::GetRaw>(), ("org.example.getRaw", Method::Query, None, Some("*/*")));
    assert_eq!(facts::<example::Put>(), ("org.example.put", Method::Procedure, json, json));
    assert_eq!(
        facts::<example::PutRaw>(),
        ("org.example.putRaw", Method::Procedure, Some("video/mp4"), json)
    );
    assert_eq!(facts::<example::Ping>(), ("org.example.ping", Method::Procedure, None, None));
    assert_eq!(facts::<example::Subscribe>().1, Method::Subscription);
    let request = get::Get::new("did:web:a.example".parse().unwrap(), vec!["a".into()]);
    assert_eq!(request.limit_or_default(), 50);
    assert_eq!(serde_json::to_string(request.params()).unwrap(), r#"{"id":"did:web:a.example","of":["a"]}"#);
    // Parameters that are not known mean nothing.
    let read: get::Get =
        serde_json::from_str(r#"{"id":"did:web:a.example","of":["a"],"zz":{"a":1}}"#).unwrap();
    assert_eq!(read, request);
    let both = put_both::PutBoth {
        params: put_both::PutBothParams { x: Some(6) },
        input: put_both::PutBothInput::new("y".into()),
    };
    assert_eq!((both.params().x, both.input().y.as_str()), (Some(6), "y"));
    assert!(both.params.validate().is_err());
    assert_eq!(get::GetError::from("NotFound"), get::GetError::NotFound);
    assert_eq!(get::GetError::from("New").as_str(), "New");
    // The document has a definition of the name that the output would have.
    let _: <example::Put as Endpoint>::Output = example::put::PutOutput2::default();
    let set = example::auth_basic::AUTH_BASIC;
    assert_eq!((set.nsid, set.permissions.len()), ("org.example.authBasic", 4));
}

#[test]
fn messages_are_told_by_their_frames() {
    let body = cbor::to_vec(&json::from_str(r#"{"seq": 1, "x": 2}"#).unwrap()).unwrap();
    let read = |t: &str, body: &[u8]| typed::read_body::<subscribe::Subscribe>(t, body, &Limits::default());
    let Ok(Some(subscribe::SubscribeMessage::Event(event))) = read("#event", &body) else { panic!() };
    assert_eq!((event.seq, event.extra.len()), (1, 1));
    assert!(read("org.example.subscribe#event", &body).unwrap().is_some());
    assert_eq!(read("#other", &body).unwrap(), None);
    assert!(read("#event", b"\xa0").is_err() && read("#event", &body[1..]).is_err());
    assert_eq!(typed::read_body::<example::SubscribeAll>("#event", &body, &Limits::default()).unwrap(), None);
}

#[test]
fn recursion_ends_where_the_format_ends_it() {
    fn nested(depth: usize) -> String {
        format!(
            "{}{}{}",
            r#"{"value":1,"either":{"$type":"org.example.tree#node","tree":"#.repeat(depth),
            r#"{"value":1}"#,
            "}}".repeat(depth)
        )
    }
    let deep: tree::Tree = serde_json::from_str(&nested(50)).unwrap();
    let block = cbor::to_vec(&deep).unwrap();
    assert_eq!(cbor::from_slice::<tree::Tree>(&block).unwrap(), deep);
    assert!(serde_json::from_str::<tree::Tree>(&nested(100)).unwrap_err().to_string().contains("recursion"));
    let mut tree = tree::Tree::new(0);
    tree.left = Some(Box::new(tree::Tree::new(1)));
    tree.children = Some(vec![tree.clone()]);
    good::<tree::Tree>(&serde_json::to_value(&tree).unwrap());
}
