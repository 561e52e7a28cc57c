//! Values as generated types: those of our own lexicons beside the schemas, those of the network's by themselves.

use crate::lexicons::generated::org::example;
use crate::lexicons::{compare, spoilt};
use atproto_lexicon::data::{Limits, Value, json};
use atproto_lexicon::schema::{Catalog, Document, Reference};
use atproto_lexicon::testing::schemas::{Choices, of_definition};
use atproto_lexicon::typed::{Validate, from_json};
use atproto_xrpc::api::{app::bsky, com::atproto};
use serde::{Serialize, de::DeserializeOwned};
use std::fmt::Debug;
use std::sync::LazyLock;

macro_rules! lexicons {
    ($($name:literal)*) => {
        [$(include_str!(concat!("../../atproto-lexicon/tests/codegen/lexicons/", $name, ".json"))),*]
    };
}

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let mut catalog = Catalog::new();
    for text in lexicons!["defs" "everything" "lenient" "media" "settings" "tree"] {
        catalog.insert(Document::from_json(text.as_bytes()).unwrap()).unwrap();
    }
    catalog
});

type Compare = fn(&Catalog, &Reference, &Value) -> Result<bool, String>;

const OURS: [(&str, Compare); 6] = [
    ("org.example.everything", compare::check::<example::Everything>),
    ("org.example.tree", compare::check::<example::Tree>),
    ("org.example.tree#node", compare::check::<example::tree::Node>),
    ("org.example.tree#chain", compare::check::<example::tree::Chain>),
    ("org.example.defs#view", compare::check::<example::defs::View>),
    ("org.example.media", compare::check::<example::Media>),
];

const THEIRS: [fn(&Value); 6] = [
    check_type::<bsky::feed::Post>,
    check_type::<bsky::feed::defs::PostView>,
    check_type::<bsky::feed::defs::ThreadViewPost>,
    check_type::<atproto::repo::ApplyWrites>,
    check_type::<atproto::repo::apply_writes::ApplyWritesOutput>,
    // One of ours that takes what its schema does not.
    check_type::<example::Lenient>,
];

/// The number of the first of them.
pub const FIRST: u8 = OURS.len() as u8;

/// A value of each of them.
pub static GOOD: LazyLock<[Value; THEIRS.len()]> = LazyLock::new(|| {
    let values: Vec<Value> = serde_json::from_str(include_str!("typed_values.json")).unwrap();
    values.try_into().unwrap()
});

/// The first byte chooses a type; the second says whether the others are the text of a value, or choices for one that is about
/// right.
pub fn check(data: &[u8]) {
    let [which, kind, bytes @ ..] = data else { return };
    let which = usize::from(*which) % (OURS.len() + THEIRS.len());
    let mut rng = Choices::of((*kind).into(), bytes);
    let defects = usize::from(kind / 8 % 4);
    let text = (kind % 2 == 0).then(|| json::from_slice(bytes, &Limits::default()).ok());
    if let Some((name, check)) = OURS.get(which) {
        let reference = Reference::from_type(name).unwrap();
        let about_right = || {
            let value = of_definition(&mut rng, &CATALOG, &reference, usize::from(kind / 2 % 4));
            spoilt(value, defects, &mut rng)
        };
        if let Some(value) = text.unwrap_or_else(about_right) {
            check(&CATALOG, &reference, &value).unwrap_or_else(|fault| panic!("{fault}"));
        }
    } else {
        let which = which - OURS.len();
        if let Some(value) = text.unwrap_or_else(|| spoilt(GOOD[which].clone(), defects, &mut rng)) {
            THEIRS[which](&value);
        }
    }
}

fn check_type<T: Serialize + DeserializeOwned + Validate + PartialEq + Debug>(value: &Value) {
    let typed = compare::read::<T>(value).unwrap_or_else(|fault| panic!("{fault}"));
    let text = json::to_string(value).unwrap();
    let strict = from_json::<T>(text.as_bytes(), &Limits::default());
    assert_eq!(strict.as_ref().ok(), typed.as_ref(), "{text}");
    if let (Some(typed), Ok(again)) = (typed, strict) {
        // No constraint depends on how a value was read.
        assert_eq!(typed.validate(), again.validate());
    }
}
