//! What is written, beside what `serde_ipld_dagcbor` writes: the same bytes, or an error from both.

use atproto_lexicon::data::cbor::{
    CborReason, EncodeError, Profile, from_slice, to_value, to_vec, to_vec_with, validate_with,
};
use atproto_lexicon::data::{Bytes, Cid, LimitError, Limits, Link, Value};
use ipld_core::cid::Cid as TheirCid;
use ipld_core::ipld::Ipld;
use proptest::prelude::*;
use serde::ser::{SerializeMap as _, SerializeSeq as _, SerializeStruct as _, SerializeTuple as _};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};

/// What the library writes, where the profile has it.
fn theirs<T: Serialize + ?Sized>(value: &T, profile: Profile) -> Option<Vec<u8>> {
    let bytes = serde_ipld_dagcbor::to_vec(value).ok()?;
    validate_with(&bytes, profile, &Limits::OBJECT).is_ok().then_some(bytes)
}

/// Asserts that both write the same in both profiles; returns what that is in DRISL.
fn same<T: Serialize + ?Sized>(value: &T) -> Option<Vec<u8>> {
    for profile in [Profile::Atproto, Profile::Drisl] {
        assert_eq!(to_vec_with(value, profile, &Limits::OBJECT).ok(), theirs(value, profile));
    }
    theirs(value, Profile::Drisl)
}

/// As [`same`], and that it can be written.
fn written<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    same(value).unwrap()
}

fn refused<T: Serialize + ?Sized>(value: &T) {
    assert_eq!(same(value), None);
}

fn reason(error: EncodeError) -> Option<CborReason> {
    match error {
        EncodeError::Cbor(error) => Some(error.reason),
        _ => None,
    }
}

/// A value as the library has it.
pub(crate) fn ipld(value: &Value) -> Ipld {
    match value {
        Value::Null => Ipld::Null,
        Value::Boolean(value) => Ipld::Bool(*value),
        Value::Integer(number) => Ipld::Integer((*number).into()),
        Value::String(text) => Ipld::String(text.clone()),
        Value::Bytes(bytes) => Ipld::Bytes(bytes.0.clone()),
        Value::Link(link) => Ipld::Link(TheirCid::read_bytes(link.as_bytes()).unwrap()),
        Value::Array(items) => Ipld::List(items.iter().map(ipld).collect()),
        Value::Object(object) => {
            Ipld::Map(object.iter().map(|(name, value)| (name.into(), ipld(value))).collect())
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(u64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair(i8, String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Choice {
    Nothing,
    One(Box<Choice>),
    Two(Option<u8>, Pair),
    Fields {
        later_and_longer: Newtype,
        b: Vec<Choice>,
        a: Unit,
    },
    #[serde(rename = "")]
    Nameless(Bytes),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Fields {
    zebra: bool,
    #[serde(rename = "$type")]
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    maybe: Option<i64>,
    always: Option<Option<i64>>,
    b: Choice,
    aa: BTreeMap<String, Vec<Choice>>,
    numbers: (u8, i16, u32, i32, u16, i64),
    link: Cid,
    #[serde(rename = "ééé")]
    other: Option<Link>,
    a: char,
    bytes: Bytes,
    array: [Unit; 3],
}

fn choice() -> impl Strategy<Value = Choice> {
    let leaf = prop_oneof![
        Just(Choice::Nothing),
        any::<(Option<u8>, i8, String)>().prop_map(|(a, b, c)| Choice::Two(a, Pair(b, c))),
        any::<Vec<u8>>().prop_map(|bytes| Choice::Nameless(Bytes(bytes))),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Choice::One(Box::new(inner))),
            (any::<u64>(), proptest::collection::vec(inner, 0..4)).prop_map(|(number, b)| {
                Choice::Fields { later_and_longer: Newtype(number >> 1), b, a: Unit }
            }),
        ]
    })
}

fn fields() -> impl Strategy<Value = Fields> {
    let choices = proptest::collection::vec(choice(), 0..3);
    let map = proptest::collection::btree_map(".{0,4}|[0-9]{1,3}|[a-z]{20,40}", choices, 0..5);
    let scalars = any::<(bool, Option<i64>, Option<Option<i64>>, char, Vec<u8>, Option<[u8; 32]>)>();
    (scalars, choice(), map, ".{0,300}", any::<(u8, i16, u32, i32, u16, i64)>()).prop_map(
        |((zebra, maybe, always, a, bytes, hash), b, aa, name, numbers)| Fields {
            zebra,
            name,
            maybe,
            always,
            b,
            aa,
            numbers,
            link: Cid::of_dag_cbor(&bytes),
            other: hash.map(|hash| Link::from_bytes(&[&[1, 0x71, 0x1e, 32][..], &hash].concat()).unwrap()),
            a,
            bytes: Bytes(bytes),
            array: [Unit, Unit, Unit],
        },
    )
}

fn any_ipld() -> impl Strategy<Value = Ipld> {
    let leaf = prop_oneof![
        Just(Ipld::Null),
        any::<bool>().prop_map(Ipld::Bool),
        any::<i64>().prop_map(|number| Ipld::Integer(number.into())),
        any::<i128>().prop_map(|number| Ipld::Integer(number >> 62)),
        (0_u32..68, -1_i128..2).prop_map(|(bit, near)| Ipld::Integer((1 << bit) + near)),
        (0_u32..68, -1_i128..2).prop_map(|(bit, near)| Ipld::Integer(near - (1 << bit))),
        any::<f64>().prop_map(Ipld::Float),
        prop_oneof![Just(0.0), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY)].prop_map(Ipld::Float),
        ".{0,30}".prop_map(Ipld::String),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Ipld::Bytes),
        any::<[u8; 4]>().prop_map(|seed| {
            Ipld::Link(TheirCid::read_bytes(&Cid::of_dag_cbor(&seed).as_bytes()[..]).unwrap())
        }),
    ];
    leaf.prop_recursive(5, 80, 30, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..30).prop_map(Ipld::List),
            proptest::collection::btree_map(".{0,3}|[a-z]{22,26}|[0-9]{1,3}", inner, 0..30)
                .prop_map(Ipld::Map),
        ]
    })
}

proptest! {
    #[test]
    fn any_ipld_is_the_same(value in any_ipld()) {
        if let Some(bytes) = same(&value) {
            if let Ok(value) = to_value(&bytes) {
                prop_assert_eq!(&written(&value), &bytes);
                prop_assert_eq!(&written(&ipld(&value)), &bytes);
            }
            prop_assert_eq!(serde_ipld_dagcbor::from_slice::<Ipld>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn any_type_is_the_same(value in fields(), choice in choice()) {
        let bytes = written(&choice);
        prop_assert_eq!(from_slice::<Choice>(&bytes).unwrap(), choice);
        let bytes = written(&value);
        if value.always != Some(None) {
            prop_assert_eq!(from_slice::<Fields>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn any_map_is_the_same(map: HashMap<u16, i64>, pairs in proptest::collection::vec(("[ab]{0,2}", any::<u8>()), 0..6)) {
        let named: HashMap<String, i64> = map.iter().map(|(key, value)| (key.to_string(), *value)).collect();
        let bytes = written(&named);
        prop_assert_eq!(from_slice::<HashMap<String, i64>>(&bytes).unwrap(), named);
        if !map.is_empty() {
            refused(&map);
        }
        for len in [None, Some(0), Some(pairs.len()), Some(300)] {
            same(&Pairs(&pairs, len));
        }
    }
}

/// A map of just these entries, which says that it has as many as it likes.
struct Pairs<'a, K, V>(&'a [(K, V)], Option<usize>);

impl<K: Serialize, V: Serialize> Serialize for Pairs<'_, K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(self.1)?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// An array of numbers, which says that it has as many as it likes.
struct Numbers(u32, Option<usize>);

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut array = serializer.serialize_seq(self.1)?;
        (0..self.0).try_for_each(|number| array.serialize_element(&number))?;
        array.end()
    }
}

#[test]
fn lengths_that_come_late() {
    for count in [0, 1, 23, 24, 255, 256, 65_535, 65_536] {
        let bytes = written(&Numbers(count, None));
        assert_eq!(bytes, written(&(0..count).collect::<Vec<_>>()));
        let pairs: Vec<_> = (0..count).rev().map(|number| (number.to_string(), number)).collect();
        let bytes = written(&Pairs(&pairs, None));
        assert_eq!(bytes, written(&pairs.iter().cloned().collect::<HashMap<_, _>>()));
        assert_eq!(written(&[Pairs(&pairs, None)]), [&[0x81], &bytes[..]].concat());
    }
    for wrong in [0, 1, 3, 300] {
        refused(&Numbers(2, Some(wrong)));
        refused(&(Numbers(2, Some(wrong)), 5));
    }
    written(&Numbers(2, Some(2)));
}

#[test]
fn scalars_at_their_ends() {
    for bit in 0..64 {
        for number in [1_u64 << bit, (1 << bit) - 1, !(1 << bit)] {
            written(&number);
            written(&(number as i64));
            written(&i128::from(number));
            written(&!i128::from(number));
            written(&u128::from(number));
            written(&(number as u32, number as u16, number as u8));
            written(&(number as i32, number as i16, number as i8));
        }
    }
    assert_eq!(written(&i64::MIN), [&[0x3b, 0x7f][..], &[0xff; 7]].concat());
    assert_eq!(written(&u64::MAX), [&[0x1b][..], &[0xff; 8]].concat());
    for number in [1_i128 << 64, -(1 << 64) - 1, i128::MAX, i128::MIN] {
        refused(&number);
    }
    refused(&u128::MAX);
    for float in [0.0, -0.0, 1.5, f64::MIN_POSITIVE, f64::MAX] {
        written(&float);
        written(&(float as f32).clamp(f32::MIN, f32::MAX));
    }
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        refused(&float);
        refused(&(float as f32));
        assert!(matches!(to_vec(&float), Err(EncodeError::Type(_))));
    }
    for length in [0, 23, 24, 255, 256, 65_535, 65_536] {
        written(&"x".repeat(length));
        written(&Bytes(vec![7; length]));
    }
    written(&('a', 'é', '💡', (), Unit, None::<u8>, Some(Some(Unit)), true, false, ""));
    written(&format_args!("{} {}", 1, "x"));
    written("unsized");
}

#[test]
fn enums_of_each_kind() {
    assert_eq!(written(&Choice::Nothing), b"\x67nothing");
    assert_eq!(written(&Choice::One(Box::new(Choice::Nothing))), b"\xa1\x63one\x67nothing");
    assert_eq!(written(&Choice::Two(None, Pair(-1, "x".into()))), b"\xa1\x63two\x82\xf6\x82\x20\x61x");
    assert_eq!(
        written(&Choice::Fields { later_and_longer: Newtype(1), b: vec![], a: Unit }),
        b"\xa1\x66fields\xa3\x61a\xf6\x61b\x80\x6elaterAndLonger\x01"
    );
    assert_eq!(written(&Choice::Nameless(Bytes(vec![1]))), b"\xa1\x60\x41\x01");
}

#[test]
fn keys_are_text() {
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    enum Name {
        B,
        A,
        Ab(u8),
    }
    #[derive(Serialize)]
    struct Wrapped(&'static str);

    assert_eq!(written(&Pairs(&[(Name::B, 1), (Name::A, 2)], None)), b"\xa2\x61A\x02\x61B\x01");
    written(&Pairs(&[('é', 1), ('a', 2)], None));
    written(&Pairs(&[(Wrapped("b"), 1), (Wrapped("a"), 2)], None));
    written(&Pairs(&[(Some("x"), 1)], None));
    refused(&Pairs(&[(Name::Ab(1), 1)], None));
    refused(&Pairs(&[(1, 1)], None));
    refused(&Pairs(&[(None::<&str>, 1)], None));
    refused(&Pairs(&[(["x"], 1)], None));
    refused(&Pairs(&[(Bytes(vec![]), 1)], None));
    refused(&Pairs(&[(Cid::of_dag_cbor(b""), 1)], None));
    refused(&Pairs(&[(true, 1)], None));
    refused(&Pairs(&[("a", 1.5), ("b", f64::NAN)], None));
    for pairs in [[("a", 1), ("a", 1)], [("a", 2), ("a", 1)]] {
        refused(&Pairs(&pairs, None));
        assert_eq!(to_vec(&Pairs(&pairs, None)).map_err(reason), Err(Some(CborReason::DuplicateKey)));
    }
}

#[test]
fn links_are_bytes_in_their_newtype() {
    #[derive(Serialize)]
    #[serde(rename = "$__private__serde__identifier__for__cid")]
    struct Private<T>(T);

    struct Raw<'a>(&'a [u8]);
    impl Serialize for Raw<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }

    let cid = Cid::of_dag_cbor(b"");
    let library = TheirCid::read_bytes(&cid.as_bytes()[..]).unwrap();
    assert_eq!(written(&cid), [&[0xd8, 42, 0x58, 37, 0][..], cid.as_bytes()].concat());
    assert_eq!(written(&library), written(&cid));
    assert_eq!(written(&Link::Cid(cid)), written(&cid));
    assert_eq!(written(&Private(Raw(cid.as_bytes()))), written(&cid));
    // In there the library says that it writes for people, so that this becomes an object and is refused.
    assert_eq!(to_vec(&Private(Bytes(cid.as_bytes().to_vec()))).unwrap(), written(&cid));
    let version_0 = TheirCid::new_v0(*library.hash()).unwrap();
    refused(&version_0);
    refused(&Private(Raw(&[])));
    refused(&Private(Some(Raw(cid.as_bytes()))));
    refused(&Private(Newtype(1)));
    refused(&Private(library));
    refused(&Private("text"));
    refused(&Private(1.5));
    refused(&Private(vec![1, 0x71]));
    refused(&Private(BTreeMap::from([("a", 1)])));
    refused(&Private(Choice::Nothing));
    refused(&Private(Choice::One(Box::new(Choice::Nothing))));
    refused(&Private(Choice::Two(None, Pair(0, String::new()))));
    refused(&Private((1, 2)));
    refused(&Private(Unit));
}

/// An array in an array, made while it is written.
struct Deep(usize);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(inner) = self.0.checked_sub(1) else { return serializer.serialize_unit() };
        let mut array = serializer.serialize_tuple(1)?;
        array.serialize_element(&Self(inner))?;
        array.end()
    }
}

/// Newtypes and options that never end.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Around(Endless);
        serializer.serialize_some(&Around(Self))
    }
}

#[test]
fn depth_has_a_bound() {
    let limits = Limits { depth: usize::MAX, ..Limits::OBJECT };
    let write = move |value: Deep| to_vec_with(&value, Profile::Atproto, &limits).map_err(reason);
    let check = move || {
        let deepest = [&vec![0x81; 256][..], &[0xf6]].concat();
        assert_eq!(write(Deep(256)), Ok(deepest));
        for depth in [257, 258, 10_000_000, usize::MAX] {
            assert_eq!(write(Deep(depth)), Err(Some(CborReason::Limit(LimitError::Depth))));
        }
        assert_eq!(to_vec(&Endless).map_err(reason), Err(Some(CborReason::Limit(LimitError::Depth))));
        // Other types count the same.
        let mut choice = Choice::Nothing;
        for _ in 0..256 {
            choice = Choice::One(Box::new(choice));
        }
        assert!(to_vec_with(&choice, Profile::Atproto, &limits).is_ok());
        assert!(to_vec_with(&[choice], Profile::Atproto, &limits).is_err());
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(check).unwrap().join().unwrap();
    same(&Deep(128));
    refused(&Deep(129));
    // What is beside each other is not nested.
    let wide: Vec<_> = (0..2000).map(|_| (Some(Newtype(1)), BTreeMap::from([("a", Some([1]))]))).collect();
    written(&wide);
}

/// A type that is wrong about itself, or goes on after an error, gets an error.
#[test]
fn wrong_implementations() {
    struct Short(usize);
    impl Serialize for Short {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Short", self.0)?;
            fields.serialize_field("b", &1)?;
            fields.serialize_field("a", &2)?;
            fields.end()
        }
    }
    written(&Short(2));
    for wrong in [0, 1, 3] {
        refused(&Short(wrong));
        refused(&(Short(wrong), 1));
    }

    struct Forgets(bool);
    impl Serialize for Forgets {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_key("a")?;
            if self.0 {
                map.serialize_key("b")?;
                map.serialize_value(&1)?;
            }
            map.end()
        }
    }
    assert!(to_vec(&Forgets(false)).is_err() && to_vec(&Forgets(true)).is_err());

    struct Ignores<T>(T);
    impl<T: Serialize> Serialize for Ignores<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut array = serializer.serialize_seq(None)?;
            let _ = array.serialize_element(&self.0);
            array.serialize_element(&1)?;
            array.end()
        }
    }
    assert_eq!(written(&Ignores(2)), [0x82, 2, 1]);
    assert_eq!(written(&Ignores(Pairs(&[("b", 1), ("a", 2)], Some(0)))), b"\x82\xa2\x61a\x02\x61b\x01\x01");
    let went_on = |value: &dyn Fn() -> Result<Vec<u8>, EncodeError>| {
        assert!(matches!(value(), Err(EncodeError::Type(_))));
    };
    went_on(&|| to_vec(&Ignores(f32::NAN)));
    went_on(&|| to_vec(&Ignores([f64::NAN])));
    went_on(&|| to_vec(&Ignores(Some(f64::NAN))));
    went_on(&|| to_vec(&Ignores(BTreeMap::from([("b", 1.5), ("a", f64::NAN)]))));
    went_on(&|| to_vec(&Ignores(Pairs(&[("bb", f64::NAN), ("a", 1.5)], None))));
    went_on(&|| to_vec(&[BTreeMap::from([("a", Ignores(Short(1)))])]));
}

#[test]
fn the_word_of_a_type_is_kept() {
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    let error = to_vec(&[BTreeMap::from([("a", Some(Refuses))])]).unwrap_err();
    assert!(matches!(&error, EncodeError::Type(error) if error.offset().is_none()));
    assert_eq!(error.to_string(), "not today");
}
