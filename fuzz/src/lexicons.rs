//! What the targets for Lexicon have in common, most of it from the tests of `atproto-lexicon`.

use atproto_lexicon::data::{Value, json};
use atproto_lexicon::testing::schemas::{Choices, spoil};

#[path = "../../atproto-lexicon/tests/codegen/random/compare.rs"]
pub mod compare;
#[allow(dead_code, reason = "the tests use more of it")]
// Laid out by the generator.
#[rustfmt::skip]
#[path = "../../atproto-lexicon/tests/codegen/generated/mod.rs"]
pub mod generated;

/// A value with some defects; `None` where it has become none of the data model.
pub fn spoilt(mut value: Value, count: usize, rng: &mut Choices) -> Option<Value> {
    for _ in 0..count {
        spoil(rng, &mut value);
    }
    json::from_str(&json::to_string(&value).ok()?).ok()
}

/// What a JSON pointer leads to.
pub fn find<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Object(object) => object.get(&step.replace("~1", "/").replace("~0", "~")),
        _ => None,
    })
}
